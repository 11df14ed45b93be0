"""Rows of the first view's image, or of its depth, as another file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.bad_inputs.row_makers import CHECK, Make
from tests.bad_inputs.table import Row
from tests.bad_inputs.workspace import Workspace

Array = npt.NDArray[Any]
Content = bytes | Callable[[Array], bytes | Array]
Holds = Callable[[Workspace], bool]


def same(pixels: Array) -> Array:
    """What is read where nothing is done to it."""
    return pixels


def image(name: str, file: str, content: Content, says: str) -> Row:
    """A row of an image that is refused; `content` is made of the one that was there."""
    return Row(name, as_image(file, content), CHECK, f"{{scan}}/{file}: {says}")


def read_image(
    name: str, file: str, content: Content, expected: Callable[[Array], Array] | None, says: str = ""
) -> Row:
    """A row of an image that is read as these pixels, or as any."""
    return Row(name, as_image(file, content), CHECK, says, 0, None if expected is None else _reads(expected))


def depth(name: str, file: str, content: Content, says: str) -> Row:
    """A row of a depth map that is refused; `content` is made of the one that was there."""
    return Row(name, as_depth(file, content), CHECK, f"{{scan}}/{file}: {says}")


def read_depth(name: str, make: Make, says: str = "") -> Row:
    """A row of a depth map that is read as what was there."""
    return Row(name, make, CHECK, says, 0, _reads_depth)


def changed(change: Callable[[Array], Array]) -> Make:
    """Changes the first view's depth map."""
    return as_depth("a.npy", change)


def as_image(file: str, content: Content) -> Make:
    """The first view's image, another file."""
    return lambda w: w.image(file, content if isinstance(content, bytes) else bytes(content(w.pixels)))


def as_depth(file: str, content: Content) -> Make:
    """The first view's depth, another file."""
    return lambda w: w.depth(file, content if isinstance(content, bytes) else content(w.millimetres))


def _reads(expected: Callable[[Array], Array]) -> Holds:
    def holds(w: Workspace) -> bool:
        from modmap import Scan

        return np.array_equal(Scan.load(w.scan).views[0].load().image, expected(w.pixels))

    return holds


def _reads_depth(w: Workspace) -> bool:
    from modmap import Scan

    return np.array_equal(Scan.load(w.scan).views[0].load().depth, w.millimetres)
