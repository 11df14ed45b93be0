"""A part that was moved by a known motion, and what may keep it from being found."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from modmap.alignment import start
from modmap.alignment.align import AlignmentError, align
from modmap.alignment.motion import difference, inverse, motion_of, moved
from modmap.alignment.support import support_plane, without_support
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.scan import Frame
from tests.modmap.alignment.blobs import BALLS, overhead, ring, surfaces
from tests.synthetic_scans import ball_depth, ball_scan

HAND = motion_of(np.array([0.01, -0.008, 0.03, 2.0, -1.5, 0.4]), about=np.array([5.0, 0, 8]))
MIDDLE = np.array([2.0, 1, 10])


def errors(found: np.ndarray, motion: np.ndarray) -> tuple[float, float]:
    """mm and degrees between what was found and what carries the part back."""
    return difference(found, inverse(motion), at=moved(motion, MIDDLE[None])[0])


def _coarse(centre: np.ndarray) -> dict[str, ViewSurface]:
    """A ball in few pixels."""
    found = {}
    for view in ball_scan(views=6, width=64, height=48).views:
        assert view.camera is not None
        depth = ball_depth(view.camera, 64, 48, centre=centre, radius=60.0)
        frame = Frame(view.id, np.zeros((48, 64), np.uint8), depth, view.camera)
        found[view.id] = view_surface(frame, depth > 0)
    return found


class TestAlign:
    def test_align__laid_down_by_hand(self) -> None:
        cameras = ring(6)
        found = align(surfaces(cameras), surfaces(cameras, motion=HAND))
        far, angle = errors(found.motion, HAND)
        assert far < 0.01
        assert angle < 0.01
        assert found.overlap > 0.9
        assert found.residual < 0.01

    def test_align__unmoved_is_the_identity(self) -> None:
        cameras = ring(4)
        found = align(surfaces(cameras), surfaces(cameras))
        np.testing.assert_allclose(found.motion, np.eye(4), atol=1e-6)

    def test_align__noise_a_missing_piece_and_half_of_the_views(self) -> None:
        cameras = ring(6)
        new = surfaces(cameras, motion=HAND, noise=0.1, without=3)
        far, angle = errors(align(surfaces(cameras, noise=0.1), dict(list(new.items())[::2])).motion, HAND)
        assert far < 0.03
        assert angle < 0.05

    def test_align__the_error_is_about_what_is_said(self) -> None:
        cameras = ring(4)
        found = align(surfaces(cameras), surfaces(cameras, motion=HAND, noise=0.2))
        far, angle = errors(found.motion, HAND)
        assert far < 4 * np.linalg.norm(found.uncertainty[3:]) + 0.01
        assert np.radians(angle) < 4 * np.linalg.norm(found.uncertainty[:3]) + 1e-4

    @pytest.mark.parametrize("degrees", [40, 133, 180, 290])
    def test_align__one_view_of_a_part_at_any_angle(self, degrees: int) -> None:
        turned = motion_of(np.array([0, 0, np.radians(degrees), 12.0, -8.0, 0.0]), about=np.zeros(3))
        found = align(surfaces([overhead()]), surfaces([overhead()], motion=turned))
        far, angle = errors(found.motion, turned)
        assert far < 0.05
        assert angle < 0.1

    def test_align__a_table_stays_where_it_is(self) -> None:
        cameras, small = ring(6), motion_of(np.array([0, 0, 0.004, 0.25, 0.15, 0.0]), about=np.zeros(3))
        nominal, new = surfaces(cameras, table=-20.0), surfaces(cameras, table=-20.0, motion=small)
        plane = support_plane(nominal)
        assert plane is not None
        np.testing.assert_allclose(plane[0], [0, 0, 1], atol=1e-3)
        assert plane[1] == pytest.approx(-20.0, abs=0.05)
        found = align(without_support(nominal)[0], without_support(new)[0])
        far, angle = errors(found.motion, small)
        assert far < 0.02
        assert angle < 0.02

    def test_align__no_support_is_made_up(self) -> None:
        assert support_plane(surfaces(ring(6))) is None

    def test_align__what_the_surface_does_not_fix_is_said(self) -> None:
        ball = (((0.0, 0.0, 0.0), 40.0),)
        cameras = ring(6)
        found = align(surfaces(cameras, balls=ball), surfaces(cameras, balls=ball))
        assert found.open == 3
        assert found.notes[0].startswith(
            "alignment: the surface looks the same when the part is turned about any axis: how far it was isn't known"
        )
        np.testing.assert_allclose(found.motion, np.eye(4), atol=1e-3)

    @pytest.mark.parametrize("views", [1, 4])
    def test_align__a_body_of_revolution_is_said_to_be_one(self, views: int) -> None:
        """Two balls on one axis, moved and turned about it: the turn is left out, however few the views."""
        balls = (((0.0, 0.0, 0.0), 40.0), ((0.0, 0.0, 45.0), 20.0))
        axis, tilt = np.array([0, 0, 0.1, 0, 0, 0.0]), np.array([0.01, -0.02, 0, 2.0, -1.0, 0.5])
        turned = motion_of(tilt, about=np.zeros(3)) @ motion_of(axis, about=np.zeros(3))
        nominal, new = (
            surfaces(ring(views), balls=balls, noise=0.05, motion=motion) for motion in (None, turned)
        )
        found = align(nominal, new)
        assert found.open == 1
        assert "turned about an axis" in found.notes[0]
        middles = np.array([middle for middle, _ in balls])
        back = moved(found.motion, moved(turned, middles))
        np.testing.assert_allclose(back, middles, atol=0.1)

    def test_align__pixels_larger_than_what_is_off(self) -> None:
        """A partner is a pixel of 4 mm, and lies aside by more than a good fit's reach."""
        found = align(_coarse(np.zeros(3)), _coarse(np.array([2.0, -1.0, 0.5])))
        assert found.overlap > 0.95

    def test_align__another_part(self) -> None:
        cameras = ring(6)
        other = tuple((tuple(-1.3 * np.array(c)[[2, 0, 1]]), 0.5 * r) for c, r in BALLS)
        with pytest.raises(
            AlignmentError, match=r"expected 60% of the scan's surface on the nominal part's, found"
        ):
            align(surfaces(cameras), surfaces(cameras, balls=other))  # type: ignore[arg-type]

    def test_align__where_no_start_finds_partners(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of which none tells how far off it is; the search goes no farther than it would from any other."""
        monkeypatch.setattr(start, "COARSE_POINTS", 40)
        turned = motion_of(np.array([0, 0, np.radians(133), 12.0, -8.0, 0.0]), about=np.zeros(3))
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            found = align(surfaces([overhead()]), surfaces([overhead()], motion=turned))
        assert np.isfinite(found.motion).all()
        assert np.isfinite(found.uncertainty).all()

    def test_align__nothing_in_common(self) -> None:
        cameras = ring(4)
        new = {f"other {name}": one for name, one in surfaces(cameras).items()}
        with pytest.raises(AlignmentError, match=r"at least 500 measured points .*, found 0"):
            align(surfaces(cameras), new)

    def test_align__open3d_finds_the_same(self) -> None:
        import open3d as o3d

        cameras = ring(6)
        nominal, new = surfaces(cameras), surfaces(cameras, motion=HAND, noise=0.05)
        clouds = []
        for surface in (nominal, new):
            cloud = o3d.geometry.PointCloud()
            parts = [(one.points[one.smooth], one.normals[one.smooth]) for one in surface.values()]
            cloud.points = o3d.utility.Vector3dVector(np.concatenate([points for points, _ in parts]))
            cloud.normals = o3d.utility.Vector3dVector(np.concatenate([normals for _, normals in parts]))
            clouds.append(cloud)
        method = o3d.pipelines.registration.TransformationEstimationPointToPlane()
        theirs = o3d.pipelines.registration.registration_icp(
            clouds[1], clouds[0], 3.0, np.eye(4), method
        ).transformation
        far, angle = difference(align(nominal, new).motion, theirs, at=MIDDLE)
        assert far < 0.05
        assert angle < 0.05
