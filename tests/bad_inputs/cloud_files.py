"""Organised point clouds in PLY, ZDF and E57 files that a scan is to be made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bad_inputs.making import cut
from tests.bad_inputs.table import Fault, Row
from tests.modmap.importing.clouds import (
    HEIGHT,
    WIDTH,
    points,
    write_e57,
    write_zdf,
)

ALL = HEIGHT * WIDTH
PLY = f"ply\nformat ascii 1.0\n{{}}element vertex {ALL}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
SIDES = f"obj_info num_cols {WIDTH}\nobj_info num_rows {HEIGHT}\n"


def _zdf(name: str, make: Callable[[Path], object], says: str) -> Row:
    return Row(
        f"zdf_{name}", lambda w: make(w.root / "a.zdf"), "modmap import {a}.zdf -o {new}", "{a}.zdf: " + says
    )


def _hdf5(name: str, **options: Any) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        import h5py

        with h5py.File(path, "w") as file:
            file.create_dataset(name, **options)

    return make


def _e57(name: str, make: Callable[[Path], object], says: str) -> Row:
    return Row(
        f"e57_{name}", lambda w: make(w.root / "a.e57"), "modmap import {a}.e57 -o {new}", "{a}.e57: " + says
    )


def _unstructured(path: Path) -> None:
    import pye57

    with pye57.E57(str(path), mode="w") as file:
        there = points()[np.isfinite(points()).all(axis=2)]
        file.write_scan_raw({f"cartesian{axis}": there[:, index] for index, axis in enumerate("XYZ")})


FILES = Fault(
    "A PLY, ZDF or E57 file without a point for every pixel",
    means="PLY files say their sides by `obj_info num_cols` and `num_rows`; Zivid's frames have `data/pointcloud`; the points of an E57 scan "
    "have a rowIndex and a columnIndex.",
    do="Export organised (ordered, structured, gridded); or save as PCD, in which this is usual.",
    rows=(
        Row(
            "ply_unorganised",
            lambda w: w.write("a.ply", PLY.format("") + "1 2 3\n" * ALL),
            "modmap import {a}.ply --unit mm -o {new}",
            f"{{a}}.ply: expected an organised cloud, with obj_info num_cols and num_rows, found {ALL} points in no order: export it organised, as PCD for instance",
        ),
        Row(
            "ply_huge",
            lambda w: w.write("a.ply", PLY.format(SIDES).replace(f"vertex {ALL}", "vertex 1000000000")),
            "modmap import {a}.ply --unit mm -o {new}",
            f"{{a}}.ply: expected as many points as its width times its height, {WIDTH} x {HEIGHT}, found 1000000000",
        ),
        Row(
            "ply_cut",
            lambda w: w.write("a.ply", PLY.format(SIDES) + "1 2 3\n" * 9),
            "modmap import {a}.ply --unit mm -o {new}",
            "{a}.ply: truncated: expected ... bytes of points at least, as its header says, found 54",
        ),
        Row(
            "ply_broken",
            lambda w: w.write("a.ply", "ply\nformat text\n"),
            "modmap import {a}.ply --unit mm -o {new}",
            "{a}.ply: expected a PLY file's header, found 'format text' in it",
        ),
        Row(
            "ply_grid_of_numbers",
            lambda w: w.write(
                "a.ply",
                PLY.format(SIDES).replace(
                    "end_header", f"element range_grid {ALL}\nproperty int vertex_indices\nend_header"
                )
                + "1 2 3\n" * ALL
                + "0\n" * ALL,
            ),
            "modmap import {a}.ply --unit mm -o {new}",
            "{a}.ply: expected a range_grid of lists of whole numbers, found another kind",
        ),
        Row(
            "ply_lists",
            lambda w: w.write(
                "a.ply",
                PLY.format(SIDES).replace("end_header", "property list uchar uchar red\nend_header")
                + "1 2 3 1 7\n" * ALL,
            ),
            "modmap import {a}.ply --unit mm -o {new}",
            "{a}.ply: expected a number for every property of a point, found a list (red)",
        ),
        Row(
            "ply_flat",
            lambda w: w.write("a.ply", PLY.format(SIDES).replace("property float z\n", "") + "1 2\n" * ALL),
            "modmap import {a}.ply --unit mm -o {new}",
            "{a}.ply: expected properties x, y and z, found x, y",
        ),
        _zdf(
            "damaged",
            lambda path: cut(write_zdf(path, points())),
            "expected a whole Zivid frame, found a damaged file (...)",
        ),
        _zdf("other", _hdf5("data/depth", shape=(4, 4)), "expected data/pointcloud, found data, data/depth"),
        _zdf(
            "flat",
            _hdf5("data/pointcloud", shape=(4, 4)),
            "expected data/pointcloud of x, y and z of every pixel, (H, W, 3) floats, found float32 (4, 4)",
        ),
        _zdf(
            "huge",
            _hdf5("data/pointcloud", shape=(100000, 10000, 3), chunks=(1, 100, 3)),
            "expected at most 67108864 points, found 10000 x 100000",
        ),
        _e57(
            "damaged",
            lambda path: cut(write_e57(path, [points()], [np.eye(4)])),
            "expected an E57 file, found a damaged one (...)",
        ),
        _e57(
            "other",
            lambda path: path.write_bytes(b"x" * 3000),
            "expected an E57 file, found a damaged one (...)",
        ),
        _e57(
            "unstructured",
            _unstructured,
            "scan 0: expected a structured scan, whose points have rowIndex and columnIndex, found ...: export it structured (also called organised, or gridded)",
        ),
        _e57("empty", lambda path: write_e57(path, [], []), "expected at least one scan, found none"),
    ),
)


FAULTS = (FILES,)
