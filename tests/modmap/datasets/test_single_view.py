"""MVTec 3D-AD and Eyecandies from miniatures in their layouts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from modmap.datasets.single_view import VIEW, Eyecandies, MVTec3D
from modmap.errors import ModMapError
from modmap.files.images import read_point_map
from tests.real_scans import sensor_data
from tests.single_view_sets import FOCAL, HEIGHT, WIDTH, part, pixels, write_eyecandies, write_mvtec3d


class TestMVTec3D:
    def test_train_and_tests(self, tmp_path: Path) -> None:
        dataset = MVTec3D(write_mvtec3d(tmp_path))
        assert dataset.categories == ("bagel",)
        assert [scan.name for scan in dataset.train("bagel")] == ["good_000", "good_001", "good_002"]
        tests = dataset.tests("bagel")
        assert [test.scan.name for test in tests] == ["good_000", "good_001", "hole_000", "hole_001"]
        assert [test.scan.anomalous for test in tests] == [False, False, True, True]
        assert [int(test.defects().sum()) for test in tests] == [0, 0, 64, 64]

    def test_depth__millimetres_without_the_plane(self, tmp_path: Path) -> None:
        root = write_mvtec3d(tmp_path)
        _, z, plane, _ = part(np.random.default_rng(0), defective=False)
        far = np.abs(z / plane - 1) > 0.02
        with_plane = MVTec3D(root, plane=False).train("bagel")[0][VIEW].load().depth
        np.testing.assert_allclose(with_plane.ravel()[1:], 1000 * z.ravel()[1:], rtol=1e-6)
        assert with_plane[0, 0] == 0
        depth = MVTec3D(root).train("bagel")[0][VIEW].load().depth
        np.testing.assert_allclose(depth[far], 1000 * z[far], rtol=1e-6)
        assert not depth[z == plane.astype(np.float32)].any()

    def test_camera__sees_the_points_of_the_cloud(self, tmp_path: Path) -> None:
        dataset = MVTec3D(write_mvtec3d(tmp_path), plane=False)
        scan = dataset.train("bagel")[0]
        frame = scan[VIEW].load()
        assert frame.camera is not None
        assert frame.camera.K[0, 0] == pytest.approx(FOCAL, rel=1e-4)
        v, u = np.nonzero(frame.depth)
        points = frame.camera.back_project(np.stack([u, v], axis=1), frame.depth[v, u])
        x, y = pixels()
        expected = np.stack([x[v, u], y[v, u], np.ones(len(u))], axis=1) * frame.depth[v, u][:, None]
        assert np.abs(points - expected).max() < 0.01
        (finding,) = scan.findings
        assert finding.kind == "guessed"
        assert finding.text.startswith(
            "camera: fitted to the point cloud: a pinhole of focal length 90 px, 0.0"
        )

    def test_camera__none_where_the_points_are_no_cameras(self, tmp_path: Path) -> None:
        root = write_mvtec3d(tmp_path)
        cloud = root / "bagel" / "train" / "good" / "xyz" / "000.tiff"
        points = np.random.default_rng(0).normal(0.5, 0.1, (HEIGHT, WIDTH, 3)).astype(np.float32)
        cv2.imwrite(str(cloud), points)
        scan = MVTec3D(root).train("bagel")[0]
        assert scan[VIEW].camera is None
        assert [finding.kind for finding in scan.findings] == ["missed"]
        with pytest.raises(ModMapError, match=r"xyz/000.tiff: expected points"):
            scan.require_cameras()

    @pytest.mark.shared
    def test_camera__real_parts(self) -> None:
        """The residual is about what the cloud was rounded to, 10 micrometres."""
        dataset = MVTec3D(sensor_data("mvtec3d_ad"))
        for test in dataset.tests("cable_gland")[::25]:
            camera = test.scan[VIEW].camera
            assert camera is not None
            file = test.scan.root
            assert file is not None
            points = 1000 * read_point_map(file / "xyz" / f"{test.scan.name.split('_')[1]}.tiff")
            measured = points[..., 2] > 0
            v, u = np.nonzero(measured)
            back = camera.back_project(np.stack([u, v], axis=1), points[measured][:, 2])
            off = np.linalg.norm(back - points[measured], axis=1)
            assert np.sqrt((off**2).mean()) < 0.02  # mm
            assert camera.K[0, 0] == pytest.approx(2755.8, abs=1)
            assert test.scan[VIEW].load().colour is not None

    def test_errors__name_the_file(self, tmp_path: Path) -> None:
        root = write_mvtec3d(tmp_path / "set")
        with pytest.raises(ModMapError, match=r"no category 'bagle' \(did you mean|no category 'bagle'"):
            MVTec3D(root).train("bagle")
        (root / "bagel" / "test" / "hole" / "gt" / "001.png").unlink()
        with pytest.raises(ModMapError, match=r"hole/gt/001.png: expected a mask of the defect, found none"):
            MVTec3D(root).tests("bagel")
        cloud = root / "bagel" / "train" / "good" / "xyz" / "001.tiff"
        cloud.write_bytes(cloud.read_bytes()[:100])
        with pytest.raises(ModMapError, match=r"xyz/001.tiff"):
            MVTec3D(root).train("bagel")[1][VIEW].load()
        cloud.unlink()
        with pytest.raises(ModMapError, match=r"xyz/001.tiff: expected a point cloud, found none"):
            MVTec3D(root).train("bagel")
        with pytest.raises(
            ModMapError, match="expected a directory a category with a folder train, found set"
        ):
            MVTec3D(tmp_path)
        with pytest.raises(
            ModMapError, match="nowhere: expected the directory of the categories, found none"
        ):
            MVTec3D(tmp_path / "nowhere")


class TestEyecandies:
    def test_train_and_tests(self, tmp_path: Path) -> None:
        dataset = Eyecandies(write_eyecandies(tmp_path))
        assert dataset.categories == ("GummyBear",)
        assert len(dataset.train("GummyBear")) == 3
        tests = dataset.tests("GummyBear")
        assert [test.scan.name for test in tests] == ["000", "001", "002", "003"]
        assert [test.scan.anomalous for test in tests] == [False, False, True, True]
        assert [int(test.defects().sum()) for test in tests] == [0, 0, 64, 64]

    def test_depth__spread_between_the_ends_of_the_yaml(self, tmp_path: Path) -> None:
        root = write_eyecandies(tmp_path)
        image, z, plane, _ = part(np.random.default_rng(0), defective=False)
        frame = Eyecandies(root, plane=False).train("GummyBear")[0][VIEW].load()
        np.testing.assert_allclose(frame.depth, 1000 * z, atol=0.01)
        np.testing.assert_allclose(frame.image, image * 5 // 6, atol=1)
        far = np.abs(z / plane - 1) > 0.02
        depth = Eyecandies(root).train("GummyBear")[0][VIEW].load().depth
        assert (depth[far] > 0).all()
        assert not depth[np.abs(z / plane - 1) < 1e-4].any()

    def test_errors__name_the_file(self, tmp_path: Path) -> None:
        root = write_eyecandies(tmp_path)
        data = root / "GummyBear" / "train" / "data"
        (data / "000_info_depth.yaml").write_text("normalization: 3\n")
        with pytest.raises(
            ModMapError, match=r"000_info_depth.yaml: expected normalization with min and max"
        ):
            Eyecandies(root).train("GummyBear")[0][VIEW].load()
        (data / "001_depth.png").unlink()
        with pytest.raises(ModMapError, match=r"001_depth.png: expected a depth map, found none"):
            Eyecandies(root).train("GummyBear")
        (root / "GummyBear" / "test_public" / "data" / "002_mask.png").unlink()
        with pytest.raises(ModMapError, match=r"002_mask.png: expected a mask, found none"):
            Eyecandies(root).tests("GummyBear")
