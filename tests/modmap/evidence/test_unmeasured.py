"""Nominal surface that one nominal view hardly measured, told from what was added to the part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modmap.alignment.motion import inverse, motion_of
from modmap.alignment.surface import ViewSurface
from modmap.evidence.unmeasured import hardly_measured
from modmap.types import Array
from tests.modmap.alignment.blobs import ring, surfaces

MOTION = motion_of(np.array([0.02, -0.01, 0.03, 1.5, -0.7, 0.4]), about=np.array([5.0, 3.0, 1.0]))


def _nominal(kept: int) -> tuple[dict[str, ViewSurface], Array]:
    """Views around the balls, of which the first kept of a square only so many columns of three; and the square."""
    nominal = surfaces(ring(8))
    first = nominal["00"]
    row, column = np.argwhere(first.smooth).mean(axis=0).astype(int)
    square = np.zeros(first.depth.shape, dtype=bool)
    square[row - 12 : row + 13, column - 12 : column + 13] = True
    square &= first.smooth
    lost = square & (np.arange(square.shape[1]) % 3 >= kept)
    nominal["00"] = replace(
        first, depth=np.where(lost, 0, first.depth), cosine=np.where(lost, 0, first.cosine)
    )
    return nominal, square


class TestHardlyMeasured:
    def test_hardly_measured__what_other_nominal_views_show(self) -> None:
        nominal, square = _nominal(1)
        found = hardly_measured(nominal, surfaces(ring(8)), np.eye(4))
        assert not any(found[view_id].any() for view_id in list(nominal)[1:])
        assert found["00"][square].mean() > 0.6  # but for its rim, and what no other view shows
        assert not found["00"][~square].any()

    def test_hardly_measured__only_where_it_is_asked(self) -> None:
        nominal, square = _nominal(1)
        new = surfaces(ring(8))
        asked = {view_id: np.random.default_rng(0).random(square.shape) < 0.5 for view_id in new}
        everywhere = hardly_measured(nominal, new, np.eye(4))
        found = hardly_measured(nominal, new, np.eye(4), asked=asked)
        assert found["00"].any()
        for view_id, one in found.items():
            np.testing.assert_array_equal(one, everywhere[view_id] & asked[view_id])

    def test_hardly_measured__wherever_the_part_lies(self) -> None:
        nominal, square = _nominal(0)
        straight = hardly_measured(nominal, surfaces(ring(8)), np.eye(4))["00"]
        moved = hardly_measured(nominal, surfaces(ring(8), motion=MOTION), inverse(MOTION))["00"]
        assert 0.8 < moved.sum() / straight.sum() < 1.25
        assert moved.any()
        assert not (moved & ~square).sum() > 0.3 * square.sum()

    def test_hardly_measured__what_was_mostly_measured_counts_as_seen(self) -> None:
        nominal, _ = _nominal(2)
        assert not hardly_measured(nominal, surfaces(ring(8)), np.eye(4))["00"].any()

    def test_hardly_measured__what_was_added_is_new(self) -> None:
        """Twelve millimetres before the surface, where the nominal view had nothing."""
        nominal, square = _nominal(0)
        new = surfaces(ring(8))
        first = new["00"]
        towards = first.camera.centre - first.points
        towards /= np.linalg.norm(towards, axis=2, keepdims=True)
        new["00"] = replace(
            first, points=(first.points + 12 * square[..., None] * towards).astype(np.float32)
        )
        assert not hardly_measured(nominal, new, np.eye(4))["00"][square].any()

    def test_hardly_measured__a_view_that_the_nominal_scan_lacks_is_left_out(self) -> None:
        nominal, _ = _nominal(0)
        new = surfaces(ring(8))
        assert "other" not in hardly_measured(nominal, {"other": new["01"], "02": new["02"]}, np.eye(4))
