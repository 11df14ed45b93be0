"""MVTec 3D-AD from a miniature in its layout."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from dino_depth.data.sources.mvtec_3d_ad import mvtec_3d_ad
from dino_depth.errors import DinoDepthError
from tests.single_view_sets import part, write_mvtec3d


class TestMVTec3DAD:
    def test_items__nominal_training_parts_only_unless_asked(self, tmp_path: Path) -> None:
        write_mvtec3d(tmp_path)
        names = [name.split("/", 1)[1] for name in mvtec_3d_ad(tmp_path).names()]
        assert names == [f"train/good/xyz/00{number}.tiff:0" for number in range(3)]
        everything = mvtec_3d_ad(tmp_path, everything=True)
        assert len(everything.items) == 7
        assert {item.category for item in everything.items} == {"bagel"}

    def test_read__millimetres_without_the_plane(self, tmp_path: Path) -> None:
        source = mvtec_3d_ad(write_mvtec3d(tmp_path))
        _, z, plane, _ = part(np.random.default_rng(0), defective=False)
        depth = source.read(source.items[0])
        far = np.abs(z / plane - 1) > 0.02
        np.testing.assert_allclose(depth[far], 1000 * z[far], rtol=1e-6)
        assert not depth[np.abs(z / plane - 1) < 1e-4].any()
        assert depth.dtype == np.float32

    def test_read__keep_plane(self, tmp_path: Path) -> None:
        source = mvtec_3d_ad(write_mvtec3d(tmp_path), keep_plane=True)
        _, z, _, _ = part(np.random.default_rng(0), defective=False)
        depth = source.read(source.items[0])
        np.testing.assert_allclose(depth.ravel()[1:], 1000 * z.ravel()[1:], rtol=1e-6)
        assert depth[0, 0] == 0

    def test_read__a_tiff_written_byte_by_byte(self, tmp_path: Path) -> None:
        # Three gray samples a pixel, as the published files have: x, y, z in this order.
        source = mvtec_3d_ad(write_mvtec3d(tmp_path), keep_plane=True)
        cloud = np.random.default_rng(1).uniform(0.1, 0.9, (6, 9, 3)).astype(np.float32)
        source.items[0].path.write_bytes(_tiff(cloud))
        np.testing.assert_allclose(source.read(source.items[0]), 1000 * cloud[..., 2], rtol=1e-6)

    @pytest.mark.parametrize("share", [0.1, 0.6, 0.98])
    def test_read__truncated(self, tmp_path: Path, share: float) -> None:
        source = mvtec_3d_ad(write_mvtec3d(tmp_path))
        path = source.items[1].path
        for data in (path.read_bytes(), _tiff(np.ones((60, 80, 3), np.float32))):
            path.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(
                DinoDepthError,
                match=r"good/xyz/001.tiff: (expected a whole TIFF, found|truncated TIFF: expected)",
            ):
                source.read(source.items[1])

    def test_layout__errors_name_the_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DinoDepthError, match="nowhere: expected the directory of a data set, found none"):
            mvtec_3d_ad(tmp_path / "nowhere")
        with pytest.raises(DinoDepthError, match="with train/good/xyz in each, found an empty folder"):
            mvtec_3d_ad(tmp_path)
        (tmp_path / "bagel" / "train" / "good" / "xyz").mkdir(parents=True)
        with pytest.raises(DinoDepthError, match=r"good/xyz: expected files .tiff, found none"):
            mvtec_3d_ad(tmp_path)


def _tiff(cloud: np.ndarray) -> bytes:
    """An uncompressed little-endian TIFF, its directory before its one strip of data."""
    height, width, _ = cloud.shape
    data = cloud.astype("<f4").tobytes()
    short, long = 3, 4
    tags = [
        (256, short, 1, width),
        (257, short, 1, height),
        (258, short, 3, None),  # bits a sample
        (259, short, 1, 1),  # no compression
        (262, short, 1, 1),  # black is zero
        (273, long, 1, None),  # where the strip starts
        (277, short, 1, 3),  # samples a pixel
        (278, short, 1, height),
        (279, long, 1, len(data)),
        (284, short, 1, 1),  # samples side by side
        (339, short, 3, None),  # kind of sample
    ]
    bits = 8 + 2 + 12 * len(tags) + 4
    places = {258: bits, 339: bits + 6, 273: bits + 12}
    directory = struct.pack("<H", len(tags))
    for tag, kind, count, value in tags:
        # A short of one is in the lower half of the four bytes: the same as a long, little-endian.
        directory += struct.pack("<HHII", tag, kind, count, places[tag] if value is None else value)
    return struct.pack("<2sHI", b"II", 42, 8) + directory + struct.pack("<I6H", 0, 32, 32, 32, 3, 3, 3) + data
