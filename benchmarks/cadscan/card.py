"""The data set's card: what is simulated, what is not, and what is in it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.cadscan.categories import setup_of
from benchmarks.cadscan.floor import DETECTORS, read_floor
from benchmarks.cadscan.settings_file import SETTINGS
from benchmarks.runs.kept_settings import read_settings

CARD = "README.md"
COUNTING, CHANGED_PIXELS = "views_count", "pixels of changed surface"

INTRODUCTION = """\
# cadscan: simulated multi-view scans of industrial parts

Image and depth of CAD parts as a structured-light head on a robot would scan them, with defects of known place, kind
and size, in the directory layout of SiM3D. Everything here is computed; nothing was photographed or measured.

Made with `python -m benchmarks.cadscan dataset --out DIR --categories {categories} --good {good} --bad {bad} \
--size {width}x{height} --seed {seed} --smallest {smallest:g} --largest {largest:g}`.
The same command gives the same bytes.
"""

LAYOUT = """\
## What is where

- `<category>/<category>_real`: the nominal scan to train on, `rgb/NN_2.png` (8 bit gray) with `depth/NN.npy` (planar
  z, float32, mm, inf where nothing was measured).
- `<category>/<category>_synth`: the nominal part rendered, `RGB/NN_2.png` with `DEPTH/NN_depth.exr` (mm; the
  background is the largest value).
- `<category>/<category>_NN` and `<category>_NN_bad`: test scans, nominal and anomalous, laid out like the real one,
  with `gt.npz` (`mask` of the defect voxels, packed to bits, with its `shape`; `origin` and `voxel` in mm) and
  `defects.json` (kind, centre, size, depth, the modality that can show it, and how many views see at least 20 pixels
  of it).
- `cameras.json` in each scan: K, image size and the nominal `T_world_to_camera` of every view, OpenCV axes, mm.
- `<category>/<category>.step` and `.stl`: the part as drawn.

{counting}\
The world is the robot's: z up, the table at z = 0, the part as drawn resting on it at x = y = 0. The calibration knows
neither the robot's repeatability nor where the part really lay. **The ground truth is in the world frame of the scan
as scanned**: the changed surface was moved with the part before it was voxelised, so it lies where the depth maps put
the defect.
"""

COUNTED_BESIDE = """\
This set was begun when pixels up to a third of a voxel beside a defect counted as pixels of it. In the scans made then
too many views are said to see it, of scratches and cracks above all.

"""

SIMULATED = """\
## What is simulated

- Parts: other draws of the dimensions (0.05 mm) for every instance.
- Finish: a solid texture fixed to the part (casting skin, brushing, turning, grain), another draw for every instance
  and body, with small differences of colour; dust on every instance, a fingerprint on half of them. None of it is a
  defect.
- Camera: f = 3470 px at 4096x3000, binned to the set's size; GGX reflection of a lamp at the projector and of the
  hall; shadows of the projector; part of the hall shut off by the part itself; one exposure time a view, set on a
  first part; vignetting, blur, veiling glare, shot noise, read noise, 8 bits. Light differs a little between scans.
- Depth: noise that grows with z^2 and with the incidence, partly smooth over several pixels, with a ripple along the
  fringes, a bias in glossy corners, and a drift of each view; no depth where the projector glares, at more than 78
  degrees of incidence, where the signal is weak, where the projector or the second camera is shadowed, nor beside
  edges.
- Robot: 0.05 mm and 0.01 degrees of repeatability in every view.
- Placement: held in a fixture, within 0.3 mm and 0.2 degrees; or laid down by hand, within 3 mm along x and y and 1.5
  degrees about z.
- Where the table is in the picture, the depth maps have table and fixture too; elsewhere the workspace filter has
  removed them, and the image shows a dark mat.

## What is not

Light that is reflected from surface to surface (but for the bias above), colour, depth of field, lens distortion and
its calibration error, moving parts, dirt and oil beyond dust and fingerprints, transparent or translucent material,
wear of the projector, and every defect that is not in the list below. Normals are interpolated between a face's
corners, which fillets beside a flat face tilt by some degrees. A rank on this set is a
reason to try a method on real scans, not a replacement for them.
"""


def write_card(data: Path) -> None:
    """Writes the card of a set from its settings, its `defects.json` and, once measured, its sanity floor."""
    settings = read_settings(data / SETTINGS)
    categories = sorted(path.name for path in data.iterdir() if (path / f"{path.name}_real").is_dir())
    defects = {category: _defects(data / category) for category in categories}
    width, height = settings["size"]
    opening = INTRODUCTION.format(
        categories=" ".join(categories),
        good=settings["good"],
        bad=settings["bad"],
        width=width,
        height=height,
        seed=settings["seed"],
        smallest=settings["smallest"],
        largest=settings["largest"],
    )
    parts = [
        opening,
        LAYOUT.format(counting="" if settings.get(COUNTING) == CHANGED_PIXELS else COUNTED_BESIDE),
        SIMULATED,
        _category_table(data, defects),
        _defect_table(defects),
        _floor_table(data, categories),
    ]
    (data / CARD).write_text("\n".join(parts), encoding="utf-8")


def _category_table(data: Path, defects: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "## Categories\n",
        "| category | views | placement | table | nominal tests | anomalous tests | defects |",
        "|---|---|---|---|---|---|---|",
    ]
    for category, found in defects.items():
        setup = setup_of(category)
        tests = [path.name for path in (data / category).iterdir() if (path / "gt.npz").is_file()]
        bad = sum(name.endswith("_bad") for name in tests)
        table = "in the picture" if setup.table else "filtered"
        row = (category, setup.views, setup.placement, table, len(tests) - bad, bad, len(found))
        lines.append("| " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines) + "\n"


def _defect_table(defects: dict[str, list[dict[str, Any]]]) -> str:
    everything = [defect for found in defects.values() for defect in found]
    lines = [
        "## Defects\n",
        "| kind | count | size, mm | shown by | seen by no view |",
        "|---|---|---|---|---|",
    ]
    for kind, count in sorted(Counter(defect["kind"] for defect in everything).items()):
        same = [defect for defect in everything if defect["kind"] == kind]
        sizes = [defect["size_mm"] for defect in same]
        shown = "/".join(sorted({defect["modality"] for defect in same}))
        unseen = sum(defect["views"] == 0 for defect in same)
        lines.append(f"| {kind} | {count} | {min(sizes):.1f} to {max(sizes):.1f} | {shown} | {unseen} |")
    return "\n".join(lines) + "\n"


def _floor_table(data: Path, categories: list[str]) -> str:
    text = (
        "## Sanity floor\n\n"
        "I-AUROC of detectors that only subtract the training scan, view by view and pixel by pixel; a scan's score is "
        "the largest difference, raw or smoothed over 0.3 % of the image's width. Where one of them reached 0.95, a "
        "part would fool nobody and the set would measure nothing; then finish, noise and the smallest defects are to "
        "be made harder. The settings of this version were kept because none did on seed 0 with ten nominal and ten "
        "anomalous scans a category at 512x384.\n"
    )
    floor = read_floor(data)
    if floor is None:
        return text + "\nNot measured yet: `python -m benchmarks.cadscan floor --data DIR`.\n"
    lines = ["", "| category | " + " | ".join(DETECTORS) + " |", "|---" * (len(DETECTORS) + 1) + "|"]
    for category, row in floor.items():
        lines.append(f"| {category} | " + " | ".join(f"{row[name]:.3f}" for name in DETECTORS) + " |")
    means = [sum(row[name] for row in floor.values()) / len(floor) for name in DETECTORS]
    lacking = len(categories) - len(floor)
    mean = f"mean of {len(floor)} of {len(categories)} categories" if lacking else "mean"
    lines.append(f"| **{mean}** | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return text + "\n".join(lines) + "\n"


def _defects(category: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(category.glob("*/defects.json")):
        found += json.loads(path.read_text(encoding="utf-8"))
    return found
