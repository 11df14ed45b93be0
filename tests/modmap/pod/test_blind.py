"""Blind places: what no view measures, what all graze, what is white, what one view alone sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modmap.pod.blind import REASONS, blind_pieces, blind_places
from modmap.pod.good_scan import GoodScan
from modmap.types import Array


def shares(good: GoodScan, reason: Array, where: Array) -> dict[str, float]:
    """Of some pieces' area, the share that is blind for each reason."""
    areas = good.surface.areas
    total = areas[where].sum()
    return {
        name: float(areas[where & (reason == number)].sum() / total)
        for number, name in enumerate(REASONS, start=1)
    }


class TestBlindPieces:
    def test_blind_pieces__from_above_the_top_is_seen_and_the_sides_are_not(self, good: GoodScan) -> None:
        reason = blind_pieces(good.surface, [good])
        top = (good.surface.normals[:, 2] > 0.95) & (np.abs(good.surface.points[:, 2] - 20) < 1)
        assert sum(shares(good, reason, top).values()) < 0.1
        sides = np.abs(good.surface.normals[:, 2]) < 0.3
        # One of four cameras looks at each side, at 30 degrees to it.
        assert sum(shares(good, reason, sides).values()) > 0.8

    def test_blind_pieces__a_hole_in_every_view_is_unseen_or_glare(self, good: GoodScan) -> None:
        middle = np.linalg.norm(good.surface.points[:, :2] - [0, -30], axis=1) < 8
        for white, name in ((False, "unseen"), (True, "glare")):
            part, frames = {}, {}
            for view_id, surface in good.part.items():
                hidden = np.linalg.norm(surface.points[..., :2] - [0, -30], axis=-1) < 12
                hidden &= surface.depth > 0
                part[view_id] = replace(surface, depth=np.where(hidden, 0, surface.depth).astype(np.float32))
                frame = good.frames[view_id]
                image = np.where(hidden, 255, frame.image) if white else frame.image
                frames[view_id] = replace(frame, image=image.astype(np.uint8))
            reason = blind_pieces(good.surface, [replace(good, part=part, frames=frames)])
            assert shares(good, reason, middle)[name] > 0.95
            places = blind_places(good.surface, reason, good.part, edge=4.0)
            (found,) = [one for one in places if one.reason == name and one.area_mm2 > 100]
            assert np.linalg.norm(np.array(found.centre_mm) - [0, -30, 20]) < 3
            assert found.look_from is not None
            assert found.look_from[2] > 0.99
            assert found.degrees is not None
            assert 25 < found.degrees < 40

    def test_blind_pieces__what_one_view_sees_is_too_little(self, good: GoodScan) -> None:
        one_view = replace(good, part={"00": good.part["00"]})
        reason = blind_pieces(good.surface, [one_view])
        top = good.surface.normals[:, 2] > 0.95
        assert shares(good, reason, top)["too few views"] > 0.7
