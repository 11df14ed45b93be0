"""BTF, "back to the feature" (Horwitz 2023): PatchCore on features of the image and of depth side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmarks.baselines.memory_bank import coreset, nearest
from benchmarks.baselines.patchcore import BankSettings, PatchCore
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader, require_modalities
from benchmarks.features.choice import FPFH
from modmap.config import EncoderSettings
from modmap.types import Modality

BOTH: tuple[Modality, Modality] = ("image", "depth")


class BTFSettings(BankSettings):
    """The image's features with FPFH."""

    image_encoder: EncoderSettings = EncoderSettings(reference="wide_resnet101_2")
    depth_encoder: EncoderSettings = EncoderSettings(reference=FPFH)


class BTF(PatchCore):
    """One memory bank of both modalities' features, joined.

    Published without any scaling, where the wider of the two decides alone; here each is divided by the mean length of
    its nominal features, so that either can tell.
    """

    title: ClassVar[str] = "BTF"
    settings_type: ClassVar[type[BaselineSettings]] = BTFSettings

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        super().__init__(settings, device=device)
        self.lengths = torch.ones(2, device=device)

    def require(self, reader: ViewReader) -> None:
        """Checks that there are features of both modalities.

        Raises:
            ModMapError: one has none.
        """
        require_modalities(reader, *BOTH, method="btf")

    def fit(self, views: Iterable[SeenView]) -> float:
        """Measures both modalities' lengths and keeps a coreset of their features side by side."""
        parts = [[view.part(modality) for modality in BOTH] for view in views]
        image, depth = (torch.cat([part[index] for part in parts]) for index in range(2))
        self.lengths = torch.stack([one.norm(dim=1).mean().clamp_min(1e-12) for one in (image, depth)])
        features = torch.cat([image / self.lengths[0], depth / self.lengths[1]], dim=1)
        self.bank = coreset(
            features, share=self.settings.coreset, most=self.settings.most_kept, seed=self.settings.seed
        )
        return float(nearest(features, self.bank)[0].max())

    def features(self, view: SeenView) -> Tensor:
        """(M, Ci + Cd) features of the view's mapped tokens."""
        return torch.cat(
            [view.part(modality) / length for modality, length in zip(BOTH, self.lengths, strict=True)], dim=1
        )

    def state(self) -> dict[str, Tensor]:
        """The bank, and what its features were divided by."""
        return {"bank": self.bank, "lengths": self.lengths}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes both."""
        self.bank, self.lengths = state["bank"], state["lengths"]
