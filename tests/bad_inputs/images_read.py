"""Images that are read as they say of themselves."""

from __future__ import annotations

import io

import numpy as np
import tifffile
from PIL import Image

from tests.bad_inputs.making import animated, chunk, saved, tiff, turned
from tests.bad_inputs.table import Fault
from tests.bad_inputs.view_files import Array, read_image, same


def _widened(pixels: Array) -> Array:
    return pixels.astype(np.uint16) * 257


def _with_thumbnail(pixels: Array) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(pixels, metadata=None)
        file.write(pixels[::4, ::4], metadata=None, subfiletype=1)
    return stream.getvalue()


READ = Fault(
    "Images that are read as they say of themselves",
    means="Not an error. What the file asks for is done, and a note says so where it isn't usual.",
    do="Nothing; but look whether the note is what the scanner meant.",
    rows=(
        read_image(
            "png_orientation_3",
            "a.png",
            lambda p: turned(p[::-1, ::-1].copy(), "PNG", 3),
            same,
            "view 00: image: turned as its orientation tag says (3)",
        ),
        read_image(
            "tiff_orientation_4",
            "a.tif",
            lambda p: tiff(p[::-1].copy(), extratags=[(274, "H", 1, 4, True)]),
            same,
            "view 00: image: turned as its orientation tag says (4)",
        ),
        read_image(
            "tiff_u16_inverted",
            "a.tif",
            lambda p: tiff(65535 - _widened(p), photometric="miniswhite"),
            _widened,
            "view 00: image: inverted, as the file says that its largest value is black",
        ),
        read_image("tiff_u8_inverted", "a.tif", lambda p: tiff(255 - p, photometric="miniswhite"), same),
        read_image(
            "tiff_planes_apart",
            "a.tif",
            lambda p: tiff(np.stack([_widened(p)] * 3), planarconfig="separate", photometric="rgb"),
            _widened,
        ),
        read_image("tiff_tiled", "a.tif", lambda p: tiff(p, tile=(16, 16)), same),
        read_image("tiff_big", "a.tif", lambda p: tiff(p, bigtiff=True), same),
        read_image("tiff_big_endian", "a.tif", lambda p: tiff(_widened(p), byteorder=">"), _widened),
        read_image("tiff_lzw_predictor", "a.tif", lambda p: tiff(p, compression="lzw", predictor=True), same),
        read_image(
            "tiff_zlib_u16_predictor",
            "a.tif",
            lambda p: tiff(_widened(p), compression="zlib", predictor=True),
            _widened,
        ),
        read_image("tiff_thumbnail", "a.tif", _with_thumbnail, same),
        read_image("png_palette", "a.png", lambda p: saved(Image.fromarray(p).convert("P"), "PNG"), same),
        read_image(
            "png_bits_1",
            "a.png",
            lambda p: saved(Image.fromarray(p > 100), "PNG"),
            lambda p: np.where(p > 100, 255, 0).astype(np.uint8),
        ),
        read_image(
            "png_gray_and_alpha",
            "a.png",
            lambda p: saved(Image.merge("LA", [Image.fromarray(p), Image.fromarray(p // 2)]), "PNG"),
            same,
        ),
        read_image("png_transparent", "a.png", lambda p: saved(np.dstack([p] * 3 + [p // 3]), "PNG"), same),
        read_image(
            "png_text_chunk",
            "a.png",
            lambda p: saved(p, "PNG")[:-12] + chunk(b"tEXt", b"who\x00x") + saved(p, "PNG")[-12:],
            same,
        ),
        read_image("png_bytes_after_end", "a.png", lambda p: saved(p, "PNG") + b"more", same),
        read_image("jpeg_progressive", "a.jpg", lambda p: saved(p, "JPEG", progressive=True), None),
        read_image(
            "jpeg_several",
            "a.jpg",
            lambda p: animated(p, "MPO"),
            None,
            "view 00: image: the first of 2 pictures in the file",
        ),
        read_image("bmp_upside_down", "a.bmp", lambda p: saved(p, "BMP"), same),
    ),
)

FAULTS = (READ,)
