"""What changes over a run, as closed forms of the step: nothing to save, nothing to resume."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dino_depth.config import PretrainConfig


def linear(step: int, steps: int, *, start: float, end: float) -> float:
    """From start at step 0 to end at step `steps`, then constant."""
    return end if step >= steps else start + (end - start) * step / steps


def cosine(step: int, steps: int, *, start: float, end: float) -> float:
    """From start at step 0 to end at step `steps` by half a cosine, then constant."""
    return end if step >= steps else end + (start - end) * (1 + math.cos(math.pi * step / steps)) / 2


def warm_up_cosine(step: int, steps: int, *, warm_up: int, peak: float, end: float) -> float:
    """A line to the peak, reached by the last of `warm_up` steps, then a cosine to end at step `steps`.

    The line starts with peak / warm_up, not with 0: no step is without effect.
    """
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return cosine(step - warm_up, steps - warm_up, start=peak, end=end)


@dataclass(frozen=True)
class ScheduleValues:
    """What holds at one step.

    Attributes:
        lr: Learning rate, before a parameter's own factor.
        last_layer_lr: The same for the heads' last layers; 0 while they are frozen.
        weight_decay: AdamW's, before a parameter's own factor.
        momentum: The share of itself that the teacher keeps.
        teacher_temperature: Of the teacher's softmax.
    """

    lr: float
    last_layer_lr: float
    weight_decay: float
    momentum: float
    teacher_temperature: float


@dataclass(frozen=True)
class Schedules:
    """The recipe's schedules.

    Attributes:
        config: The recipe.
        steps_per_epoch: Optimiser steps in an epoch.
        total_batch: Depth maps in an optimiser step, over all processes and accumulated batches.
    """

    config: PretrainConfig
    steps_per_epoch: int
    total_batch: int

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.config.optim.epochs * self.steps_per_epoch

    @property
    def peak_lr(self) -> float:
        """The learning rate after the warm-up, scaled by the square root of the total batch over 1024."""
        return self.config.optim.lr * math.sqrt(self.total_batch / 1024)

    def at(self, step: int) -> ScheduleValues:
        """The values at a step, counted from 0; past the run's end, those of its end."""
        optim, teacher = self.config.optim, self.config.teacher
        lr = warm_up_cosine(
            step,
            self.steps,
            warm_up=optim.warm_up_epochs * self.steps_per_epoch,
            peak=self.peak_lr,
            end=optim.minimum_lr,
        )
        frozen = step < self.config.heads.frozen_last_layer_epochs * self.steps_per_epoch
        return ScheduleValues(
            lr=lr,
            last_layer_lr=0.0 if frozen else lr,
            weight_decay=cosine(step, self.steps, start=optim.weight_decay[0], end=optim.weight_decay[1]),
            momentum=cosine(step, self.steps, start=teacher.momentum[0], end=teacher.momentum[1]),
            teacher_temperature=linear(
                step,
                teacher.temperature_epochs * self.steps_per_epoch,
                start=teacher.temperature[0],
                end=teacher.temperature[1],
            ),
        )
