"""Tables and a picture of what `benchmarks.costs.speed` measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.costs.inspect_speed import InspectionRow
from benchmarks.costs.mapping_speed import MappingRow
from benchmarks.runs.markdown import markdown


def mapping_table(
    rows: Sequence[MappingRow], *, encoders: Sequence[str], precision: str, threads: int
) -> str:
    """Markdown: a line for each number of views at each size, and what the columns are."""
    header = [
        *("views", "px", "read s", "encode s", "map s", "volume s", "write s", "peak GB"),
        *("published s", "ratio", "encode floor s", "map floor s", "times the floor"),
    ]
    cells = [
        [
            *(str(row.views), str(row.size)),
            *(f"{one:.2f}" for one in (row.read, row.encode, row.map, row.volume, row.write)),
            f"{row.peak_bytes / 1e9:.2f}",
            *(f"{row.published:.1f}", f"{row.ratio:.1f}x"),
            *(f"{one:.2f}" for one in (row.encode_floor, row.map_floor, row.of_floor)),
        ]
        for row in rows
    ]
    rates = [row.product_gflops for row in rows]
    words = (
        f"{' and '.join(encoders)} in {precision}, {threads} threads; a matrix product reaches {min(rates):.0f} to "
        f"{max(rates):.0f} GFLOP/s. `published`: each pair of views encoded anew and mapped whole, by itself; measured "
        f"on at most {max(row.measured_pairs for row in rows)} pairs and multiplied, the distances of these ours to "
        f"{max(row.apart for row in rows):.1g}. `ratio` and the floor are of encoding and mapping."
    )
    return f"{markdown(header, cells)}\n\n{words}\n"


def inspection_table(rows: Sequence[InspectionRow]) -> str:
    """Markdown: a line for each number of views."""
    steps = list(dict.fromkeys(step for row in rows for step in row.steps))
    header = [
        *("views", "fit s", "nominal s", *(f"{step} s" for step in steps), "predict s"),
        *("write s", "pictures s", "peak GB"),
    ]
    cells = [
        [
            str(row.views),
            *(f"{one:.2f}" for one in (row.fit, row.nominal)),
            *(f"{row.steps.get(step, 0.0):.2f}" for step in steps),
            *(f"{one:.2f}" for one in (row.predict, row.write, row.pictures)),
            f"{row.peak_bytes / 1e9:.2f}",
        ]
        for row in rows
    ]
    words = (
        "Preset `inspect`. `nominal` is taken once by a process, before its first prediction; `predict` is the sum of "
        "the steps before it."
    )
    return f"{markdown(header, cells)}\n\n{words}\n"


def draw(mapping: Sequence[MappingRow], inspection: Sequence[InspectionRow], path: Path) -> None:
    """Seconds against views, a colour for each size, and against pixels, one for each number of views."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained", sharey=True)
    _lines(left, mapping, by=lambda row: row.size, along=lambda row: row.views, unit="px")
    if inspection:
        views = [row.views for row in inspection]
        left.loglog(views, [row.predict for row in inspection], "k^-", label="inspect, predict")
    left.set(xlabel="views of a scan", ylabel="seconds to score a scan")
    _lines(right, mapping, by=lambda row: row.views, along=lambda row: row.size, unit="views")
    right.set(xlabel="pixels along the encoders' input")
    for axes, taken in (
        (left, [row.views for row in mapping] + [row.views for row in inspection]),
        (right, [row.size for row in mapping]),
    ):
        axes.set_xticks(sorted(set(taken)), [str(one) for one in sorted(set(taken))])
        axes.minorticks_off()
        axes.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _lines(
    axes: Axes,
    rows: Sequence[MappingRow],
    *,
    by: Callable[[MappingRow], int],
    along: Callable[[MappingRow], int],
    unit: str,
) -> None:
    for group in dict.fromkeys(by(row) for row in rows):
        some = sorted((row for row in rows if by(row) == group), key=along)
        places = [along(row) for row in some]
        (line,) = axes.loglog(places, [row.ours for row in some], "o-", label=f"{group} {unit}")
        colour = line.get_color()
        published = [row.published for row in some]
        axes.loglog(places, published, "s--", color=colour, label=f"{group} {unit}, published")
        axes.loglog(places, [row.floor for row in some], ":", color=colour, label=f"{group} {unit}, floor")
