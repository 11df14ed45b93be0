"""Images whose pixels aren't gray levels, are too many, or aren't as many as the depth's."""

from __future__ import annotations

import io
import struct

import numpy as np
import tifffile
from PIL import Image

from tests.bad_inputs.making import animated, png, saved, tiff, turned
from tests.bad_inputs.row_makers import CHECK
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.view_files import Array, Content, as_image, image


def _colours(pixels: Array) -> Array:
    return np.stack([pixels, 255 - pixels, pixels // 2], axis=-1)


def _huge_tiff(pixels: Array) -> bytes:
    """Of which width and height, tags 256 and 257, are a hundred thousand."""
    data = bytearray(tiff(pixels))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        places = [file.pages.first.tags[tag].offset for tag in (256, 257)]
    for place in places:
        data[place + 2 : place + 12] = struct.pack("<HII", 4, 1, 100_000)
    return bytes(data)


def _huge_bmp(pixels: Array) -> bytes:
    data = bytearray(saved(pixels, "BMP"))
    data[18:26] = (100_000).to_bytes(4, "little") * 2
    return bytes(data)


def _typed(name: str, kind: type[np.generic]) -> Row:
    """A row of pixels of another type."""
    found = np.dtype(kind).name
    return image(
        name, "a.tif", lambda p: tiff(p.astype(kind)), f"expected an 8 or 16 bit image, found {found}"
    )


def _channels(name: str, count: int) -> Row:
    """A row of so many gray levels a pixel."""
    return image(
        name,
        "a.tif",
        lambda p: tiff(np.stack([p] * count, -1), photometric="minisblack", planarconfig="contig"),
        f"expected shape (H, W), (H, W, 3) or (H, W, 4), found (60, 80, {count})",
    )


def _coloured(name: str, file: str, content: Content, kind: str, found: str) -> Row:
    """A row of colours of another kind."""
    says = f"expected a {kind} of gray levels or of red, green and blue, found one of other colours ({found})"
    return image(name, file, content, says)


def _sized(name: str, content: Content, size: str) -> Row:
    """A row of an image of another size than its depth's."""
    says = f"{{scan}}/depth/00.npy: expected the size of {{scan}}/a.png, {size}, found 80x60"
    return Row(name, as_image("a.png", content), CHECK, says)


LEVELS = Fault(
    "Pixels of a type that isn't gray levels",
    means="Images have 8 or 16 bit, and one, three or four channels. Floating point, signed or 32 bit numbers have no "
    "black and white that all programs agree on.",
    do="Export the image with 8 or 16 bit from the program that wrote it.",
    rows=(
        _typed("image_float_tiff", np.float32),
        _typed("image_double_tiff", np.float64),
        _typed("image_half_tiff", np.float16),
        _typed("image_u32_tiff", np.uint32),
        _typed("image_i16_tiff", np.int16),
        image(
            "image_i8_tiff",
            "a.tif",
            lambda p: tiff((p // 2).astype(np.int8)),
            "expected an 8 or 16 bit image, found int8",
        ),
        image(
            "image_complex_tiff",
            "a.tif",
            lambda p: tiff(p.astype(np.complex64)),
            "expected numbers of 8, 16, 32 or 64 bit, found 64 bit of complex64",
        ),
        _channels("image_two_channels", 2),
        _channels("image_five_channels", 5),
        image(
            "image_bits_12",
            "a.tif",
            lambda p: tiff(p.astype(np.uint16), bitspersample=12),
            "expected numbers of 8, 16, 32 or 64 bit, found 12 bit of uint16",
        ),
        image(
            "image_bits_1",
            "a.tif",
            lambda p: tiff(p > 100),
            "expected numbers of 8, 16, 32 or 64 bit, found 1 bit of bool",
        ),
    ),
)

SAYS = Fault(
    "An image that says of itself what isn't read",
    means="A file may hold several pages, or colours of another kind than gray, red, green and blue. Which page is "
    "meant, or what a gray level of such colours is, can't be told.",
    do="Save the page that is meant, in gray or RGB, as a file of its own.",
    rows=(
        image(
            "tiff_pages",
            "a.tif",
            lambda p: tiff(p, p, p),
            "expected one page, found 3: save the one that is meant as a file of its own",
        ),
        image(
            "png_animated",
            "a.png",
            lambda p: animated(p, "PNG"),
            "expected one picture, found an animated PNG: save the one that is meant",
        ),
        _coloured(
            "jpeg_cmyk",
            "a.jpg",
            lambda p: saved(Image.fromarray(_colours(p)).convert("CMYK"), "JPEG"),
            "JPEG",
            "CMYK",
        ),
        _coloured(
            "tiff_cmyk",
            "a.tif",
            lambda p: tiff(np.stack([p] * 4, -1), photometric="separated"),
            "TIFF",
            "SEPARATED",
        ),
        _coloured("tiff_lab", "a.tif", lambda p: tiff(_colours(p), photometric="cielab"), "TIFF", "CIELAB"),
        _coloured(
            "tiff_palette",
            "a.tif",
            lambda p: tiff(
                p,
                photometric="palette",
                colormap=np.repeat(np.arange(256, dtype=np.uint16)[None] * 257, 3, 0),
            ),
            "TIFF",
            "PALETTE",
        ),
        _coloured(
            "tiff_palette_turned",
            "a.tif",
            lambda p: tiff(
                p,
                photometric="palette",
                colormap=np.zeros((3, 256), np.uint16),
                extratags=[(274, "H", 1, 6, True)],
            ),
            "TIFF",
            "PALETTE",
        ),
        image(
            "png_orientation_11",
            "a.png",
            lambda p: turned(p, "PNG", 11),
            "expected an orientation from 1 to 8, found 11",
        ),
        image(
            "jpeg_orientation_0",
            "a.jpg",
            lambda p: turned(p, "JPEG", 0),
            "expected an orientation from 1 to 8, found 0",
        ),
    ),
)

LARGE = Fault(
    "An image that would fill the memory",
    means="The file says that it has more than 134 million pixels, ten times what a scanner's camera has. It is refused "
    "before memory is taken for it.",
    do="Look whether it is the right file. A mosaic of views is no view.",
    rows=(
        image("png_huge", "a.png", png(60_000, 60_000), "expected at most 134217728 pixels, found more"),
        image("png_long", "a.png", png(1_000_000, 200), "expected at most 134217728 pixels, found more"),
        image(
            "png_beyond_all",
            "a.png",
            png(2**31 - 1, 2**31 - 1),
            "expected at most 134217728 pixels, found more",
        ),
        image(
            "tiff_huge", "a.tif", _huge_tiff, "expected at most 134217728 pixels, found 100000 x 100000 x 1"
        ),
        image("bmp_huge", "a.bmp", _huge_bmp, "expected at most 134217728 pixels, found more"),
    ),
)

SIZE = Fault(
    "Image and depth of two sizes",
    means="Every pixel of the image has its depth at the same place of the depth map, so both have one size.",
    do="Export both from the scanner at one resolution. If an image was cropped or scaled afterwards, take the original.",
    rows=(
        _sized("image_other_size", lambda p: saved(p[:50], "PNG"), "80x50"),
        _sized("image_turned_by_hand", lambda p: saved(np.rot90(p).copy(), "PNG"), "60x80"),
        _sized("image_turned_by_tag", lambda p: turned(p, "PNG", 6), "60x80"),
        Row(
            "depth_other_size",
            lambda w: w.depth("a.npy", w.millimetres[:, :40]),
            CHECK,
            "{scan}/a.npy: expected the size of {scan}/image/00.png, 80x60, found 40x60",
        ),
    ),
)

FAULTS = (LEVELS, SAYS, LARGE, SIZE)
