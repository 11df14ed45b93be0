"""Is the probability of detection true? Defects put into good scans against scans of truly defective parts.

The simulated scanner lays a part down, scans it, and scans it again with real defects in its mesh and finish.
`modmap.pod` puts defects of the same kinds, sizes and depths into the good scan at the same places. Both are predicted
by one model, and judged alike: so each defect is found or missed twice, and all that differs is how it came into the
scan.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.stats import binomtest

from benchmarks.cadscan.categories import setup_of
from benchmarks.cadscan.defects import DefectError, draw_size, make_defect
from benchmarks.cadscan.part import Defect, DefectivePart, Part
from benchmarks.cadscan.scan_jobs import DatasetSettings, ScanJob
from benchmarks.cadscan.scan_jobs import Kind as ScanKind
from benchmarks.cadscan.scan_making import cell_of, nominal_part, planter
from benchmarks.cadscan.scanner import Cell, Instance, Shot, capture, cell_for
from benchmarks.cadscan.views import view_id
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.kept_settings import keep_settings
from benchmarks.runs.markdown import markdown, number
from modmap import ModMap, Scan
from modmap.files.atomic import atomic_file
from modmap.pod.carrying import Placed
from modmap.pod.curves import Curve, curve_of
from modmap.pod.good_scan import GoodScan
from modmap.pod.relief import Relief
from modmap.pod.shapes import DARK, Kind, Shape
from modmap.pod.trials import Planted, Wanted, judged, tried
from modmap.scan import View

Array = npt.NDArray[Any]
Name = Literal["dent", "bump", "scratch", "chip", "extra_hole", "stain"]

KIND_OF: dict[str, Kind] = {
    "dent": "dent",
    "bump": "bump",
    "scratch": "scratch",
    "chip": "chip",
    "extra_hole": "hole",
    "stain": "stain",
}
BESIDE = 8.0  # mm that two defects of a part lie apart at least
TRIES = 30
PAIRS = "pairs.jsonl"


@dataclass(frozen=True)
class Arguments:
    """Compare the curve of injected defects with that of truly defective parts of the simulated scanner."""

    out: Path
    """Where the pairs and the table go; a run that was killed, or ran out of minutes, resumes."""
    category: str = "belt_pulley"
    """The part."""
    kinds: tuple[Name, ...] = ("dent", "bump", "stain")
    """Of defects, as the simulated scanner calls them."""
    count: int = 300
    """Defects, of all kinds together, at least; a finished run may be taken further by more."""
    per_scan: int = 8
    """Defects of a part."""
    size: tuple[int, int] = (512, 384)
    """Of the images."""
    views: int | None = None
    """Of a scan, a multiple of three; as the part's cell has them by default."""
    smallest: float = 1.0
    """Of the sizes, mm."""
    largest: float = 20.0
    """Likewise; log-uniform between the two."""
    seed: int = 0
    """Of the parts, their defects and their scans."""
    minutes: float | None = None
    """After so many no further part is begun: the table is then of fewer defects, and says so. No limit by default."""


@dataclass(frozen=True)
class Pair:
    """A defect that was found or missed twice.

    Attributes:
        kind: As `modmap.pod` calls it.
        size_mm: Its size.
        depth_mm: Its depth; of a stain, by how much of it its gray level changes.
        part: Number of the part.
        true: It was found on the truly defective part.
        injected: It was found where it was put into the good part's scan.
        true_peak: The largest score near it, in multiples of the threshold.
        injected_peak: Likewise.
    """

    kind: Kind
    size_mm: float
    depth_mm: float
    part: int
    true: bool
    injected: bool
    true_peak: float
    injected_peak: float


def run(arguments: Arguments) -> int:
    """Makes the pairs that are missing, and writes the table; returns the exit status."""
    started = time.perf_counter()
    # None of the three decides about a pair: a run may be taken further.
    settings = {**asdict(arguments), "out": None, "minutes": None, "count": None}
    keep_settings(arguments.out, settings, file="settings.json")
    path = arguments.out / PAIRS
    done = _done(path)
    pairs = [Pair(**one) for entry in done for one in entry["pairs"]]
    cell = _cell(arguments)
    model: ModMap | None = None
    for index in range(len(done), 10 * arguments.count):
        spent = (time.perf_counter() - started) / 60
        if len(pairs) >= arguments.count or spent > (arguments.minutes or np.inf):
            break
        if model is None:
            nominal = _scan(cell, *_bare(arguments, cell, "real", 0), name="nominal")
            model = ModMap().fit([nominal])
            model.calibrate([nominal])
        found = list(_pairs_of_part(arguments, cell, model, index))
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"part": index, "pairs": [asdict(one) for one in found]}) + "\n")
        pairs += found
        print(f"part {index + 1}: {len(pairs)} of {arguments.count} defects", flush=True)
    results = summary(pairs)
    told = {"settings": settings | {"out": str(arguments.out)}, "asked": arguments.count, **results}
    write_report(arguments.out, told, table(results, asked=arguments.count))
    return 0


def _done(path: Path) -> list[dict[str, Any]]:
    """The parts that earlier runs made; a line half written when one was killed is taken off the file."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    whole = []
    for line in lines:
        try:
            whole.append(json.loads(line))
        except ValueError:
            break
    if len(whole) < len(lines):
        with atomic_file(path) as partial:
            partial.write_text("".join(f"{line}\n" for line in lines[: len(whole)]), encoding="utf-8")
    return whole


def _cell(arguments: Arguments) -> Cell:
    if arguments.views is None:
        return cell_of(arguments.category, arguments.size)
    setup = replace(setup_of(arguments.category), views=arguments.views)
    return cell_for(nominal_part(arguments.category), setup, size=arguments.size)


def _bare(arguments: Arguments, cell: Cell, kind: ScanKind, index: int) -> tuple[Instance, Sequence[Shot]]:
    """A good part as it lies, and the views of its scan."""
    settings = DatasetSettings(arguments.size, good=0, bad=0, seed=arguments.seed)
    job = ScanJob(arguments.out, Path("unused"), settings, arguments.category, kind, index)
    planting = planter(job, cell)
    return planting.bare, planting.shots


def _scan(cell: Cell, instance: Instance, shots: Sequence[Shot], *, name: str) -> Scan:
    views = []
    for index, shot in enumerate(shots):
        seen = capture(cell, instance, shot)
        depth = np.where(np.isfinite(seen.depth), seen.depth, 0).astype(np.float32)
        views.append(View(view_id(index), image=seen.image, depth=depth, camera=cell.cameras[index]))
    return Scan(name, views=views)


def _pairs_of_part(arguments: Arguments, cell: Cell, model: ModMap, index: int) -> Iterator[Pair]:
    bare, shots = _bare(arguments, cell, "bad", index)
    rng = np.random.default_rng([arguments.seed, index])
    made = _made(bare.part, arguments, rng)
    if not made.defects:
        return
    twin = GoodScan.of(model.fitted, _scan(cell, bare, shots, name=f"good {index}"), seed=0)
    placed = [_planted(defect, twin, bare.T_part_to_world, rng) for defect in made.defects]
    planted = [one for one in placed if one is not None]
    defective = bare.exchanged(cell, made.part, marks=(*bare.marks, *made.patches))
    true_scan = _scan(cell, defective, shots, name=f"bad {index}")
    true = judged(model.predict(true_scan), planted)
    injected = tried(model.predict, twin, planted, name=f"injected {index}")
    for one, first, second in zip(planted, true, injected, strict=True):
        shape = one.placed.shape
        yield Pair(shape.kind, shape.size, shape.depth, index, first.hit, second.hit, first.peak, second.peak)


def _made(part: Part, arguments: Arguments, rng: np.random.Generator) -> DefectivePart:
    """A part with several defects that lie apart."""
    made = DefectivePart(part, (), ())
    for _ in range(TRIES):
        if len(made.defects) == arguments.per_scan:
            break
        kind = str(rng.choice(list(arguments.kinds)))
        size = draw_size(rng, smallest=arguments.smallest, largest=arguments.largest)
        avoid = tuple((one.centre, one.size / 2 + BESIDE) for one in made.defects)
        try:
            new = make_defect(made.part, kind, size=size, seed=int(rng.integers(1 << 31)), avoid=avoid)
        except DefectError:
            continue
        if len(new.defects[0].changed_points):
            made = DefectivePart(new.part, (*made.patches, *new.patches), (*made.defects, *new.defects))
    return made


def _planted(defect: Defect, twin: GoodScan, pose: Array, rng: np.random.Generator) -> Planted | None:
    """The same defect where it is, to be put into the good part's scan; None where too little was measured there."""
    kind = KIND_OF[defect.kind]
    gray, width = 1.0, 0.0
    depth = defect.depth
    if kind == "hole":
        gray = DARK
    if defect.patch is not None:
        gray = defect.patch.albedo_factor
        width = defect.patch.radius / 0.7 if kind == "scratch" else 0.0
    if kind == "stain":
        depth = abs(gray - 1)
    shape = Shape(kind, defect.size, depth, width=width, gray=gray)
    centre = pose[:3, :3] @ defect.centre + pose[:3, 3]
    normal = twin.surface.normals[cKDTree(twin.surface.points).query(centre)[1]]
    reach = 1.5 * (shape.radius + (shape.rises if kind == "hole" else max(shape.rises, shape.sinks)))
    turn = None if kind == "chip" else float(rng.uniform(0, np.pi))
    relief = Relief.around(centre, normal, twin.part, reach=reach + 2 * twin.footprint, turn=turn)
    if relief is None:
        return None
    return Planted(Wanted(0, kind, shape.size), Placed(shape, relief))


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """By kind the two curves, and how often they differ."""
    kinds = sorted({one.kind for one in pairs})
    return {
        "pairs": len(pairs),
        "kinds": {kind: _of_kind([one for one in pairs if one.kind == kind]) for kind in kinds},
    }


def _of_kind(pairs: Sequence[Pair]) -> dict[str, Any]:
    sizes = [one.size_mm for one in pairs]
    true, injected = (
        curve_of(sizes, hits) for hits in ([one.true for one in pairs], [one.injected for one in pairs])
    )
    only_true = sum(one.true and not one.injected for one in pairs)
    only_injected = sum(one.injected and not one.true for one in pairs)
    differ = only_true + only_injected
    return {
        "count": len(pairs),
        "only_true": only_true,
        "only_injected": only_injected,
        # Of pairs that differ, as many either way if both are found alike (McNemar's exact test).
        "p_alike": float(binomtest(only_true, differ).pvalue) if differ else 1.0,
        "true": true.model_dump(mode="json"),
        "injected": injected.model_dump(mode="json"),
        "within": {name: _within(true, injected, name) for name in ("a50", "a90")},
    }


def _within(true: Curve, injected: Curve, name: str) -> bool | None:
    """Whether the injected curve's size lies in the true one's interval; None where either has none."""
    interval, size = getattr(true, f"{name}_interval"), getattr(injected, name)
    if interval is None or size is None:
        return None
    low, high = interval
    return bool((low or 0.0) <= size <= (high or np.inf))


def table(results: dict[str, Any], *, asked: int | None = None) -> str:
    """Markdown of a summary; under it how many defects there were, of those that were asked for."""
    rows = []
    for kind, one in results["kinds"].items():
        for origin in ("true", "injected"):
            curve = Curve(**one[origin])
            rows.append(
                [
                    kind,
                    origin,
                    f"{curve.hits} of {curve.count}",
                    _size(curve.a50, curve.a50_interval),
                    _size(curve.a90, curve.a90_interval),
                    number(curve.a90_95, decimals=1),
                    curve.refused or "",
                ]
            )
        differ = f"{one['only_true']} true only, {one['only_injected']} injected only, p {one['p_alike']:.2g}"
        rows.append(
            [kind, "differ", differ, *(_said(one["within"][name]) for name in ("a50", "a90")), "", ""]
        )
    header = ["kind", "defects", "found", "a50, mm", "a90, mm", "a90/95, mm", ""]
    count = results["pairs"]
    made = (
        f"{count} defects."
        if asked is None or count >= asked
        else f"{count} of {asked} defects: the run isn't complete."
    )
    return f"{markdown(header, rows)}\n{made}\n"


def _size(size: float | None, interval: tuple[float | None, float | None] | None) -> str:
    if size is None or interval is None:
        return number(None)
    low, high = (number(end, decimals=1) for end in interval)
    return f"{size:.1f} [{low}, {high}]"


def _said(within: bool | None) -> str:
    return {True: "within", False: "outside", None: number(None)}[within]


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.pod_truth", words=words)
