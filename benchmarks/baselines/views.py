"""A view as the compared methods see it: its frame, its features once, and which tokens are the part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.baselines.settings import BaselineSettings
from benchmarks.features.choice import make_encoder
from benchmarks.features.cnn import Layers
from modmap.encoding.rim import inner_tokens
from modmap.encoding.square import Square
from modmap.encoding.token_cache import TokenCache
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Frame
from modmap.types import Modality

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class SeenView:
    """One view.

    Attributes:
        frame: Its pixels.
        square: How it lies in the grid of tokens.
        mask: (H, W) bool: the pixels of the part.
        mapped: (grid, grid) bool: the tokens that are learnt from and scored.
        touched: (grid, grid) bool: the tokens that hold a pixel of the part; mapped, or on the rim.
        tokens: (grid * grid, C) features by modality; a modality that isn't looked at is missing.
        notes: What was guessed or repaired.
    """

    frame: Frame
    square: Square
    mask: Array
    mapped: Array
    touched: Array
    tokens: Mapping[Modality, Tensor]
    notes: tuple[str, ...]

    def part(self, modality: Modality) -> Tensor:
        """(M, C) features of the M mapped tokens, in row order."""
        tokens = self.tokens[modality]
        return tokens[torch.from_numpy(self.mapped.ravel()).to(tokens.device)]

    def grid_of(self, scores: Tensor) -> Array:
        """(grid, grid) float32 map of the scores (M,) of the mapped tokens; infinite elsewhere."""
        full = np.full(self.mapped.shape, np.inf, dtype=np.float32)
        full[self.mapped] = scores.detach().cpu().numpy()
        return full


class ViewReader:
    """Turns frames into seen views, each through each encoder once.

    Args:
        settings: Which encoders, and which tokens are the part.
        device: Where the encoders live; the tokens stay there.
        cache: Keeps tokens between runs.
        layers: Of a CNN.

    Raises:
        ModMapError: an encoder's weights aren't here.
    """

    def __init__(
        self,
        settings: BaselineSettings,
        *,
        device: torch.device,
        cache: TokenCache | None = None,
        layers: Layers = "middle",
    ) -> None:
        self._settings = settings
        self._device = device
        self._cache = cache
        self._encoders: dict[Modality, TokenEncoder] = {}
        chosen: dict[Modality, Any] = {"image": settings.image_encoder, "depth": settings.depth_encoder}
        grid: int | None = None
        for modality, named in chosen.items():
            encoder = make_encoder(
                named,
                modality,
                size=settings.size,
                grid=grid,
                layers=layers,
                foreground=settings.inference.foreground,
                colour=settings.colour,
            )
            if encoder is not None:
                self._encoders[modality] = (
                    encoder.to(device) if isinstance(encoder, torch.nn.Module) else encoder
                )
                grid = encoder.grid
        self._grid = grid

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of the encoders, by modality."""
        return {modality: encoder.fingerprint for modality, encoder in self._encoders.items()}

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """That are looked at."""
        return tuple(self._encoders)

    def read(self, frame: Frame) -> SeenView | None:
        """A view, or None where nothing of it was measured.

        Without an encoder the grid is of pixels: as many along a side as `size`, or as the view has.

        Raises:
            ModMapError: the features need a camera, and the view has none.
        """
        inference = self._settings.inference
        mask, notes = foreground_mask(frame.depth, mode=inference.foreground)
        if not mask.any():
            return None
        grid = self._grid or min(self._settings.size, max(frame.shape))
        square = Square(*frame.shape, grid=grid)
        return SeenView(
            frame=frame,
            square=square,
            mask=mask,
            mapped=inner_tokens(mask, square, share=inference.rim_share),
            touched=square.tokens_touched(mask),
            tokens={
                modality: encoder.tokens(frame, device=self._device, cache=self._cache)
                for modality, encoder in self._encoders.items()
            },
            notes=tuple(f"view {frame.id}: {note}" for note in (*frame.notes, *notes)),
        )


def require_modalities(reader: ViewReader, *needed: Modality, method: str) -> None:
    """Checks that a method gets the features that it joins.

    Raises:
        ModMapError: one is missing.
    """
    for modality in needed:
        if modality not in reader.modalities:
            raise ModMapError(
                f"{modality}_encoder: expected features of the {modality}, which {method} needs, found none"
            )
