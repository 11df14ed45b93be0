"""Files and directories that appear whole or not at all, and processes that take turns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dino_depth.atomic
import modmap.files.atomic
from modmap.files.atomic import (
    BusyError,
    FullDiskError,
    atomic_directory,
    atomic_file,
    held,
    remove_leftovers,
    staging,
    telling,
)
from tests.interrupted_runs import small_disk

AT_WORK = """
import sys, time
from pathlib import Path
from modmap.files import atomic
with getattr(atomic, sys.argv[1])(Path(sys.argv[2])):
    print("at work", flush=True)
    time.sleep(600)
"""


class Stop(Exception):
    """Ends the writing of something half way."""


def _half(writer: Callable[[Path], Any], path: Path) -> None:
    with writer(path) as partial:
        (partial / "file" if partial.is_dir() else partial).write_text("half")
        raise Stop


@pytest.fixture
def at_work() -> Iterator[Callable[[str, Path], subprocess.Popen[str]]]:
    """Processes that are in the middle of a function of the module; they are killed at the end."""
    begun = []

    def begin(function: str, path: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", AT_WORK, function, str(path)], stdout=subprocess.PIPE, text=True
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        return process

    yield begin
    for process in begun:
        process.kill()
        process.wait()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 64):
        yield tmp_path / "disk"


class TestTwoCopies:
    def test_both_packages_have_the_same(self) -> None:
        here, there = (
            Path(str(module.__file__)).read_text() for module in (modmap.files.atomic, dino_depth.atomic)
        )
        assert here == there


class TestAtomicFile:
    def test_atomic_file__appears_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "a.txt"
        with atomic_file(path) as partial:
            partial.write_text("new")
            assert not path.exists()
            assert (partial.parent, partial.suffix) == (path.parent, ".txt")
        assert path.read_text() == "new"
        assert list(path.parent.iterdir()) == [path]

    def test_atomic_file__the_old_one_stays_where_writing_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text("old")
        with pytest.raises(Stop):
            _half(atomic_file, path)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_atomic_file__a_name_as_long_as_names_may_be(self, tmp_path: Path) -> None:
        path = tmp_path / ("ä" * 125 + ".json")
        with atomic_file(path) as partial:
            partial.write_text("{}")
        assert list(tmp_path.iterdir()) == [path]

    def test_atomic_file__may_be_read_by_whom_others_of_this_user_may(self, tmp_path: Path) -> None:
        with atomic_file(tmp_path / "a") as partial:
            partial.touch()
        (tmp_path / "b").touch()
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


class TestAtomicDirectory:
    def test_atomic_directory__appears_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        with atomic_directory(path) as partial:
            (partial / "file").touch()
            assert not path.exists()
        assert [child.name for child in path.iterdir()] == ["file"]
        assert list(tmp_path.iterdir()) == [path]

    def test_atomic_directory__nothing_stays_where_writing_fails(self, tmp_path: Path) -> None:
        with pytest.raises(Stop):
            _half(atomic_directory, tmp_path / "a")
        assert list(tmp_path.iterdir()) == []

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
        with pytest.raises(OSError, match="not empty"), atomic_directory(tmp_path / "a") as partial:
            (partial / "new").touch()
        assert [file.name for file in tmp_path.rglob("*")] == ["a", "old"]


class TestRemoveLeftovers:
    @pytest.mark.parametrize("function", ["atomic_file", "atomic_directory", "staging"])
    def test_remove_leftovers__of_the_dead_alone(
        self, at_work: Callable[[str, Path], subprocess.Popen[str]], tmp_path: Path, function: str
    ) -> None:
        writer = at_work(function, tmp_path if function == "staging" else tmp_path / "a")
        (tmp_path / ".partial-mine").touch()
        (left,) = tmp_path.glob(".partial-????????????-*")
        remove_leftovers(tmp_path)
        assert left.exists()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert left.exists()
        with atomic_file(tmp_path / "another"):
            assert not left.exists()
        assert {path.name for path in tmp_path.iterdir()} == {".partial-mine", "another"}

    def test_staging__goes_at_the_end(self, tmp_path: Path) -> None:
        with staging(tmp_path / "new") as aside:
            (aside / "file").touch()
        assert list((tmp_path / "new").iterdir()) == []


class TestHeld:
    def test_held__another_is_told_by_whom(
        self, at_work: Callable[[str, Path], subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        holder = at_work("held", tmp_path)
        with (
            pytest.raises(
                BusyError, match=rf"^the place: another process .* \(process {holder.pid} on [^\n]*$"
            ),
            held(tmp_path, wait=0, name=Path("the place")),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with held(tmp_path, wait=0):
            pass
        assert list(tmp_path.iterdir()) == []

    def test_held__turns_are_taken(self, tmp_path: Path) -> None:
        """Four processes, each of which adds one to a number a hundred times, and never looks while another writes."""
        script = (
            "import sys\nfrom pathlib import Path\nfrom modmap.files.atomic import held\n"
            "for _ in range(100):\n    with held(Path(sys.argv[1])):\n"
            "        file = Path(sys.argv[1], 'number')\n        number = int(file.read_text())\n"
            "        file.write_text(str(number + 1))\n"
        )
        (tmp_path / "number").write_text("0")
        processes = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(4)]
        assert [process.wait() for process in processes] == [0] * 4
        assert (tmp_path / "number").read_text() == "400"
        assert [path.name for path in tmp_path.iterdir()] == ["number"]


class TestTelling:
    @pytest.mark.parametrize("what", ["text", "array", "archive", "directory"])
    def test_telling__a_full_disk(self, disk: Path, what: str) -> None:
        """A real one, in words of NumPy, zipfile and Python."""
        path, large = disk / "a.npz", np.arange(20_000.0)

        def write() -> None:
            if what == "directory":
                with atomic_directory(path) as partial, telling(partial / "b"):
                    (partial / "b").write_bytes(large.tobytes())
                return
            with atomic_file(path) as partial, partial.open("wb") as file:
                if what == "text":
                    file.write(large.tobytes())
                elif what == "array":
                    np.save(file, large)
                else:
                    np.savez(file, a=large)

        with pytest.raises(FullDiskError) as caught:
            write()
        name = path / "b" if what == "directory" else path
        assert str(caught.value) == f"{name}: cannot be written: the disk is full"
        assert list(disk.iterdir()) == []

    def test_telling__other_errors_are_left(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError), telling(tmp_path / "a"):
            os.stat(tmp_path / "none")
