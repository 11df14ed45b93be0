"""M3DM (Wang 2023): memory banks of image, depth and learnt joint features; one-class SVMs decide between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from benchmarks.baselines.feature_fusion import FeatureFusion, train_fusion
from benchmarks.baselines.memory_bank import coreset, nearest, reweighted
from benchmarks.baselines.method import ViewScores
from benchmarks.baselines.patchcore import BankSettings
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader, require_modalities
from benchmarks.features.choice import FPFH
from benchmarks.features.cnn import Layers
from modmap.config import EncoderSettings
from modmap.types import Modality

BOTH: tuple[Modality, Modality] = ("image", "depth")
BANKS = ("image", "depth", "joint")


class M3DMSettings(BankSettings):
    """DINO-v2 with FPFH, as SiM3D has it; Point-MAE, which M3DM was published with, needs a checkpoint.

    Attributes:
        epochs: Passes of the fusion's training over the nominal features.
        tokens_per_batch: Features that are told apart in one step.
        learning_rate: Of Adam.
    """

    image_encoder: EncoderSettings = EncoderSettings(reference="dinov2_vits14")
    depth_encoder: EncoderSettings = EncoderSettings(reference=FPFH)
    epochs: int = Field(20, ge=1)
    tokens_per_batch: int = Field(512, ge=2)
    learning_rate: float = Field(1e-3, gt=0)


class M3DM:
    """Three memory banks, a fusion trained to match the two modalities of one place, and two decision layers.

    The two layers are linear one-class SVMs over the three distances (Sec. 3.4, Eqs. 8 and 9): one for tokens, learnt
    from every nominal token, one for whole views, learnt from the nominal views. Published with factors between the
    distances that suit its features; here each is divided by the mean gap between neighbours in its bank instead, and
    a nominal feature is never compared with itself.

    Args:
        settings: Which features, and how the fusion is trained.
        device: Where everything lives.
    """

    title: ClassVar[str] = "M3DM"
    layers: ClassVar[Layers] = "middle"
    settings_type: ClassVar[type[BaselineSettings]] = M3DMSettings

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        self.settings: M3DMSettings = settings
        self._device = device
        self.scale = torch.ones(2, 2, device=device)  # mean and standard deviation of each modality
        self.fusion: FeatureFusion | None = None
        self.banks: dict[str, Tensor] = {}
        self.gaps = torch.ones(len(BANKS), device=device)
        self.token_weights = torch.ones(len(BANKS), device=device)
        self.view_weights = torch.ones(len(BANKS), device=device)

    def require(self, reader: ViewReader) -> None:
        """Checks that there are features of both modalities.

        Raises:
            ModMapError: one has none.
        """
        require_modalities(reader, *BOTH, method="m3dm")

    def fit(self, views: Iterable[SeenView]) -> float:
        """Trains the fusion, fills the banks and learns both decision layers."""
        parts = [[view.part(modality) for modality in BOTH] for view in views]
        counts = [len(part[0]) for part in parts]
        image, depth = (torch.cat([part[index] for part in parts]) for index in range(2))
        self.scale = torch.stack(
            [torch.stack([one.mean(), one.std().clamp_min(1e-12)]) for one in (image, depth)]
        )
        image, depth = self._scaled(image, depth)
        self.fusion = train_fusion(
            image,
            depth,
            epochs=self.settings.epochs,
            tokens_per_batch=self.settings.tokens_per_batch,
            learning_rate=self.settings.learning_rate,
            seed=self.settings.seed,
        )
        features = self._features(image, depth)
        self.banks = {
            name: coreset(
                one, share=self.settings.coreset, most=self.settings.most_kept, seed=self.settings.seed
            )
            for name, one in features.items()
        }
        self.gaps = torch.stack(
            [to_another(bank, bank).mean().clamp_min(1e-6) for bank in self.banks.values()]
        )
        distances = torch.stack([to_another(features[name], self.banks[name]) for name in BANKS], dim=1)
        scores = distances / self.gaps
        of_views = torch.stack([one.max(dim=0).values for one in torch.split(scores, counts)])
        self.token_weights = decision_layer(scores, seed=self.settings.seed)
        self.view_weights = decision_layer(of_views, seed=self.settings.seed)
        return float((scores @ self.token_weights).max())

    def score(self, view: SeenView) -> ViewScores:
        """Both decision layers' scores: of the tokens, and of the view's largest weighted distances."""
        features = self._features(*self._scaled(view.part("image"), view.part("depth")))
        distances, of_view = [], []
        for name in BANKS:
            bank = self.banks[name]
            found, index = nearest(features[name], bank)
            worst = int(found[:, 0].argmax())
            distances.append(found[:, 0])
            of_view.append(
                reweighted(
                    found[worst, 0],
                    features[name][worst],
                    bank[index[worst, 0]],
                    bank,
                    count=self.settings.neighbours,
                )
            )
        tokens = (torch.stack(distances, dim=1) / self.gaps) @ self.token_weights
        whole = (torch.tensor(of_view, device=self._device) / self.gaps) @ self.view_weights
        return ViewScores(view.grid_of(tokens), float(whole))

    def state(self) -> dict[str, Tensor]:
        """Fusion, banks, and the numbers between them."""
        fusion = {} if self.fusion is None else self.fusion.state_dict()
        return {
            "scale": self.scale,
            "gaps": self.gaps,
            "token_weights": self.token_weights,
            "view_weights": self.view_weights,
            **{f"bank.{name}": bank for name, bank in self.banks.items()},
            **{f"fusion.{name}": tensor for name, tensor in fusion.items()},
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes all of it back."""
        self.scale, self.gaps = state["scale"], state["gaps"]
        self.token_weights, self.view_weights = state["token_weights"], state["view_weights"]
        self.banks = {name: state[f"bank.{name}"] for name in BANKS}
        channels = [self.banks[name].shape[1] for name in BOTH]
        self.fusion = FeatureFusion(*channels).to(self._device).eval()
        prefix = "fusion."
        weights = {key.removeprefix(prefix): one for key, one in state.items() if key.startswith(prefix)}
        self.fusion.load_state_dict(weights, strict=True)

    def _scaled(self, image: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        (image_mean, image_std), (depth_mean, depth_std) = self.scale
        return (image - image_mean) / image_std, (depth - depth_mean) / depth_std

    @torch.inference_mode()
    def _features(self, image: Tensor, depth: Tensor) -> dict[str, Tensor]:
        assert self.fusion is not None
        return {"image": image, "depth": depth, "joint": torch.cat(self.fusion(image, depth), dim=1)}


def to_another(features: Tensor, bank: Tensor) -> Tensor:
    """(N,) distances of features (N, C) to the nearest of the bank (M, C) that isn't the feature itself."""
    found, _ = nearest(features, bank, count=2)
    itself = (found[:, 0] == 0) & (found.shape[1] > 1)
    return torch.where(itself, found[:, -1], found[:, 0])


def decision_layer(scores: Tensor, *, seed: int) -> Tensor:
    """(K,) weights of a linear one-class SVM over nominal scores (N, K); their weighted sum is the score."""
    from sklearn.linear_model import SGDOneClassSVM

    layer = SGDOneClassSVM(random_state=seed).fit(scores.double().cpu().numpy())
    return torch.tensor(np.asarray(layer.coef_), dtype=scores.dtype, device=scores.device)
