"""TIFF: what a file says of its pixels, and the pixels as they are stored.

OpenCV's decoder ignores what its library finds damaged in 8 bit, and takes colours of any kind for red, green and blue.
So tifffile decodes what it can without another package. What it can't, LZW and floating point predictors, goes to a
decoder that tells damage: Pillow's for 8 bit, OpenCV's for the rest.

This file is in both packages, the same to the last letter, and imports neither.
"""

from __future__ import annotations

import io
import logging
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from .container_limits import ContainerError, cause, require_size

Array = npt.NDArray[Any]

ORIENTATION = 274
MOST_PAGES = 64  # that are looked at, to tell thumbnails from pages
THUMBNAIL = 1  # bit of a page's kind: another, smaller version of a page
WHITE_IS_ZERO, PLANES_APART = 0, 2
KNOWN_PHOTOMETRICS = (WHITE_IS_ZERO, 1, 2)  # and black is zero, and red, green and blue
NONE, LZW, PACKBITS = 1, 5, 32773
DEFLATE = (8, 32946)
DIFFERENCES = (1, 2)  # predictors of whole numbers: none, and along a row
SLACK = 1024  # bytes that a compressed strip may be longer than its pixels

Decoder = Literal["tifffile", "pillow", "opencv"]


@dataclass(frozen=True)
class TiffPage:
    """What the only page of a TIFF says of itself.

    Attributes:
        shape: (H, W) as stored.
        orientation: From 1, as it should be shown, to 8.
        inverted: The largest value is black.
        decoder: What decodes it.
    """

    shape: tuple[int, int]
    orientation: int
    inverted: bool
    decoder: Decoder


def tiff_page(data: bytes) -> TiffPage:
    """What a TIFF says of its page.

    Raises:
        ContainerError: it is damaged, too large, has several pages, or says what isn't known to be decoded rightly.
    """
    from tifffile import TiffFile

    # What it stumbles on is told in our error, and not on the standard error as well.
    log = logging.getLogger("tifffile")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    try:
        with TiffFile(io.BytesIO(data)) as file:
            # A damaged file may have no end of pages.
            first = list(islice(file.pages, MOST_PAGES + 1))
            if len(first) > MOST_PAGES:
                raise ContainerError(
                    f"expected one page, found more than {MOST_PAGES}: save the one that is meant as a file of its own"
                )
            pages = [page for page in first if not int(page.aspage().subfiletype) & THUMBNAIL]
            if not pages:
                raise ContainerError(f"expected a whole TIFF, found {len(data)} bytes without a page")
            page = _described(pages[0].aspage(), data)
    except ContainerError:
        raise
    except Exception as error:  # a damaged directory: the parser raises whatever it stumbles on
        raise ContainerError(f"expected a whole TIFF, found a damaged one ({cause(error)})") from None
    if len(pages) > 1:
        raise ContainerError(
            f"expected one page, found {len(pages)}: save the one that is meant as a file of its own"
        )
    return page


def tiff_pixels(data: bytes, decoder: Decoder) -> Array:
    """(H, W) or (H, W, C) of a TIFF as it is stored, colours in OpenCV's order.

    Raises:
        ContainerError: a strip of it is damaged.
    """
    try:
        image = {"tifffile": _by_tifffile, "pillow": _by_pillow, "opencv": _by_opencv}[decoder](data)
    except Exception as error:  # each decoder has its own
        raise ContainerError(f"expected a whole TIFF, found damaged pixels ({cause(error)})") from None
    if decoder != "opencv" and image.ndim == 3 and image.shape[2] >= 3:
        image = image[:, :, [2, 1, 0, *range(3, image.shape[2])]]
    return np.ascontiguousarray(image)


def _described(page: Any, data: bytes) -> TiffPage:
    height, width, samples = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    require_size(height, width, samples)
    if int(page.imagedepth) != 1:
        raise ContainerError(f"expected a flat image, found one of {page.imagedepth} layers")
    photometric = int(page.photometric)
    kind = None if page.dtype is None else np.dtype(page.dtype)
    if photometric not in KNOWN_PHOTOMETRICS:
        raise ContainerError(
            "expected a TIFF of gray levels or of red, green and blue, found one of other colours "
            f"({_name(page.photometric)})"
        )
    if kind is None or kind.kind not in "uif" or kind.itemsize * 8 != page.bitspersample:
        raise ContainerError(
            f"expected numbers of 8, 16, 32 or 64 bit, found {page.bitspersample} bit"
            + ("" if kind is None else f" of {kind}")
        )
    decoder = _decoder(page, kind)
    _require_strips(page, data, kind)
    tag = page.tags.get(ORIENTATION)
    return TiffPage(
        (height, width),
        1 if tag is None else int(tag.value),
        photometric == WHITE_IS_ZERO,
        decoder,
    )


def _decoder(page: Any, kind: np.dtype[Any]) -> Decoder:
    compression, predictor = int(page.compression), int(page.predictor)
    if compression in (NONE, PACKBITS, *DEFLATE) and predictor in DIFFERENCES:
        return "tifffile"
    apart = int(page.planarconfig) == PLANES_APART and int(page.samplesperpixel) > 1
    if compression in (LZW, *DEFLATE) and not apart and int(page.photometric) != WHITE_IS_ZERO:
        if kind.itemsize > 1 and kind != np.float16:
            return "opencv"
        if kind == np.uint8 and int(page.samplesperpixel) in (1, 3, 4):
            return "pillow"
    by = "" if predictor == DIFFERENCES[0] else f" with a predictor ({_name(page.predictor)})"
    raise ContainerError(
        "expected a TIFF without compression, or by deflate without a predictor, found one by "
        f"{_name(page.compression)}{by}: save it so"
    )


def _require_strips(page: Any, data: bytes, kind: np.dtype[Any]) -> None:
    """Checks that all strips or tiles are in the file, and that none inflates to more than its pixels."""
    offsets, counts = page.dataoffsets, page.databytecounts
    if not offsets or len(offsets) != len(counts) or min(counts) < 1 or min(offsets) < 1:
        raise ContainerError("expected a whole TIFF, found one without some of its pixels")
    end = max(offset + count for offset, count in zip(offsets, counts, strict=True))
    if end > len(data):
        raise ContainerError(f"truncated TIFF: expected {end} bytes, found {len(data)}")
    contiguous = int(page.planarconfig) != PLANES_APART
    rows, columns = (
        (int(page.tilelength), int(page.tilewidth))
        if page.is_tiled
        else (min(int(page.rowsperstrip), int(page.imagelength)), int(page.imagewidth))
    )
    room = rows * columns * kind.itemsize * (int(page.samplesperpixel) if contiguous else 1)
    require_size(rows, columns)
    if int(page.compression) == NONE:
        total = int(page.imagelength) * int(page.imagewidth) * kind.itemsize * int(page.samplesperpixel)
        if sum(counts) < total:
            raise ContainerError(f"expected a whole TIFF of {total} bytes of pixels, found {sum(counts)}")
    if int(page.compression) not in DEFLATE:
        return
    for offset, count in zip(offsets, counts, strict=True):
        inflating = zlib.decompressobj()
        inflated = len(inflating.decompress(data[offset : offset + count], room + SLACK))
        if inflated > room or not inflating.eof:
            raise ContainerError(
                f"expected a whole TIFF, found a strip of {inflated} bytes and more, or broken off, for {room}"
            )


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))


def _by_tifffile(data: bytes) -> Array:
    from tifffile import TiffFile

    with TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0].aspage()
        image = np.asarray(page.asarray(maxworkers=1))
        apart = int(page.planarconfig) == PLANES_APART and image.ndim == 3
    return np.moveaxis(image, 0, -1) if apart else image


def _by_pillow(data: bytes) -> Array:
    with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
        return np.asarray(image)


def _by_opencv(data: bytes) -> Array:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError("a strip that doesn't decode")
    return np.asarray(image)
