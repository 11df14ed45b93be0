"""CAD parts that a training scan is to be made of."""

from __future__ import annotations

from tests.bad_inputs.row_makers import words
from tests.bad_inputs.table import Fault, Row

CUBE = "".join(f"v {x} {y} {z}\n" for x in (0, 90) for y in (0, 90) for z in (0, 90)) + "f 1 2 3\nf 6 7 8\n"
POINTS = (
    "ply\nformat ascii 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    + "".join(f"{x} {y} {z}\n" for x in (0, 90) for y in (0, 90) for z in (0, 90))
)
NOMINAL = "modmap nominal {part} --like {scan} --unit mm -o {new}"
PARTS = Fault(
    "A drawing that no scan can be made of",
    means="`modmap nominal` reads triangles in STL, PLY or OBJ, and STEP where build123d is installed. STL, PLY and OBJ don't say "
    "their unit, so `--unit` does. A point cloud has no surface, and none is made up where an inspection would then measure against it. A part that is ten times as large as the scan's is in another.",
    do="Export the part as STL, in the unit that you name.",
    rows=(
        words(
            "nominal_no_part",
            NOMINAL.replace("{part}", "{part}.stl"),
            "{part}.stl: expected a file, found none",
        ),
        Row(
            "nominal_suffix",
            lambda w: w.write("part.txt", "x"),
            NOMINAL.replace("{part}", "{part}.txt"),
            "{part}.txt: expected a part in .stl, .ply, .obj, .step, .stp, found .txt",
        ),
        Row(
            "nominal_empty",
            lambda w: w.write("part.ply", "ply\n"),
            NOMINAL.replace("{part}", "{part}.ply"),
            "{part}.ply: expected a whole file of triangles, found none",
        ),
        Row(
            "nominal_cloud",
            lambda w: w.write("part.pcd", "x"),
            NOMINAL.replace("{part}", "{part}.pcd"),
            "{part}.pcd: expected a surface, found points without faces, through which everything is seen: make triangles of them "
            "(MeshLab and CloudCompare do, by a screened Poisson reconstruction) and save those as PLY; of organised scans, modmap "
            "import makes a training scan",
        ),
        Row(
            "nominal_points",
            lambda w: w.write("part.ply", POINTS),
            NOMINAL.replace("{part}", "{part}.ply"),
            "{part}.ply: expected triangles, found 8 points without faces, through which everything is seen: ...",
        ),
        Row(
            "nominal_unit",
            lambda w: w.write("part.obj", CUBE),
            NOMINAL.replace("{part}", "{part}.obj").replace("--unit mm", "--unit m"),
            "nominal: expected a part of about the scan's size, ... mm from corner to corner, found one of ... mm: is its "
            "unit another?",
        ),
        Row(
            "nominal_other_files",
            lambda w: w.scan,
            NOMINAL.replace("{new}", "{scan}"),
            "{scan}: expected a new or empty directory to write to, found one in use",
        ),
    ),
)

FAULTS = (PARTS,)
