"""Deviations of a ball with a cap that is pushed in or out, compared with the known depth."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.alignment.motion import inverse, motion_of, moved
from modmap.alignment.support import without_support
from modmap.evidence.deviation import _beside_edges, deviations
from modmap.evidence.nominal import NominalSurface
from tests.modmap.alignment.blobs import ring, surfaces
from tests.modmap.evidence.dented import dented

MOTION = motion_of(np.array([0.02, -0.01, 0.03, 1.5, -0.7, 0.4]), about=np.array([5.0, 3.0, 1.0]))
UP = np.array([0.0, 0.0, 1.0])


class TestDeviations:
    @pytest.mark.parametrize("depth", [0.5, -0.5, 0.0])
    def test_deviations__are_the_known_depth(self, depth: float) -> None:
        cameras = ring(6)
        nominal = NominalSurface.of(dented(cameras, depth=0.0, towards=UP))
        new = dented(cameras, depth=depth, towards=UP, motion=MOTION)
        found = deviations(nominal, new, inverse(MOTION))
        for view_id, one in found.items():
            surface = new[view_id]
            home = moved(inverse(MOTION), surface.points.reshape(-1, 3).astype(np.float64)).reshape(
                *one.score.shape, 3
            )
            along = home @ UP / np.linalg.norm(home, axis=2)
            inside = (along > 0.93) & (surface.cosine > 0.6) & np.isfinite(one.deviation)
            outside = (along < 0.85) & (surface.cosine > 0.6) & np.isfinite(one.deviation)
            assert inside.sum() > 100
            assert outside.sum() > 1000
            np.testing.assert_allclose(one.deviation[inside], -depth, atol=0.01)
            np.testing.assert_allclose(one.deviation[outside], 0, atol=0.01)
            if depth:
                assert one.score[inside].min() > 3 * one.score[outside].max()

    def test_deviations__a_good_part_scores_about_one(self) -> None:
        cameras = ring(8)
        nominal = NominalSurface.of(surfaces(cameras, noise=0.05))
        new = surfaces(cameras, motion=MOTION, noise=0.05)
        found = deviations(nominal, new, inverse(MOTION))
        scores = np.concatenate([one.score[np.isfinite(one.score)] for one in found.values()])
        assert 0.3 < np.quantile(scores, 0.999) < 1.5

    def test_deviations__what_stays_on_the_table_says_nothing(self) -> None:
        cameras = ring(6)
        nominal = NominalSurface.of(surfaces(cameras, table=-31.0))
        assert nominal.supported
        new, _ = without_support(surfaces(cameras, motion=MOTION, table=-31.0))
        for view_id, one in deviations(nominal, new, inverse(MOTION)).items():
            said = np.isfinite(one.deviation)
            assert said.sum() > 3000
            assert not said[new[view_id].points[..., 2] < -30.9].any()
            assert np.mean(np.abs(one.deviation[said]) < 0.1) > 0.99  # but for the creases between the balls

    def test_deviations__what_another_piece_hid_isnt_one(self) -> None:
        """A ball before another, seen by one camera: turned by 15 degrees, it shows what it hid before."""
        cameras = ring(1)
        balls = (((0.0, 0.0, 0.0), 30.0), ((40.0, 0.0, 30.0), 9.0), ((-6.0, -34.0, 12.0), 11.0))
        turn = motion_of(np.array([0.0, 0.0, np.radians(15.0), 0.0, 0.0, 0.0]), about=np.zeros(3))
        nominal = NominalSurface.of(surfaces(cameras, balls=balls))
        new = surfaces(cameras, motion=turn, balls=balls)
        (one,) = deviations(nominal, new, inverse(turn)).values()
        said = np.isfinite(one.deviation)
        assert said.sum() > 2000
        assert np.abs(one.deviation[said]).max() < 0.2
        assert one.score[said].max() < 3

    def test_deviations__a_sliver_isnt_believed_and_a_piece_is(self) -> None:
        cameras = ring(1)
        nominal = NominalSurface.of(dented(cameras, depth=0.0, towards=UP))
        for wide, told in ((2, False), (14, True)):
            new = dented(cameras, depth=0.0, towards=UP)
            (view,) = new.values()
            middle = tuple(int(n) for n in np.argwhere(view.cosine > 0.95).mean(axis=0))
            here = np.s_[middle[0] - 10 : middle[0] + 10, middle[1] : middle[1] + wide]
            view.points[here] += 3 * view.normals[here]
            (one,) = deviations(nominal, new, np.eye(4)).values()
            assert (np.nanmax(one.score) > 5) == told

    def test_deviations__a_view_that_the_nominal_scan_lacks_is_left_out(self) -> None:
        cameras = ring(4)
        both = dented(cameras, depth=0.0, towards=UP)
        nominal = NominalSurface.of({view_id: both[view_id] for view_id in ("00", "02", "03")})
        assert set(deviations(nominal, both, np.eye(4))) == {"00", "02", "03"}

    def test_deviations__beside_an_edge_or_a_hole_a_good_part_shows_more(self) -> None:
        """By the distance to the nearest pixel of which nothing is known, measured from each to all."""
        known = np.ones((40, 64), dtype=bool)
        known[:6] = known[20:24, 30:40] = False
        found = _beside_edges(known)
        unknown = np.argwhere(~known)
        for row, column in [(6, 0), (7, 3), (15, 20), (24, 35), (30, 50), (39, 63)]:
            pixels = np.hypot(*(unknown - (row, column)).T).min()
            expected = 1 + 0.5 * np.exp(-pixels * 1024 / 64 / 8)
            assert found[row, column] == pytest.approx(expected, rel=0.02)
        assert found[39, 0] == pytest.approx(1, abs=1e-3)
