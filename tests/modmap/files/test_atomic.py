"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from modmap.errors import ModMapError
from modmap.files.atomic import atomic_directory, atomic_file, require_writable


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

    def test_atomic_directory__replaces_its_own(self, tmp_path: Path) -> None:
        for content in ("first", "second"):
            with atomic_directory(tmp_path / "a", replaces="done", keys=("mine",)) as partial:
                (partial / "done").write_text(json.dumps({"mine": content}))
        assert json.loads((tmp_path / "a" / "done").read_text()) == {"mine": "second"}

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (None, "other files"),
            ('{"theirs": 1}', "another done"),
            ("[]", "another done"),
            ("{", "another done"),
        ],
    )
    def test_atomic_directory__replaces_no_others(
        self, tmp_path: Path, content: str | None, found: str
    ) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "precious").touch()
        if content is not None:
            (tmp_path / "a" / "done").write_text(content)
        with (
            pytest.raises(
                ModMapError, match=f"or one with a done that is written anew, found one with {found}"
            ),
            atomic_directory(tmp_path / "a", replaces="done", keys=("mine",)),
        ):
            pass
        assert (tmp_path / "a" / "precious").is_file()

    @pytest.mark.parametrize("there", [True, False])
    def test_atomic_directory__a_link_is_followed(self, tmp_path: Path, there: bool) -> None:
        target = tmp_path / "disk" / "a"
        if there:
            target.mkdir(parents=True)
        (tmp_path / "a").symlink_to(target)
        with atomic_directory(tmp_path / "a") as partial:
            (partial / "new").touch()
        assert (tmp_path / "a").is_symlink()
        assert (target / "new").is_file()
        assert [child.name for child in target.parent.iterdir()] == ["a"]

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


class TestRequireWritable:
    def test_require_writable__leaves_the_directory_alone(self, tmp_path: Path) -> None:
        require_writable(tmp_path / "deep" / "new")
        assert not list((tmp_path / "deep" / "new").iterdir())

    def test_require_writable__below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ModMapError, match="file/out: cannot be written to: Not a directory"):
            require_writable(tmp_path / "file" / "out")

    @pytest.mark.skipif(os.geteuid() == 0, reason="to root, all can be written")
    def test_require_writable__read_only(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(ModMapError, match="cannot be written to: Permission denied"):
            require_writable(tmp_path)
