"""PCD files of every kind, written from the format's description and read by open3d too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.errors import ModMapError
from modmap.importing.pcd import pcd_file
from tests.modmap.importing.clouds import HEIGHT, WIDTH, fields, image, pcd, points

KINDS = ("ascii", "binary", "binary_compressed")


def _colours() -> Any:
    return np.stack([image(), image()[::-1], 255 - image()], axis=-1)


class TestPcdFile:
    @pytest.mark.parametrize("kind", KINDS)
    def test_read__points_where_they_are_measured(self, kind: str, tmp_path: Path) -> None:
        path = tmp_path / "a.pcd"
        path.write_bytes(pcd(fields(points()), kind))
        cloud = pcd_file(path).read()
        np.testing.assert_allclose(cloud.points, points().astype(np.float32), rtol=1e-7)
        assert cloud.image is None

    @pytest.mark.parametrize("kind", KINDS)
    def test_read__as_another_library_does(self, kind: str, tmp_path: Path) -> None:
        open3d = pytest.importorskip("open3d")
        path = tmp_path / "a.pcd"
        path.write_bytes(pcd(fields(points(), rgb=_colours()), kind))
        theirs = open3d.io.read_point_cloud(str(path), remove_nan_points=False, remove_infinite_points=False)
        ours = pcd_file(path).read()
        np.testing.assert_allclose(ours.points.reshape(-1, 3), np.asarray(theirs.points), rtol=1e-6)
        assert ours.image is not None
        their_colours = np.round(np.asarray(theirs.colors) * 255).reshape(HEIGHT, WIDTH, 3)
        np.testing.assert_array_equal(ours.image[..., ::-1], their_colours)

    def test_read__compressed_by_another_library(self, tmp_path: Path) -> None:
        """open3d writes clouds of height 1 alone: the header is then given the sides."""
        open3d = pytest.importorskip("open3d")
        cloud = open3d.geometry.PointCloud(
            open3d.utility.Vector3dVector(np.nan_to_num(points()).reshape(-1, 3))
        )
        path = tmp_path / "a.pcd"
        open3d.io.write_point_cloud(str(path), cloud, compressed=True)
        data = path.read_bytes()
        data = data.replace(
            f"WIDTH {HEIGHT * WIDTH}\nHEIGHT 1".encode(), f"WIDTH {WIDTH}\nHEIGHT {HEIGHT}".encode()
        )
        path.write_bytes(data)
        np.testing.assert_allclose(pcd_file(path).read().points, points(), rtol=1e-6)

    @pytest.mark.parametrize("kind", KINDS)
    def test_read__intensity_is_the_image(self, kind: str, tmp_path: Path) -> None:
        path = tmp_path / "a.pcd"
        path.write_bytes(pcd(fields(points(), grey=image()), kind))
        cloud = pcd_file(path).read()
        assert cloud.image is not None
        np.testing.assert_array_equal(cloud.image, np.round(image() / 255 * 65535))
        assert cloud.notes == (f"intensity: from 0 to {image().max()}, black taken as 0 and white as 255",)

    def test_read__zeros_are_not_measured(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pcd"
        path.write_bytes(pcd(fields(np.nan_to_num(points()))))
        np.testing.assert_array_equal(np.isnan(pcd_file(path).read().points), np.isnan(points()))

    def test_read__what_pads_points_and_several_values_a_field(self, tmp_path: Path) -> None:
        columns = fields(points())
        rows = np.zeros(HEIGHT * WIDTH, [("xyz", "<f4", 3), ("_", "u1", 4), ("n", "<f4", 2)])
        rows["xyz"] = np.stack(list(columns.values()), axis=-1)
        header = pcd(
            columns, FIELDS="x y z _ n", SIZE="4 4 4 1 4", TYPE="F F F U F", COUNT="1 1 1 4 2"
        ).partition(b"DATA binary\n")
        path = tmp_path / "a.pcd"
        path.write_bytes(header[0] + header[1] + rows.tobytes())
        np.testing.assert_allclose(pcd_file(path).read().points, points(), rtol=1e-6)

    def test_viewpoint__is_a_pose_where_it_is_set(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pcd"
        path.write_bytes(pcd(fields(points())))
        assert pcd_file(path).pose is None
        half = np.sqrt(0.5)
        path.write_bytes(pcd(fields(points()), VIEWPOINT=f"0.1 0.2 0.3 {half} 0 0 {half}"))
        pose = pcd_file(path).pose
        assert pose is not None
        np.testing.assert_allclose(pose[:3], [[0, -1, 0, 0.1], [1, 0, 0, 0.2], [0, 0, 1, 0.3]], atol=1e-12)

    def test_missing_package__names_the_extra(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pypcd4", None)
        (tmp_path / "a.pcd").write_bytes(pcd(fields(points())))
        with pytest.raises(
            ModMapError, match=r"package pypcd4, which reads \.pcd, found none: pip install '"
        ):
            pcd_file(tmp_path / "a.pcd")
