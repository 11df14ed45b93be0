"""Files of images and depth maps, as other libraries and other people's programs write them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

Array = npt.NDArray[Any]
ORIENTATION = 274


def cut(path: Path, share: float = 0.5) -> None:
    """Leaves the beginning of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def flip(path: Path, share: float, *, count: int = 40) -> None:
    """Inverts some bytes of a file."""
    data = bytearray(path.read_bytes())
    at = int(len(data) * share)
    for place in range(at, min(at + count, len(data))):
        data[place] ^= 0xFF
    path.write_bytes(bytes(data))


def flipped(data: bytes, share: float, *, count: int = 40) -> bytes:
    """The same of bytes."""
    at = int(len(data) * share)
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + count]) + data[at + count :]


def tiff(*pages: Array, **options: Any) -> bytes:
    """A TIFF of some pages."""
    stream = io.BytesIO()
    whole = {name: options.pop(name) for name in ("bigtiff", "byteorder") if name in options}
    with tifffile.TiffWriter(stream, **whole) as file:
        for page in pages:
            file.write(page, metadata=None, **options)
    return stream.getvalue()


def saved(pixels: Array | Image.Image, kind: str, **options: Any) -> bytes:
    """An image as Pillow writes it."""
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, format=kind, **options)
    return stream.getvalue()


def animated(pixels: Array, kind: str) -> bytes:
    """Two pictures in a file."""
    return saved(pixels, kind, save_all=True, append_images=[Image.fromarray(255 - pixels)])


def turned(pixels: Array, kind: str, orientation: int) -> bytes:
    """An image whose EXIF says that it is to be turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(pixels, kind, exif=exif)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, depth: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    """A PNG that says how large it is, whatever pixels it has."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def npy_header(text: str, *, version: tuple[int, int] = (1, 0), data: bytes = b"") -> bytes:
    """A NumPy file of any header."""
    body = text.encode() + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(body))
    return b"\x93NUMPY" + bytes(version) + size + body + data


def npz(**arrays: Array) -> bytes:
    """An archive of arrays."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def swollen_npz(name: str, *, megabytes: int) -> bytes:
    """An archive of little data that inflates to much."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (megabytes * 1000, 1000)}
    )
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{name}.npy", "w") as file,
    ):
        file.write(header.getvalue())
        for _ in range(megabytes):
            file.write(bytes(1_000_000))
    return stream.getvalue()


def changed_npz(path: Path, change: Callable[[dict[str, Array]], object]) -> None:
    """Changes the arrays of an archive."""
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    change(arrays)
    np.savez(path.with_suffix(".changed.npz"), **arrays)  # type: ignore[arg-type]
    path.with_suffix(".changed.npz").replace(path)


def exr(path: Path, channels: dict[str, Array], **header: Any) -> Path:
    """An EXR file as OpenEXR writes it."""
    import OpenEXR

    head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    with OpenEXR.File(head, channels) as file:
        file.write(str(path))
    return path
