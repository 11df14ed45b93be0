"""Sets of files that are exchanged all at once, in a directory with files of others."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from modmap.errors import ModMapError
from modmap.files.renewal import finish, finish_below, read_whole, renewed
from tests.interrupted_runs import run

OLD = {"last": "1", "a": "1", "gone": "1", "deep/b": "1", "deep/gone": "1", "other/gone": "1"}
NEW = {"last": "2", "a": "2", "deep/b": "2", "new": "2"}
THEIRS = {"notes": "theirs", "deep/notes": "theirs", "sub/notes": "theirs"}


def _write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def _read(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }


def _renew(directory: Path, files: Mapping[str, str] = NEW) -> None:
    with renewed(directory, last="last", ours=lambda: [*OLD, *NEW]) as new:
        _write(new, files)


class TestRenewed:
    @pytest.mark.parametrize("there", [True, False])
    def test_renewed__a_new_one(self, tmp_path: Path, there: bool) -> None:
        if there:
            (tmp_path / "set").mkdir()
        _renew(tmp_path / "set")
        assert _read(tmp_path) == {f"set/{name}": text for name, text in NEW.items()}

    def test_renewed__what_is_not_ours_stays(self, tmp_path: Path) -> None:
        _write(tmp_path, OLD | THEIRS)
        _renew(tmp_path)
        assert _read(tmp_path) == NEW | THEIRS
        assert not (tmp_path / "other").exists()

    def test_renewed__nothing_changes_where_writing_fails(self, tmp_path: Path) -> None:
        _write(tmp_path, OLD | THEIRS)
        with pytest.raises(ValueError):
            _renew(tmp_path, {**NEW, "no/\0": "a name that no file has"})
        assert _read(tmp_path) == OLD | THEIRS

    def test_renewed__nothing_changes_where_it_is_refused(self, tmp_path: Path) -> None:
        def refuse() -> list[str]:
            raise ModMapError("not ours")

        _write(tmp_path, OLD)
        with pytest.raises(ModMapError), renewed(tmp_path, last="last", ours=refuse) as new:
            _write(new, NEW)
        assert _read(tmp_path) == OLD

    def test_renewed__a_directory_is_in_the_way(self, tmp_path: Path) -> None:
        _write(tmp_path, {**OLD, "new/notes": "theirs"})
        with pytest.raises(OSError, match="new: expected a file to write anew, found a directory"):
            _renew(tmp_path)
        assert _read(tmp_path) == {**OLD, "new/notes": "theirs"}

    def test_renewed__another_process_was_faster(self, tmp_path: Path) -> None:
        with renewed(tmp_path / "set", last="last", ours=lambda: [*OLD, *NEW]) as new:
            _write(new, NEW)
            _write(tmp_path / "set", OLD | THEIRS)
        assert _read(tmp_path / "set") == NEW | THEIRS

    def test_renewed__killed_before_any_operation(self, tmp_path: Path) -> None:
        """A set isn't seen, or is seen whole; and what was left is finished by whoever looks, or by the next writer."""
        place = tmp_path / "set"
        _write(place, OLD | THEIRS)
        total = run(lambda: _renew(place), place).operations
        assert total > 30
        found = set()
        for point in range(1, total + 1):
            shutil.rmtree(place)
            _write(place, OLD | THEIRS)
            assert run(lambda: _renew(place), place, kill_at=point).status == -signal.SIGKILL
            seen = _seen(place)
            assert "last" not in seen or seen in (OLD | THEIRS, NEW | THEIRS), point
            if point % 2:
                finish_below(tmp_path)
                assert _seen(place) in (OLD | THEIRS, NEW | THEIRS), point
                found.add(_seen(place)["last"])
            _renew(place)
            assert _read(place) == NEW | THEIRS, point
        assert found == {"1", "2"}


def _seen(directory: Path) -> dict[str, str]:
    return {name: text for name, text in _read(directory).items() if not name.startswith(".")}


class TestReadWhole:
    def test_read_whole__again_where_another_came_between(self, tmp_path: Path) -> None:
        _write(tmp_path, OLD)
        asked = []

        def read() -> str:
            first = (tmp_path / "last").read_text()
            if not asked:
                _renew(tmp_path)
            asked.append(first)
            return first + (tmp_path / "a").read_text()

        assert read_whole(tmp_path, "last", read) == "22"
        assert asked == ["1", "2"]

    def test_read_whole__an_error_of_a_set_that_is_left_alone(self, tmp_path: Path) -> None:
        _write(tmp_path, OLD)
        with pytest.raises(FileNotFoundError):
            read_whole(tmp_path, "last", lambda: (tmp_path / "none").read_text())

    def test_finish__nothing_to_do(self, tmp_path: Path) -> None:
        finish(tmp_path / "none")
        finish(tmp_path)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "record",
        [
            "",
            "[]",
            "[" * 100_000,
            '{"last": "last"}',
            '{"last": "last", "gone": ["../notes"]}',
            '{"last": "last", "gone": ["link/notes"]}',
            '{"last": "../notes", "gone": []}',
            '{"last": "last", "gone": ["/NOTES"]}',
        ],
        ids=lambda record: record[:40],
    )
    def test_finish__a_record_of_others_removes_nothing(self, tmp_path: Path, record: str) -> None:
        _write(tmp_path, {"notes": "theirs", "set/last": "1", "set/.committed/last": "2"})
        (tmp_path / "set" / "link").symlink_to(tmp_path)
        record = record.replace("/NOTES", str(tmp_path / "notes"))
        (tmp_path / "set" / ".committed" / ".renewal.json").write_text(record)
        with pytest.raises(OSError, match=r"\.committed: expected files of ours .*, found others"):
            finish(tmp_path / "set")
        assert (tmp_path / "notes").read_text() == "theirs"
        assert (tmp_path / "set" / "last").read_text() == "1"
