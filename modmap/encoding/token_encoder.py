"""What every encoder offers: a view in, dense tokens out."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from modmap.encoding.token_cache import TokenCache
from modmap.scan import Frame
from modmap.types import Modality


class TokenEncoder(Protocol):
    """What turns a view into dense tokens: a frozen ViT, or any other description of an image or a depth map.

    Attributes:
        modality: `image` or `depth`.
        reference: What it is called.
        grid: Tokens along a side.
        channels: C, of a token.
        fingerprint: Differs between encoders that give different tokens.
    """

    modality: Modality
    reference: str
    grid: int
    channels: int
    fingerprint: str

    def tokens(
        self, frame: Frame, *, device: torch.device | None = None, cache: TokenCache | None = None
    ) -> Tensor:
        """(grid * grid, channels) float32 tokens of a view, in row order, on the device."""

    def save(self, directory: Path) -> None:
        """Writes a copy that `local-dir:` loads.

        Raises:
            ModMapError: it has no weights to copy.
        """
