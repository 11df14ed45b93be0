"""The faces of a box, and how far they may lie off."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modmap.evidence.deviation import deviations
from modmap.evidence.faces import TOLERANCE, faces_of, without_offsets
from modmap.evidence.nominal import NominalSurface
from tests.modmap.alignment.blobs import ring
from tests.modmap.evidence.boxes import Box, box_surfaces
from tests.modmap.evidence.dented import dented

LOW, HIGH = (-40.0, -30.0, -20.0), (40.0, 30.0, 20.0)
CUBE = Box(LOW, HIGH)


class TestFacesOf:
    def test_faces_of__a_box_has_as_many_as_are_seen(self) -> None:
        (surface,) = box_surfaces(ring(8)[1:2], [CUBE]).values()
        face = faces_of(surface)
        found = []
        for axis in range(3):
            across = [other for other in range(3) if other != axis]
            for end in (LOW, HIGH):
                on = (surface.depth > 0) & (np.abs(surface.points[..., axis] - end[axis]) < 0.01)
                # Some pixels, each under a millimetre, from the edges.
                for other in across:
                    on &= (surface.points[..., other] > LOW[other] + 5) & (
                        surface.points[..., other] < HIGH[other] - 5
                    )
                if on.sum() > 20:
                    (number,) = np.unique(face[on])
                    found.append(int(number))
        assert len(found) == 3  # a camera above a corner sees three
        assert len(set(found) - {0}) == 3
        assert (face[surface.depth == 0] == 0).all()

    def test_faces_of__a_ball_has_one(self) -> None:
        (surface,) = dented(ring(1), depth=0.0, towards=np.array([0, 0, 1.0])).values()
        face = faces_of(surface)
        assert len(np.unique(face[surface.cosine > 0.6])) == 1


class TestWithoutOffsets:
    @settings(deadline=None)
    @given(
        hnp.arrays(
            np.float32, st.integers(0, 30), elements=st.sampled_from([np.nan, *(np.arange(-16, 17) / 32)])
        ),
        st.randoms(use_true_random=False),
    )
    def test_without_offsets__medians_against_a_loop(self, deviation: np.ndarray, random: Random) -> None:
        face = np.array([random.randrange(4) for _ in deviation], dtype=np.int32)
        found = without_offsets(deviation.copy(), face, tolerance=0.2)
        expected = deviation.copy()
        for number in (1, 2, 3):
            values = deviation[(face == number) & np.isfinite(deviation)]
            if len(values):
                expected[face == number] -= np.clip(np.median(values), -0.2, 0.2)
        np.testing.assert_allclose(found, expected, atol=1e-6)

    @pytest.mark.parametrize("offset", [0.1, -0.1, 0.4, -0.4])
    def test_without_offsets__beyond_the_tolerance_the_rest_remains(self, offset: float) -> None:
        """The top of a box is higher or lower than the nominal one's, and has a dent."""
        cameras = ring(6)
        nominal = NominalSurface.of(box_surfaces(cameras, [CUBE]))
        other = Box(LOW, (*HIGH[:2], HIGH[2] + offset), dent=(0.0, 0.0, 8.0, 0.5))
        new = box_surfaces(cameras, [other])
        rest = np.sign(offset) * max(abs(offset) - TOLERANCE, 0)
        for view_id, one in deviations(nominal, new, np.eye(4)).items():
            points = new[view_id].points
            inner = (np.abs(points[..., :2]) < (32, 22)).all(axis=2) & np.isfinite(one.deviation)
            top = inner & (np.abs(points[..., 2] - HIGH[2] - offset) < 0.01)
            top &= (np.abs(points[..., :2]) > 11).any(axis=2)
            dent = inner & (np.abs(points[..., 2] - HIGH[2] - offset + 0.5) < 0.01)
            dent &= (np.abs(points[..., :2]) < 5).all(axis=2)
            assert min(top.sum(), dent.sum()) > 20
            np.testing.assert_allclose(one.deviation[top], rest, atol=0.02)
            np.testing.assert_allclose(one.deviation[dent], rest - 0.5, atol=0.02)
