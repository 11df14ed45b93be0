"""From a view's rectangle of pixels to the encoders' square of tokens, and back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from modmap.types import Array


@dataclass(frozen=True)
class Square:
    """An image of (height, width) pixels, centred in a square that a grid of tokens divides.

    Attributes:
        height: H, pixels.
        width: W, pixels.
        grid: Tokens along a side.
    """

    height: int
    width: int
    grid: int

    @property
    def side(self) -> int:
        """Pixels along the square's side."""
        return max(self.height, self.width)

    @property
    def top(self) -> int:
        """Rows of padding above the image."""
        return (self.side - self.height) // 2

    @property
    def left(self) -> int:
        """Columns of padding left of the image."""
        return (self.side - self.width) // 2

    def pad(self, pixels: Array) -> Array:
        """(H, W) -> (side, side), the border pixels repeated outwards."""
        return np.asarray(cv2.copyMakeBorder(pixels, *self._margins, cv2.BORDER_REPLICATE))

    def tokens_touched(self, mask: Array) -> Array:
        """Which tokens hold the centre of at least one pixel of a mask; padding holds none.

        Args:
            mask: (H, W) bool.

        Returns:
            (grid, grid) bool.
        """
        rows, first_rows = self._tokens_along(self.height, self.top)
        columns, first_columns = self._tokens_along(self.width, self.left)
        held = np.logical_or.reduceat(np.logical_or.reduceat(mask, first_rows, axis=0), first_columns, axis=1)
        touched = np.zeros((self.grid, self.grid), dtype=bool)
        touched[np.ix_(rows, columns)] = held
        return touched

    def coverage(self, mask: Array) -> Array:
        """How much of each token a mask covers; padding is not covered.

        Args:
            mask: (H, W) bool.

        Returns:
            (grid, grid) float32 in [0, 1].
        """
        padded = cv2.copyMakeBorder(mask.astype(np.float32), *self._margins, cv2.BORDER_CONSTANT, value=0)
        return np.asarray(cv2.resize(padded, (self.grid, self.grid), interpolation=cv2.INTER_AREA))

    def upsample(self, tokens: Array, known: Array) -> Array:
        """Bilinear interpolation of a map of tokens at every pixel, from the known tokens alone.

        Unknown tokens carry no weight instead of a zero score, so that the rim of a part isn't dimmed by the
        background beside it; where all tokens are known this is plain bilinear interpolation.

        Args:
            tokens: (grid, grid) float.
            known: (grid, grid) bool.

        Returns:
            (H, W) float32; NaN where none of the four tokens around a pixel is known.
        """
        weight = known.astype(np.float32)
        value = np.where(known, tokens, 0).astype(np.float32)
        stacked = torch.from_numpy(np.stack([value, weight]))[None]
        full = F.interpolate(stacked, size=(self.side, self.side), mode="bilinear", align_corners=False)[0]
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        numerator, denominator = full[0, rows, columns].numpy(), full[1, rows, columns].numpy()
        out = np.full((self.height, self.width), np.nan, dtype=np.float32)
        np.divide(numerator, denominator, out=out, where=denominator > 0)
        return out

    def _tokens_along(self, pixels: int, padding: int) -> tuple[Array, Array]:
        """Along an axis, the tokens that so many pixels after the padding lie in, and the first pixel of each."""
        tokens, first = np.unique(self._token_of(np.arange(pixels) + padding), return_index=True)
        return np.asarray(tokens), np.asarray(first)

    def _token_of(self, pixel: Array) -> Array:
        # By the pixel's centre, so that `upsample` always gives this token the largest weight.
        return (2 * pixel + 1) * self.grid // (2 * self.side)

    @property
    def _margins(self) -> tuple[int, int, int, int]:
        bottom = self.side - self.height - self.top
        right = self.side - self.width - self.left
        return self.top, bottom, self.left, right
