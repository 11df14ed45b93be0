"""Which scan a prediction on disk was made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modmap.errors import ModMapError
from modmap.report.stored_results import source_scan
from modmap.scan import Scan, View

VIEW = View("00", np.zeros((2, 2), np.uint8), np.ones((2, 2), np.float32))
PLACE = Path("out/part")


def scan_at(path: str, name: str | None = None) -> Scan:
    return Scan(name or Path(path).name, [VIEW], root=Path(path))


def found(known: list[Scan], name: str, source: str | None) -> Path | None:
    return source_scan({"scan": name, "source": source}, known, PLACE).root


class TestSourceScan:
    @pytest.mark.parametrize("place", ["good", "bad"])
    def test_source__one_name_twice__the_one_whose_path_ends_alike(self, place: str) -> None:
        known = [scan_at("/new/data/good/000"), scan_at("/new/data/bad/000")]
        assert found(known, "000", f"/old/{place}/000") == Path(f"/new/data/{place}/000")

    @pytest.mark.parametrize("source", [None, "/old/000", "/old/other/000"])
    def test_source__one_name_twice__not_told_apart(self, source: str | None) -> None:
        known = [scan_at("/new/good/000"), scan_at("/new/bad/000")]
        with pytest.raises(
            ModMapError, match=r"out/part: expected one scan called 000 .*/new/good/000 and /new/bad/000"
        ):
            found(known, "000", source)

    def test_source__named_by_its_path(self) -> None:
        known = [scan_at("/new/data/good/000"), scan_at("/new/data/bad/000"), scan_at("/new/data/bad/001")]
        assert found(known, "bad_000", "/gone/bad/000") == Path("/new/data/bad/000")
        assert found(known, "data_good_000", None) == Path("/new/data/good/000")
        with pytest.raises(ModMapError, match="name the directory of the scans with --scans"):
            found(known, "ad_000", "/gone/ad/000")

    def test_source__named_by_paths_that_end_alike(self) -> None:
        known = [scan_at("/new/nut/good/000"), scan_at("/new/bolt/good/000")]
        assert found(known, "good_000", "/old/bolt/good/000") == Path("/new/bolt/good/000")

    def test_source__own_name_before_path(self) -> None:
        known = [scan_at("/new/good/000"), scan_at("/new/other", name="good_000")]
        assert found(known, "good_000", "/old/good/000") == Path("/new/other")
