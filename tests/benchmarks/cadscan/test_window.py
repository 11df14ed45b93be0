"""The piece of a view that a defect can change, against whole views, places in closed form, and sampled lines."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks.cadscan.assessment import reach_of
from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.detectability import expectation
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.scanner import Cell, Instance, Shot
from benchmarks.cadscan.sensor import Head, trace
from benchmarks.cadscan.window import PADDING, Window, window_around
from modmap.scan import Camera
from tests.benchmarks.cadscan.conftest import part_of
from tests.benchmarks.cadscan.simple_cell import SIZE, cell_above, cell_around, placed, where_drawn

SMALL = (160, 120)
Scene = tuple[Cell, Instance, tuple[Shot, ...]]


@pytest.fixture(scope="module")
def small(topped: Part) -> Scene:
    cell = cell_around(topped, size=SMALL)
    return cell, *placed(cell, topped)


def extent(window: Window) -> np.ndarray:
    """(2, 2) lowest and highest pixel."""
    right, bottom = window.left + window.width - 1, window.top + window.height - 1
    return np.array([[window.left, window.top], [right, bottom]])


def corners(box: np.ndarray) -> np.ndarray:
    """(8, 3)."""
    return np.array(list(product(*box.T)))


def in_world(camera: Camera, place: np.ndarray) -> np.ndarray:
    return camera.T_camera_to_world[:3, :3] @ place + camera.T_camera_to_world[:3, 3]


def stands_before(box: np.ndarray, points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(M,) whether any of 250 places between a point and a lamp is in a box."""
    found = np.zeros(len(points), bool)
    for share in np.linspace(0, 1, 250):
        between = points + share * (place - points)
        found |= ((between >= box[0]) & (between <= box[1])).all(axis=1)
    return found


class TestWindowAround:
    @pytest.mark.parametrize("kind", ["missing_feature", "bump", "dent", "warp"])
    def test_window_around__has_every_pixel_that_changes(self, topped: Part, kind: str) -> None:
        """By itself, by the projector's shadow, and by the second camera's: a cube on a plate has long ones."""
        made = make_defect(topped, kind, size=20.0, seed=3)
        cell = cell_around(topped)
        bare, views = placed(cell, topped)
        changed = bare.exchanged(cell, made.part, marks=made.patches)
        box, some = reach_of(made.defects[0], bare.T_part_to_world), 0
        for shot in views:
            one, other = (trace(i.stage, shot.camera, cell.head, shut_off=False) for i in (bare, changed))
            differs = ~np.isclose(one.z, other.z, rtol=1e-5)
            for name in ("projector_blocked", "second_blocked"):
                differs |= getattr(one, name) != getattr(other, name)
            window = window_around(box, changed.stage, shot.camera, head=cell.head)
            if window is None:
                assert not differs.any()
                continue
            outside = differs.copy()
            window.of_image(outside)[:] = False
            # One ray in ten thousand passes an edge on the other side in another mesh.
            assert outside.sum() <= 2
            some += int(differs.sum())
        assert some > 100

    def test_window_around__nothing_beside_the_image(self, plate: Part) -> None:
        cell = cell_around(plate)
        instance, (shot, *_) = placed(cell, plate)
        box = np.array([[2000.0, 0, 0], [2010, 10, 10]])
        assert window_around(box, instance.stage, shot.camera, head=cell.head) is None

    @pytest.mark.parametrize(
        ("kind", "seed", "of_hall"), [("dent", 2, 0.3), ("missing_feature", 0, 5.0), ("stain", 2, 0.3)]
    )
    def test_window_around__what_differs_elsewhere_is_the_light_of_the_hall(
        self, topped: Part, small: Scene, kind: str, seed: int, of_hall: float
    ) -> None:
        """Depth, what is measured, and light from projector and hall do not, but where a part shuts off the hall's."""
        made = make_defect(topped, kind, size=12.0, seed=seed)
        cell, bare, views = small
        other = bare.exchanged(cell, made.part, marks=made.patches)
        box, most = reach_of(made.defects[0], bare.T_part_to_world), 0.0
        for shot in views:
            window = window_around(box, bare.stage, shot.camera, head=cell.head)
            beside = np.ones(SMALL[::-1], bool)
            if window is not None:
                window.of_image(beside)[:] = False
            open_light = [
                trace(which.stage, shot.camera, cell.head, shut_off=False).radiance[beside]
                for which in (bare, other)
            ]
            np.testing.assert_allclose(*open_light, rtol=1e-3, atol=1e-5)
            one, two = (expectation(cell, which, shot, Window(0, 0, *SMALL)) for which in (bare, other))
            same_depth = np.isclose(one.depth, two.depth, rtol=1e-5)
            assert beside.sum() > 2000
            assert (same_depth & (one.measured == two.measured))[beside].all()
            difference = np.abs(one.gray - two.gray)
            assert difference[beside].max() < of_hall
            most = max(most, float(difference.max()))
        assert most > 10

    @pytest.mark.parametrize("at", [(0.0, 0.0), (30.0, -25.0), (-40.0, 30.0)])
    def test_window_around__a_box_in_the_air_and_its_shadows(self, at: tuple[float, float]) -> None:
        """From 400 mm above a plate: the box where it is, and the plate as it is hidden from projector and second
        camera, whose rays are drawn on to it by the ratio of the heights. It is a few pixels wider at most."""
        top, height = 10.0, 410.0
        slab = part_of(trimesh.creation.box((300, 300, top)))
        cell = cell_above(slab, height=height)
        head = Head(np.array([60.0, -20, 0]), np.array([-30.0, 90, 0]), distance=height)
        instance, (shot, *_) = where_drawn(cell, slab)
        box = np.array([[-3.0, -4, 40], [3, 4, 55]]) + np.array([*at, 0])
        places = [corners(box)]
        for lamp in (in_world(shot.camera, head.projector), in_world(shot.camera, head.second_camera)):
            rays = corners(box) - lamp
            places.append(lamp + rays * ((lamp[2] - top) / -rays[:, 2])[:, None])
        pixels, _ = shot.camera.project(np.concatenate(places))
        window = window_around(box, instance.stage, shot.camera, head=head)
        assert window is not None
        low, high = extent(window)
        size, slack = np.array(SIZE), 5 * 2  # five steps of the grid
        assert (low <= np.maximum(pixels.min(axis=0) - PADDING, 0)).all()
        assert (high >= np.minimum(pixels.max(axis=0) + PADDING, size - 1)).all()
        assert (low >= pixels.min(axis=0) - PADDING - slack).all()
        assert (high <= pixels.max(axis=0) + PADDING + slack).all()
        alone = window_around(box, instance.stage, shot.camera, head=replace(head, projector=np.zeros(3)))
        assert alone is not None
        assert (alone.width, alone.height) < (window.width, window.height)

    @settings(max_examples=25, deadline=None)
    @given(
        middle=hnp.arrays(float, 3, elements=st.floats(-50, 50)),
        size=hnp.arrays(float, 3, elements=st.floats(0.5, 25)),
        index=st.integers(0, 2),
    )
    def test_window_around__every_pixel_that_a_box_stands_before(
        self, small: Scene, middle: np.ndarray, size: np.ndarray, index: int
    ) -> None:
        """Anywhere in, on, above or beside a part, as lines sampled from its surface to projector and second camera
        say."""
        cell, instance, views = small
        camera, head = views[index].camera, cell.head
        middle = middle + np.array([0, 0, 30.0])
        box = np.stack([middle - size / 2, middle + size / 2])
        window = window_around(box, instance.stage, camera, head=head)
        v, u = (grid.ravel() for grid in np.mgrid[0 : SMALL[1] : 4, 0 : SMALL[0] : 4])
        rays = camera.back_project(np.stack([u, v], axis=1), np.ones(len(u))) - camera.centre
        t = instance.stage.caster.cast(camera.centre, rays).t
        hit = np.isfinite(t)
        points = camera.centre + t[hit, None] * rays[hit]
        pixels = np.stack([u, v], axis=1)[hit]
        before = np.zeros(len(points), bool)
        for place in (head.projector, head.second_camera, np.zeros(3)):
            before |= stands_before(box, points, in_world(camera, place))
        if window is None:
            assert not before.any()
            return
        low, high = extent(window)
        limit = np.array(SMALL) - 1
        for pixel in pixels[before]:
            assert (low <= np.maximum(pixel - PADDING, 0)).all()
            assert (high >= np.minimum(pixel + PADDING, limit)).all()
        assert (low >= 0).all()
        assert (high <= limit).all()


class TestWindow:
    @settings(max_examples=50, deadline=None)
    @given(
        point=hnp.arrays(float, (1, 3), elements=st.floats(-60, 60)),
        left=st.integers(0, 300),
        top=st.integers(0, 200),
        width=st.integers(1, 20),
        height=st.integers(1, 40),
    )
    def test_of_camera__a_place_is_in_the_piece_where_it_is_in_the_image(
        self, small: Scene, point: np.ndarray, left: int, top: int, width: int, height: int
    ) -> None:
        window = Window(left, top, width, height)
        for camera in small[0].cameras:
            piece = window.of_camera(camera)
            (whole,), depth = camera.project(point)
            (cut,), same = piece.project(point)
            np.testing.assert_allclose(cut, whole - (left, top), atol=1e-8)
            assert same == pytest.approx(depth)
            assert piece.size == (width, height)
            np.testing.assert_allclose(piece.back_project(cut[None], same), point, atol=1e-6)

    def test_of_image__the_pixels_of_its_camera(self) -> None:
        image = np.arange(30 * 40 * 2).reshape(30, 40, 2)
        cut = Window(7, 5, 3, 4).of_image(image)
        assert cut.shape == (4, 3, 2)
        for v, u in np.ndindex(4, 3):
            np.testing.assert_array_equal(cut[v, u], image[5 + v, 7 + u])
        cut[:] = -1
        assert (image == -1).sum() == 24

    @settings(max_examples=200, deadline=None)
    @given(data=st.data(), aspect=st.floats(0.1, 10))
    def test_widened__has_the_aspect_and_lies_in_the_image(self, data: st.DataObject, aspect: float) -> None:
        left, top = data.draw(st.integers(0, 318)), data.draw(st.integers(0, 238))
        width, height = data.draw(st.integers(2, 320 - left)), data.draw(st.integers(2, 240 - top))
        window = Window(left, top, width, height)
        wide = window.widened(aspect, within=SIZE)
        (low, high), (inner_low, inner_high) = extent(wide), extent(window)
        assert (low <= inner_low).all()
        assert (high >= inner_high).all()
        assert (low >= 0).all()
        assert (high < np.array(SIZE)).all()
        # As wide or as high as it was, as nothing smaller will do; the other side is the aspect's but where it ends.
        assert wide.width == width or wide.height == height
        if wide.width < SIZE[0] and wide.height < SIZE[1]:
            off = wide.width - aspect * wide.height, wide.height - wide.width / aspect
            assert min(map(abs, off)) <= 0.5
        if low.all() and (high < np.array(SIZE) - 1).all():
            np.testing.assert_allclose(low + high, inner_low + inner_high, atol=1)

    def test_widened__keeps_what_it_has_within_the_image(self) -> None:
        window = Window(300, 10, 16, 40).widened(2.0, within=SIZE)
        assert (window.width, window.height) == (80, 40)
        assert window.left + window.width == SIZE[0]
        assert Window(0, 0, *SIZE).widened(5.0, within=SIZE) == Window(0, 0, *SIZE)
