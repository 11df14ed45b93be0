"""A data set that is being made, killed before any of its file operations, or on a disk that fills at any."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cadscan.__main__ import main
from benchmarks.cadscan.parts import nominal_sizes
from benchmarks.cadscan.scan_making import cell_of, nominal_part
from modmap.datasets import SiM3D
from tests.interrupted_verbs import Verb

CATEGORY = "machined_bracket"
SIZE = (40, 30)


@pytest.fixture(scope="module")
def verb(tmp_path_factory: pytest.TempPathFactory) -> Verb:
    """One that makes the two training scans of a category, whose part is built by then, and one to test."""
    root = tmp_path_factory.mktemp("interrupted")
    for name in ("none", "place"):
        (root / name).mkdir()
    nominal_sizes(CATEGORY)
    nominal_part(CATEGORY)
    cell_of(CATEGORY, SIZE)
    words = [
        "dataset",
        "--categories",
        CATEGORY,
        "--good",
        "1",
        "--bad",
        "0",
        "--size",
        "x".join(map(str, SIZE)),
    ]
    words += ["--seed", "3", "--out", str(root / "place" / "set")]
    sets = {f"set/{CATEGORY}/{CATEGORY}_{name}": "cameras.json" for name in ("real", "synth", "00")}
    return Verb(root / "place", root / "none", lambda: main(words), sets, _scans)


def _scans(place: Path) -> str:
    """Each scan that is there opens; how many there are, whether one is whole, is for the sets to say."""
    category = place / "set" / CATEGORY
    if (category / f"{CATEGORY}_real").is_dir():
        for frame in SiM3D(place / "set").train(CATEGORY).frames():
            assert frame.depth.any()
    if (category / f"{CATEGORY}_synth").is_dir():
        for frame in SiM3D(place / "set").train(CATEGORY, "synth").frames():
            assert frame.depth.any()
    return "whole"


class TestInterrupted:
    def test_a_spread_of_points(self, verb: Verb) -> None:
        print(verb.try_all(kills=2, fulls=1, quotas=1))

    def test_a_disk_that_is_too_small(self, verb: Verb) -> None:
        """A real one, which libraries in C and C++ fill too: that of CAD files, and OpenEXR."""
        print(verb.try_disks(4))

    @pytest.mark.slow
    def test_every_point(self, verb: Verb) -> None:
        print(verb.try_all(kills=None, fulls=None, quotas=40))
        print(verb.try_disks(100))
