from dataclasses import replace

import numpy as np
import pytest
import trimesh
from scipy.spatial import Delaunay
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

from benchmarks.cadscan import depth_errors
from benchmarks.cadscan.categories import Setup
from benchmarks.cadscan.depth_errors import measurable, measure, noise_deviation
from benchmarks.cadscan.finish import Finish
from benchmarks.cadscan.materials import CAST_ALUMINIUM, PLAIN
from benchmarks.cadscan.part import Part, ReflectancePatch
from benchmarks.cadscan.photograph import expose, exposure_for
from benchmarks.cadscan.sensor import Head, Light, Trace, edges, trace
from benchmarks.cadscan.stage import Stage, surroundings
from benchmarks.cadscan.views import binned_intrinsics, look_at, viewpoints
from benchmarks.cadscan.window import Window
from modmap.scan import Camera

SIZE = (160, 120)


def traced(part: Part, camera: Camera, *, head: Head, patches: tuple[ReflectancePatch, ...] = ()) -> Trace:
    finish = Finish([CAST_ALUMINIUM], 3, patches=patches)
    around = surroundings(part, Setup(12, "hand"))
    return trace(Stage(part, finish, T_part_to_world=np.eye(4), around=around), camera, head)


def back_projected(z: np.ndarray, camera: Camera, mask: np.ndarray) -> np.ndarray:
    v, u = np.nonzero(mask)
    return camera.back_project(np.stack([u, v], axis=1), z[v, u])


def signed_distance(part: Part, points: np.ndarray) -> np.ndarray:
    mesh = vtkPolyData()
    vertices, triangles = vtkPoints(), vtkCellArray()
    vertices.SetData(numpy_to_vtk(part.vertices, deep=True))
    cells = np.c_[np.full(len(part.faces), 3), part.faces].astype(np.int64).ravel()
    triangles.ImportLegacyFormat(numpy_to_vtkIdTypeArray(cells, deep=True))
    mesh.SetPoints(vertices)
    mesh.SetPolys(triangles)
    distance = vtkImplicitPolyDataDistance()
    distance.SetInput(mesh)
    return np.array([distance.EvaluateFunction(point) for point in points])


@pytest.fixture(scope="module")
def cameras(plate: Part) -> tuple[Camera, ...]:
    return viewpoints(plate.vertices, 12, size=SIZE)


@pytest.fixture(scope="module")
def head() -> Head:
    return Head.for_distance(280.0)


@pytest.fixture(scope="module")
def views(plate: Part, cameras: tuple[Camera, ...], head: Head) -> list[Trace]:
    return [traced(plate, camera, head=head) for camera in cameras[::3]]


class TestTrace:
    def test_trace__depth_lies_on_the_surface(self, plate: Part, cameras, views) -> None:  # type: ignore[no-untyped-def]
        for camera, seen in zip(cameras[::3], views, strict=True):
            points = back_projected(seen.z, camera, seen.part)[::29]
            distance = np.abs(signed_distance(plate, points))
            assert distance.max() < 1e-3

    def test_trace__two_views_agree(self, cameras, views) -> None:  # type: ignore[no-untyped-def]
        """A surface point of one view, seen by another, has there the depth that the other's map says."""
        first, second = views[2], views[3]
        points = back_projected(first.z, cameras[6], first.part)
        uv, depth = cameras[9].project(points)
        column, row = np.rint(uv).astype(int).T
        inside = (column >= 0) & (column < SIZE[0]) & (row >= 0) & (row < SIZE[1])
        points, column, row, depth = points[inside], column[inside], row[inside], depth[inside]
        pitch = depth / cameras[9].K[0, 0]
        difference = depth - second.z[row, column]
        seen = second.part[row, column] & (difference < 3 * pitch)
        assert seen.mean() > 0.5
        assert np.percentile(np.abs(difference[seen]), 90) < 0.7
        assert np.median(difference[seen]) == pytest.approx(0, abs=0.1)

    def test_trace__shadow_of_a_cube_in_closed_form(self, cube: Part) -> None:
        """A camera straight above a cube: on the table, the projector at (a, 0, h) leaves a shadow of known ends."""
        camera = Camera(
            binned_intrinsics((320, 240)), look_at(np.array([0.01, 0, 400.0]), np.zeros(3)), size=(320, 240)
        )
        offset = np.array([0.0, 90.0, 0.0])
        head = Head(offset, -offset, distance=400.0)
        seen = traced(cube, camera, head=head)
        pose = camera.T_camera_to_world
        lamp = pose[:3, :3] @ offset + pose[:3, 3]
        table = np.isfinite(seen.z) & ~seen.part
        points = back_projected(seen.z, camera, table)
        blocked = seen.projector_blocked[table]
        # The shadow is the cube's top, seen from the lamp onto z = 0, with the cube's foot.
        scale = lamp[2] / (lamp[2] - 40)
        corners = lamp[:2] + scale * (np.array([[20, 20], [20, -20], [-20, 20], [-20, -20]]) - lamp[:2])
        foot = np.array([[20, 20], [20, -20], [-20, 20], [-20, -20]])
        expected = Delaunay(np.r_[corners, foot]).find_simplex(points[:, :2]) >= 0
        assert expected.sum() > 100
        assert (expected != blocked).sum() < 0.12 * expected.sum()

    def test_trace__image_defect_leaves_depth_untouched(self, plate: Part, cameras, head, views) -> None:  # type: ignore[no-untyped-def]
        stain = ReflectancePatch("stain", np.array([[35.0, -20, 12]]), 10.0, 2.0, 0.3, 0.2, seed=1)
        seen = traced(plate, cameras[9], head=head, patches=(stain,))
        for name in ("z", "part", "cosine", "projector_blocked", "second_blocked", "openness"):
            assert (getattr(seen, name) == getattr(views[3], name)).all()
        assert (seen.radiance < 0.8 * views[3].radiance).sum() > 20

    @pytest.mark.parametrize("size", [(160, 120), (161, 121), (159, 120)])
    def test_trace__surroundings_between_the_pixels_of_a_grid(self, plate: Part, head, size) -> None:  # type: ignore[no-untyped-def]
        """What no depth map has gets the mean light of its neighbours on the grid; all else is as it is in full."""
        camera = viewpoints(plate.vertices, 12, size=size)[3]
        around = surroundings(plate, Setup(12, "hand"))
        stage = Stage(plate, Finish([CAST_ALUMINIUM], 3), T_part_to_world=np.eye(4), around=around)
        options = {"antialias": False, "shut_off": False}
        full, sparse = (trace(stage, camera, head, step=step, **options) for step in (1, 2))
        for name in ("z", "part", "cosine", "second_blocked"):
            np.testing.assert_array_equal(getattr(sparse, name), getattr(full, name))
        loose = np.isfinite(full.z) & ~full.part
        between = loose.copy()
        between[::2, ::2] = False
        for name in ("radiance", "projected", "gloss", "projector_blocked"):
            exact, found = getattr(full, name), getattr(sparse, name)
            np.testing.assert_array_equal(found[~between], exact[~between])
            for v, u in np.argwhere(between[:-1, :-1])[::7]:
                beside = np.s_[v - v % 2 : v + v % 2 + 1 : 2, u - u % 2 : u + u % 2 + 1 : 2]
                values = exact[beside][loose[beside]].astype(float)
                expected = values.mean() if len(values) else exact[v, u]
                if exact.dtype == bool:
                    expected = expected >= 0.5
                assert found[v, u] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize(
        "window", [Window(8, 4, 51, 37), Window(40, 30, 60, 50), Window(100, 80, 60, 40)]
    )
    def test_trace__a_piece_has_the_pixels_of_the_whole(self, plate: Part, cameras, head, window) -> None:  # type: ignore[no-untyped-def]
        around = surroundings(plate, Setup(12, "hand"))
        stage = Stage(plate, Finish([CAST_ALUMINIUM], 3), T_part_to_world=np.eye(4), around=around)
        options = {"antialias": False, "shut_off": False, "step": 2}
        whole = trace(stage, cameras[3], head, **options)
        piece = trace(stage, window.of_camera(cameras[3]), head, **options)
        for name in ("z", "cosine", "radiance", "projected"):
            np.testing.assert_allclose(getattr(piece, name), window.of_image(getattr(whole, name)), rtol=1e-4)

    def test_trace__light_of_the_projector_falls_with_the_square(self, cube: Part) -> None:
        top = []
        for distance in (300.0, 600.0):
            pose = look_at(np.array([0.01, 0, 40 + distance]), np.array([0, 0, 40.0]))
            camera = Camera(binned_intrinsics(SIZE), pose, size=SIZE)
            stage = Stage(cube, Finish([PLAIN], None), T_part_to_world=np.eye(4))
            seen = trace(stage, camera, Head(np.zeros(3), np.zeros(3), distance=300.0), light=Light())
            top.append(seen.projected[59:61, 79:81].mean())
        assert top[0] / top[1] == pytest.approx(4, rel=0.02)

    def test_trace__placement_moves_the_part_and_its_texture(self, plate: Part) -> None:
        """Part and camera moved alike: the same picture."""
        T = np.eye(4)
        T[:3, :3] = trimesh.transformations.rotation_matrix(0.3, [0, 0, 1])[:3, :3]
        T[:3, 3] = [5, -7, 0]
        camera = viewpoints(plate.vertices, 3, size=SIZE)[1]
        moved = replace(camera, T_world_to_camera=camera.T_world_to_camera @ np.linalg.inv(T))
        head, finish = Head.for_distance(280.0), Finish([CAST_ALUMINIUM], 3)
        options = {"antialias": False, "shut_off": False, "light": Light(sky=0.0)}
        here = trace(Stage(plate, finish, T_part_to_world=np.eye(4)), camera, head, **options)
        there = trace(Stage(plate, finish, T_part_to_world=T), moved, head, **options)
        both = here.part & there.part
        assert np.percentile(np.abs(here.z[both] - there.z[both]), 99) < 1e-3
        difference = np.abs(here.radiance[both] - there.radiance[both])
        assert np.percentile(difference, 98) < 1e-3


class TestMeasure:
    def scanned(self, view: int, plate: Part, cameras, head, views, *, seed: int = 0):  # type: ignore[no-untyped-def]
        seen, camera = views[view], cameras[3 * view]
        exposure = exposure_for([seen.radiance[seen.part]])
        signal = expose(seen.radiance, exposure=exposure, scale=SIZE[1] / 3000)
        rng = np.random.default_rng(seed)
        valid = measurable(seen, signal, exposure=exposure, K=camera.K, table=False, rng=rng)
        return valid, measure(seen, valid, head=head, K=camera.K, rng=rng)

    def test_measure__lies_on_the_surface_within_the_noise(self, plate: Part, cameras, head, views) -> None:  # type: ignore[no-untyped-def]
        for view in range(4):
            valid, depth = self.scanned(view, plate, cameras, head, views)
            points = back_projected(depth, cameras[3 * view], valid)
            chosen = np.random.default_rng(0).choice(len(points), 150, replace=False)
            distance = np.abs(signed_distance(plate, points[chosen]))
            # Along the ray the deviation is 1 / cos of the incidence more, across the surface that much less.
            level = noise_deviation(views[view].z[valid], np.ones(valid.sum()), head=head)[chosen]
            assert 0.2 * level.mean() < np.median(distance) < 1.3 * level.mean()
            assert np.percentile(distance, 99) < 6 * level.mean()

    def test_measure__no_measurement_is_inf_and_only_the_part_is_there(
        self, plate, cameras, head, views
    ) -> None:  # type: ignore[no-untyped-def]
        valid, depth = self.scanned(2, plate, cameras, head, views)
        assert (np.isinf(depth) == ~valid).all()
        assert not (valid & ~views[2].part).any()
        assert 0.3 < valid.sum() / views[2].part.sum() < 0.98

    def test_measurable__holes_are_where_they_must_be(self, plate, cameras, head, views) -> None:  # type: ignore[no-untyped-def]
        valid, _ = self.scanned(2, plate, cameras, head, views)
        seen = views[2]
        assert not (valid & (seen.projector_blocked | seen.second_blocked)).any()
        assert (seen.projector_blocked & seen.part).sum() > 20
        assert (seen.second_blocked & ~seen.projector_blocked & seen.part).sum() > 5
        angle = np.degrees(np.arccos(np.clip(seen.cosine, -1, 1)))
        assert not (valid & (angle > 83)).any()

    def test_measurable__glare_is_a_hole(self, plate, cameras, head, views) -> None:  # type: ignore[no-untyped-def]
        seen = views[3]
        lit = seen.part & ~seen.projector_blocked & ~seen.second_blocked & (seen.cosine > 0.5)
        flooded = replace(seen, projected=np.where(lit, 50.0, 0).astype(np.float32))
        signal = np.full(seen.z.shape, 1.2, np.float32)
        options = {"K": cameras[9].K, "table": False, "exposure": 1.0}
        assert not measurable(flooded, signal, rng=np.random.default_rng(0), **options)[lit].any()
        # Dark light on the same pixels is no glare; the image is what saturates.
        dim = replace(seen, projected=np.where(lit, 0.5, 0).astype(np.float32))
        assert measurable(dim, 0 * signal, rng=np.random.default_rng(0), **options)[lit].mean() > 0.6

    def test_measure__deviation_of_the_noise_it_adds(
        self, head: Head, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """White, smooth and ripple together are 1.11 of the unit, on a plane that no drift tilts."""
        monkeypatch.setattr(depth_errors, "DRIFT", 0.0)
        shape = (384, 512)
        ones, no = np.ones(shape, np.float32), np.zeros(shape, bool)
        flat = Trace(280 * ones, ~no, ones, ones, ones, no, no, ones, 0 * ones)
        K = binned_intrinsics((512, 384))
        added = [
            measure(flat, ~no, head=head, K=K, rng=np.random.default_rng(seed)) - flat.z for seed in range(4)
        ]
        unit = noise_deviation(np.array([280.0]), np.ones(1), head=head)[0]
        assert np.std(added) == pytest.approx(1.11 * unit, rel=0.01)

    def test_noise_deviation__grows_with_distance_squared_and_incidence(self, head: Head) -> None:
        z, straight = np.array([300.0, 600.0]), np.ones(2)
        near, far = noise_deviation(z, straight, head=head)
        assert far / near == pytest.approx(4)
        assert noise_deviation(z, 0.5 * straight, head=head)[0] == pytest.approx(2 * near)


class TestEdges:
    def test_edges__steep_plane_has_none_and_a_step_has_two_pixels(self) -> None:
        camera = Camera(binned_intrinsics(SIZE), np.eye(4), size=SIZE)
        u = np.arange(SIZE[0])
        slope = np.tan(np.radians(70))
        x = (u - camera.K[0, 2]) / camera.K[0, 0]
        z = np.tile(400 / (1 - slope * x), (SIZE[1], 1))
        ray = np.stack([x, 0 * x, np.ones_like(x)], axis=1)
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        normal = np.array([slope, 0, -1]) / np.hypot(slope, 1)
        cosine = np.tile(np.abs(ray @ normal), (SIZE[1], 1))
        middle = np.s_[:, 60:100]
        assert not edges(z[middle], cosine[middle], step=3 / camera.K[0, 0]).any()
        step = np.where(u < 80, 400.0, 420.0) * np.ones((SIZE[1], 1))
        assert edges(z[middle], np.ones_like(cosine[middle]), step=1 / camera.K[0, 0]).any()
        found = edges(step, np.ones_like(step), step=3 / camera.K[0, 0])
        assert (np.flatnonzero(found[5]) == [79, 80]).all()
