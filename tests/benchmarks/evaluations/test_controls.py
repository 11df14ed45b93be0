"""The controls through the evaluation as a user runs it, and against what they must reach by a closed form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evaluations.controls import CONTROLS, Control, main, moved
from modmap.camera import Camera
from modmap.datasets import GroundTruth, SiM3D, read_ground_truth, write_ground_truth
from modmap.metrics import VolumeAUPRO
from modmap.runs.volume_files import load_volume
from modmap.scan import Scan, View
from modmap.volume import VoxelGrid

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, balls: Path) -> Path:
    """The controls on the balls."""
    out = tmp_path_factory.mktemp("controls") / "run"
    assert main(["--root", str(balls), "--out", str(out)]) == 0
    return out


def plane(root: Path, number: int, *, side: int = 100) -> Scan:
    """A plane of which a view measures side x side voxels of 1 mm, a square of 12 of them a defect but for its core."""
    K = np.array([[100.0, 0, -0.5], [0, 100.0, -0.5], [0, 0, 1]])
    camera = Camera(K, np.eye(4), size=(side, side))
    view = View(
        "00", np.zeros((side, side), np.uint8), np.full((side, side), 100.0, np.float32), camera=camera
    )
    mask = np.zeros((side, side, 2), dtype=bool)
    mask[20:32, 30:42, 0] = True
    mask[20:32, 30:42, 1] = number % 2 == 0  # behind it, where nothing is measured
    (root / str(number)).mkdir()
    path = root / str(number) / "gt.npz"
    write_ground_truth(path, GroundTruth(mask, np.array([0.0, 0.0, 99.5]), 1.0))
    return Scan(f"plane_{number}", (view,), category="plane", anomalous=True, ground_truth=path)


def reached(control: Control, scans: list[Scan]) -> dict[float, float]:
    """V-AUPRO of a control, straight from its volumes."""
    metric = VolumeAUPRO()
    for scan in scans:
        assert scan.ground_truth is not None
        truth = read_ground_truth(scan.ground_truth)
        volume = control.predict(scan, grid=truth.grid).require_volume()
        metric.update(volume.scores, truth.mask)
    return metric.compute_limits((0.01, 0.05, 0.3))


class TestControl:
    def test_predict__told_reaches_what_is_measured(self, tmp_path: Path) -> None:
        """The half of a defect, and a whole one: three quarters, at every limit."""
        scans = [plane(tmp_path, 0), plane(tmp_path, 1)]
        assert list(reached(Control("told"), scans).values()) == pytest.approx([0.75] * 3)

    def test_predict__shifted_by_one_of_twelve(self, tmp_path: Path) -> None:
        """11 of 12 rows are found at once, with 12 false alarms a scan; the rest ties with all that is nominal."""
        scans = [plane(tmp_path, number) for number in (1, 3, 5, 7)]
        flat = []
        for scan in scans:
            assert scan.ground_truth is not None
            truth = read_ground_truth(scan.ground_truth)
            told = np.nan_to_num(Control("told").predict(scan, grid=truth.grid).require_volume().scores)
            found = np.nan_to_num(Control("shifted").predict(scan, grid=truth.grid).require_volume().scores)
            assert ((found > 0) != (told > 0)).sum() in (
                0,
                24,
                144,
            )  # none: moved along z, into what isn't measured
            flat.append((found > 0).sum())
        sideways = [scan for scan, count in zip(scans, flat, strict=True) if count == 144]
        assert sideways
        false_alarms, nominal = 12, 100 * 100 - 144
        early = false_alarms / nominal
        for limit, value in reached(Control("shifted"), sideways).items():
            # To 11/12 in a line up to the false alarms, then in a line to 1 at FPR 1.
            slope = (1 / 12) / (1 - early)
            area = early * 11 / 24 + (limit - early) * (11 / 12 + slope * (limit - early) / 2)
            assert value == pytest.approx(area / limit)

    def test_predict__random_on_the_diagonal(self, tmp_path: Path) -> None:
        """PRO is the false positive rate times the share measured, so its area is half the limit of that."""
        scans = [plane(tmp_path, number, side=200) for number in range(60)]
        found = reached(Control("random"), scans)
        for limit, value in found.items():
            assert value == pytest.approx(0.75 * limit / 2, rel=0.3)

    def test_predict__the_seed_and_the_scan_draw(self, tmp_path: Path) -> None:
        scan = plane(tmp_path, 1)
        grid = VoxelGrid(np.array([0.0, 0.0, 99.5]), 1.0, (100, 100, 2))
        drawn = [
            Control("random", seed).predict(one, grid=grid).require_volume().scores
            for seed, one in ((0, scan), (0, scan), (1, scan), (0, replace(scan, name="other")))
        ]
        np.testing.assert_array_equal(drawn[0], drawn[1])
        for other in drawn[2:]:
            seen = np.isfinite(other)
            assert (other[seen] != drawn[0][seen]).mean() > 0.99

    def test_save_pretrained__and_back(self, tmp_path: Path) -> None:
        control = Control("shifted", 7, "valid")
        assert Control.from_pretrained(control.save_pretrained(tmp_path)) == control
        assert len({control.fingerprint, *(replace(control, name=one).fingerprint for one in CONTROLS)}) == 3


class TestMoved:
    @given(st.integers(0, 2), st.sampled_from([-1, 1]), st.integers(0, 2**24 - 1))
    def test_moved__voxel_by_voxel(self, axis: int, step: int, bits: int) -> None:
        shape = (2, 3, 4)
        mask = np.array([bits >> place & 1 for place in range(24)], dtype=bool).reshape(shape)
        expected = np.zeros(shape, dtype=bool)
        for voxel in np.argwhere(mask):
            voxel[axis] += step
            if 0 <= voxel[axis] < shape[axis]:
                expected[tuple(voxel)] = True
        np.testing.assert_array_equal(moved(mask, axis=axis, step=step), expected)


class TestMain:
    def test_main__told_finds_all_that_is_measured(self, ran: Path) -> None:
        results = json.loads((ran / "results.json").read_text())
        assert list(results) == list(CONTROLS)
        for name in ("told", "shifted"):
            for row in results[name]["categories"].values():
                assert row["i_auroc"] == 1.0
        told = results["told"]
        for row in (*told["categories"].values(), told["mean"]):
            for limit in (1, 5, 30):
                assert row[f"v_aupro_{limit}pct"] == pytest.approx(row["v_aupro_ceiling"])
        for category, row in told["categories"].items():
            worse = [results[name]["categories"][category]["v_aupro_1pct"] for name in ("shifted", "random")]
            assert row["v_aupro_1pct"] > worse[0] > worse[1]
            assert worse[1] < 0.05

    def test_main__table(self, ran: Path) -> None:
        results = json.loads((ran / "results.json").read_text())
        lines = (ran / "table.md").read_text().splitlines()
        assert "| category | detector | I-AUROC | V-AUPRO@1% | @5% | @30% |" in lines
        assert "| large_ball | told | 1.0000 | 1.0000 | 1.0000 | 1.0000 |" in lines
        assert "| **mean** | *ceiling* |  | 1.0000 | 1.0000 | 1.0000 |" in lines
        row = results["random"]["mean"]
        assert any(line.startswith(f"| **mean** | random | {row['i_auroc']:.4f} |") for line in lines)
        assert (ran / "told" / "table.md").is_file()

    def test_main__volumes_are_the_ground_truth(self, ran: Path, balls: Path) -> None:
        for scan in SiM3D(balls).tests("small_ball"):
            assert scan.ground_truth is not None
            volume = load_volume(ran / "told" / "small_ball" / "scans" / scan.name / "volume.npz")
            mask = read_ground_truth(scan.ground_truth).mask
            assert set(np.unique(volume.scores[mask & volume.observed])) <= {1}
            assert set(np.unique(volume.scores[~mask & volume.observed])) == {0}

    def test_main__again_does_nothing_anew(self, ran: Path, balls: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in ran.glob("*/*/scans/*/summary.json")}
        results = (ran / "results.json").read_bytes()
        assert len(before) == 24
        assert main(["--root", str(balls), "--out", str(ran)]) == 0
        assert {path: path.stat().st_mtime_ns for path in ran.glob("*/*/scans/*/summary.json")} == before
        assert (ran / "results.json").read_bytes() == results

    def test_main__another_seed_in_the_same_place(
        self, ran: Path, balls: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--root", str(balls), "--out", str(ran), "--seed", "1"]) == 2
        assert "expected config" in capsys.readouterr().err
