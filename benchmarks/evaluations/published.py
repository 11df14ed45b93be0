"""The numbers of the paper's tables."""

from __future__ import annotations

import csv
from pathlib import Path

PUBLISHED = Path(__file__).parent / "published_results.csv"


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
