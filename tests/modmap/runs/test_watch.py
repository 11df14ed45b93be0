"""When a scan that arrives counts as whole, and when it is told again."""

from __future__ import annotations

import os
from pathlib import Path

from modmap.datasets import write_scan
from modmap.runs.watch import Arrivals
from modmap.scan import Scan
from tests.synthetic_scans import ball_scan


def _scan() -> Scan:
    return ball_scan(views=2, width=40, height=30)


class TestArrivals:
    def test_look__once_left_alone_and_once_only(self, tmp_path: Path) -> None:
        arrivals = Arrivals(tmp_path, settled=5.0)
        assert arrivals.look(0.0) == []
        write_scan(_scan(), tmp_path / "a")
        assert arrivals.look(1.0) == []
        assert arrivals.waiting
        assert arrivals.look(5.9) == []
        assert arrivals.look(6.0) == [tmp_path / "a"]
        assert not arrivals.waiting
        assert arrivals.look(100.0) == []

    def test_look__a_file_that_grows_begins_anew(self, tmp_path: Path) -> None:
        arrivals = Arrivals(tmp_path, settled=5.0)
        write_scan(_scan(), tmp_path / "a")
        arrivals.look(0.0)
        (tmp_path / "a" / "notes.txt").write_text("more is on its way")
        assert arrivals.look(6.0) == []
        assert arrivals.look(10.0) == []
        assert arrivals.look(11.0) == [tmp_path / "a"]

    def test_look__what_changed_is_told_again(self, tmp_path: Path) -> None:
        arrivals = Arrivals(tmp_path, settled=5.0)
        write_scan(_scan(), tmp_path / "a")
        assert [arrivals.look(0.0), arrivals.look(5.0)] == [[], [tmp_path / "a"]]
        os.utime(tmp_path / "a" / "scan.json", ns=(0, 1))
        assert arrivals.look(6.0) == []
        assert arrivals.waiting
        assert arrivals.look(11.0) == [tmp_path / "a"]

    def test_look__by_name_and_at_any_depth(self, tmp_path: Path) -> None:
        arrivals = Arrivals(tmp_path, settled=1.0)
        for name in ("part_10", "shift/part_3", "part_2"):
            write_scan(_scan(), tmp_path / name)
        (tmp_path / ".copying").mkdir()
        write_scan(_scan(), tmp_path / ".copying" / "part_4")
        arrivals.look(0.0)
        found = [str(one.relative_to(tmp_path)) for one in arrivals.look(1.0)]
        assert found == ["part_2", "part_10", "shift/part_3"]

    def test_look__a_directory_that_is_gone_for_a_moment(self, tmp_path: Path) -> None:
        arrivals = Arrivals(tmp_path / "share", settled=1.0)
        assert arrivals.look(0.0) == []
        write_scan(_scan(), tmp_path / "share" / "a")
        arrivals.look(1.0)
        assert arrivals.look(2.0) == [tmp_path / "share" / "a"]
