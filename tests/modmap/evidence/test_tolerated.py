"""What good scans show in places, carried between scans that lie differently: balls, scored by place of the part."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.alignment.motion import inverse, motion_of
from modmap.alignment.surface import ViewSurface
from modmap.evidence.tolerated import MOST, Tolerated
from modmap.types import Evidence
from tests.modmap.alignment.blobs import ring, surfaces

Array = npt.NDArray[Any]

CAMERAS = ring(3)
NOMINAL = surfaces(CAMERAS)
ONE, OTHER = (
    motion_of(np.array([0.02, -0.03, 0.05, 3.0, -2.0, 1.0]), about=np.zeros(3)),
    motion_of(np.array([-0.01, 0.04, -0.03, -2.0, 1.0, 0.5]), about=np.zeros(3)),
)


def _scores(views: dict[str, ViewSurface], motion: Array, *, high: float) -> dict[str, Array]:
    """0.5 everywhere, and `high` where the part, as it lay at first, is over a disc of 12 mm about (5, 5)."""
    found = {}
    for view_id, surface in views.items():
        own = surface.points @ inverse(motion)[:3, :3].T + inverse(motion)[:3, 3]
        score = np.where(np.hypot(own[..., 0] - 5, own[..., 1] - 5) < 12, high, 0.5)
        found[view_id] = np.where(surface.smooth, score, np.nan).astype(np.float32)
    return found


def _inside(
    views: dict[str, ViewSurface], motion: Array, *, within: float, beyond: float = 0.0
) -> dict[str, Array]:
    found = {}
    for view_id, surface in views.items():
        own = surface.points @ inverse(motion)[:3, :3].T + inverse(motion)[:3, 3]
        far = np.hypot(own[..., 0] - 5, own[..., 1] - 5)
        found[view_id] = surface.smooth & (far < within) & (far >= beyond)
    return found


class TestTolerated:
    def test_taken_off__what_a_good_scan_showed_at_the_place_however_both_lie(self) -> None:
        good, new = surfaces(CAMERAS, motion=ONE), surfaces(CAMERAS, motion=OTHER)
        told: dict[Evidence, dict[str, Array]] = {"texture": _scores(good, ONE, high=4.0)}
        tolerated = Tolerated.nothing().after(NOMINAL, told, good, inverse(ONE))
        found = tolerated.taken_off(NOMINAL, {"texture": _scores(new, OTHER, high=6.0)}, new, inverse(OTHER))[
            "texture"
        ]
        # A pixel is 0.9 mm, a block 4 pixels.
        inside, outside = (_inside(new, OTHER, within=8), _inside(new, OTHER, within=1e3, beyond=24))
        for view_id, one in found.items():
            assert inside[view_id].sum() > 50
            assert np.median(one[inside[view_id]]) == 1.5
            assert np.mean(one[inside[view_id]] == 1.5) > 0.9
            # Beside the rim of a ball before another, a neighbour in the view is none on the part.
            assert np.mean(one[outside[view_id]] == np.float32(0.5)) > 0.95
            np.testing.assert_array_equal(np.isnan(one), ~new[view_id].smooth)

    def test_taken_off__other_kinds_and_views_stay_as_they_are(self) -> None:
        good = surfaces(CAMERAS)
        told: dict[Evidence, dict[str, Array]] = {"texture": {"00": _scores(good, np.eye(4), high=4.0)["00"]}}
        tolerated = Tolerated.nothing().after(NOMINAL, told, good, np.eye(4))
        scores = _scores(good, np.eye(4), high=6.0)
        found = tolerated.taken_off(NOMINAL, {"texture": scores, "geometry": scores}, good, np.eye(4))
        assert found["geometry"] == scores
        assert found["texture"]["01"] is scores["01"]
        assert np.nanmax(found["texture"]["00"]) < 6

    def test_after__the_most_of_several(self) -> None:
        good = surfaces(CAMERAS)
        tolerated = Tolerated.nothing()
        for high in (2.0, 5.0, 3.0, 1e9):
            if high == 1e9:
                before = tolerated
            told: dict[Evidence, dict[str, Array]] = {"geometry": _scores(good, np.eye(4), high=high)}
            tolerated = tolerated.after(NOMINAL, told, good, np.eye(4))
        assert max(float(one.max()) for one in before.kinds["geometry"].values()) == 5
        assert max(float(one.max()) for one in tolerated.kinds["geometry"].values()) <= MOST + 5

    def test_taken_off__of_no_further_scan_is_nothing(self) -> None:
        good = surfaces(CAMERAS)
        scores = _scores(good, np.eye(4), high=6.0)
        found = Tolerated.nothing().taken_off(NOMINAL, {"texture": scores}, good, np.eye(4))
        assert all(found["texture"][view_id] is one for view_id, one in scores.items())
