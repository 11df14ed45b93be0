"""`modmap check`, as a user types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., int]


class TestCheck:
    def test_check__usable(self, run: Run, scans: Path) -> None:
        assert run("check", scans / "good") == 0

    def test_check__unusable(self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "scan.json").write_text('{"depth_unit": "mm", "views": []}')
        assert run("check", tmp_path) == 1
