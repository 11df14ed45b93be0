"""What a file says of its pixels, read before they are decoded, and the pixels as it says.

A decoder is not believed: it may give uninitialised memory for colour planes that are stored apart, take the first of
several pages, or leave an orientation out without a word. So a file's own description is read first. What it asks for
is done and noted, and what isn't known to be decoded rightly is refused by its cause.

This file is in both packages, the same to the last letter, and imports neither.
"""

from __future__ import annotations

import io
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]

MOST_PIXELS = 2**27  # of a file: ten times what SiM3D's cameras have
MOST_NUMBERS = 4 * MOST_PIXELS
NAMED = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
    b"v/1\x01": "EXR",
    b"GIF8": "GIF",
    b"RIFF": "WebP or another RIFF file",
    b"\x93NUMPY": "NumPy array",
    b"PK\x03\x04": "ZIP or NPZ archive",
    b"%PDF": "PDF",
}
PNG_END, PNG_EXIF = b"IEND\xaeB`\x82", b"eXIf"
JPEG_END, JPEG_SCAN = b"\xff\xd9", b"\xff\xda"
ORIENTATION = 274  # the tag's number, of EXIF and of TIFF
SHOWN_FROM = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}
"""By orientation, whether the stored pixels are mirrored left to right first, and by how many quarter turns
counterclockwise they are then turned."""
THUMBNAIL = 1  # bit of a page's kind: another, smaller version of a page
WHITE_IS_ZERO, PLANES_APART = 0, 2
KNOWN_PHOTOMETRICS = (WHITE_IS_ZERO, 1, 2)  # and black is zero, and red, green and blue
DEPTH_CHANNELS = ("Z", "depth", "depth.Z", "Depth.Z", "depth.V", "Y", "V", "R")


class ContainerError(ValueError):
    """Why a file can't be used, in words that follow its name."""


@dataclass(frozen=True)
class Described:
    """What an image file says of itself.

    Attributes:
        shape: (H, W) as stored.
        orientation: From 1, as it should be shown, to 8; EXIF's and TIFF's number.
        inverted: The largest value is black, and the decoder leaves it so.
        plainly: To be decoded by tifffile, as it is stored: colour planes are apart, or it is to be turned, which
            OpenCV does with some files and not with others.
    """

    shape: tuple[int, int]
    orientation: int = 1
    inverted: bool = False
    plainly: bool = False


def decoded(data: bytes, suffix: str, *, notes: list[str], values: bool = False) -> Array:
    """The pixels of a PNG, JPEG, TIFF or BMP as the file says that they should be seen.

    Args:
        data: All of the file.
        suffix: Of its name, which must be right.
        notes: Gets a line of what was turned or inverted.
        values: Pixels are numbers rather than gray levels: a depth map's. They aren't inverted.

    Returns:
        (H, W) or (H, W, C) as stored, colour blue first.

    Raises:
        ContainerError: it is another kind of file, damaged, too large, or says what isn't known to be decoded rightly.
    """
    described = description(data, suffix)
    image = _as_stored(data) if described.plainly else _by_opencv(data)
    if image.shape[:2] != described.shape:
        raise ContainerError(
            f"expected {_size(described.shape)} pixels, as it says, found {_size(image.shape)} after decoding"
        )
    if described.inverted and not values and image.dtype.kind == "u":
        image = np.iinfo(image.dtype).max - image
        notes.append("inverted, as the file says that its largest value is black")
    if described.orientation != 1:
        mirrored, turns = SHOWN_FROM[described.orientation]
        image = np.ascontiguousarray(np.rot90(image[:, ::-1] if mirrored else image, turns))
        notes.append(f"turned as its orientation tag says ({described.orientation})")
    return image


def description(data: bytes, suffix: str) -> Described:
    """What an image file says of itself.

    Raises:
        ContainerError: as `decoded`.
    """
    expected = NAMED.get(suffix.lower())
    if expected is None:
        raise ContainerError(f"expected one of {', '.join(NAMED)}, found {suffix or 'no suffix'}")
    found = next((kind for start, kind in BEGINNINGS.items() if data.startswith(start)), None)
    if found is None:
        raise ContainerError(f"expected a {expected}, found {len(data)} bytes that no decoder reads")
    if found != expected:
        raise ContainerError(f"expected a {expected}, as it is named, found a {found}: name it as what it is")
    if expected == "PNG" and PNG_END not in data:
        raise ContainerError(f"truncated PNG: expected an end marker, found none in {len(data)} bytes")
    if expected == "JPEG" and data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN):
        raise ContainerError(f"truncated JPEG: expected an end marker, found none in {len(data)} bytes")
    described = _tiff(data) if expected == "TIFF" else _pillow(data, expected)
    _require_size(*described.shape)
    if described.orientation not in SHOWN_FROM:
        raise ContainerError(f"expected an orientation from 1 to 8, found {described.orientation}")
    return described


def numpy_array(path: Path) -> Array:
    """The array of a `.npy`, or the only one of a `.npz`, or that named `depth`; nothing is unpickled.

    Raises:
        ContainerError: it is damaged, holds several, or too much.
    """
    loaded: Any = None
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)  # an archive isn't mapped
        if isinstance(loaded, np.ndarray):
            _require_size(*loaded.shape)
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
            _require_size(*read(member)[0])
        return np.asarray(loaded[name])
    except (ContainerError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own
        raise ContainerError(f"expected a whole NumPy file, found a damaged one ({_cause(error)})") from None
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
            _require_size(bottom - top + 1, right - left + 1)
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: np.asarray(channel.pixels) for name, channel in file.channels().items()}
    except ContainerError:
        raise
    except Exception as error:  # the binding raises plain RuntimeErrors and others
        raise ContainerError(f"expected a whole EXR file, found a damaged one ({_cause(error)})") from None
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
        f"its data is of {_size(pixels.shape)} pixels of {_size(whole.shape)}: the rest isn't measured"
    )
    return whole


def _pillow(data: bytes, kind: str) -> Described:
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            # Of a PNG without one, Pillow would decode all of it to look for an orientation at its end.
            exif = image.getexif() if kind != "PNG" or PNG_EXIF in data else {}
            return Described((image.height, image.width), int(exif.get(ORIENTATION, 1)))
    except Image.DecompressionBombError:
        raise ContainerError(f"expected at most {MOST_PIXELS} pixels, found more") from None
    except Exception as error:  # a damaged header: Pillow raises what its parsers raise
        raise ContainerError(f"expected a whole {kind}, found a damaged one ({_cause(error)})") from None


def _tiff(data: bytes) -> Described:
    from tifffile import TiffFile

    # What it stumbles on is told in our error, and not on the standard error as well.
    log = logging.getLogger("tifffile")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    try:
        with TiffFile(io.BytesIO(data)) as file:
            pages = [page for page in file.pages if not int(page.aspage().subfiletype) & THUMBNAIL]
            if not pages:
                raise ContainerError(f"expected a whole TIFF, found {len(data)} bytes without a page")
            first = pages[0].aspage()
            tag = first.tags.get(ORIENTATION)
            orientation = 1 if tag is None else int(tag.value)
            apart = int(first.planarconfig) == PLANES_APART and int(first.samplesperpixel) > 1
            plainly = apart or orientation != 1
            # OpenCV inverts what has 8 bit.
            inverted = int(first.photometric) == WHITE_IS_ZERO and (plainly or int(first.bitspersample) > 8)
            shape = int(first.imagelength), int(first.imagewidth)
            described = Described(shape, orientation, inverted, plainly)
    except ContainerError:
        raise
    except Exception as error:  # a damaged directory: the parser raises whatever it stumbles on
        raise ContainerError(f"expected a whole TIFF, found a damaged one ({_cause(error)})") from None
    if len(pages) > 1:
        raise ContainerError(
            f"expected one page, found {len(pages)}: save the one that is meant as a file of its own"
        )
    return described


def _by_opencv(data: bytes) -> Array:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ContainerError(f"cannot be decoded: {str(error).splitlines()[0]}") from None
    if image is None:
        raise ContainerError(f"expected an image, found {len(data)} bytes that no decoder reads")
    return np.asarray(image)


def _as_stored(data: bytes) -> Array:
    """(H, W) or (H, W, C) of a TIFF, colours in OpenCV's order."""
    from tifffile import TiffFile

    try:
        with TiffFile(io.BytesIO(data)) as file:
            page = file.pages[0].aspage()
            image = np.asarray(page.asarray())
            apart = int(page.planarconfig) == PLANES_APART and image.ndim == 3
            known = (
                int(page.photometric) in KNOWN_PHOTOMETRICS and image.dtype.itemsize * 8 == page.bitspersample
            )
    except Exception as error:  # a compression that isn't known here
        raise ContainerError(
            f"expected a TIFF that is stored as it is shown, pixel by pixel, found another ({_cause(error)})"
        ) from None
    if not known:
        raise ContainerError(
            "expected a TIFF of gray levels or of red, green and blue, found one of other colours"
        )
    if apart:
        image = np.moveaxis(image, 0, -1)
    if image.ndim == 3 and image.shape[2] >= 3:
        image = image[:, :, [2, 1, 0, *range(3, image.shape[2])]]
    return np.ascontiguousarray(image)


def _require_size(*sides: int) -> None:
    """Before memory is taken for them: rows and columns, and whatever else an array has."""
    pixels, numbers = math.prod(sides[:2]), math.prod(sides)
    if pixels > MOST_PIXELS or numbers > MOST_NUMBERS:
        raise ContainerError(f"expected at most {MOST_PIXELS} pixels, found {_size(sides)}")


def _size(shape: Any) -> str:
    """Width x height, and the rest."""
    sides = list(shape)
    return " x ".join(str(side) for side in [*reversed(sides[:2]), *sides[2:]])


def _cause(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
