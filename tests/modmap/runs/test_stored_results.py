"""Which scan a prediction on disk was made for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.datasets import load_scan, write_scan
from modmap.errors import ModMapError
from modmap.runs.scan_state import content_state
from modmap.runs.stored_results import source_scan
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


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Scan]:
    """Writes a scan that is called as its directory, `brightness` in its pixels."""

    def write(place: str, brightness: int = 0) -> Scan:
        image = np.full((2, 2), brightness, np.uint8)
        write_scan(Scan(Path(place).name, [replace(VIEW, image=image)]), tmp_path / place)
        return load_scan(tmp_path / place)

    return write


def predicted_from(scan: Scan) -> dict[str, Any]:
    assert scan.root is not None
    return {
        "scan": scan.name,
        "source": str(scan.root.resolve()),
        "source_content": content_state(scan),
    }


class TestSourceScanOfFiles:
    def test_source__still_there__not_its_namesake(self, stored: Callable[..., Scan]) -> None:
        source, namesake = stored("elsewhere/bad/000", 9), stored("parts/good/000")
        assert source_scan(predicted_from(source), [namesake], PLACE).root == source.root

    def test_source__gone__its_namesake(self, stored: Callable[..., Scan]) -> None:
        source, namesake = stored("elsewhere/bad/000", 9), stored("parts/good/000")
        summary = predicted_from(source)
        shutil.rmtree(str(source.root))
        assert source_scan(summary, [namesake], PLACE) is namesake
        Path(str(source.root)).mkdir()
        assert source_scan(summary, [namesake], PLACE) is namesake

    @pytest.mark.parametrize("gone", [True, False])
    def test_source__moved__the_one_with_the_same_files(
        self, stored: Callable[..., Scan], tmp_path: Path, gone: bool
    ) -> None:
        source, namesake = stored("old/good/000", 9), stored("new/good/000")
        shutil.copytree(str(source.root), tmp_path / "new" / "other" / "000")
        moved = load_scan(tmp_path / "new" / "other" / "000")
        summary = predicted_from(source)
        if gone:
            shutil.rmtree(str(source.root))
        assert source_scan(summary, [namesake, moved], PLACE) is moved
