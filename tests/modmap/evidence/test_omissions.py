"""Nominal surface that a scan says nothing of, on balls whose surface is known in closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.alignment.motion import inverse, motion_of, moved
from modmap.alignment.surface import ViewSurface
from modmap.evidence.absence import Absence, absences
from modmap.evidence.nominal import NominalSurface
from modmap.evidence.omissions import REACH, omissions
from modmap.not_inspected import NotInspected
from tests.modmap.alignment.blobs import BALLS, ring, surfaces

Array = npt.NDArray[Any]
MOTION = motion_of(np.array([0.02, -0.01, 0.03, 1.5, -0.7, 0.4]), about=np.array([5.0, 3.0, 1.0]))
EDGE, TABLE = 2.0, -31.0


@pytest.fixture(scope="module")
def nominal() -> NominalSurface:
    return NominalSurface.of(surfaces(ring(4)))


def omitted(
    nominal: NominalSurface, new: dict[str, ViewSurface], said: dict[str, Array]
) -> tuple[NotInspected, dict[str, Array], Absence]:
    absence = absences(nominal, new, inverse(MOTION), edge=EDGE, fixtures={})
    return *omissions(nominal.views, new, inverse(MOTION), absence=absence, said=said), absence


def speaking(new: dict[str, ViewSurface]) -> dict[str, Array]:
    return {view_id: surface.smooth for view_id, surface in new.items()}


class TestOmissions:
    def test_omissions__a_whole_scan_omits_nothing(self, nominal: NominalSurface) -> None:
        new = surfaces(ring(4), motion=MOTION)
        found, pictures, absence = omitted(nominal, new, speaking(new))
        assert found.share("not measured") == 1 - absence.inspected < 0.01
        assert found.share("not compared") < 0.01
        assert max(picture.mean() for picture in pictures.values()) < 0.01

    def test_omissions__without_views_what_they_alone_show(self, nominal: NominalSurface) -> None:
        """It lies on the balls where they lie now, and towards the cameras that are missing."""
        cameras, every = ring(4), surfaces(ring(4), motion=MOTION)
        new = {view_id: every[view_id] for view_id in ("00", "01")}
        found, pictures, absence = omitted(nominal, new, speaking(new))
        assert found.share("not measured") == pytest.approx(1 - absence.inspected)
        assert found.share("not measured") > 0.2
        points = found.points[found.reasons == 1]
        centres, radii = moved(MOTION, np.array([ball[0] for ball in BALLS])), [ball[1] for ball in BALLS]
        off = np.abs(np.linalg.norm(points[:, None] - centres, axis=2) - radii).min(axis=1)
        assert np.quantile(off, 0.99) < EDGE
        largest = found.regions[0]
        assert largest.views[0] in ("02", "03")
        assert largest.look_from is not None
        towards = {view: cameras[int(view)].centre @ np.array(largest.look_from) for view in ("00", "01")}
        assert max(towards.values()) < cameras[int(largest.views[0])].centre @ np.array(largest.look_from)
        assert set(pictures) == {"00", "01"}

    def test_omissions__areas_are_those_of_the_surface(self) -> None:
        """Of one ball and one view, that saw its cap: all of it is missing; grazed pixels are none of the surface."""
        balls = (((0.0, 0.0, 0.0), 30.0),)
        cameras = ring(1)
        nominal = NominalSurface.of(surfaces(cameras, balls=balls))
        new = {
            view_id: replace(one, depth=np.zeros_like(one.depth))
            for view_id, one in surfaces(cameras, balls=balls).items()
        }
        absence = absences(nominal, new, np.eye(4), edge=EDGE, fixtures={})
        found, pictures = omissions(nominal.views, new, np.eye(4), absence=absence, said={})
        smooth = nominal.views["00"].smooth
        points = nominal.views["00"].points[smooth]
        axis = cameras[0].centre / np.linalg.norm(cameras[0].centre)
        cap = 2 * np.pi * 30 * (30 - float((points @ axis).min()))
        assert found.share("not measured") == 1
        assert sum(one.area_mm2 for one in found.regions) == pytest.approx(cap, rel=0.1)
        assert (pictures["00"] == 1)[smooth].all()

    def test_omissions__what_was_measured_and_not_compared(self, nominal: NominalSurface) -> None:
        """Nothing is said of one ball: it is all of what isn't compared, but for what lies beside what is."""
        new = surfaces(ring(4), motion=MOTION)
        centre, radius = moved(MOTION, np.array([BALLS[4][0]]))[0], BALLS[4][1]
        said = {
            view_id: surface.smooth & (np.linalg.norm(surface.points - centre, axis=2) > radius + 0.5)
            for view_id, surface in new.items()
        }
        found, pictures, _ = omitted(nominal, new, said)
        points = found.points[found.reasons == 2]
        assert len(points) > 100
        assert (np.abs(np.linalg.norm(points - centre, axis=1) - radius) < 1).mean() > 0.98
        spoken = np.concatenate([new[view_id].points[mask] for view_id, mask in said.items()])
        nearest = np.linalg.norm(points[:, None] - spoken[None, ::7], axis=2).min(axis=1)
        assert nearest.min() > (REACH - 1) * EDGE
        assert any((picture == 2).sum() > 50 for picture in pictures.values())

    def test_omissions__missing_surface_was_looked_through(self) -> None:
        """A ball that isn't there, so that the table is seen, is a defect and no surface that wasn't inspected."""
        nominal = NominalSurface.of(surfaces(ring(8), table=TABLE))
        new = surfaces(ring(8), motion=MOTION, without=3, table=TABLE)
        found, _, absence = omitted(nominal, new, speaking(new))
        assert absence.missing.sum() > 100
        assert len(found.points) < 0.1 * absence.missing.sum()


class TestNotInspected:
    def test_record__says_the_same(self, nominal: NominalSurface) -> None:
        every = surfaces(ring(4), motion=MOTION)
        new = {view_id: every[view_id] for view_id in ("00", "01")}
        found, _, _ = omitted(nominal, new, {})
        record = found.record()
        assert record.not_measured + record.not_compared == pytest.approx(len(found.points) / found.places)
        assert record.regions == list(found.regions)
        np.testing.assert_allclose(record.motion, MOTION)
