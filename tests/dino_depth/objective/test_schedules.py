"""Schedules in closed form, at hand-worked steps of the published recipe."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dino_depth.config import PretrainConfig
from dino_depth.objective.schedules import Schedules, cosine, linear, warm_up_cosine

STEPS = 50


def _published(*, total_batch: int = 1024, **heads: int) -> Schedules:
    config = PretrainConfig.model_validate({"heads": heads})
    return Schedules(config, steps_per_epoch=STEPS, total_batch=total_batch)


class TestCosine:
    @given(steps=st.integers(1, 1000), start=st.floats(-5, 5), end=st.floats(-5, 5))
    def test_cosine__ends_and_middle(self, steps: int, start: float, end: float) -> None:
        assert cosine(0, steps, start=start, end=end) == pytest.approx(start)
        assert cosine(steps, 2 * steps, start=start, end=end) == pytest.approx((start + end) / 2)
        assert cosine(steps, steps, start=start, end=end) == end
        assert cosine(steps + 7, steps, start=start, end=end) == end

    @given(step=st.integers(0, 100))
    def test_cosine__is_symmetric(self, step: int) -> None:
        both = cosine(step, 100, start=0, end=1) + cosine(100 - step, 100, start=0, end=1)
        assert both == pytest.approx(1)

    def test_cosine__no_steps_is_the_end(self) -> None:
        assert cosine(0, 0, start=1, end=2) == 2


class TestLinear:
    def test_linear__quarters_then_constant(self) -> None:
        found = [linear(step, 4, start=1, end=3) for step in range(7)]
        assert found == pytest.approx([1, 1.5, 2, 2.5, 3, 3, 3])

    def test_linear__no_steps_is_the_end(self) -> None:
        assert linear(0, 0, start=1, end=3) == 3


class TestWarmUpCosine:
    def test_warm_up_cosine__line_then_cosine(self) -> None:
        found = [warm_up_cosine(step, 8, warm_up=4, peak=2, end=0) for step in range(10)]
        half = math.sqrt(2) / 2
        assert found == pytest.approx([0.5, 1, 1.5, 2, 2, 1 + half, 1, 1 - half, 0, 0])

    def test_warm_up_cosine__without_warm_up_starts_at_the_peak(self) -> None:
        assert warm_up_cosine(0, 8, warm_up=0, peak=2, end=0) == 2


class TestSchedules:
    def test_at__first_step(self) -> None:
        values = _published().at(0)
        assert values.lr == pytest.approx(1e-3 / 500)
        assert values.last_layer_lr == 0
        assert values.weight_decay == pytest.approx(0.04)
        assert values.momentum == pytest.approx(0.992)
        assert values.teacher_temperature == pytest.approx(0.04)

    def test_at__middle_of_the_run(self) -> None:
        values = _published().at(50 * STEPS)
        assert values.lr == pytest.approx(1e-6 + (1e-3 - 1e-6) * (1 + math.cos(math.pi * 40 / 90)) / 2)
        assert values.last_layer_lr == values.lr
        assert values.weight_decay == pytest.approx(0.22)
        assert values.momentum == pytest.approx(0.996)
        assert values.teacher_temperature == pytest.approx(0.07)

    def test_at__end_of_the_run(self) -> None:
        values = _published().at(100 * STEPS)
        assert values.lr == pytest.approx(1e-6)
        assert values.weight_decay == pytest.approx(0.4)
        assert values.momentum == 1
        assert values == _published().at(200 * STEPS)

    def test_at__temperature_rises_over_30_epochs(self) -> None:
        assert _published().at(15 * STEPS).teacher_temperature == pytest.approx(0.055)
        assert _published().at(30 * STEPS - 1).teacher_temperature < 0.07
        assert _published().at(30 * STEPS).teacher_temperature == 0.07

    @pytest.mark.parametrize(("batch", "factor"), [(1024, 1), (256, 0.5), (4096, 2), (128, math.sqrt(1 / 8))])
    def test_peak_lr__square_root_of_the_batch(self, batch: int, factor: float) -> None:
        schedules = _published(total_batch=batch)
        assert schedules.peak_lr == pytest.approx(1e-3 * factor)
        assert schedules.at(10 * STEPS).lr == pytest.approx(1e-3 * factor)

    @pytest.mark.parametrize("epochs", [0, 1, 3])
    def test_at__last_layer_rests_for_whole_epochs(self, epochs: int) -> None:
        schedules = _published(frozen_last_layer_epochs=epochs)
        resting = [schedules.at(step).last_layer_lr == 0 for step in range(5 * STEPS)]
        assert resting == [step < epochs * STEPS for step in range(5 * STEPS)]
