"""Published numbers: the tables of the paper, and those of others on single-view sets."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

PUBLISHED = Path(__file__).parent / "published_results.csv"
SINGLE_VIEW = {"mvtec3d": Path(__file__).parent / "published_mvtec3d.csv"}


@dataclass(frozen=True)
class PublishedRow:
    """What a method was published with on a category of a single-view set.

    Attributes:
        category: Its name.
        method: The method's.
        training_parts: How many it learnt from.
        test_parts: How many it was tested on, where that is one number.
        i_auroc: None where it wasn't published.
        aupro_30pct: None where it wasn't published.
    """

    category: str
    method: str
    training_parts: int
    test_parts: int | None
    i_auroc: float | None
    aupro_30pct: float | None


def published(
    metric: str,
    *,
    setup: str,
    method: str = "ModMap",
    table: str | None = None,
    variant: str = "",
    features: str | None = None,
) -> dict[str, float]:
    """The paper's results of a method by class, and their `mean`.

    Args:
        metric: `i_auroc` or `v_aupro_1pct`.
        setup: `real2real` or `synth2real`.
        method: As the paper names it.
        table: Only of this table; by default of the first that has the method in the set-up.
        variant: Of the method, as an ablation names it.
        features: Only with these depth features.
    """
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["metric"], row["setup"], row["method"], row["variant"])
            == (metric, setup, method, variant)
            and features in (None, row["depth_features"])
        ]
    table = table or (rows[0]["table"] if rows else None)
    return {row["class"]: float(row["value"]) for row in rows if row["table"] == table}


def published_single_view(dataset: str) -> list[PublishedRow]:
    """What others published on a data set, `mvtec3d` or another; none of a set that no figures are kept of."""
    if dataset not in SINGLE_VIEW:
        return []
    with SINGLE_VIEW[dataset].open(encoding="utf-8", newline="") as file:
        return [
            PublishedRow(
                row["category"],
                row["method"],
                int(row["training_parts"]),
                int(row["test_parts"]) if row["test_parts"] else None,
                *(float(row[name]) if row[name] else None for name in ("i_auroc", "aupro_30pct")),
            )
            for row in csv.DictReader(file)
        ]
