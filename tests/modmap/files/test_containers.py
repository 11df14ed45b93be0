"""What files say of themselves, each written by another library, and read as it says or refused by its cause."""

from __future__ import annotations

import io
import logging
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenEXR
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from modmap.files import containers
from modmap.files.array_containers import exr_depth, numpy_array
from modmap.files.container_limits import ContainerError
from modmap.files.containers import decoded

Array = npt.NDArray[Any]

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 65536, (6, 9, 3)).astype(np.uint16)


def _tiff(*pages: Array, **options: Any) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        for page in pages:
            file.write(page, metadata=None, **options)
    return stream.getvalue()


def _with_orientation(kind: str, orientation: int) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(GRAY).save(stream, format=kind, exif=exif)
    return stream.getvalue()


def _jpeg(mode: str, **options: Any) -> bytes:
    y, x = np.mgrid[:61, :83]
    waves = (127 + 90 * np.sin(x / 7) + 30 * np.cos(y / 5)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.dstack([waves, 255 - waves, waves // 2])).convert(mode).save(
        stream, format="JPEG", **options
    )
    return stream.getvalue()


def _png_of_size(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and has no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class TestDecoded:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_decoded__is_turned_as_pillow_turns_it(self, kind: str, orientation: int) -> None:
        data = _with_orientation(kind, orientation)
        notes: list[str] = []
        found = decoded(data, f".{kind.lower()}", notes=notes)
        with Image.open(io.BytesIO(data)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image))
        np.testing.assert_array_equal(found, expected)
        assert len(notes) == (orientation > 1)
        if orientation > 1:
            assert notes == [f"turned as its orientation tag says ({orientation})"]

    def test_decoded__an_inverted_tiff_that_is_turned(self) -> None:
        data = _tiff(GRAY, photometric="miniswhite", extratags=[(274, "H", 1, 6, True)])
        notes: list[str] = []
        np.testing.assert_array_equal(decoded(data, ".tif", notes=notes), np.rot90(255 - GRAY, -1))
        assert len(notes) == 2

    def test_decoded__a_turned_tiff_of_palette_colours(self) -> None:
        data = _tiff(
            GRAY,
            photometric="palette",
            colormap=np.zeros((3, 256), np.uint16),
            extratags=[(274, "H", 1, 6, True)],
        )
        with pytest.raises(ContainerError, match=r"found one of other colours \(PALETTE\)$"):
            decoded(data, ".tif", notes=[])

    def test_decoded__a_jpegs_orientation(self) -> None:
        plain, turned = (decoded(_with_orientation("JPEG", n), ".jpg", notes=[]) for n in (1, 3))
        np.testing.assert_array_equal(turned, plain[::-1, ::-1])

    def test_decoded__an_orientation_that_is_none(self) -> None:
        with pytest.raises(ContainerError, match=r"^expected an orientation from 1 to 8, found 11$"):
            decoded(_with_orientation("PNG", 11), ".png", notes=[])

    @pytest.mark.parametrize("compression", [None, "zlib"])
    @pytest.mark.parametrize("kind", [np.uint16, np.float32])
    def test_decoded__planes_apart_are_brought_together(self, kind: Any, compression: Any) -> None:
        data = _tiff(
            np.moveaxis(COLOUR, -1, 0).astype(kind),
            planarconfig="separate",
            photometric="rgb",
            compression=compression,
        )
        for _ in range(3):
            found = decoded(data, ".tif", notes=[], values=True)
            np.testing.assert_array_equal(found, COLOUR[:, :, ::-1].astype(kind))

    def test_decoded__pages(self) -> None:
        depth = RNG.random((6, 9)).astype(np.float32)
        with pytest.raises(ContainerError, match=r"^expected one page, found 3: save the one that is meant"):
            decoded(_tiff(depth, depth, depth), ".tiff", notes=[], values=True)
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream) as file:
            file.write(depth, metadata=None)
            file.write(depth[::2, ::2], metadata=None, subfiletype=1)
        np.testing.assert_array_equal(decoded(stream.getvalue(), ".tif", notes=[], values=True), depth)

    @pytest.mark.parametrize("compression", [None, "zlib", "packbits", "lzw"])
    @pytest.mark.parametrize("kind", ["u1", "u2", "f4", "f8"])
    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_decoded__a_tiff_is_what_was_written(self, kind: str, channels: int, compression: Any) -> None:
        pixels = RNG.integers(0, 256, (33, 47, channels)).astype(kind)
        for more in ({}, {"tile": (16, 32)}, {"rowsperstrip": 5}):
            data = _tiff(
                pixels[..., 0] if channels == 1 else pixels,
                compression=compression,
                predictor=kind == "u2" and compression in ("zlib", "lzw"),
                photometric="minisblack" if channels == 1 else "rgb",
                **more,
            )
            found = np.atleast_3d(decoded(data, ".tif", notes=[], values=True))
            order = [0] if channels == 1 else [2, 1, 0, 3][:channels]
            np.testing.assert_array_equal(found[..., order], pixels)

    @pytest.mark.parametrize("predictor", [False, True])
    @pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
    @settings(max_examples=40, deadline=None)
    @given(place=st.floats(0, 1), damage=st.binary(min_size=1, max_size=20))
    def test_decoded__no_damage_within_deflate_goes_unseen(
        self, kind: str, predictor: bool, place: float, damage: bytes
    ) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (33, 47)).astype(kind)
        data = _tiff(pixels, compression="zlib", predictor=predictor)
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            first, size = page.dataoffsets[0], page.databytecounts[0]
        at = first + int(place * (size - len(damage)))
        spoilt = data[:at] + damage + data[at + len(damage) :]
        if spoilt == data:
            return
        # The two bits of a header that say nothing of the data may be any.
        try:
            found = decoded(spoilt, ".tif", notes=[], values=True)
        except ContainerError:
            return
        np.testing.assert_array_equal(found, pixels)

    @pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
    @settings(max_examples=40, deadline=None)
    @given(share=st.floats(0, 0.99))
    def test_decoded__a_cut_tiff_is_refused(self, compression: Any, share: float) -> None:
        data = _tiff(np.arange(33 * 47, dtype=np.uint16).reshape(33, 47), compression=compression)
        with pytest.raises(ContainerError):
            decoded(data[: int(share * len(data))], ".tif", notes=[], values=True)

    def test_decoded__a_strip_that_inflates_beyond_its_rows(self) -> None:
        data = bytearray(_tiff(np.zeros((33, 47), np.uint8), compression="zlib"))
        bomb = zlib.compress(bytes(20_000_000))
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            tags = file.pages.first.tags
            offset, count = tags["StripOffsets"], tags["StripByteCounts"]
        assert offset.dtype == count.dtype == 4  # one of 32 bit each, that stands in its tag
        for tag, value in ((offset, len(data)), (count, len(bomb))):
            data[tag.offset + 8 : tag.offset + 12] = struct.pack("<I", value)
        with pytest.raises(ContainerError, match=r"found a strip of \d+ bytes and more"):
            decoded(bytes(data) + bomb, ".tif", notes=[])

    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 40}, {"subsampling": 0}])
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_decoded__a_jpeg_is_what_opencv_decodes(self, mode: str, options: dict[str, Any]) -> None:
        data = _jpeg(mode, **options)
        expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(decoded(data, ".jpg", notes=[]), expected)

    @pytest.mark.parametrize("options", [{}, {"progressive": True}])
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    @settings(max_examples=40, deadline=None)
    @given(share=st.floats(0.3, 0.97))
    def test_decoded__a_jpeg_that_was_cut_and_ended_is_refused(
        self, mode: str, options: dict[str, Any], share: float
    ) -> None:
        data = _jpeg(mode, **options)
        with pytest.raises(ContainerError):
            decoded(data[: int(share * len(data))] + b"\xff\xd9", ".jpg", notes=[])

    def test_decoded__a_jpeg_of_other_colours(self) -> None:
        with pytest.raises(ContainerError, match=r"found one of other colours \(CMYK\)$"):
            decoded(_jpeg("CMYK"), ".jpg", notes=[])

    @given(place=st.integers(8, 10_000), bit=st.integers(0, 7))
    def test_decoded__no_bit_of_a_png_changes_unseen(self, place: int, bit: int) -> None:
        pixels = np.random.default_rng(0).integers(0, 65536, (33, 47)).astype(np.uint16)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, format="PNG")
        data = bytearray(stream.getvalue())
        data[8 + place % (len(data) - 8)] ^= 1 << bit
        with pytest.raises(ContainerError):
            decoded(bytes(data), ".png", notes=[])

    def test_decoded__several_pictures(self) -> None:
        first, second = Image.fromarray(GRAY), Image.fromarray(255 - GRAY)
        animated, several = io.BytesIO(), io.BytesIO()
        first.save(animated, format="PNG", save_all=True, append_images=[second])
        first.save(several, format="MPO", save_all=True, append_images=[second])
        with pytest.raises(ContainerError, match=r"^expected one picture, found an animated PNG"):
            decoded(animated.getvalue(), ".png", notes=[])
        notes: list[str] = []
        found = decoded(several.getvalue(), ".jpg", notes=notes)
        with Image.open(io.BytesIO(several.getvalue())) as image:
            np.testing.assert_array_equal(found, np.asarray(image))
        assert notes == ["the first of 2 pictures in the file"]

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_decoded__white_is_zero(self, kind: Any) -> None:
        stored = RNG.integers(0, np.iinfo(kind).max, (6, 9)).astype(kind)
        data = _tiff(stored, photometric="miniswhite")
        np.testing.assert_array_equal(decoded(data, ".tif", notes=[]), np.iinfo(kind).max - stored)
        if kind == np.uint16:
            # A depth map's numbers are what they are.
            np.testing.assert_array_equal(decoded(data, ".tif", notes=[], values=True), stored)

    def test_decoded__another_kind_than_its_name_says(self) -> None:
        jpeg = _with_orientation("JPEG", 1)
        with pytest.raises(
            ContainerError, match=r"^expected a PNG, as it is named, found a JPEG: name it as what it is"
        ):
            decoded(jpeg, ".png", notes=[])
        with pytest.raises(ContainerError, match=r"^expected a TIFF, as it is named, found a PNG"):
            decoded(_with_orientation("PNG", 1), ".tif", notes=[])
        with pytest.raises(ContainerError, match=r"^expected a JPEG, found 6 bytes that no decoder reads$"):
            decoded(b"hello!", ".jpg", notes=[])

    @pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (1_000_000, 200)])
    def test_decoded__too_large_is_refused_before_it_is_decoded(
        self, width: int, height: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(containers, "_by_opencv", None)
        with pytest.raises(ContainerError, match="expected at most 134217728 pixels, found"):
            decoded(_png_of_size(width, height), ".png", notes=[])

    def test_decoded__a_png_without_pixels(self) -> None:
        with pytest.raises(ContainerError):
            decoded(_png_of_size(4, 4), ".png", notes=[])

    def test_decoded__many_tiffs_leave_nothing_behind(self) -> None:
        data = _tiff(GRAY)
        for _ in range(5):
            decoded(data, ".tif", notes=[])
        assert len(logging.getLogger("tifffile").handlers) <= 1


class TestNumpyArray:
    def test_numpy_array__a_few_bytes_that_say_they_are_many(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npy"
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 20, 1 << 20)}
            )
        with pytest.raises(ContainerError, match=r"^expected .*, found"):
            numpy_array(path)

    def test_numpy_array__an_archive_that_inflates(self, tmp_path: Path) -> None:
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "|u1", "fortran_order": False, "shape": (40_000, 4_000)}
        )
        path = tmp_path / "a.npz"
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("depth.npy", "w") as member,
        ):
            member.write(stream.getvalue())
            for _ in range(16):
                member.write(bytes(10_000_000))
        with pytest.raises(ContainerError, match=r"^expected at most 134217728 pixels, found 4000 x 40000$"):
            numpy_array(path)

    def test_numpy_array__as_numpy_loads_it(self, tmp_path: Path) -> None:
        depth = RNG.random((6, 9))
        np.save(tmp_path / "a.npy", np.asfortranarray(depth))
        np.savez(tmp_path / "b.npz", depth=depth, other=depth[:2])
        for name in ("a.npy", "b.npz"):
            found = numpy_array(tmp_path / name)
            np.testing.assert_array_equal(found, depth)
            assert not isinstance(found, np.memmap)


class TestExrDepth:
    @pytest.mark.parametrize(
        "corner", [(2, 1), (-3, -2), (7, 5), (-20, 0)], ids=["inside", "before", "beyond", "outside"]
    )
    def test_exr_depth__the_display_window_is_the_view(self, tmp_path: Path, corner: tuple[int, int]) -> None:
        depth = RNG.random((4, 5)).astype(np.float32)
        left, top = corner
        header = {
            "compression": OpenEXR.ZIP_COMPRESSION,
            "type": OpenEXR.scanlineimage,
            "dataWindow": (np.array([left, top], np.int32), np.array([left + 4, top + 3], np.int32)),
            "displayWindow": (np.array([0, 0], np.int32), np.array([8, 5], np.int32)),
        }
        with OpenEXR.File(header, {"Z": depth}) as file:
            file.write(str(tmp_path / "a.exr"))
        expected = np.zeros((6, 9), np.float32)
        for row in range(4):
            for column in range(5):
                if 0 <= top + row < 6 and 0 <= left + column < 9:
                    expected[top + row, left + column] = depth[row, column]
        notes: list[str] = []
        np.testing.assert_array_equal(exr_depth(tmp_path / "a.exr", notes=notes), expected)
        assert notes == ["its data is of 5 x 4 pixels of 9 x 6: the rest isn't measured"]


class TestBothPackages:
    def test_containers__are_the_same_to_the_last_letter(self) -> None:
        ours = Path(containers.__file__).parent
        theirs = ours.parents[1] / "dino_depth" / "data" / "sources"
        for name in (
            "containers",
            "container_limits",
            "tiff_container",
            "jpeg_container",
            "array_containers",
        ):
            assert (ours / f"{name}.py").read_bytes() == (theirs / f"{name}.py").read_bytes()
