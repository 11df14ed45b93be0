"""The simulated scanner killed before any of its file operations, and on disks that fill at any."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cadscan.__main__ import main
from modmap.datasets import read_ground_truth
from modmap.datasets.sim3d import read_sim3d
from tests.interrupted_verbs import Verb

CATEGORY = "machined_bracket"
SCANS = (f"{CATEGORY}_real", f"{CATEGORY}_synth", f"{CATEGORY}_00_good", f"{CATEGORY}_01_bad")
WORDS = ["--seed", "3"]


def _set(place: Path) -> str:
    """Each scan that is there is a whole one."""
    for name in SCANS:
        if (place / CATEGORY / name).is_dir():
            scan = read_sim3d(place / CATEGORY / name)
            assert all(view.camera is not None for view in scan.views)
            assert sum(1 for _ in scan.frames()) == len(scan.views) > 1
            if name in SCANS[2:]:
                assert read_ground_truth(place / CATEGORY / name / "gt.npz") is not None
    return "whole"


def _verb(root: Path, name: str) -> Verb:
    """The command; what it compiles and builds first is at hand in every fork of this process."""
    none, place = root / "none", root / "place"
    none.mkdir()
    words = ["corpus", "--count", "4", "--size", "64", *WORDS]
    sets = {".": "state.json"}
    if name == "dataset":
        words = ["dataset", "--categories", CATEGORY, "--good", "1", "--bad", "1", "--size", "40x30", *WORDS]
        sets = {f"{CATEGORY}/{scan}": "cameras.json" for scan in SCANS}
    assert main([*words, "--out", str(root / "before")]) == 0
    return Verb(place, none, lambda: main([*words, "--out", str(place)]), sets, _set)


class TestInterrupted:
    @pytest.mark.parametrize("name", ["dataset", "corpus"])
    def test_a_spread_of_points(self, tmp_path: Path, name: str) -> None:
        print(name, _verb(tmp_path, name).try_all(kills=1, fulls=1, quotas=0))

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["dataset", "corpus"])
    def test_every_point(self, tmp_path: Path, name: str) -> None:
        print(name, _verb(tmp_path, name).try_all(kills=None, fulls=None, quotas=40))
