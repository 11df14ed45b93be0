"""Modulate-and-map: FiLM modulators and cross-modal feature mappings between views (Sec. 3.2.1, Eqs. 3-10).

Shapes: T tokens, V known views, K known classes, C channels. A token travels from a source view s to a target view t
and from one modality to the other, at the same place of the token grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class ViewPairs:
    """P pairs of views, the source's tokens to be mapped to the target's.

    Attributes:
        source: (P,) int64 index of the source view, in [0, V).
        target: (P,) int64 index of the target view, in [0, V).
        category: (P,) int64 index of the class, in [0, K); None for a class-specific model.
    """

    source: Tensor
    target: Tensor
    category: Tensor | None = None


class Modulator(nn.Module):
    """Scales and shifts source tokens by a small MLP of the two views' one-hot codes (Eqs. 3-5).

    Args:
        views: V, how many views the codes tell apart; 0 leaves the views out of the codes.
        channels: C, of the tokens.
        classes: K, how many classes the codes tell apart; 0 for a class-specific model.
        hidden: Width of the MLP's hidden layer.

    It starts as the identity: gamma = 1, beta = 0, whatever the codes.
    """

    def __init__(self, views: int, channels: int, *, classes: int = 0, hidden: int = 128) -> None:
        super().__init__()
        self.views = views
        self.classes = classes
        output = nn.Linear(hidden, 2 * channels)
        nn.init.zeros_(output.weight)
        with torch.no_grad():
            output.bias.copy_(torch.cat([torch.ones(channels), torch.zeros(channels)]))
        self.mlp = nn.Sequential(nn.Linear(2 * views + classes, hidden), nn.GELU(), output)

    def scale_and_shift(self, pairs: ViewPairs) -> tuple[Tensor, Tensor]:
        """Eq. 4: gamma (P, C) and beta (P, C) of P view pairs."""
        codes = []
        if self.views:
            codes += [F.one_hot(pairs.source, self.views), F.one_hot(pairs.target, self.views)]
        if self.classes:
            if pairs.category is None:
                raise ValueError("a multi-class modulator needs the class of every pair")
            codes.append(F.one_hot(pairs.category, self.classes))
        parameters = self.mlp(torch.cat(codes, dim=1).to(next(self.parameters()).dtype))
        gamma, beta = parameters.chunk(2, dim=1)
        return gamma, beta

    def forward(self, tokens: Tensor, pairs: ViewPairs, pair_of_token: Tensor) -> Tensor:
        """Eq. 5: modulates tokens.

        Args:
            tokens: (T, C) tokens of the source views.
            pairs: The P view pairs.
            pair_of_token: (T,) int64, which of the P pairs a token belongs to.

        Returns:
            (T, C) modulated tokens.
        """
        gamma, beta = self.scale_and_shift(pairs)
        if len(gamma) == 1:
            return torch.addcmul(beta, gamma, tokens)
        # Not beta[pair_of_token]: on several threads its gradient is summed in another order every time.
        beta_of_token, gamma_of_token = (one.index_select(0, pair_of_token) for one in (beta, gamma))
        return torch.addcmul(beta_of_token, gamma_of_token, tokens)


class FeatureMapper(nn.Module):
    """Predicts the tokens of one modality from those of the other, token by token (Eqs. 6 and 7).

    Three linear layers of output widths [in, (in + out) / 2, out], GELU after the two hidden ones (Sec. A.2: 768,
    576, 384 from image to depth; the widths that the paper prints for the way back, 1152, 576, 384, don't fit a
    768-channel target, so the same rule is read for both ways).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        middle = (in_channels + out_channels) // 2
        self.layers = nn.Sequential(
            nn.Linear(in_channels, in_channels),
            nn.GELU(),
            nn.Linear(in_channels, middle),
            nn.GELU(),
            nn.Linear(middle, out_channels),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """(T, in) -> (T, out)."""
        mapped: Tensor = self.layers(tokens)
        return mapped


class CrossViewMapper(nn.Module):
    """Both modulators and both mappings.

    Args:
        image_channels: Channels of the image tokens.
        depth_channels: Channels of the depth tokens.
        views: V, known views.
        classes: K, known classes; 0 for a class-specific model.
        view_conditioning: False leaves the views out of the codes; without classes there is then no modulator, and
            source tokens are mapped as they are.
        modulator_hidden: Width of the modulators' hidden layer.
    """

    def __init__(
        self,
        image_channels: int,
        depth_channels: int,
        *,
        views: int,
        classes: int = 0,
        view_conditioning: bool = True,
        modulator_hidden: int = 128,
    ) -> None:
        super().__init__()
        self.image_to_depth = FeatureMapper(image_channels, depth_channels)
        self.depth_to_image = FeatureMapper(depth_channels, image_channels)
        self.image_modulator: Modulator | None = None
        self.depth_modulator: Modulator | None = None
        coded = views if view_conditioning else 0
        if coded or classes:
            self.image_modulator = Modulator(coded, image_channels, classes=classes, hidden=modulator_hidden)
            self.depth_modulator = Modulator(coded, depth_channels, classes=classes, hidden=modulator_hidden)

    def forward(
        self, image_tokens: Tensor, depth_tokens: Tensor, *, pairs: ViewPairs, pair_of_token: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Maps the source tokens of view pairs to the other modality of the target view (Eqs. 6 and 7).

        Args:
            image_tokens: (T, Ci) image tokens of the source views.
            depth_tokens: (T, Cd) depth tokens of the source views.
            pairs: The P view pairs.
            pair_of_token: (T,) int64, which of the P pairs a token belongs to.

        Returns:
            Predicted depth tokens (T, Cd) and predicted image tokens (T, Ci) of the target views.
        """
        if self.image_modulator is not None and self.depth_modulator is not None:
            image_tokens = self.image_modulator(image_tokens, pairs, pair_of_token)
            depth_tokens = self.depth_modulator(depth_tokens, pairs, pair_of_token)
        return self.image_to_depth(image_tokens), self.depth_to_image(depth_tokens)


def cosine_distance(predicted: Tensor, observed: Tensor) -> Tensor:
    """1 - cosine similarity over the last axis (Eqs. 8, 9, 11), in [0, 2]."""
    return (1 - F.cosine_similarity(predicted, observed, dim=-1)).clamp_min(
        0
    )  # rounding gives a little over 1
