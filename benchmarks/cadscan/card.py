"""The data set's card: what is simulated, what is not, and what is in it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cadscan.card_text import FLOOR_TEXT, INTRODUCTION, LAYOUT, OF_SPLIT, SIMULATED
from benchmarks.cadscan.categories import setup_of
from benchmarks.cadscan.detectability import LEAST_DETECTABILITY
from benchmarks.cadscan.floor import DETECTORS, read_floor
from benchmarks.cadscan.scan_jobs import DatasetSettings
from benchmarks.runs.files import write_text
from benchmarks.runs.markdown import markdown, number

CARD = "README.md"
SIZES = (3.0, 5.0, 10.0, 15.0)  # mm, between which defects are counted
UNSURE = 10.0  # d' below which a defect is hard to find


def write_card(data: Path) -> None:
    """Writes the card of a set from its settings, its `defects.json` and, once measured, its sanity floor."""
    settings = DatasetSettings.kept_in(data)
    categories = sorted(path.name for path in data.iterdir() if (path / f"{path.name}_real").is_dir())
    defects = {category: _defects(data / category) for category in categories}
    width, height = settings.size
    parts = [
        INTRODUCTION.format(categories=" ".join(categories), width=width, height=height, **asdict(settings)),
        *([OF_SPLIT[settings.split]] if settings.split else []),
        LAYOUT.format(least=LEAST_DETECTABILITY),
        SIMULATED,
        _category_table(data, defects),
        _defect_table([defect for found in defects.values() for defect in found]),
        *_detectability_table([defect for found in defects.values() for defect in found]),
        _hidden_table([defect for found in defects.values() for defect in found]),
        _floor_table(data, categories),
    ]
    write_text(data / CARD, "\n".join(parts))


def _category_table(data: Path, defects: dict[str, list[dict[str, Any]]]) -> str:
    header = [
        "category",
        "views",
        "placement",
        "table",
        "nominal tests",
        "anomalous tests",
        "defects",
        "measured",
    ]
    rows = []
    for category, found in defects.items():
        setup = setup_of(category)
        tests = [path.name for path in (data / category).iterdir() if (path / "gt.npz").is_file()]
        bad = sum(name.endswith("_bad") for name in tests)
        table = "in the picture" if setup.table else "filtered"
        row = (
            category,
            setup.views,
            setup.placement,
            table,
            len(tests) - bad,
            bad,
            len(found),
            _measured(found),
        )
        rows.append([str(cell) for cell in row])
    return (
        "## Categories\n\n"
        + markdown(header, rows)
        + "\n\n`measured` is the share of a defect's ground-truth voxels that some view of its scan measures, a mean\n"
        "over the defects: no detector can find more.\n"
    )


def _measured(found: list[dict[str, Any]]) -> str:
    shares = [defect["voxels_measured"] / defect["voxels"] for defect in found if defect["voxels"]]
    return number(float(np.mean(shares)) if shares else None)


def _defect_table(defects: list[dict[str, Any]]) -> str:
    header = [
        "kind",
        "count",
        "size, mm",
        "shown by",
        "d' in the best view: median",
        "least",
        "views with 5 or more",
    ]
    rows = []
    for kind, same in _by_kind(defects):
        sizes = [defect["size_mm"] for defect in same]
        best = [defect["detectability"]["best_view"] for defect in same]
        shown = "/".join(sorted({defect["modality"] for defect in same}))
        views = float(np.mean([defect["views"] for defect in same]))
        row = (kind, len(same), f"{min(sizes):.1f} to {max(sizes):.1f}", shown, f"{np.median(best):.0f}")
        rows.append([*map(str, row), f"{min(best):.1f}", f"{views:.1f}"])
    return "## Defects\n\n" + markdown(header, rows) + "\n"


def _detectability_table(defects: list[dict[str, Any]]) -> list[str]:
    """How surely defects could be found, by kind and size; nothing where there are none."""
    if not defects:
        return []
    rows = [
        [kind, *(_detectabilities(some) for some in (same, *_by_size(same)))]
        for kind, same in [*_by_kind(defects), ("**all**", defects)]
    ]
    text = (
        "## d' by kind and by size\n\nd' in the view that shows most of a defect: the median, and the share of "
        f"defects under {UNSURE:g}.\n\n"
    )
    return [text + markdown(["kind", "all sizes", *_size_names()], rows) + "\n"]


def _detectabilities(defects: list[dict[str, Any]]) -> str:
    if not defects:
        return ""
    best = np.array([defect["detectability"]["best_view"] for defect in defects])
    return f"{np.median(best):.0f} ({(best < UNSURE).mean():.0%})"


def _hidden_table(defects: list[dict[str, Any]]) -> str:
    """How many defects nobody could find, by kind and size."""
    hidden = [defect for defect in defects if defect["detectability"]["best_view"] < LEAST_DETECTABILITY]
    unmeasured = sum(defect["voxels_measured"] == 0 for defect in defects)
    text = (
        f"## What nobody could find\n\nOf {len(defects)} defects, {len(hidden)} have a d' below "
        f"{LEAST_DETECTABILITY:g} in every view, and {unmeasured} are measured by no view.\n"
    )
    if not defects:
        return text
    rows = []
    for kind, same in _by_kind(defects):
        row = [kind]
        for some in _by_size(same):
            row.append(f"{sum(defect in hidden for defect in some)} of {len(some)}" if some else "")
        rows.append(row)
    return text + "\n" + markdown(["kind", *_size_names()], rows) + "\n"


def _by_kind(defects: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    kinds = sorted({defect["kind"] for defect in defects})
    return [(kind, [defect for defect in defects if defect["kind"] == kind]) for kind in kinds]


def _by_size(defects: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The defects of each range of `_size_names`; the lower end is in it."""
    bounds = (0.0, *SIZES, math.inf)
    return [
        [defect for defect in defects if low <= defect["size_mm"] < high] for low, high in pairwise(bounds)
    ]


def _size_names() -> list[str]:
    between = (f"{low:g} to {high:g} mm" for low, high in pairwise(SIZES))
    return [f"under {SIZES[0]:g} mm", *between, f"{SIZES[-1]:g} mm and more"]


def _floor_table(data: Path, categories: list[str]) -> str:
    floor = read_floor(data)
    if floor is None:
        return FLOOR_TEXT + "\nNot measured yet: `python -m benchmarks.cadscan floor --data DIR`.\n"
    rows = [[category, *(number(row[name]) for name in DETECTORS)] for category, row in floor.items()]
    lacking = len(categories) - len(floor)
    mean = f"mean of {len(floor)} of {len(categories)} categories" if lacking else "mean"
    means = [float(np.mean([row[name] for row in floor.values()])) for name in DETECTORS]
    rows.append([f"**{mean}**", *map(number, means)])
    return FLOOR_TEXT + "\n" + markdown(["category", *DETECTORS], rows) + "\n"


def _defects(category: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(category.glob("*/defects.json")):
        found += json.loads(path.read_text(encoding="utf-8"))
    return found
