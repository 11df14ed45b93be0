"""`gt.npz`: round trips, both ways to store the mask, and every unusable value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modmap.datasets import GroundTruth, read_ground_truth, write_ground_truth
from modmap.errors import ModMapError

Array = npt.NDArray[Any]

GOOD: dict[str, Any] = {"mask": np.ones((2, 3, 4), bool), "origin": [1.0, -2, 3], "voxel": 2.0}


def _write(directory: Path, **changes: Any) -> Path:
    content = {key: value for key, value in (GOOD | changes).items() if value is not None}
    np.savez(directory / "gt.npz", **content)
    return directory / "gt.npz"


class TestReadGroundTruth:
    @settings(max_examples=30, deadline=None)
    @given(mask=arrays(bool, st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))))
    def test_read_ground_truth__round_trip(
        self, tmp_path_factory: pytest.TempPathFactory, mask: Array
    ) -> None:
        path = tmp_path_factory.mktemp("gt") / "gt.npz"
        write_ground_truth(path, GroundTruth(mask, np.array([0.1, -2, 1e6]), 0.5))
        truth = read_ground_truth(path)
        assert truth.mask.dtype == bool
        np.testing.assert_array_equal(truth.mask, mask)
        np.testing.assert_array_equal(truth.origin, [0.1, -2, 1e6])
        assert truth.voxel == 0.5

    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
    def test_read_ground_truth__plain_mask(self, tmp_path: Path, dtype: Any) -> None:
        mask = np.arange(24).reshape(2, 3, 4) % 2
        truth = read_ground_truth(_write(tmp_path, mask=mask.astype(dtype)))
        np.testing.assert_array_equal(truth.mask, mask == 1)
        np.testing.assert_array_equal(truth.origin, [1, -2, 3])

    def test_read_ground_truth__unseen_beside_the_mask(self, tmp_path: Path) -> None:
        mask, unseen = np.arange(24).reshape(2, 3, 4) % 2 == 1, np.arange(24).reshape(2, 3, 4) % 4 == 2
        write_ground_truth(tmp_path / "packed.npz", GroundTruth(mask, np.zeros(3), 2.0, unseen))
        plain = read_ground_truth(_write(tmp_path, mask=mask, unseen=unseen))
        for truth in (read_ground_truth(tmp_path / "packed.npz"), plain):
            np.testing.assert_array_equal(truth.mask, mask)
            np.testing.assert_array_equal(truth.unseen, unseen)
        assert read_ground_truth(_write(tmp_path, mask=mask)).unseen is None

    @settings(max_examples=30, deadline=None)
    @given(defect=arrays(np.int64, (3, 2, 4), elements=st.sampled_from([0, 0, 1, 2, 300, 65535])))
    def test_read_ground_truth__defect_of_each_voxel(
        self, tmp_path_factory: pytest.TempPathFactory, defect: Array
    ) -> None:
        path = tmp_path_factory.mktemp("gt") / "gt.npz"
        write_ground_truth(path, GroundTruth(defect > 0, np.zeros(3), 0.5, defect=defect))
        truth = read_ground_truth(path)
        np.testing.assert_array_equal(truth.mask, defect > 0)
        np.testing.assert_array_equal(truth.defect, defect)
        with np.load(path) as file:
            assert file["defect"].dtype == np.uint16
            assert file["defect"].tolist() == [number for number in defect.ravel().tolist() if number]

    def test_read_ground_truth__older_file_without_defect(self, tmp_path: Path) -> None:
        mask = np.arange(24).reshape(2, 3, 4) % 2 == 1
        packed = _write(tmp_path, mask=np.packbits(mask), shape=mask.shape, unseen=np.packbits(~mask))
        truth = read_ground_truth(packed)
        np.testing.assert_array_equal(truth.mask, mask)
        assert truth.defect is None

    def test_read_ground_truth__other_keys_are_left_alone(self, tmp_path: Path) -> None:
        assert read_ground_truth(_write(tmp_path, author=np.array("x"))).mask.all()

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"origin": None}, "expected mask, origin and voxel, found no origin"),
            ({"mask": None, "voxel": None}, "expected mask, origin and voxel, found no mask, voxel"),
            ({"origin": [1.0, np.nan, 0]}, "origin: expected finite numbers"),
            ({"origin": [1.0, 2]}, "origin: expected shape (3,), found (2,)"),
            ({"voxel": np.inf}, "voxel: expected finite numbers"),
            ({"voxel": 0.0}, "voxel: expected a positive edge length in mm, found 0.0"),
            ({"voxel": [1.0]}, "voxel: expected shape (), found (1,)"),
            ({"voxel": "wide"}, "voxel: expected numbers"),
            ({"mask": np.ones((2, 3))}, "mask: expected (X, Y, Z) of true and false, found float64 (2, 3)"),
            (
                {"mask": np.full((2, 2, 2), np.nan)},
                "mask: expected (X, Y, Z) of true and false, found float64",
            ),
            ({"mask": np.full((2, 2, 2), -1)}, "mask: expected 0 and 1, found -1"),
            (
                {"unseen": np.ones((4, 3, 2), bool)},
                "unseen: expected the mask's shape (2, 3, 4), found (4, 3, 2)",
            ),
            ({"unseen": np.ones(3)}, "unseen: expected (X, Y, Z) of true and false, found float64 (3,)"),
            (
                {"defect": np.ones(23, int)},
                "defect: expected 24 integers, one for each voxel of the mask, found int64 (23,)",
            ),
            (
                {"defect": np.ones(24)},
                "defect: expected 24 integers, one for each voxel of the mask, found float64",
            ),
            (
                {"defect": np.arange(24)},
                "defect: expected a number over 0 in the mask alone, found 1 voxels otherwise",
            ),
            ({"defect": np.arange(-1, 23)}, "defect: expected 0 to 65535, found -1 to 22"),
            ({"mask": np.zeros((0, 2, 2), bool)}, "mask: expected (X, Y, Z) of true and false"),
            ({"mask": np.zeros(2, np.uint8), "shape": [2, 3, 4]}, "mask: expected 3 bytes of packed bits"),
            ({"mask": np.zeros(3, np.uint8), "shape": [2, 12]}, "shape: expected three positive integers"),
            ({"mask": np.zeros(3, np.uint8), "shape": [-1, 4, 6]}, "shape: expected three positive integers"),
        ],
    )
    def test_read_ground_truth__bad(self, tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
        path = _write(tmp_path, **changes)
        with pytest.raises(ModMapError) as raised:
            read_ground_truth(path)
        assert str(raised.value).startswith(f"{path}: {expected}")
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
    def test_read_ground_truth__truncated(self, tmp_path: Path, share: float) -> None:
        path = _write(tmp_path)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(ModMapError, match=r"expected a whole \.npz file, found a damaged one"):
            read_ground_truth(path)

    def test_read_ground_truth__missing_and_pickled(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected a ground truth file"):
            read_ground_truth(tmp_path / "gt.npz")
        with pytest.raises(ModMapError, match="Object arrays cannot be loaded"):
            read_ground_truth(_write(tmp_path, mask=np.array([[[{}]]], dtype=object)))


class TestGroundTruth:
    @pytest.mark.parametrize(
        ("defect", "expected"),
        [
            (
                np.ones((1, 3, 2), int),
                "defect: expected integers of the mask's shape (1, 3, 3), found int64 (1, 3, 2)",
            ),
            (
                np.eye(3)[None],
                "defect: expected integers of the mask's shape (1, 3, 3), found float64 (1, 3, 3)",
            ),
            (
                np.eye(3)[None] > 0,
                "defect: expected integers of the mask's shape (1, 3, 3), found bool (1, 3, 3)",
            ),
            (
                np.ones((1, 3, 3), int),
                "defect: expected a number over 0 in the mask alone, found 6 voxels otherwise",
            ),
            (
                np.zeros((1, 3, 3), int),
                "defect: expected a number over 0 in the mask alone, found 3 voxels otherwise",
            ),
            (65536 * np.eye(3, dtype=int)[None], "defect: expected 0 to 65535, found 0 to 65536"),
        ],
    )
    def test_init__bad_defect(self, defect: Array, expected: str) -> None:
        with pytest.raises(ModMapError) as raised:
            GroundTruth(np.eye(3)[None] > 0, np.zeros(3), 1.0, defect=defect)
        assert str(raised.value) == expected

    @settings(max_examples=50, deadline=None)
    @given(defect=arrays(np.uint8, (3, 2, 4), elements=st.sampled_from([0, 0, 1, 2, 5, 200])))
    def test_pieces__one_a_defect_in_the_order_of_their_numbers(self, defect: Array) -> None:
        labels, count = GroundTruth(defect > 0, np.zeros(3), 1.0, defect=defect).pieces()
        present = sorted(set(defect.ravel().tolist()) - {0})
        assert (labels.dtype, count) == (np.int32, len(present))
        expected = [present.index(number) + 1 if number else 0 for number in defect.ravel().tolist()]
        assert labels.ravel().tolist() == expected

    def test_pieces__what_touches_where_the_defects_are_not_known(self) -> None:
        mask = np.zeros((5, 3, 3), bool)
        mask[0, 0, 0] = mask[1, 1, 1] = mask[4, 0, 0] = True
        labels, count = GroundTruth(mask, np.zeros(3), 1.0).pieces()
        assert (labels.dtype, count) == (np.int32, 2)
        assert (labels[0, 0, 0], labels[1, 1, 1], labels[4, 0, 0], labels.sum()) == (1, 1, 2, 4)


class TestWriteGroundTruth:
    @pytest.mark.parametrize("dtype", [None, np.uint8, np.int64])
    def test_write_ground_truth__same_bytes(self, tmp_path: Path, dtype: Any) -> None:
        defect = None if dtype is None else (7 * np.eye(3)[None]).astype(dtype)
        truth = GroundTruth(np.eye(3)[None] > 0, np.zeros(3), 1.0, defect=defect)
        write_ground_truth(tmp_path / "a.npz", truth)
        write_ground_truth(tmp_path / "deeper" / "b.npz", truth)
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "deeper" / "b.npz").read_bytes()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "deeper"]
