"""Defects of a predicted scan: found in its volume, seen in its views, compared with a nominal scan."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from modmap.defects import Defect, find_defects, read_defects, write_defects
from modmap.defects.defect import DefectView
from modmap.defects.sightings import Sightings
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.result import MapName, Result, ViewMaps
from modmap.scan import Scan
from modmap.volume import AnomalyVolume, VoxelGrid

ScanMaker = Callable[..., Scan]

# `make_scan` pushes the middle of view 01 in by 20 mm.
CHANGED = "01"


@pytest.fixture(scope="module")
def bad(make_scan: ScanMaker) -> Scan:
    return make_scan(name="bad", change=(CHANGED,))


@pytest.fixture(scope="module")
def result(make_model: Callable[..., ModMap], bad: Scan) -> Result:
    # The pixels lie 3 mm apart: voxels of 4 mm leave no gaps between them. The ball is four tokens wide, so that held
    # against jittered copies most of it would be edge.
    training = {"epochs": 40, "tokens_per_batch": None}
    return make_model(training=training, inference={"voxel": 4.0, "jittered_scans": 0}).predict(bad)


@pytest.fixture(scope="module")
def defects(result: Result, bad: Scan, make_scan: ScanMaker) -> list[Defect]:
    return find_defects(result, bad, threshold=0.6 * result.score, nominal=make_scan())


class TestFindDefects:
    def test_find__the_planted_change(self, defects: list[Defect], bad: Scan, result: Result) -> None:
        defect = defects[0]
        assert defect.index == 1
        assert defect.peak == result.score
        assert 0.6 * result.score < defect.mean <= defect.peak
        frame = bad[CHANGED].load()
        changed = np.zeros(frame.shape, dtype=bool)
        changed[25:35, 35:45] = True
        points = frame.points(changed)
        assert np.linalg.norm(points.mean(axis=0) - defect.centre_mm) < 12
        assert defect.modality in ("image", "depth", "both")

    def test_find__surface_that_is_missing_has_the_views_that_look_through_it(
        self, make_scan: ScanMaker
    ) -> None:
        """A boss before the ball, as the camera of view 00 sees it, that isn't there: nothing is measured in it."""
        scan = make_scan()
        frame = scan["00"].load()
        assert frame.camera is not None
        middle = frame.points(frame.depth > 0).mean(axis=0)
        away = frame.camera.centre - middle
        boss = frame.camera.centre - 0.5 * away
        grid = VoxelGrid(boss - 6.0, 4.0, (3, 3, 3))
        nothing = np.zeros((4, 4), np.float32)
        views = {
            view: ViewMaps(
                view, nothing, nothing, "max", frame.shape, np.packbits(scan[view].load().depth > 0)
            )
            for view in scan.view_ids
        }
        scores = np.full(grid.shape, 5.0, np.float32)
        found = find_defects(Result("missing", 5.0, views, AnomalyVolume(grid, scores)), scan, threshold=2.0)
        (defect,) = found
        assert defect.modality == "geometry"
        assert defect.views[0].view == "00"
        assert (defect.views[0].seen, defect.views[0].peak) == (1.0, 5.0)
        uv, _ = frame.camera.project(grid.centres(np.argwhere(scores > 0)))
        low, high = np.rint(uv.min(axis=0)).astype(int), np.rint(uv.max(axis=0)).astype(int)
        assert defect.views[0].box == (*low, *high)

    def test_find__views_against_a_loop_over_pixels(
        self, defects: list[Defect], bad: Scan, result: Result
    ) -> None:
        volume = result.require_volume()
        voxels = {tuple(v) for v in np.argwhere(volume.scores > 0.6 * result.score).tolist()}
        first = self._around(voxels, defects[0], volume.grid.index(np.array([defects[0].centre_mm]))[0][0])
        seen = {}
        for frame in bad.frames():
            mask = frame.depth > 0
            rows, columns = np.nonzero(mask)
            index = volume.grid.index(frame.points(mask))[0]
            hits = [n for n, voxel in enumerate(index.tolist()) if tuple(voxel) in first]
            if hits:
                box = (columns[hits].min(), rows[hits].min(), columns[hits].max(), rows[hits].max())
                share = len({tuple(index[n].tolist()) for n in hits}) / len(first)
                seen[frame.id] = (
                    box,
                    share,
                    len(hits),
                    result.map(frame.id)[rows[hits], columns[hits]].max(),
                )
        assert {view.view: (view.box, view.seen) for view in defects[0].views} == {
            name: (box, pytest.approx(share)) for name, (box, share, _, _) in seen.items()
        }
        assert all(view.peak == seen[view.view][3] for view in defects[0].views)
        ranks = [(-seen[view.view][1] * seen[view.view][3], -seen[view.view][2]) for view in defects[0].views]
        assert ranks == sorted(ranks)

    @staticmethod
    def _around(voxels: set[tuple[int, ...]], defect: Defect, near: np.ndarray) -> set[tuple[int, ...]]:
        """The connected voxels nearest to a defect's centre."""
        left = set(voxels)
        front = [min(left, key=lambda voxel: float(np.abs(np.array(voxel) - near).sum()))]
        left -= set(front)
        region = set()
        while front:
            voxel = front.pop()
            region.add(voxel)
            touching = {one for one in left if max(abs(a - b) for a, b in zip(one, voxel, strict=True)) == 1}
            left -= touching
            front += touching
        assert len(region) == defect.voxels
        return region

    def test_find__depth_along_the_normal(self, defects: list[Defect]) -> None:
        assert defects[0].depth_mm == pytest.approx(-20, rel=0.15)

    def test_find__no_depth_without_a_nominal_scan(self, result: Result, bad: Scan) -> None:
        assert find_defects(result, bad, threshold=0.6 * result.score)[0].depth_mm is None

    def test_find__no_depth_where_the_surface_is_the_nominal_one(self, result: Result, bad: Scan) -> None:
        found = find_defects(result, bad, threshold=0.6 * result.score, nominal=bad)
        assert found[0].depth_mm is None

    def test_find__none_over_the_score(self, result: Result, bad: Scan) -> None:
        assert find_defects(result, bad, threshold=0.5 * result.score, peak_threshold=result.score) == []

    def test_find__no_threshold(self, result: Result, bad: Scan) -> None:
        with pytest.raises(
            ModMapError, match="defects of bad: expected a voxel threshold or a model calibrated"
        ):
            find_defects(result, bad)


class TestSightings:
    def test_best_views__neither_blind_to_it_nor_a_sliver_of_it(self) -> None:
        shown = {
            "blind": (1.0, 0.2, 90),
            "sliver": (0.05, 8.0, 3),
            "best": (0.7, 4.0, 60),
            "half": (0.35, 4.0, 30),
        }
        found = Sightings(
            views=[
                (DefectView(view=name, box=(0, 0, 9, 9), seen=seen, peak=peak), pixels)
                for name, (seen, peak, pixels) in shown.items()
            ]
        )
        assert [one.view for one in found.best_views()] == ["best", "half", "sliver", "blind"]


class TestModality:
    @pytest.mark.parametrize(
        ("image", "depth", "geometry", "appearance", "texture", "expected"),
        [
            (3.0, 1.0, None, None, None, "image"),
            (1.0, 1.5, None, None, None, "depth"),
            (3.0, 1.0, 2.9, 2.8, None, "image"),
            (3.0, 4.0, 3.5, None, None, "both"),
            (3.0, 4.0, 4.5, 4.4, None, "geometry"),
            (1.0, 1.5, 4.5, None, None, "geometry"),
            (3.0, 4.0, 4.4, 4.5, None, "appearance"),
            (None, None, 0.5, None, None, "geometry"),
            (None, None, None, 0.5, None, "appearance"),
            (None, None, None, 0.5, 0.6, "texture"),
            (3.0, 4.0, None, None, 4.1, "texture"),
            (None, None, None, None, None, None),
        ],
    )
    def test_modality__what_leads(
        self,
        image: float | None,
        depth: float | None,
        geometry: float | None,
        appearance: float | None,
        texture: float | None,
        expected: str | None,
    ) -> None:
        peaks: dict[MapName, float | None] = {
            "image": image,
            "depth": depth,
            "geometry": geometry,
            "appearance": appearance,
            "texture": texture,
        }
        seen = Sightings(peaks={name: peak for name, peak in peaks.items() if peak is not None})
        assert seen.modality(2.0) == expected


class TestFiles:
    def test_files__read_back(self, defects: list[Defect], tmp_path: Path) -> None:
        write_defects(defects, tmp_path, scan="bad")
        assert read_defects(tmp_path) == defects
        with (tmp_path / "defects.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["index"]) for row in rows] == [one.index for one in defects]
        assert float(rows[0]["x_mm"]) == pytest.approx(defects[0].centre_mm[0], abs=1e-3)
        best = defects[0].views[0]
        assert (rows[0]["best_view"], int(rows[0]["best_view_left"])) == (best.view, best.box[0])

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
    def test_files__no_cell_is_a_formula(self, defects: list[Defect], tmp_path: Path, name: str) -> None:
        view = defects[0].views[0].model_copy(update={"view": name})
        write_defects([defects[0].model_copy(update={"views": (view,)})], tmp_path, scan="bad")
        with (tmp_path / "defects.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert row["best_view"] == row["views"] == f"'{name}"
        assert read_defects(tmp_path)[0].views[0].view == name

    def test_files__none_found(self, tmp_path: Path) -> None:
        write_defects([], tmp_path, scan="good")
        assert read_defects(tmp_path) == []
        assert (tmp_path / "defects.csv").read_text().startswith("index,x_mm,")

    def test_files__damaged(self, tmp_path: Path) -> None:
        (tmp_path / "defects.json").write_text('{"scan": "a", "defects": [{"index": 1}]}')
        with pytest.raises(ModMapError, match=r"defects\.json: defects\.0\.centre_mm: this key is required"):
            read_defects(tmp_path)
