"""Reading the items of a source, several at a time, in order."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.context import BaseContext
from typing import Protocol, TypeVar

import cv2

from dino_depth.errors import DinoDepthError

In = TypeVar("In")
Out = TypeVar("Out")

AHEAD = 4


class Reader(Protocol):
    """Applies a function to items; the results come in the items' order."""

    def __call__(self, function: Callable[[In], Out], items: Iterable[In], /) -> Iterator[Out]:
        """The results; the first error is raised in its place."""


@contextmanager
def reader(workers: int) -> Iterator[Reader]:
    """A reader that is at work in so many processes; 0 or 1: in this one.

    The functions given to it are importable by name. The processes end with this one, however it ends.

    Raises:
        DinoDepthError: on leaving: one of them was killed.
    """
    if workers <= 1:
        yield map
        return
    pool = ProcessPoolExecutor(workers, _context(), initializer=_begin)

    def read(function: Callable[[In], Out], items: Iterable[In], /) -> Iterator[Out]:
        coming = iter(items)
        waiting: deque[Future[Out]] = deque()
        # Few ahead: images that wait for the depth model take memory.
        for item in islice(coming, AHEAD * workers):
            waiting.append(pool.submit(function, item))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(coming, 1))
            yield result

    try:
        yield read
    except BrokenProcessPool:
        raise DinoDepthError(
            "--workers: expected reading processes to live, found one killed; fewer need less memory"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _context() -> BaseContext:
    """Never a fork of this process: it may have threads of torch and of a GPU's driver."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dino_depth.data.sources.catalogue"])
    return context


def silence_opencv() -> None:
    """A library's own words about a file that can't be read would come before ours."""
    if hasattr(cv2.utils, "logging"):
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    else:  # OpenCV 4.9
        cv2.setLogLevel(0)  # type: ignore[attr-defined]


def _begin() -> None:
    cv2.setNumThreads(1)
    silence_opencv()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """Ends this process when the one that asked for it has ended, be it killed.

    That isn't the system's parent: the fork server is, and it lives as long as its children.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
