"""Files that are read with errors of one line, and written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from dino_depth.errors import DinoDepthError
from dino_depth.files import atomic_directory, atomic_file, read_json, read_text


def fail_half_way(path: Path) -> None:
    path.write_text("half")
    raise KeyError


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


class TestAtomicFile:
    def test_atomic_file__appears_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "file.txt"
        with atomic_file(path) as partial:
            partial.write_text("first")
            assert not path.exists()
        with atomic_file(path) as partial:
            partial.write_text("second")
            assert path.read_text() == "first"
        assert path.read_text() == "second"
        assert list(path.parent.iterdir()) == [path]

    def test_atomic_file__a_failure_leaves_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "file.txt"
        path.write_text("before")
        with pytest.raises(KeyError), atomic_file(path) as partial:
            fail_half_way(partial)
        assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


class TestAtomicDirectory:
    def test_atomic_directory__appears_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "encoder"
        left = path.with_name(".encoder.partial-1")
        left.mkdir(parents=True)
        (left / "weights").write_text("of a run that was killed")
        with atomic_directory(path) as partial:
            (partial / "weights").write_text("whole")
            assert not path.exists()
        assert list(path.parent.iterdir()) == [path]
        assert (path / "weights").read_text() == "whole"

    def test_atomic_directory__a_failure_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError), atomic_directory(tmp_path / "encoder") as partial:
            fail_half_way(partial / "weights")
        assert list(tmp_path.iterdir()) == []

    def test_atomic_directory__one_in_use_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "encoder"
        path.mkdir()
        (path / "thesis").write_text("")
        with pytest.raises(OSError, match="not empty"), atomic_directory(path) as partial:
            (partial / "weights").write_text("whole")
        assert [file.name for file in tmp_path.rglob("*")] == ["encoder", "thesis"]
