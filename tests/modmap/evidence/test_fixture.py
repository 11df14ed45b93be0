"""Fixtures beside a part: boxes that stay on the table where another box was moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from modmap.alignment.motion import inverse, motion_of
from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface
from modmap.camera import Camera
from modmap.evidence.deviation import deviations, place_edge
from modmap.evidence.fixture import without_fixtures
from modmap.evidence.nominal import NominalSurface
from tests.modmap.alignment.blobs import ring
from tests.modmap.evidence.boxes import Box, box_surfaces

Array = npt.NDArray[Any]
TABLE = -20.0
PART = Box((-45.0, -30.0, TABLE), (15.0, 30.0, 0.0))
CLAMP = Box((35.0, -20.0, TABLE), (60.0, 20.0, 8.0))


def _shifted(cameras: list[Camera], *, by: float) -> list[Camera]:
    """The cameras, each somewhere else by a length in mm."""
    rng = np.random.default_rng(4)
    moved = []
    for camera in cameras:
        step = rng.normal(size=3)
        pose = camera.T_world_to_camera.copy()
        pose[:3, 3] += by * step / np.linalg.norm(step)
        moved.append(replace(camera, T_world_to_camera=pose))
    return moved


def _of(box: Box, surface: ViewSurface) -> Array:
    """(H, W) bool: the pixels that show the box, well inside its outline and off the table."""
    pose = np.eye(4) if box.motion is None else inverse(box.motion)
    home = surface.points @ pose[:3, :3].T + pose[:3, 3]
    low, high = np.array(box.low) - 1, np.array(box.high) + 1
    low[2] = TABLE + 3
    inside = (surface.depth > 0) & ((home > low) & (home < high)).all(axis=2)
    return np.asarray(cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


class TestWithoutFixtures:
    @pytest.mark.parametrize("motion", [(0.4, 0.3, 0.0), (-0.5, 0.0, 0.0), (0.3, -0.3, 0.004)])
    def test_without_fixtures__views_are_shifted_as_far_as_the_part_moved(
        self, motion: tuple[float, float, float]
    ) -> None:
        """(x, y) mm and turn, radians; every view of either scan stands 0.2 mm off, and depth is noisy."""
        cameras = ring(8)
        carried = motion_of(np.array([0, 0, motion[2], motion[0], motion[1], 0]), about=np.zeros(3))
        before, after = _shifted(cameras, by=0.2), _shifted(cameras[::-1], by=0.2)[::-1]
        nominal = NominalSurface.of(
            box_surfaces(cameras, [PART, CLAMP], table=TABLE, stood=before, noise=0.03)
        )
        part = replace(PART, motion=carried)
        new = box_surfaces(cameras, [part, CLAMP], table=TABLE, stood=after, noise=0.03)
        off_table, _ = without_support(new)
        found, fixtures = without_fixtures(nominal, off_table, inverse(carried), edge=place_edge(new))
        kept = {name: [0, 0] for name in ("part", "clamp")}
        share = {
            box: np.mean(
                np.concatenate([one[_of(box, nominal.views[name])] for name, one in fixtures.items()])
            )
            for box in (PART, CLAMP)
        }
        assert share[PART] < 0.05  # where the clamp stands before it
        assert share[CLAMP] > 0.5
        for view_id, surface in new.items():
            for name, box in (("part", part), ("clamp", CLAMP)):
                asked = _of(box, surface) & surface.smooth
                kept[name][0] += int((asked & found[view_id].smooth).sum())
                kept[name][1] += int(asked.sum())
        assert min(total for _, total in kept.values()) > 500
        assert kept["part"][0] > 0.97 * kept["part"][1]
        # But for faces along which the part slid: under neither guess do they lie off.
        assert kept["clamp"][0] < 0.5 * kept["clamp"][1]
        left = deviations(nominal, found, inverse(carried))
        on_clamp = np.concatenate([left[view_id].score[_of(CLAMP, new[view_id])] for view_id in left])
        assert np.nan_to_num(on_clamp).max() < 2

    def test_without_fixtures__a_view_that_the_nominal_scan_lacks_is_left_as_it_is(self) -> None:
        both = box_surfaces(ring(4), [PART, CLAMP], table=TABLE)
        nominal = NominalSurface.of({view_id: both[view_id] for view_id in ("00", "02", "03")})
        found, before = without_fixtures(nominal, both, np.eye(4), edge=1.0)
        assert (set(found), set(before)) == (set(both), {"00", "02", "03"})
        assert found["01"] is both["01"]

    def test_without_fixtures__a_warped_place_that_lies_where_the_part_was_is_kept(self) -> None:
        """A plate is lifted by as much as a dent in it is deep; a clamp beside it stays where it is."""
        cameras, lift = ring(6), 0.6
        plate = Box((-50.0, -40.0, -10.0), (30.0, 40.0, 0.0))
        clamp = Box((45.0, -15.0, -10.0), (65.0, 15.0, 12.0))
        nominal = NominalSurface.of(box_surfaces(cameras, [plate, clamp], table=-10.0))
        assert nominal.supported
        motion = np.eye(4)
        motion[2, 3] = lift
        dented_plate = replace(plate, motion=motion, dent=(-15.0, 0.0, 12.0, lift))
        new = box_surfaces(cameras, [dented_plate, clamp], table=-10.0)
        off_table, _ = without_support(new)
        part, before = without_fixtures(nominal, off_table, inverse(motion), edge=place_edge(new))
        assert any(one.any() for one in before.values())
        for view_id, one in deviations(nominal, part, inverse(motion)).items():
            surface = new[view_id]
            x, y, z = np.moveaxis(surface.points, 2, 0)
            said = np.isfinite(one.deviation)
            of_dent = (surface.depth > 0) & (np.abs(x + 15) < 8) & (np.abs(y) < 8) & (np.abs(z) < 0.05)
            of_plate = (
                (surface.depth > 0) & (np.abs(z - lift) < 0.05) & (x > -44) & (x < 24) & (np.abs(y) < 34)
            )
            of_plate &= (np.abs(x + 15) > 16) | (np.abs(y) > 16)
            of_clamp = (surface.depth > 0) & (x > 44.9) & (z > -9.9)
            assert min(of_dent.sum(), of_plate.sum(), of_clamp.sum()) > 50
            assert said[of_dent].all()
            np.testing.assert_allclose(one.deviation[of_dent], -lift, atol=0.02)
            assert said[of_plate].mean() > 0.9
            np.testing.assert_allclose(one.deviation[of_plate & said], 0, atol=0.02)
            assert not said[of_clamp].any()
            # Its rim, and what is narrower than that.
            beside = cv2.dilate(of_clamp.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            assert not said[beside].any()
            pieces, count = ndimage.label(said, np.ones((3, 3)))
            opened = ndimage.binary_erosion(said, np.ones((2, 2)))
            assert set(np.unique(pieces[opened])) == set(range(1, count + 1))
