"""CFM, crossmodal feature mapping (Costanzino 2024): each modality's features predicted from the other's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from benchmarks.baselines.detector import smoothed
from benchmarks.baselines.method import ViewScores
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader, require_modalities
from benchmarks.features.choice import FPFH
from benchmarks.features.cnn import Layers
from modmap.config import EncoderSettings, TrainingSettings
from modmap.mapping.anomaly_maps import refined_maps
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.mapping.training import Training

SCALE = ("image_mean", "image_std", "depth_mean", "depth_std")
SMALLEST_DEVIATION = 1e-6


class CFMSettings(BaselineSettings):
    """The training is that of ModMap's `fast`: the two are compared by what they map, not by how long they learn.

    Attributes:
        epochs: Passes over the nominal views.
        views_per_batch: Of a step.
        tokens_per_batch: Of a step, drawn from its views.
        learning_rate: Where OneCycle starts.
        peak_learning_rate: Where it peaks.
        standardised: Take each channel less its mean over the nominal tokens and over its deviation first. Published
            without, on DINO's features; a few channels of DINO-v2's are so large that a cosine sees no others.
    """

    image_encoder: EncoderSettings = EncoderSettings(reference="dinov2_vits14")
    depth_encoder: EncoderSettings = EncoderSettings(reference=FPFH)
    epochs: int = Field(100, ge=1)
    views_per_batch: int = Field(12, ge=1)
    tokens_per_batch: int = Field(256, ge=1)
    learning_rate: float = Field(3e-4, gt=0)
    peak_learning_rate: float = Field(3e-3, gt=0)
    standardised: bool = False


class CFM:
    """Two mappings of three linear layers, one for all views, and no view told from another.

    A token's score is the product of its two distances from what the other modality predicts, both Euclidean between
    vectors of length 1 (Sec. 3.3); that of a view, its largest once smoothed. The mappings and their training are
    ModMap's, without all that it adds to them.

    Args:
        settings: Which features, and how the mappings are trained.
        device: Where everything lives.
    """

    title: ClassVar[str] = "CFM"
    layers: ClassVar[Layers] = "middle"
    settings_type: ClassVar[type[BaselineSettings]] = CFMSettings

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        self.settings: CFMSettings = settings
        self._device = device
        self._mapper: CrossViewMapper | None = None
        self._scale: dict[
            str, Tensor
        ] = {}  # mean and deviation of each channel, empty where tokens stay as they are

    def require(self, reader: ViewReader) -> None:
        """Checks that there are features of both modalities.

        Raises:
            ModMapError: one has none.
        """
        require_modalities(reader, "image", "depth", method="cfm")

    def fit(self, views: Iterable[SeenView]) -> float:
        """Trains both mappings on the tokens of all views."""
        settings = self.settings
        bank = _bank(list(views))
        self._scale = _scale_of(bank) if settings.standardised else {}
        bank = self._scaled(bank)
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            torch.manual_seed(settings.seed)
            mapper = _mapper(bank.image.shape[-1], bank.depth.shape[-1]).to(self._device)
        Training(
            mapper,
            bank,
            TrainingSettings(
                epochs=settings.epochs,
                pairs_per_batch=settings.views_per_batch,
                tokens_per_batch=settings.tokens_per_batch,
                learning_rate=settings.learning_rate,
                peak_learning_rate=settings.peak_learning_rate,
                seed=settings.seed,
            ),
            cross_view=False,
        ).run()
        self._mapper = mapper
        return float(self._products(bank)[bank.foreground].max())

    def score(self, view: SeenView) -> ViewScores:
        """The product of the two distances at every token."""
        bank = self._scaled(_bank([view]))
        products = view.grid_of(self._products(bank)[bank.foreground])
        smooth = smoothed(products, self.settings.smoothing)
        return ViewScores(products, float(smooth[np.isfinite(smooth)].max()))

    def state(self) -> dict[str, Tensor]:
        """Both mappings' weights, and what the channels are scaled by."""
        return {} if self._mapper is None else {**self._mapper.state_dict(), **self._scale}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes them back."""
        weights = {name: one for name, one in state.items() if name not in SCALE}
        self._scale = {name: state[name] for name in SCALE if name in state}
        image, depth = (
            weights[f"{name}.layers.0.weight"].shape[1] for name in ("image_to_depth", "depth_to_image")
        )
        self._mapper = _mapper(image, depth).to(self._device)
        self._mapper.load_state_dict(weights, strict=True)
        self._mapper.eval()

    def _scaled(self, bank: TokenBank) -> TokenBank:
        if not self._scale:
            return bank
        image, depth = (
            (tokens - self._scale[f"{name}_mean"]) / self._scale[f"{name}_std"]
            for name, tokens in (("image", bank.image), ("depth", bank.depth))
        )
        return replace(bank, image=image, depth=depth)

    def _products(self, bank: TokenBank) -> Tensor:
        """(N, L) products of the distances, infinite where a token isn't mapped."""
        assert self._mapper is not None
        one_minus_cosine = refined_maps(self._mapper, bank, cross_view=False)
        image, depth = ((2 * one.clamp_min(0)).sqrt() for one in one_minus_cosine)
        return image * depth


def _scale_of(bank: TokenBank) -> dict[str, Tensor]:
    """(C,) mean and deviation of each channel over the part's tokens, of either modality."""
    found = {}
    for name, tokens in (("image", bank.image), ("depth", bank.depth)):
        of_part = tokens[bank.foreground]
        found[f"{name}_mean"] = of_part.mean(dim=0)
        found[f"{name}_std"] = of_part.std(dim=0).clamp_min(SMALLEST_DEVIATION)
    return found


def _mapper(image_channels: int, depth_channels: int) -> CrossViewMapper:
    return CrossViewMapper(image_channels, depth_channels, views=0, view_conditioning=False)


def _bank(views: Sequence[SeenView]) -> TokenBank:
    """The tokens of some views, as if all were one: what they are called makes no difference."""
    image, depth = (torch.stack([view.tokens[modality] for view in views]) for modality in ("image", "depth"))
    rows = torch.zeros(len(views), dtype=torch.int64, device=image.device)
    mapped = np.stack([view.mapped.ravel() for view in views])
    return TokenBank(
        image=image,
        depth=depth,
        foreground=torch.from_numpy(mapped).to(image.device),
        view=rows,
        category=None,
        scan=rows,
    )
