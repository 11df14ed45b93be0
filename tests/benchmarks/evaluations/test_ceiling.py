"""The ceiling of V-AUPRO against a slow walk over every pixel, against volumes on disk, and kept in a file."""

from __future__ import annotations

import json
import os
from collections import deque
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.evaluations.ceiling import ceiling_of, kept_ceiling, measured_volume, part_maps
from modmap.datasets import GroundTruth, SiM3D, write_ground_truth
from modmap.metrics import VolumeAUPRO
from modmap.scan import Camera, Scan, View

Array = npt.NDArray[Any]
Voxel = tuple[int, ...]

SHAPE = (12, 12, 8)
EDGE = 2.0
ORIGIN = np.array([-12.0, -12.0, 92.0])


def scan_of(root: Path, name: str, depths: list[Array], mask: Array) -> Scan:
    """A scan whose views look along z from the world's origin, each a little to the side."""
    (root / name).mkdir(parents=True)
    write_ground_truth(root / name / "gt.npz", GroundTruth(mask, ORIGIN, EDGE))
    height, width = depths[0].shape
    K = np.array([[100.0, 0, (width - 1) / 2], [0, 100.0, (height - 1) / 2], [0, 0, 1]])
    views = []
    for number, depth in enumerate(depths):
        pose = np.eye(4)
        pose[0, 3] = -0.7 * number
        camera = Camera(K, pose, size=(width, height))
        views.append(View(f"{number:02d}", np.zeros(depth.shape, np.uint8), depth, camera=camera))
    truth = root / name / "gt.npz"
    return Scan(name, views, anomalous=bool(mask.any()), ground_truth=truth, root=root / name)


def random_scan(root: Path, name: str, *, seed: int) -> Scan:
    """Two views of a bumpy surface with holes, and ground truth that is scattered around it."""
    rng = np.random.default_rng(seed)
    depths = []
    for _ in range(2):
        depth = (100 + rng.integers(-3, 4, (24, 24))).astype(np.float32)
        depth[rng.random((24, 24)) < 0.6] = 0
        depths.append(depth)
    return scan_of(root, name, depths, rng.random(SHAPE) < 0.04)


def measured(scan: Scan) -> set[Voxel]:
    """The voxels of all measured pixels, one by one, from the pinhole's formula."""
    found = set()
    for view in scan.views:
        assert view.camera is not None
        K, depth = view.camera.K, np.asarray(view.depth)
        for v, u in product(*map(range, depth.shape)):
            z = float(depth[v, u])
            if z == 0:
                continue
            x, y = (u - K[0, 2]) * z / K[0, 0], (v - K[1, 2]) * z / K[1, 1]
            world = np.array([x, y, z]) - view.camera.T_world_to_camera[:3, 3]
            found.add(tuple(int(number) for number in np.floor((world - ORIGIN) / EDGE)))
    return found


def pieces(mask: Array) -> list[set[Voxel]]:
    """The groups of voxels that touch by a face, edge or corner."""
    left = {tuple(int(number) for number in voxel) for voxel in np.argwhere(mask)}
    found = []
    while left:
        queue = deque([left.pop()])
        piece = set(queue)
        while queue:
            near = {
                tuple(map(sum, zip(queue[0], step, strict=True))) for step in product((-1, 0, 1), repeat=3)
            }
            queue.popleft()
            for voxel in near & left:
                left.remove(voxel)
                piece.add(voxel)
                queue.append(voxel)
        found.append(piece)
    return found


class TestCeilingOf:
    def test_ceiling_of__share_of_each_piece_that_is_measured(self, tmp_path: Path) -> None:
        scans = [random_scan(tmp_path, f"bad_{seed}", seed=seed) for seed in range(3)]
        shares = {}
        for scan in scans:
            assert scan.ground_truth is not None
            with np.load(scan.ground_truth) as file:
                mask = np.unpackbits(file["mask"], count=np.prod(SHAPE)).reshape(SHAPE)
            seen = measured(scan)
            shares[scan.name] = sorted(len(piece & seen) / len(piece) for piece in pieces(mask))
        every = [share for found in shares.values() for share in found]
        assert 0 < np.mean(every) < 1
        ceiling = ceiling_of(scans, foreground="valid")
        assert ceiling is not None
        assert ceiling.v_aupro == pytest.approx(np.mean(every))
        for name, expected in shares.items():
            areas = sorted(area for (scan, _), area in ceiling.defects.items() if scan == name)
            assert areas == pytest.approx(expected)

    def test_ceiling_of__share_of_a_defect_in_pieces(self, tmp_path: Path) -> None:
        scan = random_scan(tmp_path, "bad", seed=0)
        defect = np.zeros(SHAPE, int)
        defect[np.random.default_rng(1).random(SHAPE) < 0.04] = 3
        defect[:6][defect[:6] > 0] = 1
        assert scan.ground_truth is not None
        write_ground_truth(scan.ground_truth, GroundTruth(defect > 0, ORIGIN, EDGE, defect=defect))
        seen = measured(scan)
        shares = []
        for number in (1, 3):
            voxels = {tuple(int(at) for at in voxel) for voxel in np.argwhere(defect == number)}
            shares.append(len(voxels & seen) / len(voxels))
        ceiling = ceiling_of([scan], foreground="valid")
        assert ceiling is not None
        assert ceiling.defects == {("bad", 0): pytest.approx(shares[0]), ("bad", 1): pytest.approx(shares[1])}
        assert ceiling.v_aupro == pytest.approx(np.mean(shares))

    def test_ceiling_of__same_at_every_limit_and_with_nominal_scans(self, tmp_path: Path) -> None:
        """The perfect volumes of all scans, a nominal one too, straight through the metric."""
        scans = [random_scan(tmp_path, f"bad_{seed}", seed=seed) for seed in range(2)]
        empty = np.zeros(SHAPE, dtype=bool)
        scans.append(scan_of(tmp_path, "good", [np.full((24, 24), 100, np.float32)], empty))
        ceiling = ceiling_of(scans, foreground="valid")
        assert ceiling is not None
        metric = VolumeAUPRO()
        for scan in scans:
            assert scan.ground_truth is not None
            with np.load(scan.ground_truth) as file:
                mask = np.unpackbits(file["mask"], count=np.prod(SHAPE)).reshape(SHAPE).astype(bool)
            scores = np.full(SHAPE, np.nan)
            for voxel in measured(scan) & set(np.ndindex(SHAPE)):
                scores[voxel] = mask[voxel]
            metric.update(scores, mask)
        for value in metric.compute_limits((0.001, 0.01, 0.05, 0.3, 1.0)).values():
            assert value == pytest.approx(ceiling.v_aupro)

    def test_ceiling_of__pixels_that_are_not_the_part_do_not_measure(self, tmp_path: Path) -> None:
        """A speck beside the part is measured, but no method scores it under `components`."""
        depth = np.zeros((60, 60), np.float32)
        depth[5:50, 5:50] = 100
        depth[55, 55] = 100
        mask = np.zeros((100, 100, 8), dtype=bool)
        scan = scan_of(tmp_path, "bad", [depth], mask)
        index = np.floor((np.array([25.5, 25.5, 100.0]) - ORIGIN) / EDGE).astype(int)
        mask[tuple(index)] = True
        write_ground_truth(tmp_path / "bad" / "gt.npz", GroundTruth(mask, ORIGIN, EDGE))
        found = {mode: ceiling_of([scan], foreground=mode) for mode in ("valid", "components")}  # type: ignore[arg-type]
        assert {mode: one and one.v_aupro for mode, one in found.items()} == {"valid": 1, "components": 0}

    def test_ceiling_of__no_defect(self, tmp_path: Path) -> None:
        scan = scan_of(tmp_path, "good", [np.full((24, 24), 100, np.float32)], np.zeros(SHAPE, dtype=bool))
        assert ceiling_of([scan, replace(scan, ground_truth=None)], foreground="valid") is None


class TestMeasuredVolume:
    def test_measured_volume__scores_where_something_is_measured(self, tmp_path: Path) -> None:
        scan = random_scan(tmp_path, "bad", seed=5)
        scores = np.random.default_rng(0).random(SHAPE).astype(np.float32)
        grid = GroundTruth(np.zeros(SHAPE, dtype=bool), ORIGIN, EDGE).grid
        volume = measured_volume(scan, part_maps(scan, foreground="valid"), grid, scores)
        seen = measured(scan)
        for voxel in np.ndindex(SHAPE):
            if voxel in seen:
                assert volume.scores[voxel] == scores[voxel]
            else:
                assert np.isnan(volume.scores[voxel])


class TestKeptCeiling:
    def test_kept_ceiling__is_computed_once(self, tmp_path: Path, balls: Path) -> None:
        tests = SiM3D(balls).tests("small_ball")
        path = tmp_path / "part" / "ceiling.json"
        first = kept_ceiling(path, tests, foreground="components")
        assert first == ceiling_of(tests, foreground="components")
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"v_aupro": 0.123}))  # what nobody would compute
        again = kept_ceiling(path, tests, foreground="components")
        assert again is not None
        assert again.v_aupro == 0.123
        assert first is not None
        assert again.defects == first.defects

    @pytest.mark.parametrize("change", ["foreground", "view", "truth", "scans"])
    def test_kept_ceiling__of_other_data_is_computed_anew(self, tmp_path: Path, change: str) -> None:
        depth = np.full((24, 24), 100, np.float32)
        mask = np.zeros(SHAPE, dtype=bool)
        mask[4:8, 4:8, 4] = True
        mask[4:6, 4:8, 6] = True
        scan = scan_of(tmp_path, "bad", [depth], mask)
        np.save(tmp_path / "00.npy", depth)
        scan = replace(scan, views=[replace(scan.views[0], depth=tmp_path / "00.npy")])
        path, scans, foreground = tmp_path / "ceiling.json", [scan], "valid"
        assert kept_ceiling(path, scans, foreground="valid") == ceiling_of(scans, foreground="valid")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"v_aupro": 0.123}))
        if change == "foreground":
            foreground = "components"
        elif change == "view":
            np.save(tmp_path / "00.npy", depth + 4)
            os.utime(tmp_path / "00.npy", ns=(1, 1))
        elif change == "truth":
            mask[4, 4, 4] = False
            write_ground_truth(tmp_path / "bad" / "gt.npz", GroundTruth(mask, ORIGIN, EDGE))
        else:
            scans = [scan, random_scan(tmp_path, "other", seed=1)]
        found = kept_ceiling(path, scans, foreground=foreground)  # type: ignore[arg-type]
        assert found == ceiling_of(scans, foreground=foreground)  # type: ignore[arg-type]
        assert found is not None
        assert found.v_aupro != 0.123

    def test_kept_ceiling__of_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "ceiling.json"
        for _ in range(2):
            assert kept_ceiling(path, [], foreground="valid") is None
