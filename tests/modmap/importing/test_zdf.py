"""Zivid's frames, as netCDF4 writes them: Zivid's own examples read with it. No frame of a camera could be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modmap.importing.zdf import zdf_file
from tests.modmap.importing.clouds import image, points, write_zdf

pytest.importorskip("netCDF4")


class TestZdfFile:
    def test_read__points_and_colours(self, tmp_path: Path) -> None:
        colours = np.stack([image(), image()[::-1], 255 - image()], axis=-1)
        file = zdf_file(write_zdf(tmp_path / "a.zdf", points(), rgb=colours))
        assert file.unit == 1.0
        cloud = file.read()
        np.testing.assert_allclose(cloud.points, points(), rtol=1e-6)
        assert cloud.image is not None
        np.testing.assert_array_equal(cloud.image[..., ::-1], colours)

    def test_read__points_alone(self, tmp_path: Path) -> None:
        assert zdf_file(write_zdf(tmp_path / "a.zdf", points())).read().image is None
