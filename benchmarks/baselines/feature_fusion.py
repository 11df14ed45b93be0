"""M3DM's learnt fusion: two networks that make one place's image and depth features agree (Wang 2023, Sec. 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4
COMPARED_CHANNELS = 256


class FeatureFusion(nn.Module):
    """An MLP a modality, and a linear head each into the space where they are compared in training.

    Args:
        image_channels: Ci.
        depth_channels: Cd.
    """

    def __init__(self, image_channels: int, depth_channels: int) -> None:
        super().__init__()
        self.image_mlp = _mlp(image_channels)
        self.depth_mlp = _mlp(depth_channels)
        self.image_head = nn.Linear(image_channels, COMPARED_CHANNELS)
        self.depth_head = nn.Linear(depth_channels, COMPARED_CHANNELS)

    def forward(self, image: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        """(N, Ci) and (N, Cd) fused features; side by side they are what the joint bank holds."""
        return self.image_mlp(image), self.depth_mlp(depth)

    def loss(self, image: Tensor, depth: Tensor) -> Tensor:
        """Of features (N, Ci) and (N, Cd) of the same N places."""
        fused_image, fused_depth = self(image, depth)
        return contrastive_loss(self.image_head(fused_image), self.depth_head(fused_depth))


def contrastive_loss(image: Tensor, depth: Tensor) -> Tensor:
    """Each image feature (N, C) must find its own place's depth feature (N, C) among all (Eq. 5, temperature 1)."""
    similarity = F.normalize(image, dim=1) @ F.normalize(depth, dim=1).T
    return F.cross_entropy(similarity, torch.arange(len(image), device=image.device))


def train_fusion(
    image: Tensor, depth: Tensor, *, epochs: int, tokens_per_batch: int, learning_rate: float, seed: int
) -> FeatureFusion:
    """Trains on nominal features.

    Args:
        image: (N, Ci).
        depth: (N, Cd), of the same places.
        epochs: Passes over them.
        tokens_per_batch: Places that are told apart in one step.
        learning_rate: Of Adam.
        seed: Of the weights and of the order.
    """
    drawn = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fusion = FeatureFusion(image.shape[1], depth.shape[1])
    fusion.to(image.device)
    optimiser = torch.optim.AdamW(fusion.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for some in torch.split(torch.randperm(len(image), generator=drawn), tokens_per_batch):
            if len(some) < 2:
                continue  # nothing to be told apart from
            loss = fusion.loss(image[some], depth[some])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return fusion.eval()


def _mlp(channels: int) -> nn.Sequential:
    hidden = EXPANSION * channels
    return nn.Sequential(
        nn.LayerNorm(channels), nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels)
    )
