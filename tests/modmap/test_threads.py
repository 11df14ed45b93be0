"""Work on many items by several threads, beside the plain loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from modmap.threads import in_order


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    assert torch.get_num_threads() == request.param
    torch.set_num_threads(before)


def test_in_order__is_the_plain_loop(threads: int) -> None:
    def late(item: int) -> int:
        time.sleep(0.01 * (item % 3 == 0))
        return item**2

    assert list(in_order(late, range(10))) == [item**2 for item in range(10)]
    assert list(in_order(late, [])) == []


def test_in_order__torch_computes_on_one_thread_within(threads: int) -> None:
    assert set(in_order(lambda _: torch.get_num_threads(), range(6))) == {1}


def test_in_order__as_many_at_a_time_and_no_more_ahead(threads: int) -> None:
    """Each item waits until as many are in work as there are threads."""
    together, begun = threading.Barrier(threads), []

    def meet(item: int) -> int:
        begun.append(item)
        together.wait(timeout=10)
        return item

    found = in_order(meet, range(3 * threads))
    assert next(found) == 0
    assert len(begun) <= 2 * threads
    assert list(found) == list(range(1, 3 * threads))


def test_in_order__an_error_comes_in_its_turn(threads: int) -> None:
    def fail(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return item

    found = in_order(fail, range(100))
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(found)
    assert threading.active_count() < 50


def test_in_order__left_early_ends_its_threads(threads: int) -> None:
    before = threading.active_count()
    found = in_order(abs, range(1000))
    assert next(found) == 0
    found.close()
    assert threading.active_count() == before
