"""The part in a depth map, in cases made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from modmap.foreground import foreground_mask

Array = npt.NDArray[Any]


def _depth(mask: Array) -> Array:
    return np.where(mask, 500, 0).astype(np.float32)


class TestForegroundMask:
    def test_foreground_mask__largest_of_two(self) -> None:
        part = np.zeros((30, 40), dtype=bool)
        part[5:25, 4:20] = True
        both = part.copy()
        both[5:15, 25:35] = True
        found, notes = foreground_mask(_depth(both), mode="largest_component")
        np.testing.assert_array_equal(found, part)
        assert notes == ()
        for mode in ("components", "valid"):
            np.testing.assert_array_equal(foreground_mask(_depth(both), mode=mode)[0], both)

    def test_foreground_mask__a_part_in_pieces_without_specks(self) -> None:
        """A hub that its own shadow parts from its rim is the part too; nine pixels beside it are not."""
        y, x = np.mgrid[:200, :200] - 99.5
        radius = np.hypot(x, y)
        part = (radius < 30) | ((radius > 45) & (radius < 90))
        specks = part.copy()
        specks[2:5, 2:5] = True  # a component, but a speck
        specks[150, 199] = True
        found, notes = foreground_mask(_depth(specks), mode="components")
        opened_away = part & ~found
        assert not (found & ~part).any()
        assert opened_away.sum() < 0.01 * part.sum()  # corners that no 3x3 square reaches
        assert notes == ()
        rim, _ = foreground_mask(_depth(specks), mode="largest_component")
        assert not rim[radius < 30].any()

    @pytest.mark.parametrize("place", [(0, 0), (60, 90), (101, 0), (0, 160)])
    def test_foreground_mask__wherever_in_the_frame_the_part_lies(self, place: tuple[int, int]) -> None:
        """As scipy has it of the whole frame."""
        noise = ndimage.gaussian_filter(np.random.default_rng(2).standard_normal((99, 140)), 3)
        valid = np.zeros((200, 300), dtype=bool)
        valid[place[0] : place[0] + 99, place[1] : place[1] + 140] = noise > 0
        square = np.ones((3, 3), bool)
        eroded = ndimage.binary_erosion(valid, square, border_value=1)
        labels, count = ndimage.label(ndimage.binary_dilation(eroded, square), square)
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        kept = 1 + np.flatnonzero(areas >= 0.01 * areas.max())
        np.testing.assert_array_equal(foreground_mask(_depth(valid))[0], np.isin(labels, kept) & valid)

    def test_foreground_mask__thread_breaks(self) -> None:
        part = np.zeros((30, 40), dtype=bool)
        part[5:25, 4:20] = True
        joined = part.copy()
        joined[8:14, 26:36] = True
        joined[10:12, 20:26] = True  # two pixels wide
        found, _ = foreground_mask(_depth(joined), mode="largest_component")
        np.testing.assert_array_equal(found, part)

    def test_foreground_mask__corners_join(self) -> None:
        mask = np.zeros((20, 20), dtype=bool)
        mask[2:8, 2:8] = mask[8:14, 8:14] = True
        np.testing.assert_array_equal(foreground_mask(_depth(mask))[0], mask)

    def test_foreground_mask__holes_stay_holes(self) -> None:
        mask = np.zeros((30, 30), dtype=bool)
        mask[3:27, 3:27] = True
        mask[10:14, 10:14] = False
        np.testing.assert_array_equal(foreground_mask(_depth(mask))[0], mask)

    @pytest.mark.parametrize("step", [2, 3])
    def test_foreground_mask__dotted(self, step: int) -> None:
        mask = np.zeros((60, 60), dtype=bool)
        mask[10:40:step, 10:40:step] = True
        stray = mask.copy()
        stray[50, 50] = True
        found, notes = foreground_mask(_depth(stray))
        np.testing.assert_array_equal(found, mask)
        assert len(notes) == 1
        assert notes[0].startswith("dotted depth: a 3x3 opening would keep 0%")

    def test_foreground_mask__nothing_survives(self) -> None:
        mask = np.zeros((40, 40), dtype=bool)
        mask[12, 12] = mask[30, 30] = True
        found, notes = foreground_mask(_depth(mask))
        np.testing.assert_array_equal(found, mask)
        assert any("every measured pixel was kept" in note for note in notes)

    def test_foreground_mask__nothing_measured(self) -> None:
        found, notes = foreground_mask(np.zeros((8, 8), dtype=np.float32))
        assert not found.any()
        assert found.dtype == bool
        assert notes == ()

    def test_foreground_mask__whole_image(self) -> None:
        assert foreground_mask(np.full((8, 9), 3.5, dtype=np.float32))[0].all()

    @settings(max_examples=40, deadline=None)
    @given(seed=st.integers(0, 2**31), share=st.sampled_from([0.02, 0.3, 0.7, 0.95]))
    def test_foreground_mask__measured_pixels_only(self, seed: int, share: float) -> None:
        mask = np.random.default_rng(seed).random((24, 32)) < share
        found, _ = foreground_mask(_depth(mask))
        assert not (found & ~mask).any()
        assert found.any() == mask.any()
