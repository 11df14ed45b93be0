"""A view's image as the compared methods take it: in colour where it has colours, as they were published."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.encoding.square import Square
from modmap.scan import Frame

Array = npt.NDArray[Any]


def unit_image(image: Array) -> Array:
    """The image as float32 in [0, 1]: 8 bits over 255; 16 bits, of which sensors fill some only, over their maximum."""
    top = 255.0 if image.dtype == np.uint8 else max(float(image.max()), 1.0)
    return np.asarray(image, dtype=np.float32) / np.float32(top)


def padded_image(frame: Frame, square: Square, *, colour: bool) -> Array:
    """(C, side, side) float32 in [0, 1]: red, green and blue, or gray alone, padded to the view's square.

    Args:
        frame: The view.
        square: Its square.
        colour: Take its colours, where it has any.
    """
    if not colour or frame.colour is None:
        return square.pad(unit_image(frame.image))[None]
    return np.ascontiguousarray(square.pad(unit_image(frame.colour)).transpose(2, 0, 1))
