"""Which voxels a scan can show of a defect: in closed form, from straight above."""

import numpy as np
import pytest
import trimesh

from benchmarks.cadscan.assessment import assess, measured_voxels
from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.defects.changes import spacing
from benchmarks.cadscan.ground_truth import changed_voxels, grid_around
from benchmarks.cadscan.meshing import surface_samples
from benchmarks.cadscan.part import Defect, DefectivePart, Feature, Part, ReflectancePatch
from benchmarks.cadscan.scanner import capture
from tests.benchmarks.cadscan.conftest import part_of
from tests.benchmarks.cadscan.simple_cell import cell_above, cell_around, placed, where_drawn

HEIGHT = 413.0  # of the camera: 400 mm above a plate of 13 mm


def index_of(numbers: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return np.stack(np.unravel_index(numbers, shape), axis=1)


class TestAssess:
    def test_assess__what_is_behind_a_missing_cube(self, topped: Part) -> None:
        """A cube of 21 mm is gone from a plate, seen from 400 mm above: its top, nearer to the camera, hid a square of
        21 * 400 / 379 mm of the plate. That square is the ground truth; the cube's place in the air is unseen."""
        made = make_defect(topped, "missing_feature", size=21.0, seed=0)
        cell, grid = cell_above(topped, height=HEIGHT), grid_around(topped)
        bare, views = where_drawn(cell, topped)
        instance = bare.exchanged(cell, made.part, marks=())
        found = assess(cell, instance, made, views, index=0, grid=grid)
        half = 10.5 * 400 / 379
        low, high = (int(np.floor((edge - grid.origin[0]) / grid.voxel)) for edge in (-half, half))
        square = np.arange(low, high + 1)
        top = int(np.floor((12.999 - grid.origin[2]) / grid.voxel))
        y = square + round(float(grid.origin[0] - grid.origin[1]) / grid.voxel)
        expected = {(int(i), int(j), top) for i in square for j in y}
        assert {tuple(map(int, one)) for one in index_of(found.shown, grid.shape)} == expected
        changed = changed_voxels(made.defects[0], grid, T_part_to_world=np.eye(4))
        assert set(found.unseen) == set(changed) - set(found.shown)
        air = index_of(found.unseen, grid.shape)
        assert air[:, 2].max() == int(np.floor((34 - grid.origin[2]) / grid.voxel))
        assert found.best > 100

    def test_assess__a_filled_hole_shows_its_lid_alone(self) -> None:
        slab, bore = trimesh.creation.box((121, 91, 13)), trimesh.creation.cylinder(9.5, 60, sections=96)
        slab.apply_translation([0, 0, 6.5])
        hole = Feature("hole", np.array([0.0, 0, 13]), np.array([0.0, 0, 1]), 19.0, depth=13.0)
        part = part_of(slab.difference(bore), features=(hole,))
        made = make_defect(part, "missing_feature", size=19.0, seed=0)
        cell, grid = cell_above(part, height=HEIGHT), grid_around(part)
        bare, views = where_drawn(cell, part)
        instance = bare.exchanged(cell, made.part, marks=())
        found = assess(cell, instance, made, views, index=0, grid=grid)
        top = int(np.floor((12.999 - grid.origin[2]) / grid.voxel))
        centres = grid.centres(index_of(found.shown, grid.shape))
        assert set(index_of(found.shown, grid.shape)[:, 2]) == {top}
        assert len(found.shown) == pytest.approx(np.pi * (9.5 + 1) ** 2 / 4, rel=0.1)
        assert np.hypot(centres[:, 0], centres[:, 1]).max() < 9.5 + 2**0.5
        inside = index_of(found.unseen, grid.shape)
        assert inside[:, 2].max() < top
        assert len(inside) > 5 * 2 * np.pi * 9.5 / 2 * 0.8

    def test_assess__the_underside_is_unseen(self, plate: Part) -> None:
        path = np.array([[10.0, 0, 0]])
        patch = ReflectancePatch("stain", path, 8.0, 1.0, 0.3, 0.0, seed=0)
        faces = plate.faces[(plate.vertices[plate.faces][:, :, 2] < 1e-6).all(axis=1)]
        samples, _ = surface_samples(plate.vertices, faces, spacing(plate))
        stained = samples[np.linalg.norm(samples - path, axis=1) < 8]
        stain = Defect("stain", path[0], 16.0, 0.0, "image", stained, before=plate, patch=patch)
        made, grid, cell = DefectivePart(plate, (patch,), (stain,)), grid_around(plate), cell_around(plate)
        bare, views = placed(cell, plate)
        instance = bare.exchanged(cell, plate, marks=(patch,))
        found = assess(cell, instance, made, views, index=0, grid=grid)
        assert found.best < 0.01
        assert not len(found.shown)
        assert (
            len(found.unseen) == len(changed_voxels(stain, grid, T_part_to_world=bare.T_part_to_world)) > 30
        )

    @pytest.mark.parametrize("kind", ["dent", "stain", "scratch"])
    def test_assess__the_twin_lacks_one_defect_alone(self, plate: Part, kind: str) -> None:
        """With another defect elsewhere, which both have, a defect is as detectable as by itself."""
        one = make_defect(plate, kind, size=10.0, seed=2)
        taken = ((one.defects[0].centre, 12.0),)
        other = make_defect(one.part, "bump", size=8.0, seed=1, avoid=taken)
        two = DefectivePart(other.part, (*one.patches, *other.patches), (*one.defects, *other.defects))
        cell, grid = cell_around(plate), grid_around(plate)
        bare, views = placed(cell, plate)
        found = [
            assess(
                cell,
                bare.exchanged(cell, made.part, marks=made.patches),
                made,
                views,
                index=0,
                grid=grid,
            )
            for made in (one, two)
        ]
        assert found[0].best > 5
        assert found[1].best == pytest.approx(found[0].best, rel=0.02)
        np.testing.assert_array_equal(found[0].shown, found[1].shown)

    def test_assess__what_is_shown_is_measured(self, plate: Part) -> None:
        """The views of a real scan, with noise and read by the calibration alone, measure nearly all of it."""
        made = make_defect(plate, "dent", size=20.0, seed=2)
        cell, grid = cell_around(plate), grid_around(plate)
        bare, views = placed(cell, plate)
        instance = bare.exchanged(cell, made.part, marks=made.patches)
        found = assess(cell, instance, made, views, index=0, grid=grid)
        measured = np.unique(
            np.concatenate(
                [
                    measured_voxels(capture(cell, instance, shot).depth, camera, window, grid)
                    for shot, camera, window in zip(views, cell.cameras, found.windows, strict=True)
                    if window is not None
                ]
            )
        )
        assert len(found.shown) > 30
        assert np.isin(found.shown, measured).mean() > 0.95
