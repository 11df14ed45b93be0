"""A ball that is missing is found where it would lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modmap.alignment.motion import inverse, motion_of, moved
from modmap.evidence.absence import absences
from modmap.evidence.nominal import NominalSurface
from tests.modmap.alignment.blobs import BALLS, ring, surfaces

MOTION = motion_of(np.array([0.02, -0.01, 0.03, 1.5, -0.7, 0.4]), about=np.array([5.0, 3.0, 1.0]))
MISSING, TABLE = 3, -31.0


class TestAbsences:
    def test_absences__a_missing_ball_is_scored_on_its_surface_in_the_new_world(self) -> None:
        cameras = ring(8)
        nominal = NominalSurface.of(surfaces(cameras, table=TABLE))
        new = surfaces(cameras, motion=MOTION, without=MISSING, table=TABLE)
        found = absences(nominal, new, inverse(MOTION), edge=2.0, fixtures={})
        centre, radius = BALLS[MISSING]
        place = moved(MOTION, np.array([centre]))[0]
        distance = np.linalg.norm(found.points - place, axis=1)
        assert len(found.points) > 300
        assert np.mean(np.abs(distance - radius) < 0.1) > 0.98
        assert found.scores.min() > 4
        assert np.median(found.scores) > 10

    def test_absences__a_good_part_lacks_nothing(self) -> None:
        cameras = ring(8)
        nominal = NominalSurface.of(surfaces(cameras, table=TABLE, noise=0.05))
        new = surfaces(cameras, motion=MOTION, table=TABLE, noise=0.05)
        assert len(absences(nominal, new, inverse(MOTION), edge=2.0, fixtures={}).points) == 0

    def test_absences__what_was_not_measured_is_not_missing(self) -> None:
        cameras = ring(8)
        nominal = NominalSurface.of(surfaces(cameras))
        new = {
            view_id: replace(one, depth=np.zeros_like(one.depth))
            for view_id, one in surfaces(cameras).items()
        }
        assert len(absences(nominal, new, np.eye(4), edge=2.0, fixtures={}).points) == 0
