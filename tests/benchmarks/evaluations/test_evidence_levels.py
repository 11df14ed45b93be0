"""What evidence shows on good scans, measured on balls as a user measures it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluations.evidence_levels import KINDS, category_levels, main
from modmap.datasets import SiM3D
from modmap.detector.reference import Reference
from modmap.evidence.comparison import ReducedViews, compare


def test_main__is_the_geometric_mean_of_the_categories(
    balls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(balls), "--scans", "2"]) == 0
    printed = capsys.readouterr().out
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    assert len(rows[0]) == 1 + 2 * len(KINDS) + 1
    table = {row[0]: np.array(row[1 : 1 + 2 * len(KINDS)], dtype=float) for row in rows[2:]}
    assert list(table) == ["large_ball", "small_ball", "geometric mean"]
    expected = np.sqrt(np.maximum(table["large_ball"], 1e-9) * table["small_ball"])
    np.testing.assert_allclose(table["geometric mean"], expected, atol=2e-3)
    dataset = SiM3D(balls)
    good = [scan for scan in dataset.tests("small_ball") if scan.anomalous is False]
    levels, steepest = category_levels(dataset.train("small_ball"), good)
    np.testing.assert_allclose(table["small_ball"], levels.ravel(), atol=5e-4)
    assert float(rows[-2][-1]) == pytest.approx(steepest, abs=5e-4)
    assert (levels[:, 0] <= levels[:, 1]).all()


def test_category_levels__of_appearance_are_the_detectors_own(
    balls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With levels of 1 whatever a scan shows, and of patches alone, the comparison's maps have what is measured."""
    monkeypatch.setattr("modmap.evidence.levels.Level.levelled", lambda self, views: dict(views))
    monkeypatch.setattr("modmap.evidence.levels.joined", lambda maps: maps[0])
    dataset = SiM3D(balls)
    nominal, good = dataset.train("large_ball"), dataset.tests("large_ball")[0]
    assert good.anomalous is False
    reference = Reference.of(nominal, foreground="components")
    new = ReducedViews.of(good, foreground="components")
    found = compare(reference.part, new, geometry=reference.geometry, look=reference.look)
    levels, steepest = category_levels(nominal, [good])
    views = [one.score[np.isfinite(one.score)] for one in found.geometry.values()]
    assert steepest == pytest.approx(max(np.quantile(one, 0.9) / np.median(one) for one in views), rel=1e-5)
    for level, maps in zip(
        levels, ([one.score for one in found.geometry.values()], found.appearance.values()), strict=False
    ):
        every = np.concatenate([one[np.isfinite(one)] for one in maps])
        np.testing.assert_allclose(level, np.quantile(every, [0.9, 0.999]), rtol=1e-5)


def test_main__no_good_scan(balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(balls), "--scans", "0"]) == 2
    assert "expected good test scans and --scans of at least 1, found none" in capsys.readouterr().err
