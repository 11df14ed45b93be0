"""Which voxels a scan can show of a defect: in closed form, from straight above, and pixel by pixel."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from benchmarks.cadscan.assessment import BESIDE, assess, measured_voxels, reach_of
from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.defects.changes import spacing
from benchmarks.cadscan.defects.places import Surface
from benchmarks.cadscan.depth_errors import measurable
from benchmarks.cadscan.detectability import NOTHING, expectation, sight
from benchmarks.cadscan.ground_truth import changed_voxels, grid_around
from benchmarks.cadscan.meshing import surface_samples
from benchmarks.cadscan.part import Defect, DefectivePart, Feature, Part, ReflectancePatch
from benchmarks.cadscan.scanner import capture, look
from benchmarks.cadscan.window import Window
from modmap.camera import Camera
from modmap.volume import VoxelGrid
from tests.benchmarks.cadscan.conftest import part_of
from tests.benchmarks.cadscan.simple_cell import cell_above, cell_around, placed, where_drawn

SMALL = (160, 120)
HEIGHT = 413.0  # of the camera: 400 mm above a plate of 13 mm


def index_of(numbers: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return np.stack(np.unravel_index(numbers, shape), axis=1)


class TestAssess:
    @pytest.mark.parametrize("tall", [21.0, 4.0])
    def test_assess__what_is_behind_a_missing_block(self, tall: float) -> None:
        """A block of 21 mm is gone from a plate, seen from 400 mm above: its top, nearer to the camera, hid a square of
        21 * 400 / (400 - tall) mm of the plate. That square is the ground truth; the place in the air is unseen."""
        slab, block = trimesh.creation.box((121, 91, 13)), trimesh.creation.box((21, 21, tall))
        slab.apply_translation([0, 0, 6.5])
        block.apply_translation([0, 0, 13 + tall / 2])
        top_of_it = Feature("screw", np.array([0.0, 0, 13 + tall]), np.array([0.0, 0, 1]), 21.0, bodies=(1,))
        topped = part_of(slab, block, features=(top_of_it,))
        made = make_defect(topped, "missing_feature", size=21.0, seed=0)
        cell, grid = cell_above(topped, height=HEIGHT), grid_around(topped)
        bare, views = where_drawn(cell, topped)
        instance = bare.exchanged(cell, made.part, marks=())
        found = assess(cell, instance, made, views, index=0, grid=grid)
        half = 10.5 * 400 / (400 - tall)
        low, high = (int(np.floor((edge - grid.origin[0]) / grid.voxel)) for edge in (-half, half))
        square = np.arange(low, high + 1)
        top = int(np.floor((12.999 - grid.origin[2]) / grid.voxel))
        y = square + round(float(grid.origin[0] - grid.origin[1]) / grid.voxel)
        expected = {(int(i), int(j), top) for i in square for j in y}
        assert {tuple(map(int, one)) for one in index_of(found.shown, grid.shape)} == expected
        changed = changed_voxels(made.defects[0], grid, T_part_to_world=np.eye(4))
        assert set(found.unseen) == set(changed) - set(found.shown)
        air = index_of(found.unseen, grid.shape)
        assert air[:, 2].max() == int(np.floor((13 + tall - grid.origin[2]) / grid.voxel))
        assert found.best > 5 * tall

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

    def test_assess__a_dent_that_no_view_sees(self) -> None:
        """On the underside it has a d' of 0 in every view, and all of it is unseen."""
        part = part_of(trimesh.creation.box((60, 60, 20)).subdivide().subdivide().subdivide().subdivide())
        away = np.linalg.norm(part.vertices - (5, 5, 0), axis=1)
        hollow = (part.vertices[:, 2] == 0) & (away < 9)
        dented = replace(part, vertices=part.vertices + np.outer(hollow * (1 - away / 9), [0, 0, 2]))
        points = dented.vertices[hollow]
        defect = Defect("dent", points.mean(axis=0), 18.0, 2.0, "both", points, before=part)
        made, cell, grid = (
            DefectivePart(dented, (), (defect,)),
            cell_around(part, size=SMALL),
            grid_around(part),
        )
        bare, views = placed(cell, part)
        instance = bare.exchanged(cell, dented, marks=())
        found = assess(cell, instance, made, views, index=0, grid=grid)
        assert found.best == 0
        assert found.sights == (NOTHING,) * 3
        assert not len(found.shown)
        changed = changed_voxels(defect, grid, T_part_to_world=bare.T_part_to_world)
        np.testing.assert_array_equal(found.unseen, changed)
        assert len(changed) > 10

    def test_assess__a_stain_is_in_the_image_alone(self, plate: Part) -> None:
        made = make_defect(plate, "stain", size=12.0, seed=0)
        cell, grid = cell_around(plate, size=SMALL), grid_around(plate)
        bare, views = placed(cell, plate)
        instance = bare.exchanged(cell, made.part, marks=made.patches)
        found = assess(cell, instance, made, views, index=0, grid=grid)
        assert [one.depth for one in found.sights] == [0, 0, 0]
        assert found.best == max(one.image for one in found.sights) > 5
        assert len(found.shown) > 10

    def test_assess__a_dents_voxels_and_strength_pixel_by_pixel(self, plate: Part) -> None:
        """Whole views without noise, each pixel's depth followed along its ray: a voxel is shown if a pixel that is
        measured is in it, and the piece of a view shows all that the whole view does."""
        made = make_defect(plate, "dent", size=12.0, seed=1)
        (dent,) = made.defects
        cell, grid = cell_around(plate, size=SMALL), grid_around(plate)
        assert dent.depth < grid.voxel / 4  # nothing can be seen through the place where it was
        bare, views = placed(cell, plate)
        instance = bare.exchanged(cell, made.part, marks=made.patches)
        found = assess(cell, instance, made, views, index=0, grid=grid)
        flat, pose, whole = Surface(plate), bare.T_part_to_world, Window(0, 0, *SMALL)
        changed = set(changed_voxels(dent, grid, T_part_to_world=pose).tolist())
        reached, on_changed_face = set(), set()
        for shot, one in zip(views, found.sights, strict=True):
            seen, signal, camera = look(cell, instance, shot)
            valid = measurable(seen, signal, exposure=shot.exposure, K=camera.K, table=False, rng=None)
            to_world, to_rays = np.linalg.inv(camera.T_world_to_camera), np.linalg.inv(camera.K)
            places = []
            for v, u in np.argwhere(valid):
                place = to_world @ [*(float(seen.z[v, u]) * to_rays @ [u, v, 1]), 1]
                places.append(place[:3])
            of_part = (np.array(places) - pose[:3, 3]) @ pose[:3, :3]
            for place, distance in zip(places, flat.distance(of_part), strict=True):
                index = tuple(int(n) for n in np.floor((place - grid.origin) / grid.voxel))
                number = int(np.ravel_multi_index(index, grid.shape))
                if number in changed:
                    reached.add(number)
                if distance > 0.05:
                    on_changed_face.add(number)
            all_of_it = sight(*(expectation(cell, which, shot, whole) for which in (instance, bare)))
            assert one.depth == pytest.approx(all_of_it.depth, rel=1e-3, abs=1e-6)
            assert one.image == pytest.approx(all_of_it.image, rel=0.03, abs=0.05)
        assert set(found.shown.tolist()) == reached
        assert on_changed_face <= reached
        assert set(found.unseen.tolist()) == changed - reached
        assert len(on_changed_face) > 5
        assert len(found.unseen) > 3


class TestMeasuredVoxels:
    def test_measured_voxels__of_the_pixels_in_the_window(self) -> None:
        """A camera at the origin along z: pixel (u, v) at a depth of 100 is at ((u - 20) / 2, (v - 10) / 2, 100)."""
        camera = Camera(np.array([[200.0, 0, 20], [0, 200, 10], [0, 0, 1]]), np.eye(4), size=(40, 30))
        grid = VoxelGrid(np.array([-20.0, -20, 90]), 2.0, (20, 20, 10))
        depth = np.full((30, 40), np.inf, np.float32)
        depth[13, 27] = depth[13, 28] = depth[12, 27] = 100.0
        depth[2, 3] = 100.0  # beside the window
        depth[15, 29] = 500.0  # beside the grid
        found = measured_voxels(depth, camera, Window(25, 11, 10, 8), grid)
        expected = [
            np.ravel_multi_index((int((x + 20) // 2), int((y + 20) // 2), 5), grid.shape)
            for x, y in {(3.5, 1.5), (4.0, 1.5), (3.5, 1.0)}
        ]
        assert found.tolist() == sorted(set(map(int, expected)))
        assert len(found) == 2
        assert not len(measured_voxels(np.full((30, 40), np.inf), camera, Window(0, 0, 40, 30), grid))


class TestReachOf:
    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 1 << 31), kind=st.sampled_from(["dent", "warp", "stain"]))
    def test_reach_of__has_all_that_changed_and_what_is_beside_it(self, seed: int, kind: str) -> None:
        """Balls of what can be changed around each sample, a mark's path and a warp's middle, wherever a part lies."""
        rng = np.random.default_rng(seed)
        points, path = rng.normal(0, 10, (20, 3)), rng.normal(0, 15, (4, 3))
        patch = ReflectancePatch("stain", path, 3.0, 2.0, 0.5, 0.0, seed=0) if kind == "stain" else None
        defect = Defect(kind, points.mean(axis=0), 50.0, 1.0, "both", points, patch=patch)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = Rotation.random(random_state=seed).as_matrix(), rng.normal(0, 100, 3)
        low, high = reach_of(defect, pose)
        balls = [(point, BESIDE) for point in points]
        balls += [(point, 5.0) for point in path] if patch is not None else []
        balls += [(defect.centre, 25.0)] if kind == "warp" else []
        directions = rng.normal(size=(100, 3))
        directions /= np.linalg.norm(directions, axis=1)[:, None]
        for centre, radius in balls:
            around = (centre + radius * directions) @ pose[:3, :3].T + pose[:3, 3]
            assert (around >= low).all()
            assert (around <= high).all()
        # A box of the world around a box of the part: at most as wide as its diagonal.
        own_low = np.min([centre - radius for centre, radius in balls], axis=0)
        own_high = np.max([centre + radius for centre, radius in balls], axis=0)
        assert (high - low <= np.linalg.norm(own_high - own_low) + 1e-9).all()
