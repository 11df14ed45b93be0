"""Images that aren't whole, or aren't what their name says."""

from __future__ import annotations

from tests.bad_inputs.making import flipped, png, saved, tiff
from tests.bad_inputs.row_makers import CHECK, FileRows
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.view_files import Content, image, read_image, same

_PNG = FileRows("{scan}/image/00.png", CHECK)


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _named(name: str, file: str, content: Content, expected: str, found: str) -> Row:
    """A row of a file that isn't what its name says."""
    return image(
        name, file, content, f"expected a {expected}, as it is named, found a {found}: name it as what it is"
    )


def _unread(name: str, file: str, content: Content, found: str) -> Row:
    """A row of a name that no image has."""
    return image(name, file, content, f"expected one of .png, .jpg, .jpeg, .tif, .tiff, .bmp, found {found}")


WHOLE = Fault(
    "An image that isn't whole",
    means="The file ends too early, or what is in it doesn't decode: a copy that was broken off, a full disk, a fault of "
    "the storage.",
    do="Copy it again from where it was recorded. If it is damaged there too, take the view again, or leave it out of "
    "scan.json.",
    rows=(
        image("image_empty", "a.png", b"", "expected data, found an empty file"),
        _PNG.cut("png_cut", "truncated PNG: expected an end marker, found none in ... bytes"),
        _PNG.cut("png_cut_in_header", "truncated PNG: expected an end marker, found none in ... bytes", 0.01),
        image(
            "png_without_pixels",
            "a.png",
            png(80, 60),
            "expected an image, found 65 bytes that no decoder reads",
        ),
        image(
            "png_few_rows",
            "a.png",
            png(80, 60, rows=bytes(81 * 30)),
            "expected an image, found 82 bytes that no decoder reads",
        ),
        _PNG.flip(
            "png_flipped", 0.5, "expected a whole PNG, found one whose checksum at byte 1009 is another's"
        ),
        image("png_no_size", "a.png", png(0, 60), "expected a whole PNG, found a damaged header"),
        image(
            "jpeg_cut",
            "a.jpg",
            lambda p: _half(saved(p, "JPEG")),
            "truncated JPEG: expected an end marker, found none in ... bytes",
        ),
        image(
            "jpeg_cut_with_end",
            "a.jpg",
            lambda p: _half(saved(p, "JPEG")) + b"\xff\xd9",
            "expected a whole JPEG, found a damaged one (Truncated File Read)",
        ),
        image(
            "jpeg_flipped",
            "a.jpg",
            lambda p: flipped(saved(p, "JPEG"), 0.8),
            "expected a whole JPEG, found a damaged one (Corrupt JPEG data: premature end of data segment)",
        ),
        image(
            "jpeg_header_alone", "a.jpg", b"\xff\xd8\xff\xd9", "expected a whole JPEG, found a damaged header"
        ),
        image(
            "tiff_cut", "a.tif", lambda p: tiff(p)[:2000], "truncated TIFF: expected 5008 bytes, found 2000"
        ),
        image(
            "tiff_cut_at_directory",
            "a.tif",
            lambda p: tiff(p)[:12],
            "expected a whole TIFF, found a damaged one (corrupted IFD structure)",
        ),
        image(
            "tiff_zlib_flipped",
            "a.tif",
            lambda p: flipped(tiff(p, compression="zlib"), 0.7),
            "expected a whole TIFF, found a damaged one (...)",
        ),
        image(
            "tiff_lzw_flipped",
            "a.tif",
            lambda p: flipped(tiff(p, compression="lzw"), 0.7),
            "expected a whole TIFF, found damaged pixels (decoder error -2)",
        ),
        image(
            "bmp_cut",
            "a.bmp",
            lambda p: saved(p, "BMP")[:2000],
            "expected an image, found 2000 bytes that no decoder reads",
        ),
        image(
            "bmp_header_alone",
            "a.bmp",
            lambda p: saved(p, "BMP")[:30],
            "expected a whole BMP, found a damaged one (Truncated File Read)",
        ),
    ),
)

OTHER = Fault(
    "A file that is another kind than its name says",
    means="The first bytes of a file tell what it is. Where they say another thing than the name, a program on the way "
    "renamed or converted it, and may have lost something by it: a JPEG called .png has JPEG's blur.",
    do="Name it as what it is. If the program was to write another format, write it again.",
    rows=(
        _named("jpeg_named_png", "a.png", lambda p: saved(p, "JPEG"), "PNG", "JPEG"),
        _named("png_named_jpg", "a.jpg", lambda p: saved(p, "PNG"), "JPEG", "PNG"),
        _named("png_named_tif", "a.tif", lambda p: saved(p, "PNG"), "TIFF", "PNG"),
        _named("gif_named_png", "a.png", lambda p: saved(p, "GIF"), "PNG", "GIF"),
        _named("webp_named_png", "a.png", lambda p: saved(p, "WEBP"), "PNG", "WebP or another RIFF file"),
        _named("pdf_named_png", "a.png", b"%PDF-1.7\n", "PNG", "PDF"),
        _named("numpy_named_png", "a.png", b"\x93NUMPY\x01\x00", "PNG", "NumPy array"),
        _named("zip_named_png", "a.png", b"PK\x03\x04abc", "PNG", "ZIP or NPZ archive"),
        _named("exr_named_png", "a.png", b"v/1\x01\x02\x00\x00\x00", "PNG", "EXR"),
        image(
            "text_named_png",
            "a.png",
            b"hello, I am a picture",
            "expected a PNG, found 21 bytes that no decoder reads",
        ),
        image(
            "page_named_png",
            "a.png",
            b"<!DOCTYPE html><html></html>",
            "expected a PNG, found 28 bytes that no decoder reads",
        ),
    ),
)

FORMAT = Fault(
    "An image of a format that isn't read",
    means="Images are PNG, JPEG, TIFF or BMP, told by the end of their name.",
    do="Convert it, best to PNG, which loses nothing.",
    rows=(
        _unread("image_webp", "a.webp", lambda p: saved(p, "WEBP"), ".webp"),
        _unread("image_gif", "a.gif", lambda p: saved(p, "GIF"), ".gif"),
        _unread("image_exr", "a.exr", b"v/1\x01", ".exr"),
        image("image_npy", "a.npy", b"", "expected data, found an empty file"),
        _unread("image_without_suffix", "a", lambda p: saved(p, "PNG"), "no suffix"),
        read_image("image_suffix_large", "A.PNG", lambda p: saved(p, "PNG"), same),
    ),
)

FAULTS = (WHOLE, OTHER, FORMAT)
