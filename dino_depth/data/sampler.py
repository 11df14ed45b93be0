"""Which depth maps a training step takes: a function of the step alone, so a run resumes where it was cut off.

A step here is one batch of every process; with gradient accumulation an optimiser step takes several. Skipping batches
of a running sampler, as accelerate does on resuming, depends on how far its workers had read ahead; this doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from dino_depth.arrays import Array
from dino_depth.errors import ConfigError, DinoDepthError


class Stream(IntEnum):
    """What random numbers are for; each has its own, whatever the others draw."""

    ORDER = 0
    CROPS = 1
    MASKS = 2
    MIX = 3


def generator(seed: int, stream: Stream, epoch: int, position: int = 0) -> np.random.Generator:
    """The random numbers of one permutation, map or batch; the same in whatever process they are drawn."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, epoch, position)))


def permutation(size: int, *, seed: int, epoch: int) -> Array:
    """(size,) the order of an epoch."""
    return generator(seed, Stream.ORDER, epoch).permutation(size)


class Draw(NamedTuple):
    """One map of a batch.

    Attributes:
        epoch: How often the corpus was taken before.
        position: In the order of the epoch, over all processes.
        row: Of the corpus.
    """

    epoch: int
    position: int
    row: int


class StepSampler(Sampler[list[Draw]]):
    """Batches of the corpus without end, for one process; every epoch has an order of its own.

    A step takes the next `batch * processes` maps of the order, and every process its part of them. So the maps of a
    step, and their positions, are the same however they are spread over processes; those of an optimiser step, however
    they are spread over processes and accumulated batches. What is left at the end of an epoch is too little for an
    optimiser step and is dropped; a corpus that has too little for one is taken batch by batch.

    Args:
        size: Maps in an epoch.
        batch: Maps in a batch of one process.
        seed: Of the orders.
        order: Gives the `size` rows of an epoch; permutations of the corpus by default.
        process: Which of the processes this is, from 0.
        processes: How many there are.
        accumulate: Batches of a process in an optimiser step.
        start: Step of the first batch, counted over all epochs.

    Attributes:
        steps_per_epoch: Batches of a process in an epoch.

    Raises:
        ConfigError: the corpus has too few maps for one step.
        DinoDepthError: a number is out of range.
    """

    def __init__(
        self,
        size: int,
        batch: int,
        *,
        seed: int,
        order: Callable[[int], Array] | None = None,
        process: int = 0,
        processes: int = 1,
        accumulate: int = 1,
        start: int = 0,
    ) -> None:
        if batch < 1 or accumulate < 1 or start < 0 or not 0 <= process < processes:
            raise DinoDepthError(
                f"sampler: expected a batch and accumulated batches from 1, a start from 0 and a process below "
                f"{processes}, found {batch}, {accumulate}, {start} and {process}"
            )
        if size < batch * processes:
            raise ConfigError(
                f"optim.batch_per_gpu: expected a corpus of at least {batch} x {processes} = {batch * processes} "
                f"depth maps, as many as a batch of every process takes, found {size}"
            )
        batches = size // (batch * processes)
        self.steps_per_epoch = batches - batches % accumulate or batches
        self._size, self._batch, self._seed, self._order = size, batch, seed, order
        self._process, self._processes, self._start = process, processes, start

    def __iter__(self) -> Iterator[list[Draw]]:
        """Batches from the start on, without end."""
        epoch, step = divmod(self._start, self.steps_per_epoch)
        while True:
            order = self._rows(epoch)
            for at in range(step, self.steps_per_epoch):
                first = (at * self._processes + self._process) * self._batch
                rows = order[first : first + self._batch].tolist()
                yield [Draw(epoch, first + index, row) for index, row in enumerate(rows)]
            epoch, step = epoch + 1, 0

    def _rows(self, epoch: int) -> Array:
        if self._order is not None:
            return self._order(epoch)
        return permutation(self._size, seed=self._seed, epoch=epoch)
