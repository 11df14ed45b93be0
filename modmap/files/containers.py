"""What an image file says of its pixels, read before they are decoded, and the pixels as it says.

A decoder is not believed: it may give uninitialised memory for colour planes that are stored apart, take the first of
several pages, leave an orientation out, or fill what is damaged with gray. So a file's own description is
read first. What it asks for is done and noted, and what isn't known to be decoded rightly is refused by its cause.

This file is in both packages, the same to the last letter, and imports neither.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from .container_limits import MOST_PIXELS, ContainerError, cause, require_size, size_text
from .jpeg_container import jpeg_pixels
from .tiff_container import ORIENTATION, Decoder, tiff_page, tiff_pixels

Array = npt.NDArray[Any]

NAMED = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
PNG = b"\x89PNG\r\n\x1a\n"
BEGINNINGS = {
    PNG: "PNG",
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
JPEG_END, JPEG_SCAN = b"\xff\xd9", b"\xff\xda"
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


@dataclass(frozen=True)
class Described:
    """What an image file says of itself.

    Attributes:
        kind: PNG, JPEG, TIFF or BMP.
        shape: (H, W) as stored.
        orientation: From 1, as it should be shown, to 8; EXIF's and TIFF's number.
        inverted: The largest value is black.
        pictures: How many a JPEG holds, of which the first is meant.
        decoder: Of a TIFF.
    """

    kind: str
    shape: tuple[int, int]
    orientation: int = 1
    inverted: bool = False
    pictures: int = 1
    decoder: Decoder = "tifffile"


def decoded(data: bytes, suffix: str, *, notes: list[str], values: bool = False) -> Array:
    """The pixels of a PNG, JPEG, TIFF or BMP as the file says that they should be seen.

    Args:
        data: All of the file.
        suffix: Of its name, which must be right.
        notes: Gets a line of what was turned or inverted, or left out.
        values: Pixels are numbers rather than gray levels: a depth map's. They aren't inverted.

    Returns:
        (H, W) or (H, W, C) as stored, colour blue first.

    Raises:
        ContainerError: it is another kind of file, damaged, too large, or says what isn't known to be decoded rightly.
    """
    described = description(data, suffix)
    if described.kind == "TIFF":
        image = tiff_pixels(data, described.decoder)
    else:
        image = jpeg_pixels(data) if described.kind == "JPEG" else _by_opencv(data)
    if image.shape[:2] != described.shape:
        raise ContainerError(
            f"expected {size_text(described.shape)} pixels, as it says, found {size_text(image.shape)} after decoding"
        )
    if described.pictures > 1:
        notes.append(f"the first of {described.pictures} pictures in the file")
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
    if expected == "TIFF":
        page = tiff_page(data)
        described = Described("TIFF", page.shape, page.orientation, page.inverted, decoder=page.decoder)
    else:
        chunks = _png_chunks(data) if expected == "PNG" else set()
        if expected == "JPEG" and data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN):
            raise ContainerError(f"truncated JPEG: expected an end marker, found none in {len(data)} bytes")
        described = _pillow(data, expected, exif=expected != "PNG" or b"eXIf" in chunks)
    require_size(*described.shape)
    if described.orientation not in SHOWN_FROM:
        raise ContainerError(f"expected an orientation from 1 to 8, found {described.orientation}")
    return described


def _png_chunks(data: bytes) -> set[bytes]:
    """The kinds of a PNG's chunks, each of which must be whole, up to its end."""
    found: set[bytes] = set()
    place = len(PNG)
    while b"IEND" not in found:
        content = place + 8
        length = int.from_bytes(data[place : place + 4], "big")
        if content + length + 4 > len(data):
            raise ContainerError(f"truncated PNG: expected an end marker, found none in {len(data)} bytes")
        kind = data[place + 4 : content]
        (stored,) = struct.unpack_from(">I", data, content + length)
        if zlib.crc32(memoryview(data)[place + 4 : content + length]) != stored:
            raise ContainerError(
                f"expected a whole PNG, found one whose checksum at byte {content + length} is another's"
            )
        found.add(kind)
        place = content + length + 4
    if b"IDAT" not in found:
        raise ContainerError("expected a whole PNG, found one without pixels")
    if b"acTL" in found:
        raise ContainerError("expected one picture, found an animated PNG: save the one that is meant")
    return found


def _pillow(data: bytes, kind: str, *, exif: bool) -> Described:
    """What Pillow reads of a header; of a PNG without EXIF it would decode all of it to look for an orientation."""
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            orientation = int(image.getexif().get(ORIENTATION, 1)) if exif else 1
            pictures = int(getattr(image, "n_frames", 1)) if kind == "JPEG" else 1
            return Described(kind, (image.height, image.width), orientation, pictures=pictures)
    except Image.DecompressionBombError:
        raise ContainerError(f"expected at most {MOST_PIXELS} pixels, found more") from None
    except UnidentifiedImageError:  # which says nothing but the address of the bytes
        raise ContainerError(f"expected a whole {kind}, found a damaged header") from None
    except Exception as error:  # a damaged header: Pillow raises what its parsers raise
        raise ContainerError(f"expected a whole {kind}, found a damaged one ({cause(error)})") from None


def _by_opencv(data: bytes) -> Array:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ContainerError(f"cannot be decoded: {str(error).splitlines()[0]}") from None
    if image is None:
        raise ContainerError(f"expected an image, found {len(data)} bytes that no decoder reads")
    return np.asarray(image)
