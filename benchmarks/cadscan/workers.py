"""Work spread over processes, each on one thread, with progress; no worker outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

import cv2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

Job = TypeVar("Job")


def run_all(function: Callable[[Job], object], jobs: Sequence[Job], *, workers: int, title: str) -> None:
    """Runs a function on every job, `workers` at a time; the first error stops the rest and is raised.

    Args:
        function: Importable by name.
        jobs: What to run it on.
        workers: Processes, each on one thread: results do not depend on how many there are.
        title: Of the progress bar.
    """
    if not jobs:
        return
    context = multiprocessing.get_context("spawn")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    count = min(workers, len(jobs))
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ProcessPoolExecutor(count, context, initializer=_one_thread, initargs=(os.getpid(),)) as pool,
    ):
        task = progress.add_task(title, total=len(jobs))
        futures = [pool.submit(function, job) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
                progress.advance(task)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread(parent: int) -> None:
    cv2.setNumThreads(1)
    threadpool_limits(1)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
