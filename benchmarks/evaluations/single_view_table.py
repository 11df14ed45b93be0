"""The table of a single-view run: what was measured, and what was published, one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.evaluations.intervals import Interval
from benchmarks.evaluations.published import PublishedRow, published_single_view
from benchmarks.evaluations.single_view_metrics import METRICS, TrainedOn
from benchmarks.runs.markdown import markdown, number

HEADER = ["category", "method", "training parts", "draws", "test parts", *METRICS.values()]
EXPLAINED = """\
In brackets, 95% of 1000 resamples of the test parts. Of several draws of training parts, the mean; after ±, half the
95% interval of that mean over the draws."""
PUBLISHED = """\
Published figures are of a whole category, with the numbers of training and test parts that their rows name, not of the
parts that were at hand here."""


def single_view_table(
    title: str,
    found: Mapping[str, Sequence[TrainedOn]],
    *,
    method: str,
    dataset: str,
    failed: Mapping[str, str],
) -> str:
    """Markdown: a row for each category and number of training parts, with the published ones of the category below.

    Args:
        title: Of the table.
        found: By category.
        method: As the rows call it.
        dataset: Whose published figures stand beside.
        failed: Why there are no figures, by category.
    """
    rows = []
    beside = published_single_view(dataset)
    for category, trained in found.items():
        rows += [_row(one, method) for one in trained]
        rows += [_published_row(one) for one in beside if one.category == category]
    rows += [[category, method, f"**failed**: {reason}", *[""] * 6] for category, reason in failed.items()]
    if len(found) > 1:
        rows += _means(found, method)
    shown = {row[0] for row in rows}
    one_part = any(one.training_parts == 1 for trained in found.values() for one in trained)
    rows += [
        _published_row(one)
        for one in beside
        if one_part and one.training_parts == 1 and one.category not in shown
    ]
    notes = [EXPLAINED, *([PUBLISHED] if any("published" in row[1] for row in rows) else [])]
    return "\n\n".join([f"# {title}", markdown(HEADER, rows), *notes])


def metric_cell(row: Mapping[str, Any], metric: str) -> str:
    """`0.742 ± 0.031 [0.655, 0.820]`: a metric, its interval over draws, where there are several, and over test parts.

    Args:
        row: As `results.json` has it (`TrainedOn.row`).
        metric: Of `METRICS`.
    """
    over_draws, over_tests = row["over_draws"].get(metric), row["over_tests"].get(metric)
    words = [number(row[metric])]
    words += [] if over_draws is None else [f"± {over_draws:.3f}"]
    words += [] if over_tests is None else [str(Interval(*over_tests))]
    return " ".join(words)


def _row(one: TrainedOn, method: str) -> list[str]:
    tests = f"{len(one.parts.names)}, {int(one.parts.anomalous.sum())} of them defective"
    counted = [str(one.training_parts), str(len(one.draws)), tests]
    return [one.parts.category, method, *counted, *(metric_cell(one.row(), metric) for metric in METRICS)]


def published_cells(one: PublishedRow) -> list[str]:
    """A published row's metrics; empty where a metric isn't among those that are published."""
    figures = {"i_auroc": one.i_auroc, "aupro_30pct": one.aupro_30pct}
    return [number(figures[metric]) if metric in figures else "" for metric in METRICS]


def _published_row(one: PublishedRow) -> list[str]:
    tests = "" if one.test_parts is None else f"{one.test_parts}"
    return [
        one.category,
        f"{one.method}, published",
        str(one.training_parts),
        "",
        tests,
        *published_cells(one),
    ]


def _means(found: Mapping[str, Sequence[TrainedOn]], method: str) -> list[list[str]]:
    """The mean over the categories for each place in the list of numbers of training parts, if all have as many."""
    if len({len(trained) for trained in found.values()}) > 1:
        return []
    rows = []
    for trained in zip(*found.values(), strict=True):
        numbers = sorted({one.training_parts for one in trained})
        parts = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
        means = [sum(one.mean(metric) for one in trained) / len(trained) for metric in METRICS]
        rows.append(["**mean**", method, parts, "", "", *(number(mean) for mean in means)])
    return rows
