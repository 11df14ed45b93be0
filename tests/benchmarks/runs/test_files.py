"""What a benchmark writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.runs.files import write_json, write_report


class TestWriteReport:
    def test_write_report__both_files_and_the_screen(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_report(tmp_path / "out", {"seconds": 1.5}, "| a |\n| --- |\n")
        assert json.loads((tmp_path / "out" / "results.json").read_text()) == {"seconds": 1.5}
        assert (tmp_path / "out" / "table.md").read_text() == "| a |\n| --- |\n"
        assert capsys.readouterr().out == "| a |\n| --- |\n\n"

    def test_write_json__what_cannot_be_written_leaves_the_old_file(self, tmp_path: Path) -> None:
        write_json(tmp_path / "a.json", [1])
        with pytest.raises(TypeError):
            write_json(tmp_path / "a.json", {1j})
        assert (tmp_path / "a.json").read_text() == "[\n  1\n]\n"
        assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]
