"""Clamps that a nominal scan of the part alone doesn't show: boxes on a table, one over the part's edge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.alignment.motion import inverse, motion_of, moved
from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface
from modmap.evidence.comparison import LaidScan
from modmap.evidence.deviation import deviations
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.strangers import without_strangers
from tests.modmap.alignment.blobs import ring
from tests.modmap.evidence.boxes import Box, box_surfaces

Array = npt.NDArray[Any]

CAMERAS = ring(8)
TABLE = -20.0
CARRIED = motion_of(np.array([0, 0, 0.02, 1.0, -0.7, 0]), about=np.zeros(3))
PART = Box((-45.0, -30.0, TABLE), (15.0, 30.0, 0.0))
CLAMP = Box((10.0, -12.0, 0.3), (45.0, 12.0, 14.0))  # lies on the part's edge, and on a stop beside it
STOP = Box((25.0, -12.0, TABLE), (45.0, 12.0, 0.3))
BUMP = Box((-25.0, -6.0, 0.0), (-13.0, 6.0, 5.0))


def _of(box: Box, surface: ViewSurface, *, motion: Array) -> Array:
    """(H, W) bool: the smooth pixels that show a box, half a millimetre and more above what it stands on."""
    home = surface.points @ motion[:3, :3].T + motion[:3, 3]
    low, high = np.array(box.low) - 0.3, np.array(box.high) + 0.3
    low[2] = box.low[2] + 0.5
    return np.asarray(surface.smooth & ((home > low) & (home < high)).all(axis=2))


def _new(*boxes: Box) -> dict[str, ViewSurface]:
    part = [replace(box, motion=CARRIED) for box in (PART, *boxes)]
    return box_surfaces(CAMERAS, [*part, CLAMP, STOP], table=TABLE, noise=0.02)


def _kept(found: dict[str, ViewSurface], new: dict[str, ViewSurface], box: Box, *, motion: Array) -> float:
    shown = {view_id: _of(box, surface, motion=motion) for view_id, surface in new.items()}
    total = sum(int(one.sum()) for one in shown.values())
    assert total > 300
    return sum(int((one & found[view_id].smooth).sum()) for view_id, one in shown.items()) / total


class TestWithoutStrangers:
    def test_without_strangers__the_part_and_a_bump_on_it_stay_and_what_holds_it_goes(self) -> None:
        nominal = NominalSurface.of(box_surfaces(CAMERAS, [PART]))
        assert not nominal.supported
        new, _ = without_support(_new(BUMP))
        back = inverse(CARRIED)
        found = without_strangers(nominal, new, back)
        assert _kept(found, new, PART, motion=back) > 0.85
        assert _kept(found, new, BUMP, motion=back) > 0.95
        for stranger in (CLAMP, STOP):
            assert _kept(found, new, stranger, motion=np.eye(4)) < 0.01

    def test_of__a_part_that_was_rendered_alone(self) -> None:
        """From the alignment to the deviation: nothing is said of the clamp, and the bump is 5 mm high."""
        drawn = box_surfaces(CAMERAS, [PART])
        nominal = NominalSurface.of(drawn)
        new = _new(BUMP)
        laid = LaidScan.of(drawn, new, nominal)
        found = deviations(nominal, laid.part, laid.registration.motion)
        bump, elsewhere = [], []
        for view_id, one in found.items():
            known = np.isfinite(one.deviation)
            points = moved(laid.registration.motion, new[view_id].points[known].astype(np.float64))
            on_bump = (np.abs(points[:, :2] - (-19.0, 0.0)) < 4).all(axis=1) & (points[:, 2] > 4)
            beside = (np.abs(points[:, :2] - (-19.0, 0.0)) > 12).any(axis=1)
            bump.append(one.deviation[known][on_bump])
            elsewhere.append(one.deviation[known][beside])
        np.testing.assert_allclose(np.median(np.concatenate(bump)), 5, atol=0.1)
        assert np.abs(np.concatenate(elsewhere)).max() < 0.5

    def test_of__without_a_table_all_is_the_part(self) -> None:
        """What reaches far may then be a bent piece of it."""
        drawn = box_surfaces(CAMERAS, [PART])
        bent = Box((-25.0, -6.0, 0.0), (-13.0, 6.0, 18.0))
        new = box_surfaces(CAMERAS, [PART, bent], noise=0.02)
        laid = LaidScan.of(drawn, new, NominalSurface.of(drawn))
        for view_id, surface in new.items():
            np.testing.assert_array_equal(laid.part[view_id].cosine, surface.cosine)
