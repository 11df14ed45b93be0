"""Places are drawn evenly over the surface, whatever the views show of it."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.pod.good_scan import GoodScan
from tests.modmap.pod.plates import BLOCKS


class TestPartSurface:
    def test_of__area_is_the_blocks(self, good: GoodScan) -> None:
        top = 120 * 90 - 35 * 55 - 30 * 40
        found = good.surface
        level = (np.abs(found.points[:, 2] - 20) < 0.7) & (found.normals[:, 2] > 0.95)
        # What lies beside an edge has no normal, a pixel or two of it.
        assert found.areas[level].sum() == pytest.approx(top, rel=0.15)
        assert found.points[:, 2].max() < BLOCKS[1][1][2] + 0.5

    def test_drawn__as_often_as_a_face_is_large(self, good: GoodScan) -> None:
        rng = np.random.default_rng(0)
        normals = np.array([good.surface.drawn(rng)[1] for _ in range(400)])
        upward = good.surface.normals[:, 2] > 0.9
        share = good.surface.areas[upward].sum() / good.surface.area
        assert np.mean(normals[:, 2] > 0.9) == pytest.approx(share, abs=0.08)

    def test_creased__lies_at_the_edges(self, good: GoodScan) -> None:
        edges = good.edges
        assert 0 < edges.area < 0.35 * good.surface.area
        to_border = np.minimum(60 - np.abs(edges.points[:, 0]), 45 - np.abs(edges.points[:, 1]))
        to_step = np.minimum(np.abs(edges.points[:, 0] + 25), np.abs(edges.points[:, 1] - 10))
        to_step = np.minimum(to_step, np.abs(edges.points[:, 0] - 30))
        to_step = np.minimum(to_step, np.abs(edges.points[:, 1] - 5))
        assert np.quantile(np.minimum(np.abs(to_border), to_step), 0.95) < 10
