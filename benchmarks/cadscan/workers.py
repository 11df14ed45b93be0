"""Work spread over processes, each on one thread, with progress; no worker outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.context import BaseContext
from typing import TypeVar

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Job = TypeVar("Job")


def run_all(function: Callable[[Job], object], jobs: Sequence[Job], *, workers: int, title: str) -> None:
    """Runs a function on every job, `workers` at a time; the first error stops the rest and is raised.

    Args:
        function: Importable by name.
        jobs: What to run it on.
        workers: Processes, each on one thread: results do not depend on how many there are. One: this process.
        title: Of the progress bar.
    """
    if not jobs:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=len(jobs))
        done = _here(function, jobs) if workers == 1 else _spread(function, jobs, min(workers, len(jobs)))
        for _ in done:
            progress.advance(task)


def _here(function: Callable[[Job], object], jobs: Sequence[Job]) -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            for job in jobs:
                function(job)
                yield
    finally:
        cv2.setNumThreads(threads)


def _spread(function: Callable[[Job], object], jobs: Sequence[Job], workers: int) -> Iterator[None]:
    with ProcessPoolExecutor(workers, _context(function.__module__), initializer=_begin) as pool:
        futures = [pool.submit(function, job) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
                yield
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _context(module: str) -> BaseContext:
    """Processes that share one import of the module, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def _begin() -> None:
    cv2.setNumThreads(1)
    threadpool_limits(1)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """Ends this process with the one that asked for it: a killed run must not go on writing.

    That one isn't the process it was forked from, which lives as long as any of its forks.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
