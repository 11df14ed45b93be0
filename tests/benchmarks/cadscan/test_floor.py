from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cadscan.__main__ import main
from benchmarks.cadscan.card import write_card
from benchmarks.cadscan.floor import difference_maps, measure_floor, read_floor
from benchmarks.cadscan.scan_jobs import DatasetSettings
from benchmarks.cadscan.settings_file import SETTINGS
from benchmarks.cadscan.views import binned_intrinsics, look_at
from benchmarks.cadscan.writer import write_calibration, write_real_view, write_truth
from benchmarks.runs.kept_settings import keep_settings
from modmap.datasets import GroundTruth
from modmap.scan import Camera, Frame

SHAPE = (48, 64)


def frame(*, depth: np.ndarray, image: np.ndarray) -> Frame:
    return Frame("00", image=image.astype(np.uint8), depth=depth.astype(np.float32))


def make_set(data: Path, steps: dict[str, tuple[float, float, float, float]]) -> None:
    """Two nominal and two anomalous scans a category, of one view each, that differ by a step in depth (mm) alone."""
    keep_settings(data, asdict(DatasetSettings((64, 48), good=2, bad=2, seed=0)), file=SETTINGS)
    camera = Camera(
        binned_intrinsics((64, 48)), look_at(np.array([300.0, 0, 100]), np.zeros(3)), size=(64, 48)
    )
    for category, values in steps.items():
        for name, step in zip(("real", "00", "01", "02_bad", "03_bad"), (0.0, *values), strict=True):
            directory = data / category / f"{category}_{name}"
            directory.mkdir(parents=True)
            depth = np.full(SHAPE, 300.0)
            depth[20:30, 20:30] += step
            write_real_view(directory, 0, image=np.full(SHAPE, 90, np.uint8), depth=depth)
            write_calibration(directory, [camera])
            if name != "real":
                write_truth(directory, GroundTruth(np.zeros((2, 2, 2), bool), np.zeros(3), 2.0), [])


class TestDifferenceMaps:
    def test_difference_maps__a_step_and_a_hole(self) -> None:
        flat, gray = np.full(SHAPE, 300.0), np.full(SHAPE, 100)
        depth, image = flat.copy(), gray.copy()
        depth[20:30, 20:30] += 0.5
        depth[:5] = 0
        image[10, 10] = 151
        maps = difference_maps(frame(depth=depth, image=image), frame(depth=flat, image=gray))
        assert maps["depth"].max() == pytest.approx(0.5)
        assert not maps["depth"][:5].any()
        assert maps["image"].max() == pytest.approx(0.2)
        assert maps["depth, smoothed"][25, 25] == pytest.approx(0.5, rel=0.01)
        assert maps["image, smoothed"].max() < 0.15


class TestMeasureFloor:
    def test_measure_floor__depth_tells_and_image_does_not(self, tmp_path: Path) -> None:
        """Anomalous scans have a step in depth, all images are equal: 1 for depth, a tie of all for the image."""
        make_set(tmp_path, {"part": (0.1, 0.2, 0.4, 0.3)})
        write_card(tmp_path)
        assert "Not measured yet" in (tmp_path / "README.md").read_text()
        floor = measure_floor(tmp_path)
        assert floor["part"] == {"depth": 1, "depth, smoothed": 1, "image": 0.5, "image, smoothed": 0.5}
        assert read_floor(tmp_path) == floor
        write_card(tmp_path)
        assert "| part | 1.000 | 1.000 | 0.500 | 0.500 |" in (tmp_path / "README.md").read_text()

    def test_measure_floor__one_category_after_another(self, tmp_path: Path) -> None:
        """What was measured before stays, and the mean is of all that were, and says so while some are lacking."""
        make_set(tmp_path, {"spur_gear": (0.1, 0.2, 0.4, 0.3), "belt_pulley": (0.4, 0.3, 0.1, 0.2)})
        card = tmp_path / "README.md"
        assert main(["floor", "--data", str(tmp_path), "--categories", "spur_gear"]) == 0
        assert "| **mean of 1 of 2 categories** | 1.000 | 1.000 | 0.500 | 0.500 |" in card.read_text()
        assert main(["floor", "--data", str(tmp_path), "--categories", "belt_pulley"]) == 0
        assert list(read_floor(tmp_path) or {}) == ["belt_pulley", "spur_gear"]
        assert "| belt_pulley | 0.000 | 0.000 | 0.500 | 0.500 |" in card.read_text()
        assert "| spur_gear | 1.000 | 1.000 | 0.500 | 0.500 |" in card.read_text()
        assert "| **mean** | 0.500 | 0.500 | 0.500 | 0.500 |" in card.read_text()
