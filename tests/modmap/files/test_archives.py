"""Archives that would take more memory than can be meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modmap.datasets import read_ground_truth
from modmap.errors import ModMapError
from modmap.files.archives import opened_npz


class TestOpenedNpz:
    def test_opened_npz__reads_what_fits_and_nothing_more(self, tmp_path: Path) -> None:
        np.savez_compressed(tmp_path / "a.npz", zeros=np.zeros(10_000))
        assert (tmp_path / "a.npz").stat().st_size < 1000
        with opened_npz(tmp_path / "a.npz", most_bytes=81_000) as archive:
            assert archive["zeros"].shape == (10_000,)
        with (
            pytest.raises(ValueError, match="GB of arrays"),
            opened_npz(tmp_path / "a.npz", most_bytes=80_000),
        ):
            pass

    def test_opened_npz__a_single_array(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.zeros((2, 3)))
        with (
            pytest.raises(ValueError, match=r"a single array \(2, 3\)"),
            opened_npz(tmp_path / "a.npy", most_bytes=99),
        ):
            pass

    def test_read_ground_truth__more_voxels_than_a_part_has(self, tmp_path: Path) -> None:
        shape = np.array([2**20, 2**10, 2])
        np.savez_compressed(
            tmp_path / "gt.npz", mask=np.zeros(8, np.uint8), shape=shape, origin=np.zeros(3), voxel=2.0
        )
        with pytest.raises(
            ModMapError, match=r"gt.npz: shape: expected at most 1,000,000,000 voxels, found 2,147,483,648"
        ):
            read_ground_truth(tmp_path / "gt.npz")
