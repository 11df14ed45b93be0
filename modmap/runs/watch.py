"""Scoring what arrives in a directory, as it arrives: a line's folder."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modmap.datasets import load_scan, scan_directories
from modmap.errors import ModMapError, UsageError
from modmap.files.atomic import remove_leftovers
from modmap.files.places import require_writable
from modmap.runs.predict import Desk

LONGEST = 1e6  # seconds
State = tuple[tuple[str, int, int], ...]  # of each file the path below the scan, the size and the time


@dataclass(eq=False)
class Arrivals:
    """The scans of a directory, told once each has been left alone for a while.

    A scan that changes after it was told is told again.

    Args:
        directory: Where scans arrive, each in a directory of its own, at any depth.
        settled: Seconds that none of a scan's files may have changed.
    """

    directory: Path
    settled: float
    _seen: dict[Path, tuple[State, float]] = field(default_factory=dict)
    _told: dict[Path, State] = field(default_factory=dict)
    _unreadable: set[str] = field(default_factory=set)

    def look(self, now: float) -> list[Path]:
        """The directories of scans that are whole and new, by name.

        Args:
            now: Seconds by a clock that never goes back.
        """
        try:
            places = scan_directories(self.directory, failed=self._tell_once)
        except (ModMapError, OSError):
            places = []  # none has arrived yet, or the share is away for a moment
        ready = []
        for place in places:
            state = _state(place)
            before, since = self._seen.get(place, ((), now))
            if state != before:
                self._seen[place] = state, now
            elif state and now - since >= self.settled and self._told.get(place) != state:
                self._told[place] = state
                ready.append(place)
        return ready

    def _tell_once(self, reason: str) -> None:
        """Says that a folder can't be read, and not again at every look."""
        if reason not in self._unreadable:
            self._unreadable.add(reason)
            print(f"modmap: error: {reason}", file=sys.stderr, flush=True)

    @property
    def waiting(self) -> bool:
        """A scan has arrived that wasn't told yet."""
        return any(self._told.get(place) != state for place, (state, _) in self._seen.items())


def watch_directory(desk: Desk, directory: Path, *, settled: float, every: float, idle: float | None) -> int:
    """Scores scans as they arrive until it is told to stop; those that the output already has aren't scored again.

    A scan that can't be used is told and left; it is tried again once one of its files changes.

    Args:
        desk: Scores them.
        directory: Where they arrive.
        settled: Seconds that none of a scan's files may have changed before it counts as whole.
        every: Seconds between two looks.
        idle: End once nothing has arrived for so many seconds; None: never.

    Returns:
        0.

    Raises:
        UsageError: the directory isn't there, the output lies in it, or a time isn't positive.
        ModMapError: the output can't be written to.
    """
    for name, seconds in (("settled", settled), ("every", every), ("idle", idle)):
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise UsageError(
                f"watch: {name}: expected more than 0 seconds, at most {LONGEST:g}, found {seconds:g}"
            )
    if not directory.is_dir():
        raise UsageError(f"watch: {directory}: expected a directory that scans arrive in, found none")
    if desk.output.resolve().is_relative_to(directory.resolve()):
        raise UsageError(f"watch: {desk.output}: expected an output outside {directory}, where scans arrive")
    desk.require_output()
    require_writable(desk.output)
    remove_leftovers(desk.output)
    arrivals = Arrivals(directory, settled)
    owners: dict[str, Path] = {}
    print(f"watching {directory}", flush=True)
    with _told_to_stop() as stop:
        last = time.monotonic()
        while not stop.is_set():
            for place in arrivals.look(time.monotonic()):
                if stop.is_set():
                    break
                _score(desk, place, owners)
                last = time.monotonic()
            now = time.monotonic()
            if idle is not None and not arrivals.waiting and now - last >= idle:
                break
            stop.wait(every)
    return 0


def _score(desk: Desk, place: Path, owners: dict[str, Path]) -> None:
    try:
        scan = load_scan(place)
        owner = owners.setdefault(scan.name, place)
        if owner != place:
            raise ModMapError(f"{owner} and {place} would both write to {scan.name}: rename one of them")
        desk.require_usable(scan)
        if desk.is_done(scan):
            print(f"{scan.name}: already done", flush=True)
            return
        _, line = desk.predict(scan)
        print(line, flush=True)
    except (ModMapError, OSError) as error:
        print(f"modmap: error: {error}", file=sys.stderr, flush=True)


def _state(place: Path) -> State:
    found = []
    for folder, folders, files in os.walk(place):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            try:
                status = path.stat()
            except OSError:
                continue
            found.append((str(path.relative_to(place)), status.st_size, status.st_mtime_ns))
    return tuple(found)


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM, so that the scan in hand is finished; a second one interrupts at once."""
    stop = threading.Event()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def told(number: int, frame: object) -> None:
        stop.set()
        for one in before:
            signal.signal(one, signal.default_int_handler)

    for one in before:
        signal.signal(one, told)
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
