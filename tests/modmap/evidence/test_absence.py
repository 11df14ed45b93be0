"""A ball that is missing is found where it would lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modmap.alignment.motion import inverse, motion_of, moved
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.evidence.absence import absences
from modmap.evidence.nominal import NominalSurface
from modmap.scan import Frame
from modmap.types import Array
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
        assert found.scores.min() > 1
        assert np.median(found.scores) > 2.5
        assert found.inspected > 0.95  # what is looked through was inspected

    def test_absences__a_good_part_lacks_nothing(self) -> None:
        cameras = ring(8)
        nominal = NominalSurface.of(surfaces(cameras, table=TABLE, noise=0.05))
        new = surfaces(cameras, motion=MOTION, table=TABLE, noise=0.05)
        assert len(absences(nominal, new, inverse(MOTION), edge=2.0, fixtures={}).points) == 0

    def test_absences__count_as_one_at_four_times_what_is_expected(self) -> None:
        """Of a plate seen from straight above, a half lies lower, and a quarter of a millimetre is expected."""
        camera = Camera(
            K=np.array([[100.0, 0, 31.5], [0, 100, 23.5], [0, 0, 1]]), T_world_to_camera=np.eye(4)
        )
        depth = np.full((48, 64), 100, np.float32)
        plate = view_surface(Frame("00", np.zeros((48, 64), np.uint8), depth, camera), depth > 0)
        expected = np.full((48, 64, 1), 0.25, np.float32)
        nominal = NominalSurface({"00": plate}, False, {"00": np.ones((48, 64), int)}, {"00": expected})
        half = np.arange(64) > 32

        def scores(lower: float) -> Array:
            new = replace(plate, depth=np.where(half, depth + np.float32(lower), depth))
            return absences(nominal, {"00": new}, np.eye(4), edge=0.1, fixtures={}).scores

        assert (
            len(scores(3)) == (plate.smooth & half).sum() - plate.smooth[:, 33].sum()
        )  # the nearest pixel counts
        assert scores(3) == pytest.approx(3 * plate.cosine[plate.smooth].mean(), abs=0.5)
        assert scores(1.1) == pytest.approx(1.1 * scores(3)[: len(scores(1.1))] / 3, abs=0.2)
        assert len(scores(0.9)) == 0

    def test_absences__what_was_not_measured_is_not_missing(self) -> None:
        cameras = ring(8)
        nominal = NominalSurface.of(surfaces(cameras))
        new = {
            view_id: replace(one, depth=np.zeros_like(one.depth))
            for view_id, one in surfaces(cameras).items()
        }
        found = absences(nominal, new, np.eye(4), edge=2.0, fixtures={})
        assert (len(found.points), found.inspected) == (0, 0.0)

    def test_absences__tell_what_share_of_the_part_is_shown(self) -> None:
        """Of one camera, the share of its pixels; of all but a few, what only these few show is missing."""
        cameras = ring(8)
        both = surfaces(cameras)
        nominal = NominalSurface.of(both)

        def inspected(new: dict[str, ViewSurface], of: NominalSurface = nominal) -> float:
            return absences(of, new, np.eye(4), edge=2.0, fixtures={}).inspected

        assert inspected(both) == 1.0
        assert 0.4 < inspected({view: both[view] for view in list(both)[:3]}) < 0.9
        one = NominalSurface.of({"00": both["00"]})
        column = np.argwhere(both["00"].smooth)[:, 1]
        for cut in (np.quantile(column, 0.25), np.quantile(column, 0.6)):
            beyond = np.arange(both["00"].depth.shape[1]) > cut
            new = {"00": replace(both["00"], depth=np.where(beyond, both["00"].depth, 0))}
            assert inspected(new, one) == pytest.approx(
                np.mean(column > cut), abs=0.12
            )  # places aren't pixels

    def test_absences__what_stands_before_the_part_hides_it(self) -> None:
        cameras = ring(1)
        nominal = NominalSurface.of(surfaces(cameras))
        new = surfaces(cameras)
        nearer = {"00": replace(new["00"], depth=np.where(new["00"].depth > 0, new["00"].depth - 15, 0))}
        assert absences(nominal, nearer, np.eye(4), edge=2.0, fixtures={}).inspected == 0.0
