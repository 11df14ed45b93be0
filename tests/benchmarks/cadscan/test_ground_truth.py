"""Ground-truth voxels against the displaced vertices themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.defects.places import Surface
from benchmarks.cadscan.ground_truth import changed_voxels, grid_around, ground_truth, voxel_size
from benchmarks.cadscan.part import Defect, Part
from benchmarks.cadscan.parts import build
from modmap.volume import VoxelGrid

VOXELS = st.lists(st.sets(st.integers(0, 23)), max_size=3)


def _cube(edge: float) -> Part:
    corners = np.array([[x, y, z] for x in (0, edge) for y in (0, edge) for z in (0, edge)], float)
    return Part("cube", corners, np.zeros((0, 3), np.int32), np.zeros(0, np.int16))


def _defect(points: np.ndarray) -> Defect:
    return Defect("dent", points[0], 1.0, 1.0, "both", points)


class TestGridAround:
    def test_voxel_size__by_the_largest_extent(self) -> None:
        assert voxel_size(_cube(119.9)) == 1.0
        assert voxel_size(_cube(120.1)) == 2.0

    def test_grid_around__aligned_and_wide_enough(self) -> None:
        nominal = build("weld_neck_flange", seed=0, tolerance=0)
        grid = grid_around(nominal, margin=10)
        np.testing.assert_array_equal(grid.origin % grid.voxel, 0)
        high = grid.origin + grid.voxel * np.array(grid.shape)
        assert (grid.origin <= nominal.vertices.min(axis=0) - 10).all()
        assert (high >= nominal.vertices.max(axis=0) + 10).all()


def _mask(defect: Defect, grid: VoxelGrid, *, pose: np.ndarray | None = None) -> np.ndarray:
    """(X, Y, Z) bool, the changed voxels."""
    mask = np.zeros(grid.shape, bool)
    mask.reshape(-1)[changed_voxels(defect, grid, T_part_to_world=np.eye(4) if pose is None else pose)] = True
    return mask


class TestChangedVoxels:
    def test_changed_voxels__within_half_a_voxel_of_a_point(self) -> None:
        grid = grid_around(_cube(30.0))
        points = np.random.default_rng(0).uniform(5, 25, size=(40, 3))
        index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
        centres = grid.origin + (index + 0.5) * grid.voxel
        slow = np.zeros(grid.shape, bool)
        for point in points:
            slow |= (np.abs(centres - point) <= grid.voxel / 2).all(axis=-1)
        np.testing.assert_array_equal(_mask(_defect(points), grid), slow)

    def test_changed_voxels__move_with_the_part(self) -> None:
        grid = grid_around(_cube(30.0))
        pose = np.eye(4)
        pose[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
        pose[:3, 3] = [20, 3, 0]
        (index,) = np.argwhere(_mask(_defect(np.array([[4.5, 7.5, 2.5]])), grid, pose=pose))
        np.testing.assert_allclose(grid.origin + (index + 0.5) * grid.voxel, [20 - 7.5, 3 + 4.5, 2.5])

    def test_changed_voxels__outside_the_grid_there_are_none(self) -> None:
        assert not _mask(_defect(np.array([[500.0, 0, 0]])), grid_around(_cube(30.0))).any()

    @pytest.mark.parametrize("kind", ["dent", "bump", "scratch", "bent_feature"])
    def test_changed_voxels__every_displaced_vertex_and_nothing_far_from_one(self, kind: str) -> None:
        part = build("machined_bracket", seed=0, tolerance=0)
        grid = grid_around(part)
        made = make_defect(part, kind, size=8.0, seed=2)
        mask = _mask(made.defects[0], grid)
        distance = Surface(part).distance(made.part.vertices)
        displaced = made.part.vertices[distance > 0.0205]
        assert len(displaced) > 20
        index = np.floor((displaced - grid.origin) / grid.voxel).astype(int)
        assert mask[tuple(index.T)].all()
        centres = grid.centres(np.argwhere(mask))
        if kind != "scratch":  # whose reflectance changes a little beyond its displacement
            moved = made.part.vertices[distance > 0.01]
            corner = grid.voxel * np.sqrt(3) / 2
            assert cKDTree(moved).query(centres)[0].max() <= corner + 0.5 * grid.voxel


class TestGroundTruth:
    def test_ground_truth__shown_as_one_defects_and_unseen_as_anothers(self) -> None:
        grid = VoxelGrid(np.zeros(3), 1.0, (2, 3, 4))
        truth = ground_truth([np.array([0, 5]), np.array([7])], [np.array([7, 8]), np.array([23])], grid)
        assert np.flatnonzero(truth.mask).tolist() == [0, 5, 7]
        assert truth.unseen is not None
        assert np.flatnonzero(truth.unseen).tolist() == [8, 23]
        assert truth.grid == grid

    def test_ground_truth__a_defect_in_two_pieces_and_a_voxel_of_two(self) -> None:
        """Voxel 5 is the first defect's, so nothing is left of the second, whose number is absent."""
        grid = VoxelGrid(np.zeros(3), 1.0, (2, 3, 4))
        truth = ground_truth([np.array([0, 5, 23]), np.array([5]), np.array([7])], [np.array([8])], grid)
        assert truth.defect is not None
        assert {int(at): int(truth.defect.flat[at]) for at in np.flatnonzero(truth.defect)} == {
            0: 1,
            5: 1,
            7: 3,
            23: 1,
        }
        labels, count = truth.pieces()
        assert count == 2
        assert labels.flat[[0, 5, 7, 23]].tolist() == [1, 1, 2, 1]

    @settings(max_examples=40, deadline=None)
    @given(shown=VOXELS, unseen=VOXELS)
    def test_ground_truth__every_voxel_is_in_one_of_the_two(
        self, shown: list[set[int]], unseen: list[set[int]]
    ) -> None:
        grid = VoxelGrid(np.zeros(3), 1.0, (2, 3, 4))
        arrays = [[np.array(sorted(one), np.int64) for one in some] for some in (shown, unseen)]
        truth = ground_truth(*arrays, grid)
        assert truth.unseen is not None
        assert truth.defect is not None
        for voxel, number in enumerate(truth.defect.flat):
            owners = [index for index, one in enumerate(shown, start=1) if voxel in one]
            assert number == min(owners, default=0)
        found, rest = (set(np.flatnonzero(mask).tolist()) for mask in (truth.mask, truth.unseen))
        assert found == set().union(*shown)
        assert rest == set().union(*unseen) - found
