"""A flat plate whose faces tell nothing of how far it lies along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.alignment.align import align
from modmap.alignment.motion import difference, inverse, motion_of
from modmap.alignment.registration import register, sampled
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.scan import Frame
from tests.modmap.alignment.blobs import HEIGHT, WIDTH, ring
from tests.synthetic_scans import ball_depth, plane_depth, rays

Array = npt.NDArray[Any]

HALF = (55.0, 45.0)  # mm
# Where spheres of 12 mm stand out of the plate by 4 mm: no turn lays them on each other.
BUMPS = ((-35.0, -20.0), (30.0, -28.0), (12.0, 25.0), (-28.0, 18.0))
RADIUS, HEIGHT_OF_BUMP = 12.0, 4.0


def _plate(cameras: Sequence[Camera], motion: Array) -> dict[str, ViewSurface]:
    """The plate's top, with its bumps, in every view; nothing around it is measured."""
    found = {}
    normal, there = motion[:3, 2], motion[:3, 3]
    for index, camera in enumerate(cameras):
        depth = plane_depth(camera, WIDTH, HEIGHT, normal=normal, offset=float(normal @ there))
        origin, directions = rays(camera, WIDTH, HEIGHT)
        own = (origin + depth[..., None] * directions - there) @ motion[:3, :3]
        depth = np.where((np.abs(own[..., :2]) < HALF).all(axis=2) & (depth > 0), depth, np.inf)
        for x, y in BUMPS:
            centre = motion[:3, :3] @ (x, y, HEIGHT_OF_BUMP - RADIUS) + there
            ball = ball_depth(camera, WIDTH, HEIGHT, centre=centre, radius=RADIUS)
            depth = np.where(ball > 0, np.minimum(depth, ball), depth)
        depth = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
        frame = Frame(f"{index:02d}", np.zeros((HEIGHT, WIDTH), np.uint8), depth, camera)
        found[frame.id] = view_surface(frame, depth > 0)
    return found


ALONG = [
    motion_of(np.array([0.0, 0.0, np.radians(1.0), 5.0, 0.0, 0.0]), about=np.zeros(3)),
    motion_of(np.array([0.0, 0.0, -np.radians(1.0), -3.0, 4.0, 0.0]), about=np.zeros(3)),
]


class TestSampled:
    @pytest.mark.parametrize("axis", [0, 1, 2])
    @pytest.mark.parametrize("sign", [-1, 1])
    def test_sampled__normals_a_little_longer_than_one(self, axis: int, sign: int) -> None:
        surface = _plate(ring(1), np.eye(4))["00"]
        normals = np.zeros_like(surface.normals)
        normals[..., axis] = sign * np.float32(1.000001)
        found = sampled("00", replace(surface, normals=normals), count=100)
        assert len(found.points) == 100
        assert len(np.unique(found.points, axis=0)) == 100


class TestRegister:
    @pytest.mark.parametrize("motion", ALONG, ids=["x", "xy"])
    def test_register__a_plate_is_found_along_its_face_from_the_identity(self, motion: Array) -> None:
        cameras = ring(6)
        nominal, new = _plate(cameras, np.eye(4)), _plate(cameras, motion)
        samples = [sampled(view_id, surface) for view_id, surface in new.items()]
        for found in (register(nominal, samples, reach=10.0), align(nominal, new)):
            far, angle = difference(found.motion, inverse(motion), at=motion[:3, 3])
            assert far < 0.05
            assert angle < 0.05

    def test_register__does_not_leave_where_it_lies_right(self) -> None:
        nominal = _plate(ring(6), np.eye(4))
        found = register(nominal, [sampled(view_id, one) for view_id, one in nominal.items()], reach=10.0)
        np.testing.assert_allclose(found.motion, np.eye(4), atol=1e-6)
