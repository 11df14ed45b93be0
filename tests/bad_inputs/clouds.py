"""Organised point clouds that a scan is to be made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bad_inputs.making import cut, flip
from tests.bad_inputs.row_makers import words
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import Workspace
from tests.modmap.importing.clouds import (
    HEIGHT,
    WIDTH,
    fields,
    image,
    moved,
    pcd,
    points,
    turned,
    write_zdf,
)

IMPORT = "modmap import {a}.pcd --unit mm -o {new}"
ALL = HEIGHT * WIDTH
PARALLEL = np.stack(
    [*np.meshgrid(np.arange(WIDTH) + 5.0, np.arange(HEIGHT) + 5.0), points()[..., 2]], axis=-1
)


def _pcd(name: str, content: bytes | Callable[[], bytes], says: str, status: int = 1) -> Row:
    """A row of one PCD file."""
    return Row(
        f"pcd_{name}",
        lambda w: w.write("a.pcd", content if isinstance(content, bytes) else content()),
        IMPORT,
        says if says.startswith("{") or not says else "{a}.pcd: " + says,
        status,
    )


def _header(name: str, says: str, kind: str = "binary", **changed: Any) -> Row:
    """A row of another entry in a PCD file's header."""
    return _pcd(name, lambda: pcd(fields(points()), kind, **changed), says)


def _cut_pcd(name: str, kind: str, says: str) -> Row:
    def make(w: Workspace) -> None:
        cut(w.write("a.pcd", pcd(fields(points()), kind)), 0.7)

    return Row(f"pcd_{name}", make, IMPORT, "{a}.pcd: " + says)


HEADERS = Fault(
    "A PCD file that isn't organised, or says what isn't so",
    means="A view needs a point for every pixel: WIDTH x HEIGHT points, those that weren't measured being NaN or 0 0 0. Version 0.7 is "
    "read, as text, binary and compressed, with fields x, y, z and, for the image, rgb or intensity.",
    do="Export the cloud organised (ordered, structured) and whole. Filters that take points out make a cloud unorganised.",
    rows=(
        _pcd("whole", lambda: pcd(fields(points(), grey=image())), "", 0),
        _header(
            "unorganised",
            f"expected an organised cloud, a point for every pixel of a view, found {ALL} x 1: export it organised (also called ordered, or structured), with the points that were not measured",
            WIDTH=ALL,
            HEIGHT=1,
        ),
        _header(
            "sides",
            f"expected as many points as its width times its height, {WIDTH} x {HEIGHT - 1}, found {ALL}",
            HEIGHT=HEIGHT - 1,
        ),
        _header(
            "huge",
            "expected at most 67108864 points, found 100000 x 10000",
            WIDTH=100000,
            HEIGHT=10000,
            POINTS=10**9,
        ),
        _header(
            "more_than_there_are",
            f"truncated: expected {WIDTH * 1000 * 12} bytes of points at least, as its header says, found {ALL * 12}",
            HEIGHT=1000,
            POINTS=WIDTH * 1000,
        ),
        _header("fields", "expected fields x, y and z, found u, v, w", FIELDS="u v w"),
        _header(
            "short_type",
            "expected FIELDS, SIZE, TYPE and COUNT of one length, found 3 of FIELDS, 3 of SIZE, 2 of TYPE, 3 of COUNT",
            TYPE="F F",
        ),
        _header(
            "odd_size", "expected types F, U and I of 1 to 8 bytes, each field once, found ...", SIZE="4 4 3"
        ),
        _header(
            "twice",
            "expected types F, U and I of 1 to 8 bytes, each field once, found ...",
            FIELDS="x y z z",
            SIZE="4 4 2 2",
            TYPE="F F U U",
            COUNT="1 1 1 1",
        ),
        _header("width_none", "expected a PCD file's header, found a broken one (...)", WIDTH="\x1c"),
        _header("width_word", "expected a PCD file's header, found a broken one (...)", WIDTH="wide"),
        _header(
            "no_width", "expected a PCD file's header, found a broken one (width: Field required)", WIDTH=None
        ),
        _header("version", "expected a PCD file's header, found a broken one (version: ...)", VERSION="0.5"),
        _header(
            "viewpoint",
            "expected a VIEWPOINT of three numbers and a quaternion, found 0 0 0 0 0 0 0",
            VIEWPOINT="0 0 0 0 0 0 0",
        ),
        _header(
            "many_numbers",
            "expected at most 1024 numbers a point, found 100003",
            FIELDS="x y z d",
            SIZE="4 4 4 4",
            TYPE="F F F F",
            COUNT="1 1 1 100000",
        ),
        _header("data", "expected a PCD file's header, found a broken one (data: ...)", DATA="zipped"),
        _pcd("empty", b"", "expected a PCD file's header, VERSION FIELDS to DATA, found another beginning"),
        _pcd(
            "other",
            b"\x89PNG\r\n\x1a\n" * 50,
            "expected a PCD file's header, VERSION FIELDS to DATA, found another beginning",
        ),
        _cut_pcd(
            "cut_binary",
            "binary",
            "truncated: expected ... bytes of points at least, as its header says, found ...",
        ),
        _cut_pcd(
            "cut_compressed",
            "binary_compressed",
            "truncated: expected ... bytes of points at least, as its header says, found ...",
        ),
        _cut_pcd("cut_text", "ascii", "... expected ..."),
        Row(
            "pcd_damaged",
            lambda w: flip(w.write("a.pcd", pcd(fields(points()), "binary_compressed")), 0.6),
            IMPORT,
            "{a}.pcd: expected a whole PCD file, found a damaged one (...)",
        ),
        words(
            "pcd_none",
            IMPORT,
            "{a}.pcd: expected .pcd, .ply, .zdf, .e57, a folder of such files, .bag, or a COLMAP model's folder, found none",
        ),
    ),
)

CAMERAS = Fault(
    "A cloud that no camera sees",
    means="The camera is found from the points: each must lie in its pixel's line of sight. In the camera's own frame (x right, y "
    "down, z forward) any surface will do; in another frame the pose is found too, for which the surface mustn't be flat.",
    do="Export the cloud as the camera measured it: not resampled to a grid, not smoothed sideways. Line scanners and panoramas have no "
    "pinhole camera.",
    rows=(
        _pcd(
            "parallel",
            lambda: pcd(fields(PARALLEL)),
            "view a: expected points that a pinhole camera sees at their pixels, found ...",
        ),
        _pcd(
            "flat_elsewhere",
            lambda: pcd(
                fields(moved(points(np.full((HEIGHT, WIDTH), 400, np.float32)), turned(20, (10, 5, 3))))
            ),
            "view a: expected points that a pinhole camera sees at their pixels, found ...",
        ),
        _pcd(
            "no_point",
            lambda: pcd(fields(np.full((HEIGHT, WIDTH, 3), np.nan))),
            "view a: expected measured points, found none",
        ),
        Row(
            "pcd_without_a_pose",
            lambda w: [w.write(f"clouds/{name}.pcd", pcd(fields(points(), grey=image()))) for name in "ab"],
            "modmap import {clouds} --unit mm -o {new}",
            "note: no pose is known, so that the 2 views get no cameras: every cloud lies before its own camera. Name the poses with --poses",
            0,
        ),
    ),
)


def _one(w: Workspace) -> Path:
    return w.write("a.pcd", pcd(fields(points(), grey=image())))


def _with_poses(content: str) -> Callable[[Workspace], object]:
    def make(w: Workspace) -> None:
        _one(w)
        w.write("poses.txt", content)

    return make


POSES = "modmap import {a}.pcd --unit mm --poses {poses}.txt --pose-unit mm -o {new}"
SAID = Fault(
    "What the files don't say",
    means="A PCD or PLY file has no unit, a file of poses neither; ZDF files are in millimetres and E57 files in metres. A unit is never "
    "guessed.",
    do="Say it: --unit of the points, --pose-unit of the poses.",
    rows=(
        Row(
            "import_no_unit",
            _one,
            "modmap import {a}.pcd -o {new}",
            "{a}.pcd: expected the unit of its lengths, which a .pcd file doesn't say, found none: name it with --unit (m, mm, 0.1mm or millimetres per unit)",
        ),
        Row(
            "import_unit_word",
            _one,
            "modmap import {a}.pcd --unit feet -o {new}",
            '--unit: expected "mm", "m", "0.1mm" or a positive number of millimetres per unit, from 1e-06 to 1e+06, found \'feet\'',
            2,
        ),
        Row(
            "import_other_unit",
            lambda w: write_zdf(w.root / "a.zdf", points()),
            "modmap import {a}.zdf --unit m -o {new}",
            "{a}.zdf: expected no --unit, as a .zdf file is in units of 1 mm, found one of 1000 mm",
        ),
        Row(
            "import_no_pose_unit",
            _with_poses("1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n"),
            POSES.replace(" --pose-unit mm", ""),
            "{poses}.txt: expected the unit of its translations, which it doesn't say, found none: name it with --pose-unit (m, mm, or millimetres per unit)",
        ),
        Row(
            "import_two_poses",
            _with_poses("1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n" * 2),
            POSES,
            "{poses}.txt: expected 1 poses, one per view, found 2",
        ),
        Row(
            "import_no_rotation",
            _with_poses("2 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n"),
            POSES,
            "{a}.pcd: view a: T_camera_to_world: expected a rotation and a translation with last row 0 0 0 1, found ...",
        ),
        Row(
            "import_poses_of_other_views",
            _one,
            "modmap import {a}.pcd --unit mm --poses {scan} -o {new}",
            "{scan}: expected a camera of view a, found views 00, 01, 02, 03",
        ),
        Row(
            "import_no_photograph",
            _one,
            "modmap import {a}.pcd --unit mm --images {scan} -o {new}",
            "{scan}: expected the image of a view, a with an ending of .png, .tif, .tiff, .jpg, .jpeg, .bmp, found none",
        ),
        Row(
            "import_same_names",
            lambda w: [w.write(f"{name}/a.pcd", pcd(fields(points()))) for name in ("one", "two")],
            "modmap import {one}/a.pcd {two}/a.pcd --unit mm -o {new}",
            "{one}/a.pcd: expected files of different names, as views are called by them, found a twice: count them with --numbered",
        ),
        Row(
            "import_other_suffix",
            lambda w: w.write("a.las", "x"),
            "modmap import {a}.las --unit mm -o {new}",
            "{a}.las: expected .pcd, .ply, .zdf, .e57, a folder of such files, .bag, or a COLMAP model's folder, found .las",
        ),
        words(
            "import_folder_of_none",
            "modmap import {scan} --unit mm -o {new}",
            "{scan}: expected files of one kind of .pcd, .ply, .zdf, .e57, found none",
        ),
        words("import_nothing", "modmap import -o {new}", "", 2),
        Row(
            "import_over_a_scan",
            _one,
            "modmap import {a}.pcd --unit mm -o {scan}",
            "{scan}: expected a new or empty directory to write to, found one in use",
        ),
        Row(
            "frames_of_a_cloud",
            _one,
            "modmap import {a}.pcd --unit mm --frames 0 -o {new}",
            "--frames, --topics: expected a recording (.bag), found {a}.pcd",
        ),
        Row(
            "import_depth_of_a_cloud",
            _one,
            "modmap import {a}.pcd --unit mm --depth {scan} -o {new}",
            "--depth: expected a COLMAP model, whose depth maps these are, found {a}.pcd",
        ),
    ),
)


FAULTS = (HEADERS, CAMERAS, SAID)
