"""Look-ups on balls and planes, compared with their distance from the closed form."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.evidence.lookup import looked_up, nearest_at, read_at
from tests.modmap.alignment.blobs import ring, surfaces

BALL = (((0.0, 0.0, 0.0), 60.0),)


class TestLookedUp:
    @pytest.mark.parametrize("offset", [-0.4, 0.0, 0.3])
    def test_looked_up__is_the_distance_from_the_ball(self, offset: float) -> None:
        one = surfaces(ring(8), balls=BALL)["00"]
        mask = one.cosine > 0.6
        away = one.points[mask] * np.float32((60 + offset) / 60)
        found = looked_up(one, away)
        np.testing.assert_allclose(found.deviation[np.isfinite(found.deviation)], offset, atol=0.01)
        assert np.isfinite(found.deviation).mean() > 0.9

    def test_looked_up__beside_the_part_and_behind_the_camera_is_unknown(self) -> None:
        surface = surfaces(ring(3), balls=BALL)["00"]
        beside = np.array([[0, 0, 200.0], [0, 500.0, 0]])
        behind = surface.camera.centre[None] * 2
        assert np.isnan(looked_up(surface, np.concatenate([beside, behind])).deviation).all()

    def test_looked_up__no_points(self) -> None:
        assert looked_up(surfaces(ring(3), balls=BALL)["00"], np.zeros((0, 3))).deviation.shape == (0,)


class TestReadAt:
    def test_read_at__is_bilinear_as_written_out(self) -> None:
        rng = np.random.default_rng(0)
        values = rng.standard_normal((7, 9, 2)).astype(np.float32)
        # OpenCV rounds places to 1/32 of a pixel.
        place = np.rint(rng.uniform(0, 1, (2000, 2)) * (8, 6) * 32) / 32
        found = read_at(values, place.astype(np.float32))
        left, top = np.minimum(np.floor(place), (7, 5)).astype(int).T
        x, y = (place - np.stack([left, top], axis=1)).T[..., None]
        above = values[top, left] * (1 - x) + values[top, left + 1] * x
        below = values[top + 1, left] * (1 - x) + values[top + 1, left + 1] * x
        np.testing.assert_allclose(found, above * (1 - y) + below * y, atol=1e-5)


class TestNearestAt:
    def test_nearest_at__the_nearest_pixels_or_none(self) -> None:
        values = np.arange(12, dtype=np.int32).reshape(3, 4)
        place = np.array(
            [[0, 0], [3.4, 1.6], [0.6, 0.4], [-0.6, 0], [3.6, 0], [0, 2.6], [np.inf, 0], [-1e9, 1]]
        )
        assert nearest_at(values, place).tolist() == [0, 11, 1, 0, 0, 0, 0, 0]
