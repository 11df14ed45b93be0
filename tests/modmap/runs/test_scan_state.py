"""What counts as the same scan."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modmap.datasets import load_scan, write_scan
from modmap.runs.scan_state import content_state, scan_state
from modmap.scan import Scan


@pytest.fixture
def place(tmp_path: Path, make_scan: Callable[..., Scan]) -> Path:
    write_scan(make_scan(views=2), tmp_path / "a" / "scan")
    return tmp_path / "a" / "scan"


@pytest.mark.parametrize("state", [scan_state, content_state])
class TestBoth:
    def test_state__changes_with_a_file(self, place: Path, state: Callable[[Scan], str]) -> None:
        before = state(load_scan(place))
        assert state(load_scan(place)) == before
        file = next(place.rglob("*.npy"))
        file.touch()
        touched = state(load_scan(place))
        assert touched != before
        scan = load_scan(place)
        file.unlink()
        assert state(scan) not in (before, touched)

    def test_state__changes_with_a_camera(self, place: Path, state: Callable[[Scan], str]) -> None:
        scan = load_scan(place)
        views = [replace(view, camera=scan.views[0].camera) for view in scan.views]
        assert state(replace(scan, views=views)) != state(scan)

    def test_state__changes_with_files_that_change_places(
        self, place: Path, state: Callable[[Scan], str]
    ) -> None:
        """Of one size, and written at one time, as unpacked ones may be."""
        scan = load_scan(place)
        first, second = scan.views
        assert isinstance(first.depth, Path)
        assert isinstance(second.depth, Path)
        shutil.copystat(first.depth, second.depth)
        views = [replace(first, depth=second.depth), replace(second, depth=first.depth)]
        assert state(replace(scan, views=views)) != state(scan)


class TestContentState:
    def test_content_state__the_same_where_a_scan_was_moved(self, place: Path) -> None:
        before = load_scan(place)
        states = scan_state(before), content_state(before)
        place.parent.rename(place.parent.with_name("b"))
        after = load_scan(place.parent.with_name("b") / "scan")
        assert content_state(after) == states[1]
        assert scan_state(after) != states[0]
