"""The shift of a view, against the shift that it was given."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.alignment.motion import motion_of
from modmap.alignment.registration import sampled
from modmap.evidence.view_shift import view_shift
from tests.modmap.alignment.blobs import ring, surfaces
from tests.modmap.evidence.boxes import Box, box_surfaces


class TestViewShift:
    @pytest.mark.parametrize("shift", [(0.2, -0.1, 0.15), (0.0, 0.0, 0.0), (-0.4, 0.3, 0.1)])
    def test_view_shift__is_the_one_that_undoes_what_was_done(
        self, shift: tuple[float, float, float]
    ) -> None:
        cameras = ring(2)
        nominal = surfaces(cameras, noise=0.02)
        new = surfaces(cameras, motion=motion_of(np.array([0, 0, 0, *shift]), about=np.zeros(3)), noise=0.02)
        for view_id, surface in new.items():
            found = view_shift(nominal[view_id], sampled(view_id, surface), np.eye(4))
            np.testing.assert_allclose(found, -np.array(shift), atol=0.03)

    def test_view_shift__what_a_plane_leaves_open_isnt_followed(self) -> None:
        cameras = ring(1)
        plate = Box((-200.0, -200.0, -5.0), (200.0, 200.0, 0.0))
        (nominal,) = box_surfaces(cameras, [plate], noise=0.02).values()
        lifted = motion_of(np.array([0, 0, 0, 0.3, 0.0, 0.2]), about=np.zeros(3))
        (new,) = box_surfaces(cameras, [Box(plate.low, plate.high, motion=lifted)], noise=0.02).values()
        found = view_shift(nominal, sampled("00", new), np.eye(4))
        np.testing.assert_allclose(found, (0, 0, -0.2), atol=0.02)
