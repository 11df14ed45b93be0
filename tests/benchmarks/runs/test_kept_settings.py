"""A directory is finished with the settings that it was begun with, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.runs.kept_settings import SettingsError, keep_settings, read_settings

FILE = "run.json"


class TestKeepSettings:
    def test_keep_settings__written_once(self, tmp_path: Path) -> None:
        out = tmp_path / "a" / "run"
        keep_settings(out, {"size": (4, 3), "seed": 0}, file=FILE)
        assert (
            json.loads((out / FILE).read_text()) == read_settings(out / FILE) == {"size": [4, 3], "seed": 0}
        )
        written = (out / FILE).stat().st_mtime_ns
        keep_settings(out, {"seed": 0, "size": (4, 3)}, file=FILE)
        assert (out / FILE).stat().st_mtime_ns == written
        assert list(out.iterdir()) == [out / FILE]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"seed": 1, "size": 3},
                "expected seed 0, as .* was begun with, found 1; name another directory",
            ),
            ({"seed": 0}, "expected size 3, as .* was begun with, found None"),
            ({"seed": 0, "size": 3, "way": "new"}, "expected way None, as .* was begun with, found new"),
        ],
    )
    def test_keep_settings__others(self, tmp_path: Path, settings: dict[str, object], message: str) -> None:
        keep_settings(tmp_path, {"seed": 0, "size": 3}, file=FILE)
        with pytest.raises(SettingsError, match=message):
            keep_settings(tmp_path, settings, file=FILE)
        assert read_settings(tmp_path / FILE) == {"seed": 0, "size": 3}

    def test_keep_settings__a_directory_of_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(SettingsError, match=r"expected a new or empty directory, or one with a run.json"):
            keep_settings(tmp_path, {}, file=FILE)
        (tmp_path / "notes.txt").rename(tmp_path / ".partial-1")
        keep_settings(tmp_path, {}, file=FILE)

    def test_read_settings__none(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match=r"run.json: expected the settings .*, found none"):
            read_settings(tmp_path / FILE)
