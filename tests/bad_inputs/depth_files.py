"""Depth maps, of every container."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.bad_inputs.making import cut, exr, flip, npy_header, npz, png, saved, swollen_npz, tiff
from tests.bad_inputs.table import Fault, Row, Subject
from tests.bad_inputs.workspace import Workspace

Array = npt.NDArray[Any]
CHECK = "modmap check {scan}"


def _depth(name: str, content: Callable[[Workspace], bytes | Array]) -> Callable[[Workspace], object]:
    return lambda w: w.depth(name, content(w))


def _changed(change: Callable[[Array], Array]) -> Callable[[Workspace], object]:
    return lambda w: w.depth("a.npy", change(w.millimetres))


def _exr(channels: Callable[[Array], dict[str, Array]], **header: Any) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        exr(w.depth("a.exr", b""), channels(w.millimetres), **header)

    return spoil


def _exr_file(spoil: Callable[[Path], object]) -> Callable[[Workspace], object]:
    def spoilt(w: Workspace) -> None:
        spoil(exr(w.depth("a.exr", b""), {"Z": w.millimetres}))

    return spoilt


def _same(w: Workspace) -> bool:
    from modmap import Scan

    return np.array_equal(Scan.load(w.scan).views[0].load().depth, w.millimetres)


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
        Row(
            "npy_empty",
            _depth("a.npy", lambda w: b""),
            CHECK,
            "{scan}/a.npy: expected data, found an empty file",
        ),
        Row(
            "npy_cut",
            lambda w: cut(w.scan / "depth/00.npy"),
            CHECK,
            "{scan}/depth/00.npy: expected a whole NumPy file, found a damaged one (...)",
        ),
        Row(
            "npy_cut_in_header",
            lambda w: cut(w.scan / "depth/00.npy", 0.003),
            CHECK,
            "{scan}/depth/00.npy: expected a whole NumPy file, found a damaged one (...)",
        ),
        Row(
            "npy_text",
            _depth("a.npy", lambda w: b"1 2 3\n"),
            CHECK,
            "{scan}/a.npy: expected a NumPy file, found a file of another kind",
        ),
        Row(
            "npy_header_code",
            _depth(
                "a.npy",
                lambda w: npy_header(
                    "{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (1,)}"
                ),
            ),
            CHECK,
            "{scan}/a.npy: expected a whole NumPy file, found a damaged one (...)",
        ),
        Row(
            "npy_header_nested",
            _depth("a.npy", lambda w: npy_header("(" * 9000)),
            CHECK,
            "{scan}/a.npy: expected a whole NumPy file, found a damaged one (('EOF in multi-line "
            "statement', (2, 0)))",
        ),
        Row(
            "npy_header_keys",
            _depth("a.npy", lambda w: npy_header("{'descr': '<f4'}")),
            CHECK,
            "{scan}/a.npy: expected a whole NumPy file, found a damaged one (Header does not contain the "
            "correct keys: ['descr'])",
        ),
        Row(
            "npy_header_negative",
            _depth("a.npy", lambda w: npy_header(HEADER.replace("60", "-60"))),
            CHECK,
            "{scan}/a.npy: expected a whole NumPy file, found a damaged one (memory mapped length must be "
            "positive)",
        ),
        Row(
            "npy_version_9",
            _depth("a.npy", lambda w: npy_header(HEADER, version=(9, 0))),
            CHECK,
            "{scan}/a.npy: expected a whole NumPy file, found a damaged one (we only support format version "
            "(1,0), (2,0), and (3,0), not (9, 0))",
        ),
        Row(
            "npz_text",
            _depth("a.npz", lambda w: b"depth"),
            CHECK,
            "{scan}/a.npz: expected a NumPy file, found a file of another kind",
        ),
        Row(
            "npz_cut",
            _depth("a.npz", lambda w: npz(depth=w.millimetres)[:9000]),
            CHECK,
            "{scan}/a.npz: expected a whole NumPy file, found a damaged one (...)",
        ),
        Row(
            "npz_flipped",
            lambda w: flip(w.depth("a.npz", npz(depth=w.millimetres)), 0.5),
            CHECK,
            "{scan}/a.npz: expected a whole NumPy file, found a damaged one (...)",
        ),
        Row(
            "npz_of_text",
            _depth("a.npz", lambda w: npz(depth=np.array("deep"))),
            CHECK,
            "{scan}/a.npz: expected a depth map (H, W) of numbers, found <U4 ()",
        ),
        Row(
            "exr_empty",
            _depth("a.exr", lambda w: b""),
            CHECK,
            "{scan}/a.exr: expected data, found an empty file",
        ),
        Row(
            "exr_text",
            _depth("a.exr", lambda w: b"v/1\x01 hello"),
            CHECK,
            "{scan}/a.exr: expected a whole EXR file, found a damaged one (Unable to open '{scan}/a.exr' "
            "for read)",
        ),
        Row(
            "exr_cut",
            _exr_file(cut),
            CHECK,
            "{scan}/a.exr: expected a whole EXR file, found a damaged one (Invalid part index '0': file has "
            "0 parts.)",
        ),
        Row(
            "exr_flipped",
            _exr_file(lambda path: flip(path, 0.7)),
            CHECK,
            "{scan}/a.exr: expected a whole EXR file, found a damaged one (Invalid part index '0': file has "
            "0 parts.)",
        ),
        Row(
            "depth_tiff_cut",
            _depth("a.tiff", lambda w: tiff(w.millimetres)[:9000]),
            CHECK,
            "{scan}/a.tiff: truncated TIFF: expected 19424 bytes, found 9000",
        ),
        Row(
            "depth_png_cut",
            _depth("a.png", lambda w: saved(w.millimetres.astype(np.uint16), "PNG")[:-40]),
            CHECK,
            "{scan}/a.png: truncated PNG: expected an end marker, found none in ... bytes",
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
        Row(
            "npy_u8",
            _changed(lambda d: d.astype(np.uint8)),
            CHECK,
            "{scan}/a.npy: expected 16 bit or floating point depth, found 8 bit (256 levels)",
        ),
        Row(
            "npy_bool",
            _changed(lambda d: d > 0),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found bool (60, 80)",
        ),
        Row(
            "npy_complex",
            _changed(lambda d: d.astype(np.complex64)),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found complex64 (60, 80)",
        ),
        Row(
            "npy_text_array",
            _changed(lambda d: d.astype("U5")),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found <U5 (60, 80)",
        ),
        Row(
            "npy_dates",
            _changed(lambda d: d.astype(np.int64).astype("M8[s]")),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found datetime64[s] (60, 80)",
        ),
        Row(
            "npy_objects",
            _depth("a.npy", lambda w: npy_header(HEADER.replace("<f4", "|O"), data=b"cos\nsystem\n")),
            CHECK,
            "{scan}/a.npy: expected a whole NumPy file, found a damaged one (Array can't be memory-mapped: "
            "Python objects in dtype.)",
        ),
        Row(
            "npy_records",
            _changed(lambda d: d.astype([("z", "f4")])),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found [('z', '<f4')] (60, 80)",
        ),
        Row(
            "npy_xyz",
            _changed(lambda d: np.stack([d] * 3, -1)),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found float32 (60, 80, 3)",
        ),
        Row(
            "npy_points",
            _changed(lambda d: d.reshape(-1, 1)),
            CHECK,
            "{scan}/a.npy: expected the size of {scan}/image/00.png, 80x60, found 1x4800",
        ),
        Row(
            "npy_number",
            _changed(lambda d: np.array(900.0)),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found float64 ()",
        ),
        Row(
            "npy_none",
            _changed(lambda d: d[:0]),
            CHECK,
            "{scan}/a.npy: expected a depth map (H, W) of numbers, found float32 (0, 80)",
        ),
        Row(
            "npz_two",
            _depth("a.npz", lambda w: npz(a=w.millimetres, b=w.millimetres)),
            CHECK,
            "{scan}/a.npz: expected one array, or one named depth, found a, b",
        ),
        Row(
            "npz_none",
            _depth("a.npz", lambda w: npz()),
            CHECK,
            "{scan}/a.npz: expected one array, or one named depth, found none",
        ),
        Row(
            "exr_colours",
            _exr(lambda d: {"G": d, "B": d}),
            CHECK,
            "{scan}/a.exr: expected a depth channel (Z, Y or R), found B, G",
        ),
        Row(
            "depth_png_8",
            _depth("a.png", lambda w: saved((w.millimetres / 4).astype(np.uint8), "PNG")),
            CHECK,
            "{scan}/a.png: expected 16 bit or floating point depth, found 8 bit (256 levels)",
        ),
        Row(
            "depth_png_colour",
            _depth("a.png", lambda w: saved(np.stack([w.pixels] * 3, -1), "PNG")),
            CHECK,
            "{scan}/a.png: expected 16 bit or floating point depth, found 8 bit (256 levels)",
        ),
        Row(
            "depth_tiff_pages",
            _depth("a.tiff", lambda w: tiff(*[w.millimetres] * 3)),
            CHECK,
            "{scan}/a.tiff: expected one page, found 3: save the one that is meant as a file of its own",
        ),
        Row(
            "depth_jpg",
            _depth("a.jpg", lambda w: saved(w.pixels, "JPEG")),
            CHECK,
            "{scan}/a.jpg: expected a depth map (.npy, .npz, .exr, .tif, .tiff, .png), found .jpg",
        ),
        Row(
            "depth_ply",
            _depth("a.ply", lambda w: b"ply\n"),
            CHECK,
            "{scan}/a.ply: expected a depth map (.npy, .npz, .exr, .tif, .tiff, .png), found .ply",
        ),
        Row(
            "depth_no_suffix",
            _depth("depth_00", lambda w: b"x"),
            CHECK,
            "{scan}/depth_00: expected a depth map (.npy, .npz, .exr, .tif, .tiff, .png), found no suffix",
        ),
    ),
)

LARGE = Fault(
    "A depth map that would fill the memory",
    means="The file says that it holds more than 134 million pixels. It is refused before memory is taken for it.",
    do="Look whether it is the right file.",
    rows=(
        Row(
            "npy_huge",
            _depth("a.npy", lambda w: npy_header(HEADER.replace("60, 80", "1048576, 1048576"))),
            CHECK,
            "{scan}/a.npy: expected a whole NumPy file, found a damaged one (...)",
        ),
        Row(
            "npz_swollen",
            _depth("a.npz", lambda w: swollen_npz("depth", megabytes=150)),
            CHECK,
            "{scan}/a.npz: expected at most 134217728 pixels, found 1000 x 150000",
        ),
        Row(
            "depth_png_huge",
            _depth("a.png", lambda w: png(60_000, 60_000, depth=16)),
            CHECK,
            "{scan}/a.png: expected at most 134217728 pixels, found more",
        ),
    ),
)

VALUES = Fault(
    "Depth that isn't a measurement",
    means="Not an error, unless no view has any depth. What is negative, NaN, infinite, the largest value of 16 bit, or a "
    "renderer's far background counts as not measured, and a note says how much of the view it is.",
    do="Nothing where holes are marked so. Where much of the view is meant, look at the unit and at the sensor's settings.",
    rows=(
        Row("depth_nan", _changed(_where(lambda d: d == 0, np.nan)), CHECK, "", 0, _same),
        Row("depth_infinite", _changed(_where(lambda d: d == 0, np.inf)), CHECK, "", 0, _same),
        Row(
            "depth_negative",
            _changed(_where(lambda d: d == 0, -1)),
            CHECK,
            "view 00: 82.5% of the depth is negative and counts as not measured",
            0,
            _same,
        ),
        Row(
            "depth_saturated",
            _changed(lambda d: np.where(d == 0, 65535, d).astype(np.uint16)),
            CHECK,
            "view 00: 82.5% of the depth is the largest value of 16 bit and counts as not measured",
            0,
        ),
        Row(
            "depth_far_background",
            _changed(_where(lambda d: d == 0, 1e10)),
            CHECK,
            "view 00: what lies at exactly 1e+10 mm, 3 times as far as all else, is taken for a background "
            "and counts as not measured",
            0,
            _same,
        ),
        Row(
            "depth_zero",
            lambda w: [np.save(path, 0 * np.load(path)) for path in (w.scan / "depth").iterdir()],
            CHECK,
            "scan ball: expected depth in at least one view, found none in 4",
        ),
        Row("depth_zero_in_one_view", _changed(lambda d: 0 * d), CHECK, "view 00: no depth at all", 0),
        Row("npy_one_channel", _changed(lambda d: d[..., None]), CHECK, "", 0, _same),
        Row("npy_fortran", _changed(np.asfortranarray), CHECK, "", 0, _same),
        Row("npy_big_endian", _changed(lambda d: d.astype(">f4")), CHECK, "", 0, _same),
        Row("npy_double", _changed(lambda d: d.astype(np.float64)), CHECK, "", 0, _same),
        Row(
            "npz_named_depth",
            _depth("a.npz", lambda w: npz(depth=w.millimetres, other=w.pixels)),
            CHECK,
            "",
            0,
            _same,
        ),
        Row("exr_read", _exr(lambda d: {"Z": d, "R": 0 * d}), CHECK, "", 0, _same),
        Row(
            "exr_window",
            _exr(lambda d: {"Z": d[5:45, 10:70].copy()}, dataWindow=WINDOW, displayWindow=DISPLAY),
            CHECK,
            "view 00: depth: its data is of 60 x 40 pixels of 80 x 60: the rest isn't measured",
            0,
        ),
        Row(
            "depth_tiff_xyz",
            _depth(
                "a.tiff",
                lambda w: tiff(
                    np.stack([0 * w.millimetres, 0 * w.millimetres, w.millimetres], -1), photometric="rgb"
                ),
            ),
            CHECK,
            "",
            0,
            _same,
        ),
        Row(
            "depth_tiff_deflate",
            _depth("a.tiff", lambda w: tiff(w.millimetres, compression="zlib")),
            CHECK,
            "",
            0,
            _same,
        ),
    ),
)

SUBJECT = Subject("Depth", (WHOLE, KIND, LARGE, VALUES))
