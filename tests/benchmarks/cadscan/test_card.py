"""What the card tells of the defects of a hand-made set."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.cadscan.card import write_card
from benchmarks.cadscan.scan_jobs import DatasetSettings
from benchmarks.cadscan.settings_file import SETTINGS
from benchmarks.runs.kept_settings import keep_settings

CATEGORY = "belt_pulley"
RANGES = {
    "under 3 mm": (0, 3),
    "3 to 5 mm": (3, 5),
    "5 to 10 mm": (5, 10),
    "10 to 15 mm": (10, 15),
    "15 mm and more": (15, 1e9),
}


def defect(kind: str, size: float, d: float) -> dict[str, Any]:
    """A defect as `defects.json` has it."""
    return {
        "kind": kind,
        "size_mm": size,
        "modality": "both",
        "views": 1,
        "voxels": 4,
        "voxels_measured": 3,
        "detectability": {"best_view": d, "both": 2 * d},
    }


def card_of(data: Path, scans: list[list[dict[str, Any]]]) -> list[str]:
    """The lines of the card of a set with such scans."""
    keep_settings(data, asdict(DatasetSettings((64, 48), good=0, bad=len(scans), seed=0)), file=SETTINGS)
    (data / CATEGORY / f"{CATEGORY}_real").mkdir(parents=True)
    for number, defects in enumerate(scans):
        directory = data / CATEGORY / f"{CATEGORY}_{number:02d}_bad"
        directory.mkdir()
        (directory / "defects.json").write_text(json.dumps(defects))
    write_card(data)
    return (data / "README.md").read_text().splitlines()


def rows_below(lines: list[str], heading: str) -> dict[str, list[str]]:
    """The cells of the first table below a heading, by the first cell of a row."""
    at = next(number for number in range(lines.index(heading), len(lines)) if lines[number].startswith("|"))
    rows = {}
    for line in lines[at:]:
        if not line.startswith("|"):
            break
        name, *cells = line[2:-2].split(" | ")
        rows[name] = cells
    return rows


class TestDetectabilityTable:
    def test_write_card__median_and_share_by_kind_and_size(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        defects = [
            defect(str(rng.choice(["dent", "scratch", "bump"])), float(size), float(d))
            for size, d in zip(rng.uniform(3, 20, 60), rng.lognormal(2.3, 1, 60), strict=True)
        ]
        lines = card_of(tmp_path, [defects[:20], defects[20:], []])
        rows = rows_below(lines, "## d' by kind and by size")
        assert rows.pop("kind") == ["all sizes", *RANGES]
        del rows["---"]
        assert list(rows) == ["bump", "dent", "scratch", "**all**"]
        for kind, cells in rows.items():
            for cell, (low, high) in zip(cells, [(0, 1e9), *RANGES.values()], strict=True):
                found = [
                    one["detectability"]["best_view"]
                    for one in defects
                    if kind in (one["kind"], "**all**") and low <= one["size_mm"] < high
                ]
                under = sum(d < 10 for d in found)
                expected = f"{median(found):.0f} ({100 * under / len(found):.0f}%)" if found else ""
                assert cell == expected

    def test_write_card__ends_of_the_ranges(self, tmp_path: Path) -> None:
        """3 mm is in 3 to 5 mm, and a d' of 10 isn't under 10."""
        lines = card_of(tmp_path, [[defect("dent", 3.0, 10.0), defect("dent", 2.999, 9.999)]])
        cells = rows_below(lines, "## d' by kind and by size")["dent"]
        assert cells[:3] == ["10 (50%)", "10 (100%)", "10 (0%)"]
        hidden = rows_below(lines, "## What nobody could find")
        assert hidden["dent"][:2] == ["0 of 1", "0 of 1"]

    def test_write_card__no_defects(self, tmp_path: Path) -> None:
        assert not any("d' by kind and by size" in line for line in card_of(tmp_path, [[]]))
