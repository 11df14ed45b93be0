"""PatchCore (Roth 2022): distances to a coreset of nominal features; of the image, or of depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from benchmarks.baselines.memory_bank import coreset, nearest, reweighted
from benchmarks.baselines.method import ViewScores
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader
from benchmarks.features.cnn import Layers
from modmap.config import EncoderSettings
from modmap.errors import ModMapError


class BankSettings(BaselineSettings):
    """Of a memory bank.

    Attributes:
        coreset: Share of the nominal features that is kept.
        most_kept: Never more than so many: what one scan of 36 views would give would take hours to pick from.
        neighbours: b of PatchCore's weight of an image's score.
    """

    coreset: float = Field(0.1, gt=0, le=1)
    most_kept: int = Field(10_000, ge=1)
    neighbours: int = Field(9, ge=1)


class PatchCoreSettings(BankSettings):
    """WideResNet-101's middle layers, as the paper's first row."""

    image_encoder: EncoderSettings = EncoderSettings(reference="wide_resnet101_2")


class PatchCore:
    """One memory bank of the features of one modality.

    Args:
        settings: Which features, and how many are kept.
        device: Where the bank lives.
    """

    title: ClassVar[str] = "PatchCore"
    layers: ClassVar[Layers] = "middle"
    settings_type: ClassVar[type[BaselineSettings]] = PatchCoreSettings

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        self.settings: BankSettings = settings
        self.bank = torch.zeros(0, 0, device=device)

    def require(self, reader: ViewReader) -> None:
        """Checks that there are features of one modality.

        Raises:
            ModMapError: there are none, or of both.
        """
        if len(reader.modalities) != 1:
            raise ModMapError(
                "patchcore: expected features of the image or of depth, the other encoder being none, found "
                f"{self.settings.features}"
            )

    def fit(self, views: Iterable[SeenView]) -> float:
        """Keeps a coreset of the features of all nominal views."""
        features = torch.cat([self.features(view) for view in views])
        self.bank = coreset(
            features, share=self.settings.coreset, most=self.settings.most_kept, seed=self.settings.seed
        )
        return float(nearest(features, self.bank)[0].max())

    def score(self, view: SeenView) -> ViewScores:
        """A token's score is its distance to the bank; the view's, the largest, weighted."""
        features = self.features(view)
        distances, indices = nearest(features, self.bank)
        worst = int(distances[:, 0].argmax())
        score = reweighted(
            distances[worst, 0],
            features[worst],
            self.bank[indices[worst, 0]],
            self.bank,
            count=self.settings.neighbours,
        )
        return ViewScores(view.grid_of(distances[:, 0]), score)

    def features(self, view: SeenView) -> Tensor:
        """(M, C) features of the view's mapped tokens."""
        (modality,) = view.tokens
        return view.part(modality)

    def state(self) -> dict[str, Tensor]:
        """The bank."""
        return {"bank": self.bank}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes a bank."""
        self.bank = state["bank"]
