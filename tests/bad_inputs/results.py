"""Results that are read again: by reports, figures and evaluations."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from modmap.defects import read_defects
from tests.bad_inputs.making import changed_npz, swollen_npz
from tests.bad_inputs.row_makers import words
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import Workspace

TRUTH = "modmap check {scan}"


def _truth(change: Callable[[dict[str, Any]], object]) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        shutil.copyfile(w["truth"], w.scan / "gt.npz")
        w.set(w.scan / "scan.json", "ground_truth", "gt.npz")
        changed_npz(w.scan / "gt.npz", change)

    return spoil


def _truth_bytes(content: bytes) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        (w.scan / "gt.npz").write_bytes(content)
        w.set(w.scan / "scan.json", "ground_truth", "gt.npz")

    return spoil


FIGURES = Fault(
    "A figure that can't be drawn",
    means="What was named isn't a result, or not of the kind that the figure needs.",
    do="Name what `modmap predict` wrote, or views that the scan has.",
    rows=(
        words(
            "figure_nowhere",
            "modmap figures evidence {nowhere} -o {new}",
            "evidence: {nowhere}: expected what modmap predict wrote for a scan, found no summary.json",
            2,
        ),
        Row(
            "figure_of_mapping",
            lambda w: w.result,
            "modmap figures evidence {results}/ball -o {new}",
            "evidence: {results}/ball: expected a scan that was compared with the nominal one, found a "
            "prediction by the mapping alone (preset fast or paper)",
            2,
        ),
        Row(
            "figure_top",
            lambda w: w.result,
            "modmap figures evidence {results}/ball -o {new} --top 0",
            "evidence: --top: expected more than 0, found 0",
            2,
        ),
        Row(
            "figure_view",
            lambda w: w.result,
            "modmap figures pairs {mapping} {scan} -o {new} --views zz",
            "scan ball: no view 'zz'; it has 00, 01, 02, 03",
        ),
        words(
            "figure_pairs_of_inspect",
            "modmap figures pairs {model} {scan} -o {new}",
            "pairs: expected a model that maps features (preset fast or paper), found one that only compares",
        ),
        Row(
            "figure_only",
            lambda w: w.result,
            "modmap figures qualitative {results} -o {new} --only zz",
            "qualitative: no scan 'zz' was predicted; there are ball",
        ),
        words(
            "figure_no_results",
            "modmap figures qualitative {nowhere} -o {new}",
            "qualitative: {nowhere}: expected a directory of results, found none",
            2,
        ),
        words(
            "figure_no_encoders",
            "modmap figures features {scan} -o {new} --encoders",
            "features: --encoders: expected at least one encoder, found none",
            2,
        ),
        words(
            "figure_labels",
            "modmap figures features {scan} -o {new} --encoders local-dir:{encoder} --labels a b",
            "features: --labels: expected one for each of the 1 encoders, found 2",
            2,
        ),
        words(
            "figure_size",
            "modmap figures features {scan} -o {new} --encoders local-dir:{depth_encoder} --size -5",
            "features: --size: expected at least 28 and at most 8192, found -5",
            2,
        ),
    ),
)

TRUTHS = Fault(
    "Ground truth that can't be used",
    means="`gt.npz` has a mask (X, Y, Z) of the defect voxels, its origin and its voxel's edge in millimetres.",
    do="Write it with `modmap.datasets.write_ground_truth`.",
    rows=(
        Row("truth_text", _truth_bytes(b"truth"), TRUTH, "{scan}/gt.npz: expected ..."),
        Row("truth_empty", _truth_bytes(b""), TRUTH, "{scan}/gt.npz: expected ..."),
        Row(
            "truth_swollen",
            _truth_bytes(swollen_npz("mask", megabytes=150)),
            TRUTH,
            "{scan}/gt.npz: expected ...",
        ),
        Row(
            "truth_no_mask",
            _truth(lambda a: a.pop("mask")),
            TRUTH,
            "{scan}/gt.npz: expected mask, origin and voxel, found no mask",
        ),
        Row(
            "truth_no_origin",
            _truth(lambda a: a.pop("origin")),
            TRUTH,
            "{scan}/gt.npz: expected mask, origin and voxel, found no origin",
        ),
        Row(
            "truth_flat",
            _truth(lambda a: a.update(mask=a["mask"][0])),
            TRUTH,
            "{scan}/gt.npz: mask: expected (X, Y, Z) of true and false, found bool (5, 6)",
        ),
        Row(
            "truth_floats",
            _truth(lambda a: a.update(mask=a["mask"] * 0.5)),
            TRUTH,
            "{scan}/gt.npz: mask: expected (X, Y, Z) of true and false, found float64 (4, 5, 6)",
        ),
        Row(
            "truth_negative",
            _truth(lambda a: a.update(mask=-a["mask"].astype(int))),
            TRUTH,
            "{scan}/gt.npz: mask: expected 0 and 1, found -1",
        ),
        Row(
            "truth_origin_2",
            _truth(lambda a: a.update(origin=np.zeros(2))),
            TRUTH,
            "{scan}/gt.npz: origin: expected shape (3,), found (2,)",
        ),
        Row(
            "truth_origin_nan",
            _truth(lambda a: a.update(origin=np.full(3, np.nan))),
            TRUTH,
            "{scan}/gt.npz: origin: expected finite numbers, found [nan, nan, nan]",
        ),
        Row(
            "truth_voxel_zero",
            _truth(lambda a: a.update(voxel=np.array(0.0))),
            TRUTH,
            "{scan}/gt.npz: voxel: expected a positive edge length in mm, found 0.0",
        ),
        Row(
            "truth_voxel_words",
            _truth(lambda a: a.update(voxel=np.array("2 mm"))),
            TRUTH,
            "{scan}/gt.npz: voxel: expected numbers, found array('2 mm', dtype='<U4')",
        ),
        Row(
            "truth_unseen_size",
            _truth(lambda a: a.update(unseen=np.zeros((1, 1, 1), bool))),
            TRUTH,
            "{scan}/gt.npz: unseen: expected the mask's shape (4, 5, 6), found (1, 1, 1)",
        ),
        Row(
            "truth_packed_short",
            _truth(lambda a: a.update(mask=np.packbits(a["mask"])[:3], shape=np.array([4, 5, 6]))),
            TRUTH,
            "{scan}/gt.npz: mask: expected 15 bytes of packed bits for shape [4, 5, 6], found uint8 (3,)",
        ),
        Row(
            "truth_packed_huge",
            _truth(lambda a: a.update(mask=np.packbits(a["mask"]), shape=np.array([2**31] * 3))),
            TRUTH,
            "{scan}/gt.npz: shape: expected at most 1,000,000,000 voxels, found 9,903,520,314,283,042,199,192,993,792",
        ),
        Row(
            "truth_packed_floats",
            _truth(lambda a: a.update(mask=np.packbits(a["mask"]), shape=np.array([4.0, 5, 6]))),
            TRUTH,
            "{scan}/gt.npz: shape: expected three positive integers, found [4.0, 5.0, 6.0]",
        ),
        Row(
            "truth_defects_count",
            _truth(lambda a: a.update(defect=np.ones(3, int))),
            TRUTH,
            "{scan}/gt.npz: defect: expected 8 integers, one for each voxel of the mask, found int64 (3,)",
        ),
        Row(
            "truth_defects_zero",
            _truth(lambda a: a.update(defect=np.zeros(8, int))),
            TRUTH,
            "{scan}/gt.npz: defect: expected a number over 0 in the mask alone, found 8 voxels otherwise",
        ),
        Row(
            "truth_pickled",
            _truth_bytes(b"PK\x03\x04" + b"cos\nsystem\n"),
            TRUTH,
            "{scan}/gt.npz: expected ...",
        ),
    ),
)

NEWER = Fault(
    "A file of a newer modmap",
    means="The number `format` in a summary.json, a defects.json or a scan.json is higher than this modmap knows.",
    do="Install the modmap that wrote it, or a newer one.",
    rows=(
        Row(
            "summary_newer",
            lambda w: w.set(w.result / "summary.json", "format", 2),
            "modmap figures evidence {results}/ball -o {new}",
            "{results}/ball/summary.json: expected format 1 at most, found 2: a newer modmap wrote it, which can read it",
        ),
        Row(
            "defects_newer",
            lambda w: w.set(w.result / "defects.json", "format", 2),
            lambda w: read_defects(w.result),
            "{results}/ball/defects.json: expected format 1 at most, found 2: a newer modmap wrote it, which can read it",
        ),
        Row(
            "scan_newer",
            lambda w: w.set(w.scan / "scan.json", "format", 2),
            TRUTH,
            "{scan}/scan.json: expected format 1 at most, found 2: a newer modmap wrote it, which can read it",
        ),
    ),
)

FAULTS = (FIGURES, TRUTHS, NEWER)
