"""A nominal image laid on a view of the part as it lies now: a painted plate, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.alignment.beside import nominal_beside
from modmap.alignment.motion import inverse, motion_of, moved
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.scan import Frame
from tests.modmap.alignment.blobs import HEIGHT, WIDTH, overhead
from tests.synthetic_scans import plane_depth

Array = npt.NDArray[Any]
CAMERA = overhead()


def _plate(
    motion: Array, *, dtype: str = "uint8", view: str = "00"
) -> tuple[dict[str, Frame], dict[str, ViewSurface]]:
    """A plate of 90 x 60 mm painted with waves, carried by a motion about the axis that the camera looks along."""
    depth = plane_depth(CAMERA, WIDTH, HEIGHT, normal=np.array([0, 0, 1.0]), offset=0.0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64)
    world = CAMERA.back_project(pixels, depth.ravel().astype(np.float64))
    own = moved(inverse(motion), world)
    part = (np.abs(own[:, 0]) < 45) & (np.abs(own[:, 1]) < 30)
    paint = 120 + 50 * np.sin(own[:, 0] / 6) + 40 * np.cos(own[:, 1] / 4)
    image = np.where(part, paint, 20).reshape(HEIGHT, WIDTH)
    image = (257 * image).astype(dtype) if dtype == "uint16" else image.astype(dtype)
    frame = Frame(view, image, np.where(part.reshape(HEIGHT, WIDTH), depth, 0).astype(np.float32), CAMERA)
    return {view: frame}, {view: view_surface(frame, frame.depth > 0)}


class TestNominalBeside:
    @pytest.mark.parametrize("degrees", [0.0, 3.0, 130.0])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_nominal_beside__as_the_part_looks_where_it_lies_now(self, degrees: float, dtype: str) -> None:
        motion = motion_of(np.array([0, 0, np.radians(degrees), 6.0, -4.0, 0.0]), about=np.zeros(3))
        frames, surfaces = _plate(np.eye(4), dtype=dtype)
        now, new = _plate(motion, dtype=dtype)
        found = nominal_beside(frames, surfaces, new, inverse(motion))["00"]
        assert found.dtype == dtype
        inside = new["00"].smooth
        scale = 257 if dtype == "uint16" else 1
        difference = np.abs(found[inside].astype(float) - now["00"].image[inside].astype(float)) / scale
        assert difference.mean() < 1.5

    def test_nominal_beside__shows_what_the_new_scan_lacks(self) -> None:
        frames, surfaces = _plate(np.eye(4))
        now, _ = _plate(np.eye(4))
        depth = now["00"].depth.copy()
        depth[60:90, 80:120] = 0
        broken = Frame("00", np.where(depth > 0, now["00"].image, 0).astype(np.uint8), depth, CAMERA)
        found = nominal_beside(frames, surfaces, {"00": view_surface(broken, depth > 0)}, np.eye(4))["00"]
        np.testing.assert_allclose(found[60:90, 80:120], frames["00"].image[60:90, 80:120], atol=1)

    def test_nominal_beside__views_that_cannot_be_laid_are_left_out(self) -> None:
        frames, surfaces = _plate(np.eye(4))
        _, other = _plate(np.eye(4), view="07")
        nothing = np.zeros((HEIGHT, WIDTH), np.float32)
        empty = view_surface(Frame("00", frames["00"].image, nothing, CAMERA), nothing > 0)
        assert nominal_beside(frames, surfaces, other, np.eye(4)) == {}
        assert nominal_beside(frames, surfaces, {"00": empty}, np.eye(4)) == {}
