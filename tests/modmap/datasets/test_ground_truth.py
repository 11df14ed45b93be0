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


class TestWriteGroundTruth:
    def test_write_ground_truth__same_bytes(self, tmp_path: Path) -> None:
        truth = GroundTruth(np.eye(3)[None] > 0, np.zeros(3), 1.0)
        write_ground_truth(tmp_path / "a.npz", truth)
        write_ground_truth(tmp_path / "deeper" / "b.npz", truth)
        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "deeper" / "b.npz").read_bytes()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "deeper"]
