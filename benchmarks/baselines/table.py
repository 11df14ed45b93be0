"""Runs of several methods side by side: `python -m benchmarks.baselines.table results/one results/other`."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.baselines.differences import differences_table
from benchmarks.baselines.row_name import of_views, row_name
from benchmarks.baselines.single_view_table import is_single_view, single_view_comparison
from benchmarks.evaluations.data_set_run import Setup
from benchmarks.evaluations.defect_groups import CEILING, GROUPINGS
from benchmarks.evaluations.resample_files import Resamples, read_resamples
from benchmarks.evaluations.scan_resamples import MEAN
from benchmarks.runs.command_line import command
from benchmarks.runs.markdown import markdown, number
from modmap.errors import ModMapError
from modmap.files.validated_json import read_json

METRICS = {"i_auroc": "Detection, I-AUROC", "v_aupro_1pct": "Segmentation, V-AUPRO@1%"}
SEGMENTATION = ("v_aupro_1pct", "v_aupro_5pct", "v_aupro_30pct")
LIMITS = {"v_aupro_5pct": "Segmentation, V-AUPRO@5%", "v_aupro_30pct": "Segmentation, V-AUPRO@30%"}
SECONDS = {"fit_seconds": "Fit, s", "predict_seconds": "Predict, s per scan"}


@dataclass(frozen=True)
class Arguments:
    """Put finished runs of `benchmarks.sim3d`, or of `benchmarks.single_view`, side by side."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Their directories, in the order of the rows."""


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes:
        name: The method, its features, and what of them isn't as published.
        setup: `real2real` or `synth2real`.
        root: The data set.
        results: Content of `results.json`.
        costs: Content of `costs.json`; empty where an older run has none.
        resamples: Its metrics on resamples of the test scans; None where an older run has none.
    """

    name: str
    setup: Setup
    root: str
    results: dict[str, Any]
    costs: dict[str, Any]
    resamples: Resamples | None = None


def read_run(directory: Path) -> Row:
    """A run from its directory.

    Raises:
        ModMapError: it isn't one, or isn't finished.
    """
    settings = read_json(directory / "run.json")
    costs = directory / "costs.json"
    try:
        return Row(
            name=of_views(
                row_name(settings.get("method", "modmap"), settings["config"]), settings.get("views")
            ),
            setup=settings["setup"],
            root=settings["root"],
            results=read_json(directory / "results.json"),
            costs=read_json(costs) if costs.is_file() else {},
            resamples=read_resamples(directory),
        )
    except (KeyError, TypeError) as error:
        raise ModMapError(f"{directory}: expected a run of benchmarks.sim3d, found no {error}") from None


def comparison(rows: Sequence[Row]) -> str:
    """Markdown: methods by categories for each metric, how they differ, by groups of defects, and their costs.

    Raises:
        ModMapError: the runs are of different data or set-ups, or there is none.
    """
    if not rows:
        raise ModMapError("table: expected the directories of some runs, found none")
    for row in rows[1:]:
        if (row.setup, row.root) != (rows[0].setup, rows[0].root):
            raise ModMapError(
                f"table: expected runs of one data set and set-up, {rows[0].setup} on {rows[0].root}, "
                f"found {row.name}'s {row.setup} on {row.root}"
            )
    parts = [f"# {rows[0].setup}, {rows[0].root}"]
    for metric, title in (METRICS | LIMITS).items():
        parts.append(f"## {title}\n\n{_by_category(rows, metric)}")
    parts += _differences(rows)
    for heading in _names([row.results["defects"] for row in rows]):
        groups = sorted(
            _names([row.results["defects"].get(heading, {}) for row in rows]), key=GROUPINGS[heading].place
        )
        if not groups:
            continue
        for metric, title in METRICS.items():
            cells = [[row.name, *map(number, _of_groups(row, heading, groups, metric))] for row in rows]
            if metric in SEGMENTATION:
                cells += _ceiling_rows(rows, [_of_groups(row, heading, groups, CEILING) for row in rows])
            parts.append(f"## {title} by {heading}\n\n{markdown(['method', *groups], cells)}")
    parts.append(f"## Cost\n\n{_costs(rows)}")
    for kind, title in SECONDS.items():
        parts.append(f"## {title}\n\n{_seconds(rows, kind)}")
    failed = [f"- {row.name}, {name}: {why}" for row in rows for name, why in row.results["failed"].items()]
    return "\n\n".join([*parts, *(["## Not run\n\n" + "\n".join(failed)] if failed else [])]) + "\n"


def _differences(rows: Sequence[Row]) -> list[str]:
    """The section on differences of the means, where more than one run has resamples and the first is one of them."""
    compared = [(row, row.resamples) for row in rows if row.resamples is not None]
    if len(compared) < 2 or rows[0].resamples is None:
        return []
    keys = {
        f"{MEAN}/{metric}": title.removeprefix("Segmentation, ")
        for metric, title in (METRICS | LIMITS).items()
    }
    table = differences_table(
        [row.name for row, _ in compared],
        [resamples for _, resamples in compared],
        [{f"{MEAN}/{metric}": value for metric, value in row.results["mean"].items()} for row, _ in compared],
        keys=keys,
    )
    return [f"## Differences of the means\n\n{table}"]


def _by_category(rows: Sequence[Row], metric: str) -> str:
    categories = _names([{**row.results["categories"], **row.results["failed"]} for row in rows])
    cells = [[row.name, *map(number, _of_categories(row, categories, metric))] for row in rows]
    if metric in SEGMENTATION:
        cells += _ceiling_rows(rows, [_of_categories(row, categories, CEILING) for row in rows])
    return markdown(["method", *categories, "**mean**"], cells)


def _of_categories(row: Row, categories: Sequence[str], metric: str) -> list[float | None]:
    """A run's figures by category, and their mean."""
    found = [row.results["categories"].get(name, {}).get(metric) for name in categories]
    # A mean over some of the categories would stand beside means over all of them.
    return [*found, row.results["mean"].get(metric) if None not in found else None]


def _of_groups(row: Row, heading: str, groups: Sequence[str], metric: str) -> list[float | None]:
    """A run's figures by group of defects."""
    found = row.results["defects"].get(heading, {})
    return [found.get(name, {}).get(metric) for name in groups]


def _ceiling_rows(rows: Sequence[Row], ceilings: Sequence[Sequence[float | None]]) -> list[list[str]]:
    """The row of the ceiling; one for each run where they differ, as with another choice of pixels; none of nothing."""
    known = [set(column) - {None} for column in zip(*ceilings, strict=True)]
    if all(len(column) <= 1 for column in known):
        return [["*ceiling*", *(number(next(iter(column), None)) for column in known)]] if any(known) else []
    return [
        [f"*ceiling of {row.name}*", *map(number, values)] for row, values in zip(rows, ceilings, strict=True)
    ]


def _costs(rows: Sequence[Row]) -> str:
    cells = []
    for row in rows:
        fits, predictions = (row.costs.get(name, {}).values() for name in SECONDS)
        peaks = [row.costs.get(name) for name in ("peak_megabytes", "peak_gpu_megabytes")]
        cells.append(
            [
                row.name,
                *(number(_mean(values), decimals=1) for values in (fits, predictions)),
                *(number(peak, decimals=0) for peak in peaks),
            ]
        )
    header = ["method", "fit, s", "predict, s/scan", "peak memory, MB", "peak GPU memory, MB"]
    return markdown(header, cells)


def _seconds(rows: Sequence[Row], kind: str) -> str:
    found = [row.costs.get(kind, {}) for row in rows]
    categories = _names(found)
    cells = [
        [row.name, *(number(took.get(name), decimals=1) for name in categories)]
        for row, took in zip(rows, found, strict=True)
    ]
    return markdown(["method", *categories], cells)


def _names(named: Sequence[dict[str, Any]]) -> list[str]:
    """Every name once, in the order in which they come."""
    return list(dict.fromkeys(name for one in named for name in one))


def _mean(values: Collection[float]) -> float | None:
    return sum(values) / len(values) if values else None


def run(arguments: Arguments) -> int:
    """Prints the tables."""
    if any(is_single_view(directory) for directory in arguments.runs):
        print(single_view_comparison(arguments.runs))
    else:
        print(comparison([read_run(directory) for directory in arguments.runs]))
    return 0


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.baselines.table", words=words)


if __name__ == "__main__":
    sys.exit(main())
