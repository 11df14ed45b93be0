"""Scans on which sums vanish: whatever is measured has a finite score; and the number of threads changes no bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.result import Result
from modmap.scan import Camera, Scan, View
from tests.synthetic_scans import ball_scan, intrinsics, look_at

ModelMaker = Callable[..., ModMap]
PRESETS = ("inspect", "memory", "mapping")
DISTANCE = 300.0


@pytest.fixture(scope="module")
def make(tiny_encoder: Path, tiny_depth_encoder: Path) -> ModelMaker:
    """An unfitted model by the name of what it looks at."""

    def make(name: str, **more: Any) -> ModMap:
        inference = {"voxel": 8.0, **more}
        if name != "mapping":
            return ModMap(preset=name, device="cpu", settings={"inference": inference})  # type: ignore[arg-type]
        return ModMap(
            preset="fast",
            image_encoder=f"local-dir:{tiny_encoder}",
            depth_encoder=f"local-dir:{tiny_depth_encoder}",
            device="cpu",
            settings={"size": 56, "inference": inference, "training": {"epochs": 1}},
        )

    return make


def flat(name: str, *, views: int = 1, width: int = 48, height: int = 36, gray: int = 128) -> Scan:
    """A plane that fills every view, its depth and gray one number: nothing is there to lay a scan by."""
    camera = Camera(
        intrinsics(width, height, focal=float(width)),
        look_at(np.array([0, 0, DISTANCE]), np.zeros(3), up=(0, 1, 0)),
        size=(width, height),
    )
    image = np.full((height, width), gray, dtype=np.uint8)
    depth = np.full((height, width), DISTANCE, dtype=np.float32)
    return Scan(
        name, views=[View(f"{index:02d}", image=image, depth=depth, camera=camera) for index in range(views)]
    )


def with_view(scan: Scan, name: str, **changes: Any) -> Scan:
    """A scan of whose views one is changed."""
    views = tuple(replace(view, **changes) if view.id == name else view for view in scan.views)
    return replace(scan, views=views)


def assert_finite(result: Result, scan: Scan) -> None:
    assert np.isfinite(result.score)
    assert result.score >= 0
    volume = result.volume
    if volume is not None:
        known = volume.scores[~np.isnan(volume.scores)]
        assert np.isfinite(known).all()
        assert (known >= 0).all()
    for view in scan.views:
        if view.id not in result.views:  # nothing of the part is in it
            assert not np.any(np.asarray(view.load().depth) > 0)
            continue
        found = result.map(view.id)
        assert found.shape == np.asarray(view.load().depth).shape
        assert not np.isinf(found).any()


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("preset", PRESETS)
class TestPredict:
    def test_predict__constant_depth_and_images(self, make: ModelMaker, preset: str) -> None:
        model = make(preset).fit(flat("nominal", views=2))
        for scan in (flat("same", views=2), flat("brighter", views=2, gray=200)):
            assert_finite(model.predict(scan), scan)

    def test_predict__black_images(self, make: ModelMaker, preset: str) -> None:
        """Divided by their maximum, which is 0: tokens are whatever an encoder makes of nothing."""
        dark = ball_scan(views=3)
        for view in dark.views:
            dark = with_view(dark, view.id, image=np.zeros_like(view.load().image))
        model = make(preset).fit(dark)
        for scan in (dark, ball_scan(views=3)):
            assert_finite(model.predict(scan), scan)
        assert_finite(make(preset).fit(ball_scan(views=3)).predict(dark), dark)

    def test_predict__one_view(self, make: ModelMaker, preset: str) -> None:
        scan = ball_scan(views=1)
        assert_finite(make(preset).fit(scan).predict(scan), scan)

    def test_predict__a_view_all_background(self, make: ModelMaker, preset: str) -> None:
        whole = ball_scan(views=4)
        empty = with_view(whole, "02", depth=np.zeros_like(whole["02"].load().depth))
        assert_finite(make(preset).fit(whole).predict(empty), empty)
        with pytest.raises(ModMapError, match="02"):
            make(preset).fit(empty)

    @settings(max_examples=4, deadline=None, derandomize=True)
    @given(width=st.integers(29, 75), height=st.integers(29, 75), views=st.integers(1, 4))
    def test_predict__sizes_that_nothing_divides(
        self, make: ModelMaker, preset: str, width: int, height: int, views: int
    ) -> None:
        scan = ball_scan(views=views, width=width, height=height)
        assert_finite(make(preset).fit(scan).predict(scan), scan)

    def test_predict__the_same_bits_by_one_thread_and_by_two(self, make: ModelMaker, preset: str) -> None:
        nominal, new = ball_scan(views=3, width=96, height=72), ball_scan(views=3, width=96, height=72)
        depth = np.array(new["01"].load().depth)
        depth[30:40, 44:52] += 4
        new = with_view(new, "01", depth=depth)
        found = []
        for count in (1, 2):
            with threads(count):
                found.append(make(preset).fit(nominal).predict(new))
        one, two = found
        assert one.score == two.score
        for view in new.views:
            np.testing.assert_array_equal(one.map(view.id), two.map(view.id))


@pytest.mark.parametrize("preset", ["inspect", "mapping"])
def test_predict__seventy_two_views(make: ModelMaker, preset: str) -> None:
    scan = ball_scan(views=72, width=32, height=24)
    assert_finite(make(preset).fit(scan).predict(scan), scan)


class TestMapping:
    def test_distances__tokens_of_no_length(
        self, make: ModelMaker, make_encoder: Callable[..., Path]
    ) -> None:
        """An encoder all of whose weights are 0 gives tokens of norm 0, whose cosine isn't defined."""
        import safetensors.torch

        path = make_encoder(seed=1)
        weights = safetensors.torch.load_file(path / "model.safetensors")
        safetensors.torch.save_file(
            {name: torch.zeros_like(value) for name, value in weights.items()}, path / "model.safetensors"
        )
        scan = ball_scan(views=2)
        for jittered in (0, 2):
            model = ModMap(
                preset="fast",
                image_encoder=f"local-dir:{path}",
                depth_encoder=f"local-dir:{path}",
                device="cpu",
                settings={
                    "size": 56,
                    "inference": {"voxel": 8.0, "jittered_scans": jittered},
                    "training": {"epochs": 1},
                },
            ).fit(scan)
            assert_finite(model.predict(scan), scan)
