"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modmap.datasets.atomic import atomic_directory, atomic_file
from modmap.errors import ModMapError


def _interrupted_file(path: Path) -> None:
    with atomic_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError


def _interrupted_directory(path: Path) -> None:
    with atomic_directory(path) as partial:
        (partial / "file").touch()
        raise RuntimeError


class TestAtomicFile:
    def test_atomic_file__appears_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "a.txt"
        with atomic_file(path) as partial:
            partial.write_text("new")
            assert not path.exists()
            assert partial.parent == path.parent
        assert path.read_text() == "new"
        assert list(path.parent.iterdir()) == [path]

    def test_atomic_file__the_old_one_stays_where_writing_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text("old")
        with pytest.raises(RuntimeError):
            _interrupted_file(path)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


class TestAtomicDirectory:
    def test_atomic_directory__appears_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        with atomic_directory(path) as partial:
            (partial / "file").touch()
            assert not path.exists()
        assert [child.name for child in path.iterdir()] == ["file"]

    def test_atomic_directory__nothing_stays_where_writing_fails(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError):
            _interrupted_directory(tmp_path / "a")
        assert list(tmp_path.iterdir()) == []

    def test_atomic_directory__what_an_interrupted_run_left_is_not_taken_over(self, tmp_path: Path) -> None:
        left = tmp_path / f".partial-{os.getpid()}-a"
        left.mkdir()
        (left / "old").touch()
        with atomic_directory(tmp_path / "a") as partial:
            (partial / "new").touch()
        assert [child.name for child in (tmp_path / "a").iterdir()] == ["new"]

    def test_atomic_directory__replaces_its_own_alone(self, tmp_path: Path) -> None:
        for content in ("first", "second"):
            with atomic_directory(tmp_path / "a", replaces="done") as partial:
                (partial / "done").write_text(content)
        assert (tmp_path / "a" / "done").read_text() == "second"
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "precious").touch()
        with (
            pytest.raises(
                ModMapError, match="or one with a done that is written anew, found one with other files"
            ),
            atomic_directory(tmp_path / "b", replaces="done"),
        ):
            pass
        assert (tmp_path / "b" / "precious").is_file()

    def test_atomic_directory__one_in_use_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "old").touch()
        (tmp_path / "b").touch()
        for name in ("a", "b"):
            with (
                pytest.raises(ModMapError, match="expected a new or empty directory"),
                atomic_directory(tmp_path / name),
            ):
                pass
        assert (tmp_path / "a" / "old").exists()
