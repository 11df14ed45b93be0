"""Image and depth files: every format written by an independent library, every damage an error."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenEXR
import pytest
from PIL import Image

from modmap.errors import ModMapError
from modmap.files.images import clean_depth, read_depth, read_image, read_point_map, to_gray, to_rgb

Array = npt.NDArray[Any]

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (24, 32), dtype=np.uint8)
GRAY_16 = RNG.integers(0, 65536, (24, 32)).astype(np.uint16)
COLOUR = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)
DEPTH = RNG.uniform(200, 900, (24, 32)).astype(np.float32)


def _pil(array: Array, suffix: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(
        stream, format={".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper()), **options
    )
    return stream.getvalue()


def _npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz(**arrays: Array) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _exr(path: Path, channels: dict[str, Array]) -> Path:
    with OpenEXR.File(
        {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, channels
    ) as file:
        file.write(str(path))
    return path


def _png_chunks(array: Array) -> list[bytes]:
    """An 8 bit gray PNG written by hand, its pixels in IDAT chunks of 64 bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = array.shape
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in array))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pieces = [chunk(b"IDAT", pixels[i : i + 64]) for i in range(0, len(pixels), 64)]
    return [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *pieces, chunk(b"IEND", b"")]


def _fails(read: Callable[[Path], Array], path: Path, expected: str) -> None:
    with pytest.raises(ModMapError) as raised:
        read(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "\n" not in message


class TestReadImage:
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
    def test_read_image__gray(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(_pil(GRAY, suffix))
        np.testing.assert_array_equal(read_image(path), GRAY)

    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    def test_read_image__gray_16_bit(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(_pil(GRAY_16, suffix))
        image = read_image(path)
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, GRAY_16)

    def test_read_image__colour_is_blue_first(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(_pil(COLOUR, ".png"))
        np.testing.assert_array_equal(read_image(path), COLOUR[:, :, ::-1])

    def test_read_image__jpeg(self, tmp_path: Path) -> None:
        smooth = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint8) * 3
        path = tmp_path / "a.jpg"
        path.write_bytes(_pil(smooth, ".jpg", quality=95))
        assert np.abs(read_image(path).astype(int) - smooth).max() <= 4

    def test_read_image__png_by_hand_and_bytes_after_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"".join(_png_chunks(GRAY)) + b"\0" * 500)
        np.testing.assert_array_equal(read_image(path), GRAY)

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
    def test_read_image__truncated(self, tmp_path: Path, suffix: str, share: float) -> None:
        path = tmp_path / f"a{suffix}"
        data = _pil(GRAY, suffix)
        path.write_bytes(data[: int(share * len(data))])
        _fails(read_image, path, "")

    def test_read_image__truncated_in_the_middle_with_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        chunks = _png_chunks(GRAY)
        path.write_bytes(b"".join(chunks[:5] + chunks[-1:]))
        _fails(read_image, path, "no decoder reads")
        whole = b"".join(chunks)
        path.write_bytes(whole[: len(whole) // 2] + chunks[-1])
        _fails(read_image, path, "truncated PNG")

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", "found an empty file"),
            (b"not an image", "expected a PNG, found 12 bytes that no decoder reads"),
            (None, "expected a file, found none"),
        ],
    )
    def test_read_image__not_one(self, tmp_path: Path, content: bytes | None, expected: str) -> None:
        path = tmp_path / "a.png"
        if content is not None:
            path.write_bytes(content)
        _fails(read_image, path, expected)

    def test_read_image__directory_and_float(self, tmp_path: Path) -> None:
        _fails(read_image, tmp_path, "found a directory")
        path = tmp_path / "a.tif"
        path.write_bytes(_pil(DEPTH, ".tif"))
        _fails(read_image, path, "expected an 8 or 16 bit image, found float32")


class TestToGray:
    def test_to_gray__weights(self) -> None:
        # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, with blue first.
        expected = COLOUR @ [0.114, 0.587, 0.299]
        assert np.abs(to_gray(COLOUR) - expected).max() <= 0.51
        with_alpha = np.dstack([COLOUR, np.full((24, 32), 7, np.uint8)])
        np.testing.assert_array_equal(to_gray(with_alpha), to_gray(COLOUR))

    def test_to_gray__gray_is_untouched(self) -> None:
        np.testing.assert_array_equal(to_gray(GRAY_16), GRAY_16)
        np.testing.assert_array_equal(to_gray(GRAY[:, :, None]), GRAY)

    def test_to_gray__16_bit_colour(self) -> None:
        colour = COLOUR.astype(np.uint16) * 257
        gray = to_gray(colour)
        assert gray.dtype == np.uint16
        assert (
            np.abs(gray - colour @ [0.114, 0.587, 0.299]).max() <= 2
        )  # of 65535: OpenCV's fixed-point weights

    def test_to_gray__bad(self) -> None:
        with pytest.raises(ModMapError, match=r"expected shape \(H, W\)"):
            to_gray(np.zeros((4, 5, 2), np.uint8))
        with pytest.raises(ModMapError, match="expected an 8 or 16 bit image, found float64"):
            to_gray(np.zeros((4, 5)))


class TestToRGB:
    def test_to_rgb__red_first(self) -> None:
        np.testing.assert_array_equal(to_rgb(COLOUR), COLOUR[:, :, ::-1])
        wide = np.dstack([COLOUR, np.full((24, 32), 7, np.uint8)]).astype(np.uint16) * 257
        found = to_rgb(wide)
        assert found is not None
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, COLOUR[:, :, ::-1].astype(np.uint16) * 257)

    def test_to_rgb__gray_has_none(self) -> None:
        assert to_rgb(GRAY) is None
        assert to_rgb(GRAY_16[:, :, None]) is None


class TestReadPointMap:
    def test_read_point_map__x_y_z(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tiff"
        points = np.dstack([DEPTH + 1, DEPTH - 2, DEPTH])
        path.write_bytes(_float_tiff(points))
        np.testing.assert_array_equal(read_point_map(path), points)

    def test_read_point_map__no_cloud(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tiff"
        path.write_bytes(_pil(DEPTH, ".tiff"))
        _fails(read_point_map, path, "expected x, y and z of every pixel, (H, W, 3) floats, found float32")
        _fails(read_point_map, tmp_path / "none.tiff", "expected a file, found none")


class TestReadDepth:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint16, np.int32])
    def test_read_depth__npy(self, tmp_path: Path, dtype: Any) -> None:
        path = tmp_path / "a.npy"
        path.write_bytes(_npy(DEPTH.astype(dtype)))
        np.testing.assert_array_equal(read_depth(path), DEPTH.astype(dtype))

    @pytest.mark.parametrize("shape", [(24, 32, 1), (1, 24, 32)])
    def test_read_depth__one_channel(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        path = tmp_path / "a.npy"
        path.write_bytes(_npy(DEPTH.reshape(shape)))
        np.testing.assert_array_equal(read_depth(path), DEPTH)

    def test_read_depth__npz(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        path.write_bytes(_npz(anything=DEPTH))
        np.testing.assert_array_equal(read_depth(path), DEPTH)
        path.write_bytes(_npz(other=GRAY, depth=DEPTH))
        np.testing.assert_array_equal(read_depth(path), DEPTH)
        path.write_bytes(_npz(a=DEPTH, b=DEPTH))
        _fails(read_depth, path, "expected one array, or one named depth, found a, b")

    def test_read_depth__png_and_tiff(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(_pil(GRAY_16, ".png"))
        np.testing.assert_array_equal(read_depth(path), GRAY_16)
        for compression in (None, "tiff_lzw", "tiff_deflate"):
            path = tmp_path / "a.tiff"
            path.write_bytes(_pil(DEPTH, ".tiff", compression=compression))
            np.testing.assert_array_equal(read_depth(path), DEPTH)

    def test_read_depth__xyz_tiff(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tiff"
        path.write_bytes(_float_tiff(np.dstack([DEPTH * 0 + 1, DEPTH * 0 + 2, DEPTH])))
        np.testing.assert_array_equal(read_depth(path), DEPTH)

    @pytest.mark.parametrize("names", [("Z",), ("Y",), ("R", "G", "B"), ("Z", "A"), ("anything",)])
    def test_read_depth__exr(self, tmp_path: Path, names: tuple[str, ...]) -> None:
        channels = {name: DEPTH + 1000 for name in names} | {names[0]: DEPTH}
        np.testing.assert_array_equal(read_depth(_exr(tmp_path / "a.exr", channels)), DEPTH)

    def test_read_depth__exr_half(self, tmp_path: Path) -> None:
        path = _exr(tmp_path / "a.exr", {"Z": DEPTH.astype(np.float16)})
        np.testing.assert_array_equal(read_depth(path), DEPTH.astype(np.float16).astype(np.float32))

    def test_read_depth__exr_without_depth(self, tmp_path: Path) -> None:
        path = _exr(tmp_path / "a.exr", {"A": DEPTH, "N.X": DEPTH})
        _fails(read_depth, path, "expected a depth channel (Z, Y or R), found A, N.X")

    @pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.995])
    @pytest.mark.parametrize("suffix", [".npy", ".npz", ".exr", ".tiff", ".png"])
    def test_read_depth__truncated(self, tmp_path: Path, suffix: str, share: float) -> None:
        path = tmp_path / f"a{suffix}"
        if suffix == ".exr":
            data = _exr(path, {"Z": DEPTH}).read_bytes()
        else:
            data = {
                ".npy": lambda: _npy(DEPTH),
                ".npz": lambda: _npz(depth=DEPTH),
                ".tiff": lambda: _pil(DEPTH, ".tiff"),
                ".png": lambda: _pil(GRAY_16, ".png"),
            }[suffix]()
        path.write_bytes(data[: int(share * len(data))])
        _fails(read_depth, path, "")

    def test_read_depth__nothing_is_unpickled(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npy"
        np.save(path, np.array([[{"a": 1}]], dtype=object), allow_pickle=True)
        _fails(read_depth, path, "Python objects in dtype")

    @pytest.mark.parametrize(
        ("array", "expected"),
        [
            (GRAY, "expected 16 bit or floating point depth, found 8 bit (256 levels)"),
            (GRAY > 3, "expected a depth map (H, W) of numbers, found bool"),
            (DEPTH[0], "expected a depth map (H, W) of numbers, found float32 (32,)"),
            (np.dstack([DEPTH] * 3), "expected a depth map (H, W) of numbers, found float32 (24, 32, 3)"),
            (DEPTH * 1j, "expected a depth map (H, W) of numbers, found complex64"),
            (DEPTH[:0], "expected a depth map (H, W) of numbers, found float32 (0, 32)"),
        ],
    )
    def test_read_depth__not_depth(self, tmp_path: Path, array: Array, expected: str) -> None:
        path = tmp_path / "a.npy"
        path.write_bytes(_npy(array))
        _fails(read_depth, path, expected)

    def test_read_depth__8_bit_png_and_unknown_suffix(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(_pil(GRAY, ".png"))
        _fails(read_depth, path, "found 8 bit")
        path = tmp_path / "a.ply"
        path.write_bytes(b"ply")
        _fails(read_depth, path, "found .ply")


class TestCleanDepth:
    def test_clean_depth__holes(self) -> None:
        raw = np.array([[np.inf, -np.inf, np.nan, -3.0, 0.0, 2.5]])
        depth, notes = clean_depth(raw, unit=1000.0)
        assert depth.dtype == np.float32
        np.testing.assert_array_equal(depth, [[0, 0, 0, 0, 0, 2500]])
        assert any("16.7% of the depth is negative" in note for note in notes)
        assert len(notes) == 1

    @pytest.mark.parametrize("hole", [np.inf, np.nan, 0.0])
    def test_clean_depth__usual_holes_are_not_noted(self, hole: float) -> None:
        """A sensor that marks them so does in every view of every scan."""
        assert clean_depth(np.array([[hole, 1.0]]))[1] == ()

    def test_clean_depth__far_is_background(self) -> None:
        raw = np.array([[12.0, 3.0, 5.0, 12.0, np.inf]], dtype=np.float32)
        np.testing.assert_array_equal(clean_depth(raw, far_is_background=True)[0], [[0, 3, 5, 0, 0]])
        np.testing.assert_array_equal(clean_depth(raw)[0][0, :3], np.array([12, 3, 5], dtype=np.float32))

    @pytest.mark.parametrize("value", [1e5, 1e10, 65535.0])
    def test_clean_depth__a_far_value_that_many_pixels_have_is_a_background(self, value: float) -> None:
        raw = DEPTH.copy()
        raw[:4] = value
        depth, notes = clean_depth(raw)
        np.testing.assert_array_equal(depth, np.where(raw == value, 0, DEPTH))
        assert notes == (
            f"what lies at exactly {value:g} mm, 3 times as far as all else, is taken for a background and counts as "
            "not measured",
        )

    def test_clean_depth__a_few_far_pixels_or_a_near_plane_stay(self) -> None:
        few, near = DEPTH.copy(), DEPTH.copy()
        few[0, :3], near[:4] = 1e5, 2500.0
        for raw in (few, near, np.full((24, 32), 700.0, np.float32)):
            depth, notes = clean_depth(raw)
            np.testing.assert_array_equal(depth, raw)
            assert notes == ()

    def test_clean_depth__the_largest_value_of_16_bit_is_no_measurement(self) -> None:
        raw = np.full((4, 5), 3000, np.uint16)
        raw[0, :2] = 65535
        depth, notes = clean_depth(raw, unit=0.1)
        np.testing.assert_allclose(depth, np.where(raw == 65535, 0, 300), rtol=1e-6)
        assert notes == ("10.0% of the depth is the largest value of 16 bit and counts as not measured",)

    def test_clean_depth__limit_is_in_millimetres(self) -> None:
        raw = np.array([[400, 1000, 1001, 0]], dtype=np.uint16)
        np.testing.assert_array_equal(clean_depth(raw, limit=1000)[0], [[400, 1000, 0, 0]])
        np.testing.assert_array_equal(
            clean_depth(raw, unit=0.1, limit=100)[0], np.array([[40, 100, 0, 0]], np.float32)
        )

    def test_clean_depth__all_holes(self) -> None:
        depth, _ = clean_depth(np.full((3, 4), np.nan), far_is_background=True)
        np.testing.assert_array_equal(depth, np.zeros((3, 4)))

    def test_clean_depth__too_large_in_millimetres(self) -> None:
        """The largest number, in metres, for what no ray hit."""
        raw = np.array([[np.finfo(np.float32).max, 0.5]], np.float32)
        depth, _ = clean_depth(raw, unit=1000.0)
        np.testing.assert_array_equal(depth, [[0, 500]])

    def test_clean_depth__leaves_its_input(self) -> None:
        raw = np.array([[np.inf, 2.0]], dtype=np.float32)
        clean_depth(raw, unit=10.0)
        np.testing.assert_array_equal(raw, [[np.inf, 2]])

    def test_clean_depth__too_large_for_float32(self) -> None:
        np.testing.assert_array_equal(clean_depth(np.array([[1e300, 4.0]]))[0], [[0, 4]])


def _float_tiff(xyz: Array) -> bytes:
    """An uncompressed three-channel float TIFF by hand: header, one strip, one directory."""
    height, width, channels = xyz.shape
    pixels = xyz.astype("<f4").tobytes()
    after = 8 + len(pixels)
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, after),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(pixels)),
        (284, 3, 1, 1),
        (339, 3, channels, after + 6),
    ]
    directory = (
        struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0" * 4
    )
    extra = struct.pack("<3H", 32, 32, 32) + struct.pack("<3H", 3, 3, 3)
    return b"II*\0" + struct.pack("<I", after + len(extra)) + pixels + extra + directory


def test_float_tiff__opencv_reads_it_reversed() -> None:
    xyz = np.dstack([DEPTH, DEPTH + 1, DEPTH + 2])
    decoded = cv2.imdecode(np.frombuffer(_float_tiff(xyz), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    np.testing.assert_array_equal(decoded[:, :, ::-1], xyz)
