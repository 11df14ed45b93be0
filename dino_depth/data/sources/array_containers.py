"""Depth maps as arrays: NumPy's files and EXR's, of which not more is taken into memory than a view can have.

This file is in both packages, the same to the last letter, and imports neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .container_limits import ContainerError, cause, require_size, size_text

Array = npt.NDArray[Any]

NUMPY, ZIP = b"\x93NUMPY", b"PK"
DEPTH_CHANNELS = ("Z", "depth", "depth.Z", "Depth.Z", "depth.V", "Y", "V", "R")


def numpy_array(path: Path) -> Array:
    """The array of a `.npy`, or the only one of a `.npz`, or that named `depth`; nothing is unpickled.

    Raises:
        ContainerError: it is damaged, holds several, or too much.
    """
    loaded: Any = None
    try:
        with path.open("rb") as file:
            beginning = file.read(len(NUMPY))
        if not beginning.startswith((NUMPY, ZIP)):
            raise ContainerError(
                "expected a NumPy file, found a file of another kind"
            )  # NumPy would take it for a pickle
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)  # an archive isn't mapped
        if isinstance(loaded, np.ndarray):
            require_size(*loaded.shape)
            return np.array(loaded)
        names = list(loaded.files)
        if "depth" not in names and len(names) != 1:
            raise ContainerError(
                f"expected one array, or one named depth, found {', '.join(names) or 'none'}"
            )
        name = "depth" if "depth" in names else names[0]
        with loaded.zip.open(f"{name}.npy") as member:
            version = np.lib.format.read_magic(member)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            require_size(*read(member)[0])
        return np.asarray(loaded[name])
    except (ContainerError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own
        raise ContainerError(f"expected a whole NumPy file, found a damaged one ({cause(error)})") from None
    finally:
        if isinstance(loaded, np.lib.npyio.NpzFile):
            loaded.close()


def exr_depth(path: Path, *, notes: list[str]) -> Array:
    """(H, W) float32 depth channel of an EXR, of its display window: what has no data is 0.

    Args:
        path: The file.
        notes: Gets a line where the data is of another window than the display.

    Raises:
        ContainerError: it is damaged, too large, or has no such channel.
        ImportError: OpenEXR isn't installed.
    """
    import OpenEXR

    try:
        with OpenEXR.File(str(path), header_only=True) as file:
            header = file.header()
            data, display = (
                [(int(x), int(y)) for x, y in header[name]] for name in ("dataWindow", "displayWindow")
            )
        for (left, top), (right, bottom) in (data, display):
            require_size(bottom - top + 1, right - left + 1)
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: np.asarray(channel.pixels) for name, channel in file.channels().items()}
    except ContainerError:
        raise
    except Exception as error:  # the binding raises plain RuntimeErrors and others
        raise ContainerError(f"expected a whole EXR file, found a damaged one ({cause(error)})") from None
    named = next((name for name in DEPTH_CHANNELS if name in channels), None)
    if named is None and len(channels) != 1:
        raise ContainerError(f"expected a depth channel (Z, Y or R), found {', '.join(channels) or 'none'}")
    pixels = channels[named or next(iter(channels))].astype(np.float32)
    if data == display:
        return pixels
    (left, top), (right, bottom) = display
    whole = np.zeros((bottom - top + 1, right - left + 1), np.float32)
    row, column = data[0][1] - top, data[0][0] - left
    there = [
        (slice(max(at, 0), min(at + size, most)), slice(max(-at, 0), min(size, most - at)))
        for at, size, most in zip((row, column), pixels.shape, whole.shape, strict=True)
    ]
    if all(one.start < one.stop for one, _ in there):
        whole[there[0][0], there[1][0]] = pixels[there[0][1], there[1][1]]
    notes.append(
        f"its data is of {size_text(pixels.shape)} pixels of {size_text(whole.shape)}: the rest isn't measured"
    )
    return whole
