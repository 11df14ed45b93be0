"""A compared method whose scans are laid on the nominal one: painted balls with a bump, rendered in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.baselines.methods import make_detector, open_detector
from benchmarks.evaluations import sim3d
from modmap.alignment.motion import motion_of, moved
from modmap.detector.protocol import Detector
from modmap.result import Result
from modmap.scan import Scan, View
from tests.modmap.alignment.blobs import BALLS, painted, ring

Array = npt.NDArray[Any]

CAMERAS = ring(3)
MOTION = motion_of(np.array([0.02, -0.03, 0.05, 3.0, -2.0, 1.0]), about=np.zeros(3))
BUMP = (-24.0, -9.0, 15.6)  # on the large ball, as the part lay at first


def scan(name: str, *, motion: Array | None = None, bump: bool = False, views: Sequence[str] = ()) -> Scan:
    """The part where a motion carries it, with a bump 6 mm high or not."""
    balls = (*BALLS, (BUMP, 6.0)) if bump else BALLS
    frames, _ = painted(CAMERAS, motion=motion, balls=balls)
    kept = [frame for view_id, frame in frames.items() if not views or view_id in views]
    return Scan(name, [View(one.id, image=one.image, depth=one.depth, camera=one.camera) for one in kept])


def at_the_bump(result: Result) -> float:
    """The middle score within 6 mm of where the bump is now; beside edges a subtraction finds more."""
    volume = result.require_volume()
    seen = np.argwhere(volume.observed)
    place = moved(MOTION, np.array([BUMP]))[0]
    near = np.linalg.norm(volume.grid.centres(seen) - place, axis=1) < 6
    return float(np.median(volume.scores[tuple(seen[near].T)]))


def difference(*, align: bool) -> Detector:
    """The subtraction of depth, of pixels."""
    settings = {"size": 200, "detector": "depth", "align": align}
    return make_detector("difference", "fast", settings, device="cpu")


@pytest.fixture(scope="module")
def aligned() -> Detector:
    """That has seen the part where it lay at first."""
    return difference(align=True).fit(scan("nominal"))


class TestAligned:
    def test_predict__finds_the_bump_where_it_is_now(self, aligned: Detector) -> None:
        good, bad = (aligned.predict(scan("moved", motion=MOTION, bump=bump)) for bump in (False, True))
        assert at_the_bump(good) < 0.3
        assert at_the_bump(bad) > 2
        result = bad
        frames, _ = painted(CAMERAS, motion=MOTION)
        bumped, _ = painted(CAMERAS, motion=MOTION, balls=(*BALLS, (BUMP, 6.0)))
        shown = 0
        for view_id, maps in result.views.items():
            assert maps.shape == frames[view_id].shape
            higher = (frames[view_id].depth - bumped[view_id].depth > 3) & (frames[view_id].depth > 0)
            if higher.sum() > 20:
                shown += 1
                assert np.nanmedian(maps.combined()[higher]) > 2
        assert shown

    def test_predict__a_good_part_that_lies_elsewhere_differs_in_little(self, aligned: Detector) -> None:
        good = scan("moved", motion=MOTION)
        unaligned = difference(align=False).fit(scan("nominal"))

        def typical(model: Detector) -> float:
            maps = [one.combined() for one in model.predict(good).views.values()]
            return float(np.mean([np.nanquantile(one, 0.9) for one in maps]))

        assert typical(aligned) < 0.3
        assert typical(unaligned) > 2

    def test_predict__what_cannot_be_laid_is_compared_as_it_lies(self, aligned: Detector) -> None:
        other = ((0.0, 0.0, 0.0), 12.0), ((0.0, 40.0, 0.0), 9.0)
        frames, _ = painted(CAMERAS, balls=other)
        views = [View(one.id, image=one.image, depth=one.depth, camera=one.camera) for one in frames.values()]
        result = aligned.predict(Scan("other", views))
        assert any(note.startswith("compared as it lies: alignment: ") for note in result.notes)
        assert np.isfinite(result.score)

    def test_fit__further_nominal_parts_as_the_first_one_lies(self) -> None:
        model = difference(align=True).fit([scan("first"), scan("second", motion=MOTION)])
        assert at_the_bump(model.predict(scan("moved", motion=MOTION))) < 0.3
        assert at_the_bump(model.predict(scan("moved", motion=MOTION, bump=True))) > 2

    def test_open_detector__predicts_the_same(self, aligned: Detector, tmp_path: Path) -> None:
        bad = scan("moved", motion=MOTION, bump=True)
        again = open_detector("difference", aligned.save_pretrained(tmp_path / "model"), device="cpu")
        assert again.fingerprint == aligned.fingerprint
        assert again.fingerprint != difference(align=False).fit(scan("nominal")).fingerprint
        np.testing.assert_array_equal(again.predict(bad).map("00"), aligned.predict(bad).map("00"))


class TestCommandLine:
    def test_main__modmap_aligns_itself(
        self, balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--root", str(balls), "--out", str(tmp_path), "--device", "cpu", "--align"]
        assert (
            sim3d.main(words) == 2 or "align: expected another method than ModMap" in capsys.readouterr().err
        )

    def test_main__keeps_that_scans_were_aligned(self, balls: Path, tmp_path: Path) -> None:
        words = ["--root", str(balls), "--device", "cpu", "--align", "--method", "difference"]
        given = ["--categories", "small_ball", "--size", "112"]
        assert sim3d.main([*words, *given, "--out", str(tmp_path / "run")]) == 0
        assert '"align": true' in (tmp_path / "run" / "run.json").read_text()
        assert "Registered difference (aligned)" in (tmp_path / "run" / "table.md").read_text()
