"""Organised PLY files, as plyfile writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plyfile import PlyData, PlyElement

from modmap.importing.ply import ply_file
from tests.modmap.importing.clouds import HEIGHT, WIDTH, image, points

SIDES = [f"num_cols {WIDTH}", f"num_rows {HEIGHT}"]


def _vertices(cloud: Any, grey: Any) -> Any:
    names = [("x", "f4"), ("y", "f4"), ("z", "f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
    found = np.zeros(len(cloud), names)
    for index, name in enumerate("xyz"):
        found[name] = cloud[:, index]
    for name in ("red", "green", "blue"):
        found[name] = grey
    return found


@pytest.mark.parametrize("text", [False, True])
class TestPlyFile:
    def test_read__a_point_for_every_pixel(self, text: bool, tmp_path: Path) -> None:
        element = PlyElement.describe(_vertices(points().reshape(-1, 3), image().ravel()), "vertex")
        PlyData([element], text=text, obj_info=SIDES).write(tmp_path / "a.ply")
        cloud = ply_file(tmp_path / "a.ply").read()
        np.testing.assert_allclose(cloud.points, points(), rtol=1e-5)
        assert cloud.image is not None
        np.testing.assert_array_equal(cloud.image[..., 0], image())

    def test_read__a_range_grid(self, text: bool, tmp_path: Path) -> None:
        """Only what was measured is stored; every pixel names its point."""
        there = np.isfinite(points()).all(axis=2)
        number = np.cumsum(there.ravel()) - 1
        grid = np.empty(HEIGHT * WIDTH, [("vertex_indices", "O")])
        grid["vertex_indices"] = [
            np.array([index] if measured else [], dtype="i4")
            for index, measured in zip(number, there.ravel(), strict=True)
        ]
        elements = [
            PlyElement.describe(_vertices(points()[there], image()[there]), "vertex"),
            PlyElement.describe(grid, "range_grid", val_types={"vertex_indices": "i4"}),
        ]
        PlyData(elements, text=text, obj_info=SIDES).write(tmp_path / "a.ply")
        cloud = ply_file(tmp_path / "a.ply").read()
        np.testing.assert_allclose(cloud.points, points(), rtol=1e-5)
        assert cloud.image is not None
        np.testing.assert_array_equal(cloud.image[there][:, 0], image()[there])
