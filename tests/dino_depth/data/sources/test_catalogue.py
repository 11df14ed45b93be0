"""The data sets by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dino_depth.data.sources.catalogue import NAMES, SPLITS, Choices, open_source
from dino_depth.errors import DinoDepthError
from tests.dino_depth.data.sources.miniatures import (
    MVTEC_AD,
    MVTEC_AD_2,
    MVTEC_LOCO,
    write_mvtec,
    write_real_iad_d3,
    write_visa,
)
from tests.single_view_sets import write_eyecandies, write_mvtec3d


class TestOpenSource:
    def test_every_published_set(self, tmp_path: Path) -> None:
        for name in SPLITS["C"]:
            (tmp_path / name).mkdir()
        write_mvtec3d(tmp_path / "mvtec_3d_ad")
        write_eyecandies(tmp_path / "eyecandies")
        write_real_iad_d3(tmp_path / "real_iad_d3")
        write_mvtec(tmp_path / "mvtec_ad", MVTEC_AD)
        write_mvtec(tmp_path / "mvtec_loco", MVTEC_LOCO)
        write_mvtec(tmp_path / "mvtec_ad_2", MVTEC_AD_2)
        write_visa(tmp_path / "visa")
        sources = [open_source(name, tmp_path / name, Choices()) for name in SPLITS["C"]]
        assert [source.name for source in sources] == list(SPLITS["C"])
        assert [len(source.items) for source in sources] == [3, 3, 2, 2, 2, 2, 2]
        assert [source.images for source in sources] == [False] * 3 + [True] * 4
        everything = [open_source(name, tmp_path / name, Choices(everything=True)) for name in SPLITS["C"]]
        assert [len(source.items) for source in everything] == [7, 7, 4, 4, 6, 7, 4]

    def test_unknown_name__the_nearest_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(
            DinoDepthError, match=r"--source mvtec3d_ad: unknown data set, did you mean mvtec_3d_ad\?"
        ):
            open_source("mvtec3d_ad", tmp_path, Choices())
        with pytest.raises(
            DinoDepthError, match=rf"--source xyzzy: unknown data set, known are {', '.join(NAMES)}"
        ):
            open_source("xyzzy", tmp_path, Choices())

    def test_splits__grow(self) -> None:
        assert SPLITS["A"] == ("mvtec_3d_ad", "eyecandies")
        assert SPLITS["B"] == (*SPLITS["A"], "real_iad_d3")
        assert SPLITS["C"] == (*SPLITS["B"], "mvtec_ad", "mvtec_loco", "mvtec_ad_2", "visa")
