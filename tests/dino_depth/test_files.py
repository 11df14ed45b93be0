"""Files that are read with errors of one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dino_depth.errors import DinoDepthError
from dino_depth.files import read_json, read_text


class TestReadText:
    def test_read_text__not_utf_8_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "remarks.md"
        path.write_text("Für Tiefe.\n", encoding="utf-8")
        assert read_text(path) == "Für Tiefe.\n"
        path.write_text("Für Tiefe.\n", encoding="latin-1")
        with pytest.raises(DinoDepthError, match=r"remarks.md: expected text in UTF-8, found '?utf-8"):
            read_text(path)


class TestReadJson:
    def test_read_json__keys_and_values(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.json"
        path.write_text('{"a": [1, 2], "b": null}', encoding="utf-8")
        assert read_json(path, what="settings") == {"a": [1, 2], "b": None}

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (None, "no file"),
            (b"", r"a damaged file \(Expecting value"),
            (b'{"a": 1,\n "b', r"a damaged file \("),
            (b"\xff\xff", r"a damaged file \("),
            (b"[1, 2]", "a list"),
            (b"null", "a NoneType"),
            (b'{"a": NaN}', r"a damaged file \(expected finite numbers, found NaN"),
            (b'{"a": ' + 100_000 * b"[", r"a damaged file \(lists or objects nested too deeply"),
            (b'{"a": ' + 5_000 * b"9" + b"}", r"a damaged file \("),
            (b'{"a": "\\ud800"}', r"a damaged file \("),
        ],
    )
    def test_read_json__anything_else_is_one_line(
        self, tmp_path: Path, content: bytes | None, found: str
    ) -> None:
        path = tmp_path / "settings.json"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(
            DinoDepthError, match=f"settings.json: expected settings of a run, found {found}"
        ) as error:
            read_json(path, what="settings of a run")
        assert "\n" not in str(error.value)
