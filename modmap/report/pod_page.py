"""The page of a study of the probability of detection: curves, the smallest dent on the part in 3D, blind places."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.ticker import LogLocator

from modmap.files.atomic import atomic_file
from modmap.pod.curves import SHOWN, Curve
from modmap.pod.record import PodRecord, sentences
from modmap.report.charts import BAR, GOOD, LINE, STYLE, THRESHOLD, chart, svg
from modmap.report.omitted_regions import blind_place
from modmap.report.part_view import part_page, part_stills
from modmap.report.templates import number, render
from modmap.runs.pod_map import MAP
from modmap.runs.pod_trials import TABLE
from modmap.runs.volume_files import load_volume

PAGE = "report.html"
WIDTH, HEIGHT = 420, 260


def write_pod_page(output: Path, record: PodRecord) -> Path:
    """Writes `report.html` into the directory of a study.

    Args:
        output: The directory.
        record: What the study found.

    Raises:
        ModMapError: k3d isn't installed.
    """
    tried: dict[str, list[tuple[float, bool]]] = {}
    with (output / TABLE).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            tried.setdefault(row["kind"], []).append((float(row["size_mm"]), row["hit"] == "1"))
    top = record.sizes_mm[1]
    stored = output / f"{MAP}.npz"
    smallest = load_volume(stored) if stored.is_file() else None
    page = render(
        "pod.html",
        title="What would be found",
        scripts=("part.js",),
        data=None,
        lines=sentences(record),
        charts={
            kind: curve_chart(kind, curve, tried[kind], record.sizes_mm)
            for kind, curve in record.curves.items()
        },
        part=None if smallest is None else part_page(smallest, [], top=top),
        stills=None if smallest is None else part_stills(smallest, top=top, opaque=True),
        top=top,
        shares=record.dents_found_on,
        blind=[blind_place(one) for one in record.blind],
        provenance=_provenance(record),
    )
    with atomic_file(output / PAGE) as partial:
        partial.write_text(page, encoding="utf-8")
    return output / PAGE


def curve_chart(
    kind: str, curve: Curve, tried: Sequence[tuple[float, bool]], sizes: tuple[float, float]
) -> str:
    """A curve over size on a logarithmic axis, with every defect that was put in.

    Args:
        kind: Of the defects.
        curve: Theirs.
        tried: Size, mm, of each, and whether it was found.
        sizes: Of the axis, mm.
    """
    with matplotlib.style.context(["default", STYLE]):
        figure, axes = chart(WIDTH, HEIGHT, left=68, right=16, top=16, bottom=44)
        axes.set(xscale="log", xlim=sizes, ylim=(-0.06, 1.06), yticks=(0, 0.5, 0.9, 1))
        axes.set(xlabel=f"{kind}, mm", ylabel="found")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.yaxis.set_major_formatter("{x:.0%}")
        axes.axhline(0.9, color=BAR, linestyle="--", linewidth=1)
        for hit, colour, height in ((True, GOOD, 1.03), (False, THRESHOLD, -0.03)):
            some = [size for size, found in tried if found == hit]
            axes.plot(some, [height] * len(some), "|", color=colour, markersize=9, alpha=0.7)
        if curve.slope is not None:
            shown = np.geomspace(*sizes, SHOWN)
            axes.plot(shown, curve.probability(shown), color=LINE, linewidth=2.5)
        if curve.a90_interval is not None and curve.a90 is not None:
            low, high = (end or edge for end, edge in zip(curve.a90_interval, sizes, strict=True))
            axes.plot([low, high], [0.9, 0.9], color=LINE, linewidth=5, alpha=0.35, solid_capstyle="butt")
            axes.annotate(
                f"{curve.a90:.2g} mm", (curve.a90, 0.9), xytext=(6, -14), textcoords="offset points"
            )
        return svg(figure, f"Probability of detection of a {kind} by size")


def _provenance(record: PodRecord) -> list[tuple[str, str]]:
    facts = [
        ("good scans", ", ".join(record.scans) + (" (jittered copies)" if record.jittered else "")),
        ("model's weights, SHA-256", record.model),
        ("threshold", number(record.scan_threshold, 4)),
        (
            "false-alarm rate",
            f"{number(record.false_alarm_rate)}{'' if record.guaranteed else ', an estimate'}",
        ),
        ("made", record.date),
        ("seed", str(record.seed)),
        ("surface", f"{record.surface_mm2:.0f} mm²"),
    ]
    if record.no_place:
        facts.append(
            ("found no place", ", ".join(f"{count} {kind}" for kind, count in record.no_place.items()))
        )
    if record.shading_explained is not None:
        facts.append(
            (
                "of the images' gray levels explained by the surface's normal",
                f"{record.shading_explained:.0%}",
            )
        )
    facts.append(("seconds", ", ".join(f"{step} {took:g}" for step, took in record.seconds.items())))
    return facts
