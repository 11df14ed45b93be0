"""A picture that a notebook shows, a file keeps and NumPy reads."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file
from modmap.types import Array


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in colour; a notebook shows it, `np.asarray` gives its pixels.

    Attributes:
        pixels: (H, W, 3) uint8, red first.
    """

    pixels: Array

    def png(self) -> bytes:
        """The picture as a PNG."""
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, format="PNG")
        return file.getvalue()

    def save(self, path: str | Path) -> Path:
        """Writes a PNG, whole or not at all; its directory is made where it is missing.

        Raises:
            ModMapError: the file isn't to be a `.png`.
        """
        path = Path(path)
        if path.suffix.lower() != ".png":
            raise ModMapError(f"{path}: expected a file to end in .png, found {path.suffix or 'no suffix'}")
        data = self.png()
        with atomic_file(path) as partial:
            partial.write_bytes(data)
        return path

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.pixels, dtype=dtype, copy=True if copy is None else copy)

    def __repr__(self) -> str:
        return f"<Picture {self.pixels.shape[1]}x{self.pixels.shape[0]}>"

    def _repr_png_(self) -> bytes:
        return self.png()
