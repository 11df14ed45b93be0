"""Images that a scan names, and how each is read or refused."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from tests.bad_inputs.making import chunk, cut, flip, flipped, png, saved, tiff, turned
from tests.bad_inputs.table import Fault, Row, Subject
from tests.bad_inputs.workspace import Workspace

CHECK = "modmap check {scan}"


def _image(name: str, content: Callable[[Workspace], bytes]) -> Callable[[Workspace], object]:
    return lambda w: w.image(name, content(w))


def _reads(expected: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Callable[[Workspace], bool]:
    """Whether the first view is read as these pixels."""

    def holds(w: Workspace) -> bool:
        from modmap import Scan

        return np.array_equal(Scan.load(w.scan).views[0].load().image, expected(w.pixels))

    return holds


def _same(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return pixels


def _widened(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return pixels.astype(np.uint16) * 257


def _wide(w: Workspace) -> npt.NDArray[Any]:
    return _widened(w.pixels)


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _apng(w: Workspace) -> bytes:
    frames = [Image.fromarray(w.pixels), Image.fromarray(255 - w.pixels)]
    stream = io.BytesIO()
    frames[0].save(stream, format="PNG", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def _mpo(w: Workspace) -> bytes:
    frames = [Image.fromarray(w.pixels), Image.fromarray(255 - w.pixels)]
    stream = io.BytesIO()
    frames[0].save(stream, format="MPO", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def _colour(w: Workspace) -> npt.NDArray[Any]:
    return np.stack([w.pixels, 255 - w.pixels, w.pixels // 2], axis=-1)


def _with_thumbnail(w: Workspace) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(w.pixels, metadata=None)
        file.write(w.pixels[::4, ::4], metadata=None, subfiletype=1)
    return stream.getvalue()


def _huge_tiff(w: Workspace) -> bytes:
    """Of which width and height, tags 256 and 257, are a hundred thousand."""
    data = bytearray(tiff(w.pixels))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        places = [file.pages.first.tags[tag].offset for tag in (256, 257)]
    for place in places:
        data[place + 2 : place + 12] = struct.pack("<HII", 4, 1, 100_000)
    return bytes(data)


def _huge_bmp(w: Workspace) -> bytes:
    data = bytearray(saved(w.pixels, "BMP"))
    data[18:26] = (100_000).to_bytes(4, "little") * 2
    return bytes(data)


WHOLE = Fault(
    "An image that isn't whole",
    means="The file ends too early, or what is in it doesn't decode: a copy that was broken off, a full disk, a fault of "
    "the storage.",
    do="Copy it again from where it was recorded. If it is damaged there too, take the view again, or leave it out of "
    "scan.json.",
    rows=(
        Row(
            "image_empty",
            _image("a.png", lambda w: b""),
            CHECK,
            "{scan}/a.png: expected data, found an empty file",
        ),
        Row(
            "png_cut",
            lambda w: cut(w.scan / "image/00.png"),
            CHECK,
            "{scan}/image/00.png: truncated PNG: expected an end marker, found none in ... bytes",
        ),
        Row(
            "png_cut_in_header",
            lambda w: cut(w.scan / "image/00.png", 0.01),
            CHECK,
            "{scan}/image/00.png: truncated PNG: expected an end marker, found none in ... bytes",
        ),
        Row(
            "png_without_pixels",
            _image("a.png", lambda w: png(80, 60)),
            CHECK,
            "{scan}/a.png: expected an image, found 65 bytes that no decoder reads",
        ),
        Row(
            "png_few_rows",
            _image("a.png", lambda w: png(80, 60, rows=bytes(81 * 30))),
            CHECK,
            "{scan}/a.png: expected an image, found 82 bytes that no decoder reads",
        ),
        Row(
            "png_flipped",
            lambda w: flip(w.scan / "image/00.png", 0.5),
            CHECK,
            "{scan}/image/00.png: expected a whole PNG, found one whose checksum at byte 1009 is another's",
        ),
        Row(
            "png_no_size",
            _image("a.png", lambda w: png(0, 60)),
            CHECK,
            "{scan}/a.png: expected a whole PNG, found a damaged header",
        ),
        Row(
            "jpeg_cut",
            _image("a.jpg", lambda w: _half(saved(w.pixels, "JPEG"))),
            CHECK,
            "{scan}/a.jpg: truncated JPEG: expected an end marker, found none in ... bytes",
        ),
        Row(
            "jpeg_cut_with_end",
            _image("a.jpg", lambda w: _half(saved(w.pixels, "JPEG")) + b"\xff\xd9"),
            CHECK,
            "{scan}/a.jpg: expected a whole JPEG, found a damaged one (Truncated File Read)",
        ),
        Row(
            "jpeg_flipped",
            _image("a.jpg", lambda w: flipped(saved(w.pixels, "JPEG"), 0.8)),
            CHECK,
            "{scan}/a.jpg: expected a whole JPEG, found a damaged one (Corrupt JPEG data: premature end of "
            "data segment)",
        ),
        Row(
            "jpeg_header_alone",
            _image("a.jpg", lambda w: b"\xff\xd8\xff\xd9"),
            CHECK,
            "{scan}/a.jpg: expected a whole JPEG, found a damaged header",
        ),
        Row(
            "tiff_cut",
            _image("a.tif", lambda w: tiff(w.pixels)[:2000]),
            CHECK,
            "{scan}/a.tif: truncated TIFF: expected 5008 bytes, found 2000",
        ),
        Row(
            "tiff_cut_at_directory",
            _image("a.tif", lambda w: tiff(w.pixels)[:12]),
            CHECK,
            "{scan}/a.tif: expected a whole TIFF, found a damaged one (corrupted IFD structure)",
        ),
        Row(
            "tiff_zlib_flipped",
            _image("a.tif", lambda w: flipped(tiff(w.pixels, compression="zlib"), 0.7)),
            CHECK,
            "{scan}/a.tif: expected a whole TIFF, found a damaged one (...)",
        ),
        Row(
            "tiff_lzw_flipped",
            _image("a.tif", lambda w: flipped(tiff(w.pixels, compression="lzw"), 0.7)),
            CHECK,
            "{scan}/a.tif: expected a whole TIFF, found damaged pixels (decoder error -2)",
        ),
        Row(
            "bmp_cut",
            _image("a.bmp", lambda w: saved(w.pixels, "BMP")[:2000]),
            CHECK,
            "{scan}/a.bmp: expected an image, found 2000 bytes that no decoder reads",
        ),
        Row(
            "bmp_header_alone",
            _image("a.bmp", lambda w: saved(w.pixels, "BMP")[:30]),
            CHECK,
            "{scan}/a.bmp: expected a whole BMP, found a damaged one (Truncated File Read)",
        ),
    ),
)

OTHER = Fault(
    "A file that is another kind than its name says",
    means="The first bytes of a file tell what it is. Where they say another thing than the name, a program on the way "
    "renamed or converted it, and may have lost something by it: a JPEG called .png has JPEG's blur.",
    do="Name it as what it is. If the program was to write another format, write it again.",
    rows=(
        Row(
            "jpeg_named_png",
            _image("a.png", lambda w: saved(w.pixels, "JPEG")),
            CHECK,
            "{scan}/a.png: expected a PNG, as it is named, found a JPEG: name it as what it is",
        ),
        Row(
            "png_named_jpg",
            _image("a.jpg", lambda w: saved(w.pixels, "PNG")),
            CHECK,
            "{scan}/a.jpg: expected a JPEG, as it is named, found a PNG: name it as what it is",
        ),
        Row(
            "png_named_tif",
            _image("a.tif", lambda w: saved(w.pixels, "PNG")),
            CHECK,
            "{scan}/a.tif: expected a TIFF, as it is named, found a PNG: name it as what it is",
        ),
        Row(
            "gif_named_png",
            _image("a.png", lambda w: saved(w.pixels, "GIF")),
            CHECK,
            "{scan}/a.png: expected a PNG, as it is named, found a GIF: name it as what it is",
        ),
        Row(
            "webp_named_png",
            _image("a.png", lambda w: saved(w.pixels, "WEBP")),
            CHECK,
            "{scan}/a.png: expected a PNG, as it is named, found a WebP or another RIFF file: name it as "
            "what it is",
        ),
        Row(
            "pdf_named_png",
            _image("a.png", lambda w: b"%PDF-1.7\n"),
            CHECK,
            "{scan}/a.png: expected a PNG, as it is named, found a PDF: name it as what it is",
        ),
        Row(
            "numpy_named_png",
            _image("a.png", lambda w: b"\x93NUMPY\x01\x00"),
            CHECK,
            "{scan}/a.png: expected a PNG, as it is named, found a NumPy array: name it as what it is",
        ),
        Row(
            "zip_named_png",
            _image("a.png", lambda w: b"PK\x03\x04abc"),
            CHECK,
            "{scan}/a.png: expected a PNG, as it is named, found a ZIP or NPZ archive: name it as what it is",
        ),
        Row(
            "exr_named_png",
            _image("a.png", lambda w: b"v/1\x01\x02\x00\x00\x00"),
            CHECK,
            "{scan}/a.png: expected a PNG, as it is named, found a EXR: name it as what it is",
        ),
        Row(
            "text_named_png",
            _image("a.png", lambda w: b"hello, I am a picture"),
            CHECK,
            "{scan}/a.png: expected a PNG, found 21 bytes that no decoder reads",
        ),
        Row(
            "page_named_png",
            _image("a.png", lambda w: b"<!DOCTYPE html><html></html>"),
            CHECK,
            "{scan}/a.png: expected a PNG, found 28 bytes that no decoder reads",
        ),
    ),
)

FORMAT = Fault(
    "An image of a format that isn't read",
    means="Images are PNG, JPEG, TIFF or BMP, told by the end of their name.",
    do="Convert it, best to PNG, which loses nothing.",
    rows=(
        Row(
            "image_webp",
            _image("a.webp", lambda w: saved(w.pixels, "WEBP")),
            CHECK,
            "{scan}/a.webp: expected one of .png, .jpg, .jpeg, .tif, .tiff, .bmp, found .webp",
        ),
        Row(
            "image_gif",
            _image("a.gif", lambda w: saved(w.pixels, "GIF")),
            CHECK,
            "{scan}/a.gif: expected one of .png, .jpg, .jpeg, .tif, .tiff, .bmp, found .gif",
        ),
        Row(
            "image_exr",
            _image("a.exr", lambda w: b"v/1\x01"),
            CHECK,
            "{scan}/a.exr: expected one of .png, .jpg, .jpeg, .tif, .tiff, .bmp, found .exr",
        ),
        Row(
            "image_npy",
            _image("a.npy", lambda w: b""),
            CHECK,
            "{scan}/a.npy: expected data, found an empty file",
        ),
        Row(
            "image_without_suffix",
            _image("a", lambda w: saved(w.pixels, "PNG")),
            CHECK,
            "{scan}/a: expected one of .png, .jpg, .jpeg, .tif, .tiff, .bmp, found no suffix",
        ),
        Row(
            "image_suffix_large",
            _image("A.PNG", lambda w: saved(w.pixels, "PNG")),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
    ),
)

LEVELS = Fault(
    "Pixels of a type that isn't gray levels",
    means="Images have 8 or 16 bit, and one, three or four channels. Floating point, signed or 32 bit numbers have no "
    "black and white that all programs agree on.",
    do="Export the image with 8 or 16 bit from the program that wrote it.",
    rows=(
        Row(
            "image_float_tiff",
            _image("a.tif", lambda w: tiff(w.pixels.astype(np.float32))),
            CHECK,
            "{scan}/a.tif: expected an 8 or 16 bit image, found float32",
        ),
        Row(
            "image_double_tiff",
            _image("a.tif", lambda w: tiff(w.pixels.astype(np.float64))),
            CHECK,
            "{scan}/a.tif: expected an 8 or 16 bit image, found float64",
        ),
        Row(
            "image_half_tiff",
            _image("a.tif", lambda w: tiff(w.pixels.astype(np.float16))),
            CHECK,
            "{scan}/a.tif: expected an 8 or 16 bit image, found float16",
        ),
        Row(
            "image_u32_tiff",
            _image("a.tif", lambda w: tiff(w.pixels.astype(np.uint32))),
            CHECK,
            "{scan}/a.tif: expected an 8 or 16 bit image, found uint32",
        ),
        Row(
            "image_i16_tiff",
            _image("a.tif", lambda w: tiff(w.pixels.astype(np.int16))),
            CHECK,
            "{scan}/a.tif: expected an 8 or 16 bit image, found int16",
        ),
        Row(
            "image_i8_tiff",
            _image("a.tif", lambda w: tiff((w.pixels // 2).astype(np.int8))),
            CHECK,
            "{scan}/a.tif: expected an 8 or 16 bit image, found int8",
        ),
        Row(
            "image_complex_tiff",
            _image("a.tif", lambda w: tiff(w.pixels.astype(np.complex64))),
            CHECK,
            "{scan}/a.tif: expected numbers of 8, 16, 32 or 64 bit, found 64 bit of complex64",
        ),
        Row(
            "image_two_channels",
            _image(
                "a.tif",
                lambda w: tiff(np.stack([w.pixels] * 2, -1), photometric="minisblack", planarconfig="contig"),
            ),
            CHECK,
            "{scan}/a.tif: expected shape (H, W), (H, W, 3) or (H, W, 4), found (60, 80, 2)",
        ),
        Row(
            "image_five_channels",
            _image(
                "a.tif",
                lambda w: tiff(np.stack([w.pixels] * 5, -1), photometric="minisblack", planarconfig="contig"),
            ),
            CHECK,
            "{scan}/a.tif: expected shape (H, W), (H, W, 3) or (H, W, 4), found (60, 80, 5)",
        ),
        Row(
            "image_bits_12",
            _image("a.tif", lambda w: tiff(w.pixels.astype(np.uint16), bitspersample=12)),
            CHECK,
            "{scan}/a.tif: expected numbers of 8, 16, 32 or 64 bit, found 12 bit of uint16",
        ),
        Row(
            "image_bits_1",
            _image("a.tif", lambda w: tiff(w.pixels > 100)),
            CHECK,
            "{scan}/a.tif: expected numbers of 8, 16, 32 or 64 bit, found 1 bit of bool",
        ),
    ),
)

SAYS = Fault(
    "An image that says of itself what isn't read",
    means="A file may hold several pages, or colours of another kind than gray, red, green and blue. Which page is "
    "meant, or what a gray level of such colours is, can't be told.",
    do="Save the page that is meant, in gray or RGB, as a file of its own.",
    rows=(
        Row(
            "tiff_pages",
            _image("a.tif", lambda w: tiff(w.pixels, w.pixels, w.pixels)),
            CHECK,
            "{scan}/a.tif: expected one page, found 3: save the one that is meant as a file of its own",
        ),
        Row(
            "png_animated",
            _image("a.png", _apng),
            CHECK,
            "{scan}/a.png: expected one picture, found an animated PNG: save the one that is meant",
        ),
        Row(
            "jpeg_cmyk",
            _image("a.jpg", lambda w: saved(Image.fromarray(_colour(w)).convert("CMYK"), "JPEG")),
            CHECK,
            "{scan}/a.jpg: expected a JPEG of gray levels or of red, green and blue, found one of other "
            "colours (CMYK)",
        ),
        Row(
            "tiff_cmyk",
            _image("a.tif", lambda w: tiff(np.stack([w.pixels] * 4, -1), photometric="separated")),
            CHECK,
            "{scan}/a.tif: expected a TIFF of gray levels or of red, green and blue, found one of other "
            "colours (SEPARATED)",
        ),
        Row(
            "tiff_lab",
            _image("a.tif", lambda w: tiff(_colour(w), photometric="cielab")),
            CHECK,
            "{scan}/a.tif: expected a TIFF of gray levels or of red, green and blue, found one of other "
            "colours (CIELAB)",
        ),
        Row(
            "tiff_palette",
            _image(
                "a.tif",
                lambda w: tiff(
                    w.pixels,
                    photometric="palette",
                    colormap=np.repeat(np.arange(256, dtype=np.uint16)[None] * 257, 3, 0),
                ),
            ),
            CHECK,
            "{scan}/a.tif: expected a TIFF of gray levels or of red, green and blue, found one of other "
            "colours (PALETTE)",
        ),
        Row(
            "tiff_palette_turned",
            _image(
                "a.tif",
                lambda w: tiff(
                    w.pixels,
                    photometric="palette",
                    colormap=np.zeros((3, 256), np.uint16),
                    extratags=[(274, "H", 1, 6, True)],
                ),
            ),
            CHECK,
            "{scan}/a.tif: expected a TIFF of gray levels or of red, green and blue, found one of other "
            "colours (PALETTE)",
        ),
        Row(
            "png_orientation_11",
            _image("a.png", lambda w: turned(w.pixels, "PNG", 11)),
            CHECK,
            "{scan}/a.png: expected an orientation from 1 to 8, found 11",
        ),
        Row(
            "jpeg_orientation_0",
            _image("a.jpg", lambda w: turned(w.pixels, "JPEG", 0)),
            CHECK,
            "{scan}/a.jpg: expected an orientation from 1 to 8, found 0",
        ),
    ),
)

LARGE = Fault(
    "An image that would fill the memory",
    means="The file says that it has more than 134 million pixels, ten times what a scanner's camera has. It is refused "
    "before memory is taken for it.",
    do="Look whether it is the right file. A mosaic of views is no view.",
    rows=(
        Row(
            "png_huge",
            _image("a.png", lambda w: png(60_000, 60_000)),
            CHECK,
            "{scan}/a.png: expected at most 134217728 pixels, found more",
        ),
        Row(
            "png_long",
            _image("a.png", lambda w: png(1_000_000, 200)),
            CHECK,
            "{scan}/a.png: expected at most 134217728 pixels, found more",
        ),
        Row(
            "png_beyond_all",
            _image("a.png", lambda w: png(2**31 - 1, 2**31 - 1)),
            CHECK,
            "{scan}/a.png: expected at most 134217728 pixels, found more",
        ),
        Row(
            "tiff_huge",
            _image("a.tif", _huge_tiff),
            CHECK,
            "{scan}/a.tif: expected at most 134217728 pixels, found 100000 x 100000 x 1",
        ),
        Row(
            "bmp_huge",
            _image("a.bmp", _huge_bmp),
            CHECK,
            "{scan}/a.bmp: expected at most 134217728 pixels, found more",
        ),
    ),
)

SIZE = Fault(
    "Image and depth of two sizes",
    means="Every pixel of the image has its depth at the same place of the depth map, so both have one size.",
    do="Export both from the scanner at one resolution. If an image was cropped or scaled afterwards, take the original.",
    rows=(
        Row(
            "image_other_size",
            _image("a.png", lambda w: saved(w.pixels[:50], "PNG")),
            CHECK,
            "{scan}/depth/00.npy: expected the size of {scan}/a.png, 80x50, found 80x60",
        ),
        Row(
            "image_turned_by_hand",
            _image("a.png", lambda w: saved(np.rot90(w.pixels).copy(), "PNG")),
            CHECK,
            "{scan}/depth/00.npy: expected the size of {scan}/a.png, 60x80, found 80x60",
        ),
        Row(
            "image_turned_by_tag",
            _image("a.png", lambda w: turned(w.pixels, "PNG", 6)),
            CHECK,
            "{scan}/depth/00.npy: expected the size of {scan}/a.png, 60x80, found 80x60",
        ),
        Row(
            "depth_other_size",
            lambda w: w.depth("a.npy", w.millimetres[:, :40]),
            CHECK,
            "{scan}/a.npy: expected the size of {scan}/image/00.png, 80x60, found 40x60",
        ),
    ),
)

READ = Fault(
    "Images that are read as they say of themselves",
    means="Not an error. What the file asks for is done, and a note says so where it isn't usual.",
    do="Nothing; but look whether the note is what the scanner meant.",
    rows=(
        Row(
            "png_orientation_3",
            _image("a.png", lambda w: turned(w.pixels[::-1, ::-1].copy(), "PNG", 3)),
            CHECK,
            "view 00: image: turned as its orientation tag says (3)",
            0,
            _reads(_same),
        ),
        Row(
            "tiff_orientation_4",
            _image("a.tif", lambda w: tiff(w.pixels[::-1].copy(), extratags=[(274, "H", 1, 4, True)])),
            CHECK,
            "view 00: image: turned as its orientation tag says (4)",
            0,
            _reads(_same),
        ),
        Row(
            "tiff_u16_inverted",
            _image("a.tif", lambda w: tiff(65535 - _wide(w), photometric="miniswhite")),
            CHECK,
            "view 00: image: inverted, as the file says that its largest value is black",
            0,
            _reads(_widened),
        ),
        Row(
            "tiff_u8_inverted",
            _image("a.tif", lambda w: tiff(255 - w.pixels, photometric="miniswhite")),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row(
            "tiff_planes_apart",
            _image(
                "a.tif", lambda w: tiff(np.stack([_wide(w)] * 3), planarconfig="separate", photometric="rgb")
            ),
            CHECK,
            "",
            0,
            _reads(_widened),
        ),
        Row(
            "tiff_tiled",
            _image("a.tif", lambda w: tiff(w.pixels, tile=(16, 16))),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row("tiff_big", _image("a.tif", lambda w: tiff(w.pixels, bigtiff=True)), CHECK, "", 0, _reads(_same)),
        Row(
            "tiff_big_endian",
            _image("a.tif", lambda w: tiff(_wide(w), byteorder=">")),
            CHECK,
            "",
            0,
            _reads(_widened),
        ),
        Row(
            "tiff_lzw_predictor",
            _image("a.tif", lambda w: tiff(w.pixels, compression="lzw", predictor=True)),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row(
            "tiff_zlib_u16_predictor",
            _image("a.tif", lambda w: tiff(_wide(w), compression="zlib", predictor=True)),
            CHECK,
            "",
            0,
            _reads(_widened),
        ),
        Row("tiff_thumbnail", _image("a.tif", _with_thumbnail), CHECK, "", 0, _reads(_same)),
        Row(
            "png_palette",
            _image("a.png", lambda w: saved(Image.fromarray(w.pixels).convert("P"), "PNG")),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row(
            "png_bits_1",
            _image("a.png", lambda w: saved(Image.fromarray(w.pixels > 100), "PNG")),
            CHECK,
            "",
            0,
            _reads(lambda p: np.where(p > 100, 255, 0).astype(np.uint8)),
        ),
        Row(
            "png_gray_and_alpha",
            _image(
                "a.png",
                lambda w: saved(
                    Image.merge("LA", [Image.fromarray(w.pixels), Image.fromarray(w.pixels // 2)]), "PNG"
                ),
            ),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row(
            "png_transparent",
            _image("a.png", lambda w: saved(np.dstack([w.pixels] * 3 + [w.pixels // 3]), "PNG")),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row(
            "png_text_chunk",
            _image(
                "a.png",
                lambda w: (
                    saved(w.pixels, "PNG")[:-12] + chunk(b"tEXt", b"who\0x") + saved(w.pixels, "PNG")[-12:]
                ),
            ),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row(
            "png_bytes_after_end",
            _image("a.png", lambda w: saved(w.pixels, "PNG") + b"more"),
            CHECK,
            "",
            0,
            _reads(_same),
        ),
        Row(
            "jpeg_progressive",
            _image("a.jpg", lambda w: saved(w.pixels, "JPEG", progressive=True)),
            CHECK,
            "",
            0,
        ),
        Row(
            "jpeg_several",
            _image("a.jpg", _mpo),
            CHECK,
            "view 00: image: the first of 2 pictures in the file",
            0,
        ),
        Row(
            "bmp_upside_down", _image("a.bmp", lambda w: saved(w.pixels, "BMP")), CHECK, "", 0, _reads(_same)
        ),
    ),
)


SUBJECT = Subject("Images", (WHOLE, OTHER, FORMAT, LEVELS, SAYS, LARGE, SIZE, READ))
