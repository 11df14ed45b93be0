"""Depth maps, of every container."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bad_inputs.making import cut, exr, flip, npy_header, npz, png, saved, swollen_npz, tiff
from tests.bad_inputs.row_makers import CHECK, FileRows, Make
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.view_files import Array, Content, as_depth, changed, depth, read_depth
from tests.bad_inputs.workspace import Workspace

_NPY = FileRows("{scan}/depth/00.npy", CHECK)


def _damaged(name: str, file: str, content: Content, why: str = "...") -> Row:
    """A row of a NumPy file that isn't whole."""
    return depth(name, file, content, f"expected a whole NumPy file, found a damaged one ({why})")


def _no_map(name: str, change: Callable[[Array], Array], found: str) -> Row:
    """A row of an array that is no depth map."""
    return depth(name, "a.npy", change, f"expected a depth map (H, W) of numbers, found {found}")


def _unread(name: str, file: str, content: Content, found: str) -> Row:
    """A row of a name that no depth map has."""
    says = f"expected a depth map (.npy, .npz, .exr, .tif, .tiff, .png), found {found}"
    return depth(name, file, content, says)


def _exr(channels: Callable[[Array], dict[str, Array]], **header: Any) -> Make:
    def spoil(w: Workspace) -> None:
        exr(w.depth("a.exr", b""), channels(w.millimetres), **header)

    return spoil


def _exr_file(spoil: Callable[[Path], object]) -> Make:
    def spoilt(w: Workspace) -> None:
        spoil(exr(w.depth("a.exr", b""), {"Z": w.millimetres}))

    return spoilt


def _where(condition: Callable[[Array], Array], value: float) -> Callable[[Array], Array]:
    return lambda depth: np.where(condition(depth), np.float32(value), depth).astype(np.float32)


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (60, 80), }"
WINDOW = (np.array([10, 5], np.int32), np.array([69, 44], np.int32))
DISPLAY = (np.array([0, 0], np.int32), np.array([79, 59], np.int32))


WHOLE = Fault(
    "A depth map that isn't whole",
    means="The file ends too early, or what is in it doesn't decode.",
    do="Copy it again from where it was recorded. If it is damaged there too, take the view again.",
    rows=(
        depth("npy_empty", "a.npy", b"", "expected data, found an empty file"),
        _NPY.cut("npy_cut", "expected a whole NumPy file, found a damaged one (...)"),
        _NPY.cut("npy_cut_in_header", "expected a whole NumPy file, found a damaged one (...)", 0.003),
        depth("npy_text", "a.npy", b"1 2 3\n", "expected a NumPy file, found a file of another kind"),
        _damaged(
            "npy_header_code",
            "a.npy",
            npy_header("{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (1,)}"),
        ),
        _damaged(
            "npy_header_nested", "a.npy", npy_header("(" * 9000), "('EOF in multi-line statement', (2, 0))"
        ),
        _damaged(
            "npy_header_keys",
            "a.npy",
            npy_header("{'descr': '<f4'}"),
            "Header does not contain the correct keys: ['descr']",
        ),
        _damaged(
            "npy_header_negative",
            "a.npy",
            npy_header(HEADER.replace("60", "-60")),
            "memory mapped length must be positive",
        ),
        _damaged(
            "npy_version_9",
            "a.npy",
            npy_header(HEADER, version=(9, 0)),
            "we only support format version (1,0), (2,0), and (3,0), not (9, 0)",
        ),
        depth("npz_text", "a.npz", b"depth", "expected a NumPy file, found a file of another kind"),
        _damaged("npz_cut", "a.npz", lambda d: npz(depth=d)[:9000]),
        Row(
            "npz_flipped",
            lambda w: flip(w.depth("a.npz", npz(depth=w.millimetres)), 0.5),
            CHECK,
            "{scan}/a.npz: expected a whole NumPy file, found a damaged one (...)",
        ),
        depth(
            "npz_of_text",
            "a.npz",
            lambda d: npz(depth=np.array("deep")),
            "expected a depth map (H, W) of numbers, found <U4 ()",
        ),
        depth("exr_empty", "a.exr", b"", "expected data, found an empty file"),
        depth(
            "exr_text",
            "a.exr",
            b"v/1\x01 hello",
            "expected a whole EXR file, found a damaged one (Unable to open '{scan}/a.exr' for read)",
        ),
        Row(
            "exr_cut",
            _exr_file(cut),
            CHECK,
            "{scan}/a.exr: expected a whole EXR file, found a damaged one (Invalid part index '0': file has 0 parts.)",
        ),
        Row(
            "exr_flipped",
            _exr_file(lambda path: flip(path, 0.7)),
            CHECK,
            "{scan}/a.exr: expected a whole EXR file, found a damaged one (Invalid part index '0': file has 0 parts.)",
        ),
        depth(
            "depth_tiff_cut",
            "a.tiff",
            lambda d: tiff(d)[:9000],
            "truncated TIFF: expected 19424 bytes, found 9000",
        ),
        depth(
            "depth_png_cut",
            "a.png",
            lambda d: saved(d.astype(np.uint16), "PNG")[:-40],
            "truncated PNG: expected an end marker, found none in ... bytes",
        ),
    ),
)

KIND = Fault(
    "A file that holds no depth",
    means="Depth is one number for every pixel, in floating point or whole numbers of at least 16 bit: 8 bit tell 256 depths "
    "apart, which is a picture of depth and no measurement. A file of several arrays, pages or channels must say which one it "
    "is: an array called `depth`, a channel `Z`, or the z of an xyz map.",
    do="Export depth itself, as `.npy`, `.tiff`, `.exr` or 16 bit `.png`.",
    rows=(
        depth(
            "npy_u8",
            "a.npy",
            lambda d: d.astype(np.uint8),
            "expected 16 bit or floating point depth, found 8 bit (256 levels)",
        ),
        _no_map("npy_bool", lambda d: d > 0, "bool (60, 80)"),
        _no_map("npy_complex", lambda d: d.astype(np.complex64), "complex64 (60, 80)"),
        _no_map("npy_text_array", lambda d: d.astype("U5"), "<U5 (60, 80)"),
        _no_map("npy_dates", lambda d: d.astype(np.int64).astype("M8[s]"), "datetime64[s] (60, 80)"),
        _damaged(
            "npy_objects",
            "a.npy",
            npy_header(HEADER.replace("<f4", "|O"), data=b"cos\nsystem\n"),
            "Array can't be memory-mapped: Python objects in dtype.",
        ),
        _no_map("npy_records", lambda d: d.astype([("z", "f4")]), "[('z', '<f4')] (60, 80)"),
        _no_map("npy_xyz", lambda d: np.stack([d] * 3, -1), "float32 (60, 80, 3)"),
        depth(
            "npy_points",
            "a.npy",
            lambda d: d.reshape(-1, 1),
            "expected the size of {scan}/image/00.png, 80x60, found 1x4800",
        ),
        _no_map("npy_number", lambda d: np.array(900.0), "float64 ()"),
        _no_map("npy_none", lambda d: d[:0], "float32 (0, 80)"),
        depth(
            "npz_two", "a.npz", lambda d: npz(a=d, b=d), "expected one array, or one named depth, found a, b"
        ),
        depth("npz_none", "a.npz", lambda d: npz(), "expected one array, or one named depth, found none"),
        Row(
            "exr_colours",
            _exr(lambda d: {"G": d, "B": d}),
            CHECK,
            "{scan}/a.exr: expected a depth channel (Z, Y or R), found B, G",
        ),
        depth(
            "depth_png_8",
            "a.png",
            lambda d: saved((d / 4).astype(np.uint8), "PNG"),
            "expected 16 bit or floating point depth, found 8 bit (256 levels)",
        ),
        Row(
            "depth_png_colour",
            lambda w: w.depth("a.png", saved(np.stack([w.pixels] * 3, -1), "PNG")),
            CHECK,
            "{scan}/a.png: expected 16 bit or floating point depth, found 8 bit (256 levels)",
        ),
        depth(
            "depth_tiff_pages",
            "a.tiff",
            lambda d: tiff(*[d] * 3),
            "expected one page, found 3: save the one that is meant as a file of its own",
        ),
        Row(
            "depth_jpg",
            lambda w: w.depth("a.jpg", saved(w.pixels, "JPEG")),
            CHECK,
            "{scan}/a.jpg: expected a depth map (.npy, .npz, .exr, .tif, .tiff, .png), found .jpg",
        ),
        _unread("depth_ply", "a.ply", b"ply\n", ".ply"),
        _unread("depth_no_suffix", "depth_00", b"x", "no suffix"),
    ),
)

LARGE = Fault(
    "A depth map that would fill the memory",
    means="The file says that it holds more than 134 million pixels. It is refused before memory is taken for it.",
    do="Look whether it is the right file.",
    rows=(
        _damaged("npy_huge", "a.npy", npy_header(HEADER.replace("60, 80", "1048576, 1048576"))),
        depth(
            "npz_swollen",
            "a.npz",
            lambda d: swollen_npz("depth", megabytes=150),
            "expected at most 134217728 pixels, found 1000 x 150000",
        ),
        depth(
            "depth_png_huge",
            "a.png",
            png(60_000, 60_000, depth=16),
            "expected at most 134217728 pixels, found more",
        ),
    ),
)

VALUES = Fault(
    "Depth that isn't a measurement",
    means="Not an error, unless no view has any depth. What is negative, NaN, infinite, the largest value of 16 bit, or a "
    "renderer's far background counts as not measured, and a note says how much of the view it is.",
    do="Nothing where holes are marked so. Where much of the view is meant, look at the unit and at the sensor's settings.",
    rows=(
        read_depth("depth_nan", changed(_where(lambda d: d == 0, np.nan))),
        read_depth("depth_infinite", changed(_where(lambda d: d == 0, np.inf))),
        read_depth(
            "depth_negative",
            changed(_where(lambda d: d == 0, -1)),
            "view 00: 82.5% of the depth is negative and counts as not measured",
        ),
        Row(
            "depth_saturated",
            changed(lambda d: np.where(d == 0, 65535, d).astype(np.uint16)),
            CHECK,
            "view 00: 82.5% of the depth is the largest value of 16 bit and counts as not measured",
            0,
        ),
        read_depth(
            "depth_far_background",
            changed(_where(lambda d: d == 0, 1e10)),
            "view 00: what lies at exactly 1e+10 mm, 3 times as far as all else, is taken for a background and counts as not measured",
        ),
        Row(
            "depth_zero",
            lambda w: [np.save(path, 0 * np.load(path)) for path in (w.scan / "depth").iterdir()],
            CHECK,
            "scan ball: expected depth in at least one view, found none in 4",
        ),
        Row("depth_zero_in_one_view", changed(lambda d: 0 * d), CHECK, "view 00: no depth at all", 0),
        read_depth("npy_one_channel", changed(lambda d: d[..., None])),
        read_depth("npy_fortran", changed(np.asfortranarray)),
        read_depth("npy_big_endian", changed(lambda d: d.astype(">f4"))),
        read_depth("npy_double", changed(lambda d: d.astype(np.float64))),
        read_depth("npz_named_depth", lambda w: w.depth("a.npz", npz(depth=w.millimetres, other=w.pixels))),
        read_depth("exr_read", _exr(lambda d: {"Z": d, "R": 0 * d})),
        Row(
            "exr_window",
            _exr(lambda d: {"Z": d[5:45, 10:70].copy()}, dataWindow=WINDOW, displayWindow=DISPLAY),
            CHECK,
            "view 00: depth: its data is of 60 x 40 pixels of 80 x 60: the rest isn't measured",
            0,
        ),
        read_depth(
            "depth_tiff_xyz",
            as_depth("a.tiff", lambda d: tiff(np.stack([0 * d, 0 * d, d], -1), photometric="rgb")),
        ),
        read_depth("depth_tiff_deflate", as_depth("a.tiff", lambda d: tiff(d, compression="zlib"))),
    ),
)

FAULTS = (WHOLE, KIND, LARGE, VALUES)
