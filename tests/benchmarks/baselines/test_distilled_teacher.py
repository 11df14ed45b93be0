"""The distilled teacher: it comes near the encoder's features, at the places where its convolutions look."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.baselines.distilled_teacher import Lesson, distil
from modmap.encoding.autocast import computing_in
from modmap.types import Precision


class Places(torch.nn.Module):
    """In place of the network: knows nothing but a value a place of its map, as large as that of 64 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.values = torch.nn.Parameter(torch.zeros(1, channels, 8, 8))

    def forward(self, pixels: Tensor) -> Tensor:
        assert pixels.shape == (1, 3, 64, 64)
        return self.values + 0


class TestDistil:
    def test_distil__learns_the_standardised_features_of_its_places(self) -> None:
        """A token a place: the middle 8 x 8 of 16 x 16, and every second channel's mean with the next."""
        tokens = torch.randn(256, 6, generator=torch.Generator().manual_seed(0)) * 3 + 5
        teacher = Places(3)
        lesson = Lesson(torch.zeros(1, 3, 64, 64), tokens)
        distil(teacher, [lesson], channels=3, steps=800, learning_rate=0.05)
        middle = tokens.reshape(16, 16, 3, 2).mean(dim=3)[4:-4, 4:-4].permute(2, 0, 1)
        mean = middle.mean(dim=(1, 2), keepdim=True)
        std = middle.std(dim=(1, 2), keepdim=True, correction=0)
        torch.testing.assert_close(teacher.values.detach()[0], (middle - mean) / std, atol=0.02, rtol=0.02)

    def test_distil__learns_in_bfloat16_what_it_does_in_float32(self) -> None:
        pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        tokens = torch.randn(256, 3, generator=torch.Generator().manual_seed(0))

        def taught(precision: Precision) -> Tensor:
            torch.manual_seed(2)
            teacher = torch.nn.Conv2d(3, 3, 36, stride=4)
            with computing_in(precision, torch.device("cpu")):
                distil(teacher, [Lesson(pixels, tokens)], channels=3, steps=60, learning_rate=0.001)
            return teacher(pixels).detach()

        middle = tokens.T.reshape(3, 16, 16)[:, 4:-4, 4:-4]
        wanted = (middle - middle.mean((1, 2), keepdim=True)) / middle.std((1, 2), keepdim=True, correction=0)
        for found in (taught("float32"), taught("bfloat16")):
            assert (found[0] - wanted).square().mean() < 0.1  # from more than 1
