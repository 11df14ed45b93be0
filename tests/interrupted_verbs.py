"""What must hold of a command that is killed, or finds the disk full, at any of its file operations."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.interrupted_runs import Ended, begin_as, content, hidden, run, small_disk, spread

PAGE = 4096

FULL = re.compile("/.*(the disk is full|No space left on device)")


@dataclass(frozen=True)
class Verb:
    """A command that writes into a folder.

    Attributes:
        place: The folder.
        begin: What lies in it before.
        do: Runs the command.
        sets: Folders in it with a set of files each, and the file that a set is told by.
        read: What our own reader makes of the folder, "absent" where there is nothing; anything else is compared.
        theirs: Files in it of the user's.
        without: Keys of JSON that differ from run to run.
    """

    place: Path
    begin: Path
    do: Callable[[], object]
    sets: Mapping[str, str]
    read: Callable[[Path], str]
    theirs: tuple[str, ...] = ()
    without: tuple[str, ...] = ("seconds",)

    def try_all(self, *, kills: int | None, fulls: int | None, quotas: int | None) -> str:
        """Runs it undisturbed, and then with each kind of trouble at so many points (None: at all).

        Returns:
            How many points there are and were tried.
        """
        place, begin = self.place, self.begin
        begin_as(begin, place)
        before, old = self._content(), self.read(place)
        whole = run(self.do, place)
        assert whole.status == 0, whole.said
        assert hidden(place) == []
        after, new = self._content(), self.read(place)
        self._require_theirs()
        states = (before, after), {old, new}
        for point in (killed := spread(whole.operations, kills)):
            begin_as(begin, place)
            ended = run(self.do, place, kill_at=point)
            assert ended.status == -signal.SIGKILL, f"operation {point}: {ended.said}"
            self._require_whole(*states, f"killed before operation {point}")
            self._require_goes_on(after, f"killed before operation {point}")
        for name, points in (
            ("full_at", (full := spread(whole.operations, fulls))),
            ("room", (rooms := spread(whole.written, quotas))),
        ):
            for point in points:
                begin_as(begin, place)
                ended = run(self.do, place, **{name: point - 1 if name == "room" else point})
                self._require_told(ended, f"{name} {point}")
                self._require_whole(*states, f"{name} {point}")
                self._require_goes_on(after, f"{name} {point}")
        return (
            f"killed before {len(killed)} of {whole.operations} operations; disk full from {len(full)} of them on, and "
            f"after {len(rooms)} of {whole.written} numbers of bytes"
        )

    def try_disks(self, count: int | None) -> str:
        """Runs it where nothing lies yet, on disks of its own that are too small, and goes on once there is room.

        Args:
            count: Of the sizes between nothing and what is needed, in steps of a page of memory; None: all.

        Returns:
            How many sizes there are and were tried.
        """
        place = self.place
        begin_as(self.begin, place)
        before, old = self._content(), self.read(place)
        assert run(self.do, place).status == 0
        after, new = self._content(), self.read(place)
        pages = sum(-(-path.stat().st_size // PAGE) for path in place.rglob("*") if path.is_file())
        sizes = spread(pages, count)
        begin_as(self.begin, place)
        for size in sizes:
            with small_disk(place, size * PAGE // 1024):
                self._require_told(run(self.do, place), f"{size} pages")
                self._require_whole((before, after), {old, new}, f"{size} pages")
                subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
                self._require_goes_on(after, f"{size} pages")
        return f"disks of {len(sizes)} of {pages} sizes"

    def _content(self) -> dict[str, str]:
        return content(self.place, without=self.without)

    def _require_told(self, ended: Ended, where: str) -> None:
        if ended.status != 0:  # it is where nothing was left to write
            assert ended.status == 1, f"{where}: {ended.status} {ended.said}"
            lines = [line for line in ended.said.splitlines() if "error" in line.lower()]
            assert len(lines) == 1, f"{where}: {ended.said}"
            assert FULL.search(lines[0]), f"{where}: {ended.said}"

    def _require_whole(
        self, shown: tuple[dict[str, str], dict[str, str]], states: set[str], where: str
    ) -> None:
        """A set is one of the two for whoever looks, or is seen to be absent; for our own readers it is one of them."""
        self._require_theirs()
        now = self._content()
        for folder, last in self.sets.items():
            if (self.place / folder / last).is_file():
                inside = [_below(one, folder) for one in (now, *shown)]
                assert inside[0] in inside[1:], f"{where}: {folder}"
        assert self.read(self.place) in states, where
        self._require_theirs()

    def _require_goes_on(self, after: Mapping[str, str], where: str) -> None:
        again = run(self.do, self.place)
        assert again.status == 0, f"{where}: {again.said}"
        now = self._content()
        assert now == after, f"{where}: {sorted(set(now.items()) ^ set(after.items()))}"
        self._require_theirs()

    def _require_theirs(self) -> None:
        for name in self.theirs:
            assert (self.place / name).read_bytes() == (self.begin / name).read_bytes(), name


def _below(content: Mapping[str, str], folder: str) -> dict[str, str]:
    """What is told of the files below a folder, but for what no one should take for one."""
    found = {}
    for name, digest in content.items():
        path = Path(name)
        if path.is_relative_to(folder) and not any(part.startswith(".") for part in path.parts):
            found[name] = digest
    return found
