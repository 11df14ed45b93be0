"""Training the modulators and mappings on all view pairs (Sec. 3.2.2)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from modmap.config import TrainingSettings
from modmap.errors import ModMapError
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank


class Training:
    """The training of a mapper, an epoch at a time; the same inputs and seed give the same weights.

    Args:
        mapper: The modulators and mappings, with their initial weights; trained in place.
        bank: The training scans' tokens.
        settings: Epochs, batches, the learning-rate cycle, the seed.
        cross_view: All N x N pairs of a scan, or each view with itself only.

    Attributes:
        losses: The mean loss of each epoch so far, in [0, 4] (Eq. 10: the sum of the two mean cosine distances).
        optimiser: Adam over the mapper's parameters.
        schedule: OneCycle over all steps.
        generator: Of the order of the pairs and the drawing of tokens.
    """

    def __init__(
        self, mapper: CrossViewMapper, bank: TokenBank, settings: TrainingSettings, *, cross_view: bool = True
    ) -> None:
        self.mapper = mapper
        self.bank = bank
        self.settings = settings
        self.cross_view = cross_view
        self.losses: list[float] = []
        self.generator = torch.Generator().manual_seed(settings.seed)
        self._pairs = bank.pairs(cross_view=cross_view)
        # OneCycle divides by zero where its peak falls on the first step or its end on the second.
        steps = max(settings.epochs * math.ceil(len(self._pairs) / settings.pairs_per_batch), 3)
        self.optimiser = Adam(mapper.parameters(), lr=settings.learning_rate)
        self.schedule = OneCycleLR(
            self.optimiser,
            max_lr=settings.peak_learning_rate,
            total_steps=steps,
            pct_start=max(settings.warm_up, 2 / steps),
            anneal_strategy="cos",
            div_factor=settings.peak_learning_rate / settings.learning_rate,
        )

    @property
    def done(self) -> bool:
        """Whether every epoch has been trained."""
        return len(self.losses) >= self.settings.epochs

    def epoch(self) -> float:
        """Passes once over all view pairs.

        Returns:
            The mean loss, also appended to `losses`.

        Raises:
            ModMapError: the loss, or a weight, is no longer a number.
        """
        self.mapper.train()
        size = self.settings.pairs_per_batch
        order = torch.randperm(len(self._pairs), generator=self.generator).to(self._pairs.device)
        losses: list[float] = []
        for start in range(0, len(self._pairs), size):
            loss = self._step(self._pairs[order[start : start + size]])
            self.schedule.step()
            if loss is not None:
                losses.append(loss)
        self._require_finite()
        self.losses.append(sum(losses) / max(len(losses), 1))
        self.mapper.eval()
        return self.losses[-1]

    def run(self, *, after_epoch: Callable[[Training], None] | None = None) -> list[float]:
        """Trains until every epoch is done.

        Args:
            after_epoch: Called with this training after each epoch.

        Returns:
            The mean loss of each epoch, those before this call included.

        Raises:
            ModMapError: the loss, or a weight, is no longer a number.
        """
        while not self.done:
            self.epoch()
            if after_epoch is not None:
                after_epoch(self)
        return self.losses

    def _require_finite(self) -> None:
        """Checks what the last step has left: the loss is of the weights before it."""
        for name, parameter in self.mapper.named_parameters():
            if not torch.isfinite(parameter).all():
                raise ModMapError(
                    f"training: expected finite weights after a step, found NaN or infinity in {name}: lower "
                    "training.peak_learning_rate"
                )

    def _step(self, batch: Tensor) -> float | None:
        pair, place = self.bank.places(batch)
        if len(pair) == 0:
            return None
        most = self.settings.tokens_per_batch
        if most is not None and len(pair) > most:
            drawn = torch.randperm(len(pair), generator=self.generator)[:most].to(pair.device)
            pair, place = pair[drawn], place[drawn]
        image_distance, depth_distance = self.bank.distances(self.mapper, batch, pair, place)
        loss = image_distance.mean() + depth_distance.mean()
        if not torch.isfinite(loss):
            raise ModMapError(
                f"training: expected a finite loss, found {loss.item()}: lower training.peak_learning_rate"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return float(loss.detach())
