"""JPEG: its pixels, or what is damaged.

Decoders fill what is missing with gray and give a warning at most. The one that is asked here makes an error of
each warning; and a progressive file that was cut between two scans, which none warns of, lacks some of its bits.

This file is in both packages, the same to the last letter, and imports neither.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from .container_limits import ContainerError, cause

Array = npt.NDArray[Any]

COLOURS = {"Gray": "GRAY", "YCbCr": "BGR", "RGB": "BGR"}
PROGRESSIVE, SCAN, END = 0xC2, 0xDA, 0xD9
AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
COEFFICIENTS = 64


def jpeg_pixels(data: bytes) -> Array:
    """(H, W) or (H, W, 3) of a JPEG, colours in OpenCV's order.

    Raises:
        ContainerError: it is damaged, or of other colours than gray, or red, green and blue.
    """
    try:
        colours = simplejpeg.decode_jpeg_header(data, strict=True)[2]
        if colours in COLOURS:
            image = simplejpeg.decode_jpeg(data, colorspace=COLOURS[colours], strict=True)
            _require_all_scans(data)
            return np.asarray(image[:, :, 0] if image.shape[2] == 1 else image)
    except ContainerError:
        raise
    except ValueError as error:
        raise ContainerError(f"expected a whole JPEG, found a damaged one ({cause(error)})") from None
    raise ContainerError(
        f"expected a JPEG of gray levels or of red, green and blue, found one of other colours ({colours})"
    )


def _require_all_scans(data: bytes) -> None:
    """Checks that the scans of a progressive JPEG give every bit of every coefficient."""
    missing: dict[
        int, list[int]
    ] = {}  # by component, the lowest bit that is still to come of each coefficient
    place = 2
    while place + 4 <= len(data):
        while data[place : place + 2] == b"\xff\xff":
            place += 1
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == END:
            break
        segment = data[place + 4 : place + 2 + length]
        if marker == PROGRESSIVE:
            missing = {segment[6 + 3 * index]: [1] * COEFFICIENTS for index in range(segment[5])}
        place += 2 + length
        if marker == SCAN:
            count = segment[0]
            first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
            for index in range(count if missing else 0):
                missing[segment[1 + 2 * index]][first : last + 1] = [bits & 15] * (last + 1 - first)
            found = AFTER_SCAN.search(data, place)
            place = len(data) if found is None else found.start()
    lacking = sum(any(bits) for bits in missing.values())
    if lacking:
        raise ContainerError(f"truncated JPEG: expected all scans, found {lacking} components without some")
