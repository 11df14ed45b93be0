"""Windows of views: where they lie, and that the points within stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modmap.encoding.window import Window
from tests.synthetic_scans import ball_scan

SHARES = st.floats(0, 1)
SIDES = st.integers(1, 40)


class TestWindow:
    def test_around__a_tenth_of_the_longer_side_on_every_side_as_far_as_the_view_goes(self) -> None:
        part = np.zeros((100, 200), dtype=bool)
        part[40, 50] = part[59, 149] = True  # 20 x 100 pixels
        window = Window.around(part)
        assert window == Window(top=0.3, left=0.2, bottom=0.7, right=0.8)
        assert window.of((100, 200)) == (slice(30, 70), slice(40, 160))
        assert window.of((50, 100)) == (slice(15, 35), slice(20, 80))
        part[:, 0] = True
        assert Window.around(part) == Window(top=0, left=0, bottom=1, right=(150 + 15) / 200)

    def test_joined__holds_both(self) -> None:
        one = Window(top=0.1, left=0.5, bottom=0.4, right=0.6)
        other = Window(top=0.2, left=0.1, bottom=0.9, right=0.55)
        assert one.joined(other) == other.joined(one) == Window(top=0.1, left=0.1, bottom=0.9, right=0.6)

    @settings(max_examples=50, deadline=None)
    @given(ends=st.tuples(SHARES, SHARES, SHARES, SHARES), height=SIDES, width=SIDES)
    def test_of__at_least_a_pixel_and_never_outside(
        self, ends: tuple[float, float, float, float], height: int, width: int
    ) -> None:
        (top, bottom), (left, right) = sorted(ends[:2]), sorted(ends[2:])
        if top == bottom or left == right or top == 1 or left == 1:
            return
        rows, columns = Window(top=top, left=left, bottom=bottom, right=right).of((height, width))
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width

    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 999))
    def test_of__holds_the_part_that_it_is_around(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        part = np.zeros(rng.integers(5, 60, 2), dtype=bool)
        part[tuple(rng.integers(0, part.shape))] = part[tuple(rng.integers(0, part.shape))] = True
        assert part[Window.around(part).of(part.shape)].sum() == part.sum()

    def test_cut__points_stay_where_they_are(self) -> None:
        frame = ball_scan(views=1).views[0].load()
        window = Window(top=0.2, left=0.3, bottom=0.8, right=0.9)
        rows, columns = window.of(frame.shape)
        cut = window.cut(frame)
        mask = np.zeros(frame.shape, dtype=bool)
        mask[rows, columns] = frame.depth[rows, columns] > 0
        assert mask.sum() > 100
        np.testing.assert_allclose(cut.points(cut.depth > 0), frame.points(mask), atol=1e-9)
        np.testing.assert_array_equal(cut.image, frame.image[rows, columns])
        assert cut.camera is not None
        assert cut.camera.size == (cut.shape[1], cut.shape[0])

    @pytest.mark.parametrize(
        "ends",
        [
            {"top": 0.5, "bottom": 0.5},
            {"left": 0.9, "right": 0.2},
            {"top": -0.1},
            {"right": 1.1},
            {"bottom": float("nan")},
        ],
    )
    def test_init__no_window(self, ends: dict[str, float]) -> None:
        with pytest.raises(ValidationError):
            Window(**({"top": 0.0, "left": 0.0, "bottom": 1.0, "right": 1.0} | ends))
