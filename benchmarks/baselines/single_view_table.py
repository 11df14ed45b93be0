"""Runs of `benchmarks.single_view` side by side: methods by metrics, for each category and number of training parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.baselines.differences import differences_table
from benchmarks.baselines.row_name import row_name
from benchmarks.evaluations.published import published_single_view
from benchmarks.evaluations.resample_files import Resamples, read_resamples
from benchmarks.evaluations.single_view_metrics import METRICS
from benchmarks.evaluations.single_view_table import metric_cell, published_cells
from benchmarks.runs.markdown import markdown
from modmap.errors import ModMapError
from modmap.files.validated_json import read_json

Place = tuple[str, int]


@dataclass(frozen=True)
class SingleViewRun:
    """One run.

    Attributes:
        name: The method, its features, and what of them isn't as published.
        data: The data set's layout, its directory, and whether the plane was taken out.
        rows: The metrics by category and number of training parts.
        resamples: Those of the test parts.
    """

    name: str
    data: tuple[str, str, bool]
    rows: dict[Place, dict[str, Any]]
    resamples: Resamples

    @property
    def values(self) -> dict[str, float]:
        """The metrics by the keys of the resamples."""
        return {
            f"{category}/{parts}/{metric}": row[metric]
            for (category, parts), row in self.rows.items()
            for metric in METRICS
        }


def is_single_view(directory: Path) -> bool:
    """Whether a directory is a run of `benchmarks.single_view`.

    Raises:
        ModMapError: it is no run.
    """
    return "dataset" in read_json(directory / "run.json")


def single_view_comparison(directories: Sequence[Path]) -> str:
    """Markdown: the runs side by side for each category and number of training parts, and how they differ.

    Raises:
        ModMapError: the runs are of different data, or one isn't finished.
    """
    runs = [_read(directory) for directory in directories]
    for run in runs[1:]:
        if run.data != runs[0].data:
            raise ModMapError(
                f"table: expected runs of one data set, {runs[0].data}, found {run.name}'s {run.data}"
            )
    dataset, root, plane = runs[0].data
    parts = [f"# {dataset}, {root}{'' if plane else ', with the plane'}"]
    for place in dict.fromkeys(place for run in runs for place in run.rows):
        parts.append(_place_table(place, runs, dataset))
        compared = [run for run in runs if place in run.rows]
        if len(compared) > 1:
            keys = {f"{place[0]}/{place[1]}/{metric}": title for metric, title in METRICS.items()}
            keys = {key: title for key, title in keys.items() if key in compared[0].resamples.metrics}
            parts.append(
                differences_table(
                    [run.name for run in compared],
                    [run.resamples for run in compared],
                    [run.values for run in compared],
                    keys=keys,
                )
            )
    return "\n\n".join(parts) + "\n"


def _read(directory: Path) -> SingleViewRun:
    settings, results, resamples = (
        read_json(directory / "run.json"),
        read_json(directory / "results.json"),
        read_resamples(directory),
    )
    try:
        data = (settings["dataset"], settings["root"], settings["plane"])
        rows = {
            (category, row["training_parts"]): row
            for category, found in results["categories"].items()
            for row in found
        }
        name = row_name(settings.get("method", "modmap"), settings["config"])
    except (KeyError, TypeError) as error:
        raise ModMapError(
            f"{directory}: expected a run of benchmarks.single_view, found no {error}"
        ) from None
    return SingleViewRun(name, data, rows, resamples or Resamples({}, {}))


def _place_table(place: Place, runs: Sequence[SingleViewRun], dataset: str) -> str:
    category, parts = place
    rows = []
    for run in runs:
        row = run.rows.get(place)
        if row is not None:
            rows.append([run.name, *(metric_cell(row, metric) for metric in METRICS)])
    for one in published_single_view(dataset):
        if one.category == category:
            learnt = f"{one.method}, published, {one.training_parts} training and {one.test_parts} test parts"
            rows.append([learnt, *published_cells(one)])
    table = markdown(["method", *METRICS.values()], rows)
    return f"## {category}, {parts} training part{'' if parts == 1 else 's'}\n\n{table}"
