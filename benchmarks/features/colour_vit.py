"""A frozen ViT that looks at a view's colours, as the compared methods were published on coloured images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.features.pixels import padded_image
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.square import Square
from modmap.scan import Frame

RED_GREEN_BLUE = 3


class ColourViT(FrozenEncoder):
    """ModMap's image encoder, shown red, green and blue, each less the network's own mean and over its deviation.

    A gray view, and a network of one channel, are ModMap's own case: gray, with ModMap's mean and deviation.
    """

    def prepare(self, frame: Frame) -> Tensor:
        """(C, size, size) float32 input of the network."""
        if frame.colour is None or self._input_channels != RED_GREEN_BLUE:
            return super().prepare(frame)
        padded = torch.from_numpy(padded_image(frame, Square(*frame.shape, grid=self.grid), colour=True))
        resized = F.interpolate(padded[None], size=(self.size, self.size), mode="bicubic", antialias=True)[0]
        statistics = self.model.pretrained_cfg
        mean, std = (torch.tensor(statistics[name]).reshape(-1, 1, 1) for name in ("mean", "std"))
        prepared: Tensor = (resized - mean) / std
        return prepared
