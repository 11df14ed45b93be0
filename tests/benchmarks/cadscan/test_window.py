import numpy as np
import pytest

from benchmarks.cadscan.assessment import reach_of
from benchmarks.cadscan.defects import make_defect
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.sensor import trace
from benchmarks.cadscan.window import Window, window_around
from tests.benchmarks.cadscan.simple_cell import SIZE, cell_around, placed


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


class TestWindow:
    def test_of_camera__same_rays(self, plate: Part) -> None:
        camera = cell_around(plate).cameras[0]
        window = Window(40, 30, 64, 48)
        point = np.array([[5.0, 3.0, 12.0]])
        (whole,), _ = camera.project(point)
        (piece,), _ = window.of_camera(camera).project(point)
        np.testing.assert_allclose(piece, whole - (40, 30))

    def test_widened__keeps_what_it_has_within_the_image(self) -> None:
        window = Window(300, 10, 16, 40).widened(2.0, within=SIZE)
        assert (window.width, window.height) == (80, 40)
        assert window.left + window.width == SIZE[0]
        assert Window(0, 0, *SIZE).widened(5.0, within=SIZE) == Window(0, 0, *SIZE)
