"""The sampler against a slow reference, and after every resume."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.data.sampler import Draw, StepSampler, Stream, generator
from dino_depth.errors import ConfigError, DinoDepthError


def reference(size: int, batch: int, seed: int, process: int, processes: int, steps: int) -> list[list[Draw]]:
    """The batches of a process, from the definition: every epoch's order, dealt out in whole steps."""
    batches = []
    epoch = 0
    while len(batches) < steps:
        order = generator(seed, Stream.ORDER, epoch).permutation(size)
        position = 0
        while position + batch * processes <= size:
            for dealt_to in range(processes):
                draws = []
                for _ in range(batch):
                    draws.append(Draw(epoch, position, int(order[position])))
                    position += 1
                if dealt_to == process:
                    batches.append(draws)
        epoch += 1
    return batches[:steps]


corpora = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 20)).map(
    lambda drawn: (drawn[0] * drawn[1] + drawn[2], drawn[0], drawn[1])
)


class TestStepSampler:
    @given(corpus=corpora, seed=st.integers(0, 2**40))
    @settings(max_examples=30, deadline=None)
    def test_iter__equals_the_reference_from_every_step(
        self, corpus: tuple[int, int, int], seed: int
    ) -> None:
        size, batch, processes = corpus
        for process in range(processes):
            expected = reference(size, batch, seed, process, processes, 15)
            for start in range(10):
                sampler = StepSampler(
                    size, batch, seed=seed, process=process, processes=processes, start=start
                )
                assert list(islice(sampler, 5)) == expected[start : start + 5]

    @given(corpus=corpora, seed=st.integers(0, 1000))
    @settings(max_examples=50, deadline=None)
    def test_iter__processes_share_an_epoch_without_overlap(
        self, corpus: tuple[int, int, int], seed: int
    ) -> None:
        size, batch, processes = corpus
        samplers = [
            StepSampler(size, batch, seed=seed, process=process, processes=processes)
            for process in range(processes)
        ]
        steps = samplers[0].steps_per_epoch
        drawn = [draw for one in samplers for taken in islice(one, steps) for draw in taken]
        used = size - size % (batch * processes)
        assert {draw.epoch for draw in drawn} == {0}
        assert sorted(draw.position for draw in drawn) == list(range(used))
        rows = [draw.row for draw in drawn]
        assert len(set(rows)) == used
        assert set(rows) <= set(range(size))

    def test_iter__a_step_has_the_same_maps_however_many_processes(self) -> None:
        whole = list(islice(StepSampler(50, 12, seed=3), 9))
        parts = [islice(StepSampler(50, 4, seed=3, process=at, processes=3), 9) for at in range(3)]
        assert [first + second + third for first, second, third in zip(*parts, strict=True)] == whole

    @pytest.mark.parametrize("size", [24, 28, 31])
    def test_iter__an_optimiser_step_has_the_same_maps_however_it_is_spread(self, size: int) -> None:
        whole = [sorted(batch) for batch in islice(StepSampler(size, 8, seed=3), 9)]
        for batch, processes, accumulate in [(4, 1, 2), (4, 2, 1), (2, 2, 2), (1, 2, 4)]:
            samplers = [
                iter(StepSampler(size, batch, seed=3, process=at, processes=processes, accumulate=accumulate))
                for at in range(processes)
            ]
            steps = [
                sorted(draw for one in samplers for taken in islice(one, accumulate) for draw in taken)
                for _ in range(9)
            ]
            assert steps == whole

    def test_iter__a_corpus_too_small_for_an_optimiser_step_is_taken_batch_by_batch(self) -> None:
        accumulated = islice(StepSampler(7, 2, seed=3, accumulate=4), 9)
        assert list(accumulated) == list(islice(StepSampler(7, 2, seed=3), 9))

    def test_iter__orders_differ_between_epochs_and_seeds_and_are_random(self) -> None:
        orders = []
        for seed in (0, 1):
            batches = list(islice(StepSampler(100, 100, seed=seed), 2))
            orders += [[draw.row for draw in batch] for batch in batches]
        for index, order in enumerate(orders):
            assert sorted(order) == list(range(100))
            assert order != sorted(order)
            assert order not in orders[:index]

    def test_iter__can_be_begun_again(self) -> None:
        sampler = StepSampler(20, 3, seed=0, start=4)
        assert list(islice(sampler, 4)) == list(islice(sampler, 4))

    def test_iter__draws_tell_the_epoch_and_the_position_in_it(self) -> None:
        sampler = StepSampler(23, 3, seed=0, process=1, processes=2)
        assert sampler.steps_per_epoch == 3
        for step, batch in enumerate(islice(sampler, 11)):
            assert batch[0].epoch == step // 3
            assert batch[0].position == step % 3 * 6 + 3

    def test_init__too_few_maps_is_an_error(self) -> None:
        with pytest.raises(ConfigError) as error:
            StepSampler(5, 3, seed=0, processes=2)
        assert str(error.value) == (
            "optim.batch_per_gpu: expected a corpus of at least 3 x 2 = 6 depth maps, as many as a batch of every "
            "process takes, found 5"
        )

    @pytest.mark.parametrize(
        "wrong",
        [{"batch": 0}, {"accumulate": 0}, {"process": 2, "processes": 2}, {"process": -1}, {"start": -1}],
    )
    def test_init__numbers_out_of_range_are_an_error(self, wrong: dict[str, int]) -> None:
        with pytest.raises(DinoDepthError, match="sampler: expected"):
            StepSampler(20, **{"batch": 2, "seed": 0, **wrong})


class TestGenerator:
    def test_generator__every_argument_makes_another_stream(self) -> None:
        keys = [(seed, stream, a, b) for seed in (0, 1) for stream in Stream for a in (0, 1) for b in (0, 1)]
        draws = {generator(*key).integers(2**62) for key in keys}
        assert len(draws) == len(keys)

    def test_generator__is_the_same_every_time(self) -> None:
        first, second = (generator(5, Stream.CROPS, 2, 7).random(10) for _ in range(2))
        np.testing.assert_array_equal(first, second)
