"""MVTec 3D-AD and Eyecandies from miniatures in their layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modmap.datasets.single_view import VIEW, Eyecandies, MVTec3D
from modmap.errors import ModMapError
from tests.single_view_sets import part, write_eyecandies, write_mvtec3d


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
