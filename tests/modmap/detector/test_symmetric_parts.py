"""A ball tells nothing of how it was turned; a patch that stands out of it is found all the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.detector.calibrate import LIMIT
from modmap.detector.model import ModMap
from modmap.scan import Scan
from tests.synthetic_scans import ball_depth, ball_scan

WIDTH, HEIGHT = 96, 72
RADIUS, NOISE = 60.0, 0.05  # mm
# A tenth of what a view shows of the ball.
PATCH = (slice(31, 41), slice(43, 53))
ALONE = {"appearance": False, "texture": False, "memory": False}


def _scan(
    *, seed: int, height: float = 0.0, centre: tuple[float, float, float] = (0, 0, 0), noise: float = NOISE
) -> Scan:
    """A ball with a patch in the middle of view 01 that stands out by `height` mm, measured with noise."""
    scan, rng = ball_scan(views=4, width=WIDTH, height=HEIGHT, radius=RADIUS), np.random.default_rng(seed)
    views = []
    for view in scan.views:
        assert view.camera is not None
        depth = ball_depth(view.camera, WIDTH, HEIGHT, centre=np.array(centre), radius=RADIUS)
        part = depth > 0
        if view.id == "01":
            depth[PATCH] -= np.float32(height)
        noisy = depth + noise * rng.standard_normal(depth.shape)
        views.append(replace(view, depth=np.where(part, noisy, 0).astype(np.float32)))
    return replace(scan, name="ball", views=tuple(views))


def _fitted(noise: float) -> ModMap:
    made = ModMap(device="cpu", settings={"inference": {"voxel": 6.0}, "evidence": ALONE})
    return made.fit(_scan(seed=9, noise=noise))


@pytest.fixture(scope="module")
def noisy() -> ModMap:
    return _fitted(NOISE)


@pytest.fixture(scope="module")
def exact() -> ModMap:
    return _fitted(0.0)


class TestPredict:
    @settings(max_examples=4, deadline=None, derandomize=True)
    @given(
        height=st.floats(0.0, 1.0),
        centre=st.sampled_from([(0.0, 0.0, 0.0), (0.3, -0.2, 0.1), (2.0, -1.0, 0.5)]),
    )
    def test_predict__a_higher_patch_scores_no_less(
        self, noisy: ModMap, height: float, centre: tuple[float, float, float]
    ) -> None:
        half, whole = (
            noisy.predict(_scan(seed=1, height=one, centre=centre)).score for one in (height / 2, height)
        )
        assert whole >= half - 0.15
        assert whole < LIMIT or height > 0.2
        assert whole > LIMIT or height < 0.5

    @pytest.mark.parametrize("height", [0.5, 0.7])
    def test_predict__a_patch_does_not_turn_the_ball(self, exact: ModMap, height: float) -> None:
        half, whole = (exact.predict(_scan(seed=1, height=one, noise=0.0)) for one in (height / 2, height))
        assert whole.score == pytest.approx(2 * half.score, rel=0.05)
        assert whole.notes[0].startswith("alignment: the part lay 0.00 mm and 0.00 degrees")
        assert "turned about any axis" in whole.notes[1]
