"""Settings compared on a part of which there is no defective scan: by what they would find (`modmap pod`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown, number
from modmap import ModMap
from modmap.config import parse_assignments
from modmap.datasets import find_scans, load_scan
from modmap.pod.record import PodRecord
from modmap.pod.shapes import KINDS, Kind
from modmap.runs.pod import run_study
from modmap.runs.pod_study import Study


@dataclass(frozen=True)
class Arguments:
    """Put the same defects into good scans for several settings, and compare what is found."""

    nominal: Path
    """The scan that is learnt."""
    good: tuple[Path, ...]
    """Good scans, or directories of them."""
    out: Path
    """Where the studies and the table go; what an earlier run has done there is not done again."""
    variants: tuple[str, ...] = (
        "all",
        "without_geometry:evidence.geometry=false",
        "without_images:evidence.appearance=false,evidence.texture=false,evidence.memory=false",
    )
    """NAME, or NAME:KEY=VALUE,KEY=VALUE, the settings of each."""
    preset: str = "inspect"
    """That they change."""
    kinds: tuple[Kind, ...] = KINDS
    """Of defects."""
    sizes: tuple[float, float] = (0.5, 20.0)
    """Smallest and largest, mm."""
    count: int = 400
    """Defects of all kinds together."""
    seed: int = 0
    """Of sizes and places."""
    calibrate: bool = False
    """Take the thresholds from the good scans, and not from the nominal one alone."""


def run(arguments: Arguments) -> int:
    """Makes the studies, and writes the table; returns the exit status."""
    nominal = load_scan(arguments.nominal)
    good = [scan for directory in arguments.good for scan in find_scans(directory)]
    study = Study(arguments.kinds, arguments.sizes, arguments.count, arguments.seed, per_copy=20)
    records = {}
    for variant in arguments.variants:
        name, _, assignments = variant.partition(":")
        settings = parse_assignments([one for one in assignments.split(",") if one])
        model = ModMap(arguments.preset, settings=settings).fit([nominal])
        model.calibrate(good if arguments.calibrate else [nominal])
        records[name] = run_study(model, good, arguments.out / name, study)
        print(f"{name}: done", flush=True)
    results = {name: record.model_dump(mode="json") for name, record in records.items()}
    write_report(arguments.out, results, table(records))
    return 0


def table(records: dict[str, PodRecord]) -> str:
    """Markdown: the variants by kind, with what each finds."""
    kinds = list(dict.fromkeys(kind for record in records.values() for kind in record.curves))
    rows = []
    for name, record in records.items():
        cells: list[Any] = [name, str(sum(record.false_calls.values()))]
        for kind in kinds:
            curve = record.curves.get(kind)
            if curve is None:
                cells.append(number(None))
                continue
            sizes = f"{number(curve.a50, decimals=1)} / {number(curve.a90, decimals=1)}"
            cells.append(f"{curve.hits} of {curve.count}, {sizes}")
        rows.append(cells)
    return markdown(["settings", "false calls", *(f"{kind}, a50 / a90 mm" for kind in kinds)], rows)


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.pod_settings", words=words)
