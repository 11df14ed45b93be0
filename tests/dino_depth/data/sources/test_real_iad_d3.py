"""Real-IAD D3 from a miniature in its layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dino_depth.data.sources.real_iad_d3 import real_iad_d3
from dino_depth.errors import DinoDepthError
from tests.dino_depth.data.sources.miniatures import write_real_iad_d3


class TestRealIADD3:
    def test_items__nominal_training_parts_only_unless_asked(self, tmp_path: Path) -> None:
        write_real_iad_d3(tmp_path)
        names = real_iad_d3(tmp_path).names()
        assert names == [f"realiad_d3_raw/fuse_holder/OK/S000{number}/xyz.tiff:0" for number in range(2)]
        everything = real_iad_d3(tmp_path, everything=True)
        assert everything.names()[2:] == [
            "realiad_d3_raw/fuse_holder/OK/S0002/xyz.tiff:0",
            "realiad_d3_raw/fuse_holder/NG/scratch/S0003/xyz.tiff:0",
        ]

    def test_read__heights_below_zero_are_moved_up(self, tmp_path: Path) -> None:
        z = write_real_iad_d3(tmp_path)[0]
        source = real_iad_d3(tmp_path)
        depth = source.read(source.items[0])
        holes = np.zeros(z.shape, bool)
        holes[3, 4] = holes[5, 6] = True
        assert np.array_equal(depth == 0, holes)
        np.testing.assert_allclose(depth[~holes], z[~holes] - z[~holes].min() + 1, rtol=1e-6)

    def test_read__positive_depth_is_left_alone(self, tmp_path: Path) -> None:
        z = write_real_iad_d3(tmp_path, lowest=2.0)[0]
        source = real_iad_d3(tmp_path)
        depth = source.read(source.items[0])
        np.testing.assert_array_equal(depth[depth > 0], z[np.isfinite(z) & (z > 0)])
        assert np.count_nonzero(depth == 0) == 2

    def test_layout__errors_name_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(DinoDepthError, match=r"realiad_d3_jsons: expected files .json, found none"):
            real_iad_d3(tmp_path)
        write_real_iad_d3(tmp_path)
        cloud = tmp_path / "realiad_d3_raw" / "fuse_holder" / "OK" / "S0001" / "xyz.tiff"
        cloud.unlink()
        with pytest.raises(
            DinoDepthError,
            match=r"S0001/xyz.tiff: expected the point cloud that fuse_holder.json lists, found no",
        ):
            real_iad_d3(tmp_path)

    @pytest.mark.parametrize(
        "text", ["{", '{"test": []}', '{"train": [{"xyz_path": "a"}]}', "[1]", '{"train": [2]}']
    )
    def test_list__damaged(self, tmp_path: Path, text: str) -> None:
        write_real_iad_d3(tmp_path)
        (tmp_path / "realiad_d3_jsons" / "fuse_holder.json").write_text(text)
        with pytest.raises(
            DinoDepthError,
            match=r"fuse_holder.json: expected lists of parts with anomaly_class and xyz_path, found ",
        ):
            real_iad_d3(tmp_path)

    def test_list__no_nominal_part(self, tmp_path: Path) -> None:
        write_real_iad_d3(tmp_path)
        (tmp_path / "realiad_d3_jsons" / "fuse_holder.json").write_text('{"train": []}')
        with pytest.raises(DinoDepthError, match="expected parts of train with a point cloud, found none"):
            real_iad_d3(tmp_path)
