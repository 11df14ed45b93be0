"""Work on many views by as many threads as torch computes with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import torch

Item = TypeVar("Item")
Found = TypeVar("Found")


def in_order(function: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
    """What a function gives for each item, in order; as many items are worked on at a time as torch has threads.

    `OMP_NUM_THREADS` and `torch.set_num_threads` set how many these are; of one, the caller does the work itself.
    Within `function` torch computes on one thread, so that the same bits are found however many there are. At most as
    many outcomes wait to be taken.

    Raises:
        Exception: what the function raises for an item, once those before it have been taken.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield from map(function, items)
        return
    left = iter(items)
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        pending: deque[Future[Found]] = deque(pool.submit(function, item) for item in islice(left, threads))
        while pending:
            found = pending.popleft().result()
            pending.extend(pool.submit(function, item) for item in islice(left, 1))
            yield found
    finally:
        pool.shutdown(cancel_futures=True)
