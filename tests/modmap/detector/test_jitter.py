"""The same surface, a little elsewhere in its views."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.camera import Camera
from modmap.detector.jitter import FARTHEST, WIDEST, JitteredView, jittered, jittered_copies
from modmap.scan import Scan, View
from tests.synthetic_scans import look_at

WIDTH, HEIGHT = 160, 120
K = np.array([[200.0, 0, 82.0], [0, 200.0, 57.0], [0, 0, 1]])


def tilted_plane() -> View:
    """A plane seen obliquely within a disc, bright where it is far."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    depth = 400 + 0.5 * columns + 0.25 * rows
    depth[np.hypot(rows - 60, columns - 70) > 40] = 0
    image = np.clip(depth - 350, 0, 255).astype(np.uint8)
    camera = Camera(K, look_at(np.array([300.0, 200.0, 250.0]), np.zeros(3)), size=(WIDTH, HEIGHT))
    return View("one", image, depth.astype(np.float32), camera=camera)


def as_jittered(view: View, *, turn: float, shift: tuple[float, float]) -> JitteredView:
    return JitteredView(view.id, view.image, view.depth, camera=view.camera, turn=turn, shift=shift)


class TestJitteredView:
    def test_load__shift_by_whole_pixels(self) -> None:
        view = tilted_plane()
        before = view.load()
        after = as_jittered(view, turn=0.0, shift=(3 / WIDTH, -2 / WIDTH)).load()
        np.testing.assert_array_equal(after.depth[:-2, 3:], before.depth[2:, :-3])
        np.testing.assert_array_equal(after.image[:-2, 3:], before.image[2:, :-3])

    @pytest.mark.parametrize(
        ("turn", "shift"), [(0.0, (0.02, 0.01)), (8.0, (0.0, 0.0)), (-5.0, (0.03, -0.02))]
    )
    def test_load__points_stay_where_they_are(self, turn: float, shift: tuple[float, float]) -> None:
        view = tilted_plane()
        planes = []
        for frame in (view.load(), as_jittered(view, turn=turn, shift=shift).load()):
            assert frame.camera is not None
            rows, columns = np.nonzero(frame.depth)
            pixels = np.stack([columns, rows], axis=1)
            planes.append(frame.camera.back_project(pixels, frame.depth[rows, columns]))
        before, after = planes
        assert len(after) == pytest.approx(len(before), rel=0.01)
        # Depth isn't interpolated, so all points may be half a pixel off, 1 mm and more on this slope.
        assert np.linalg.norm(before.mean(axis=0) - after.mean(axis=0)) < 1.5
        nearest = np.linalg.norm(after[::37, None] - before[None], axis=2).min(axis=1)
        assert nearest.max() < 2.5

    def test_load__depth_is_never_made_up(self) -> None:
        view = tilted_plane()
        before, after = view.load(), as_jittered(view, turn=3.0, shift=(0.01, 0.01)).load()
        assert set(np.unique(after.depth)) <= set(np.unique(before.depth))

    def test_load__nothing_measured(self) -> None:
        empty = View("one", np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.float32))
        assert not as_jittered(empty, turn=1.0, shift=(0.0, 0.0)).load().depth.any()


class TestJitterd:
    def test_jittered__each_view_by_its_own_amount_and_the_same_again(self) -> None:
        scan = Scan("good", [tilted_plane(), View("two", tilted_plane().image, tilted_plane().depth)])
        first, again, other = jittered(scan, seed=3), jittered(scan, seed=3), jittered(scan, seed=4)
        amounts = [
            [(view.turn, view.shift) for view in one.views if isinstance(view, JitteredView)]
            for one in (first, again, other)
        ]
        assert amounts[0] == amounts[1] != amounts[2]
        assert amounts[0][0] != amounts[0][1]
        for turn, shift in amounts[0]:
            assert abs(turn) <= WIDEST
            assert max(map(abs, shift)) <= FARTHEST
        assert first.view_ids == scan.view_ids
        assert first["one"].load().image.shape == (HEIGHT, WIDTH)


class TestJitterdCopies:
    def test_jittered_copies__shared_among_the_scans_of_each_class(self) -> None:
        scans = [
            Scan(name, [tilted_plane()], category=category)
            for name, category in (("a", "gear"), ("b", "gear"), ("c", "pump"))
        ]
        names = [copy.name.partition(",")[0] for copy in jittered_copies(scans, 3, by_category=True)]
        assert names == ["a", "b", "a", "c", "c", "c"]
        together = jittered_copies(scans, 4, by_category=False)
        assert [copy.name.partition(",")[0] for copy in together] == ["a", "b", "c", "a"]
        assert len({copy.name for copy in together}) == 4
