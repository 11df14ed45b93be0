"""Crops: their geometry by maps of coordinates, their holes, their distributions."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import RandomResizedCrop

from dino_depth.config import CropSettings
from dino_depth.data.crops import EDGE_SHARE, CropSampler, MultiCrop, Window, draw_window
from dino_depth.errors import DinoDepthError

Array = npt.NDArray[Any]

SETTINGS = CropSettings(global_size=56, local_count=3, local_size=28)


def ramps(rows: int, columns: int) -> tuple[Array, Array]:
    """Maps of 1 + x and of 1 + y, in pixels."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    return 1 + x, 1 + y


def places(window: Window, size: int) -> tuple[Array, Array]:
    """x and y, in the map, of every pixel of a crop: step by step instead of by one matrix."""
    row, column = np.mgrid[:size, :size].astype(np.float64)
    across = (column + 0.5) / size - 0.5
    down = (row + 0.5) / size - 0.5
    if window.mirror_x:
        across = -across
    if window.mirror_y:
        down = -down
    turned = (across * window.width + 1j * down * window.height) * np.exp(1j * window.angle)
    return window.x + turned.real, window.y + turned.imag


def inside(x: Array, y: Array, shape: tuple[int, int], *, margin: float) -> Array:
    rows, columns = shape
    return (x > margin) & (x < columns - 1 - margin) & (y > margin) & (y < rows - 1 - margin)


windows = st.builds(
    Window,
    x=st.floats(-10, 100),
    y=st.floats(-10, 80),
    width=st.floats(8, 90),
    height=st.floats(8, 90),
    angle=st.floats(-4, 7),
    mirror_x=st.booleans(),
    mirror_y=st.booleans(),
)


class TestCropSampler:
    @given(window=windows, size=st.sampled_from([28, 56, 98]))
    @settings(max_examples=60, deadline=None)
    def test_crop__geometry_is_the_windows_in_a_reduced_map(self, window: Window, size: int) -> None:
        large = Window(
            4 * window.x,
            4 * window.y,
            4 * window.width,
            4 * window.height,
            window.angle,
            window.mirror_x,
            window.mirror_y,
        )
        shape = (280, 360)
        x, y = places(large, size)
        # Reduced by up to 8; a reduced pixel at the border may lack a part of its square.
        kept = inside(x, y, shape, margin=16)
        for ramp, expected in zip(ramps(*shape), (x, y), strict=True):
            crop = CropSampler(ramp).crop(large, size)
            assert crop.shape == (size, size)
            assert crop.dtype == np.float32
            # OpenCV may round places to 1/32 of a pixel, which is one of the reduced map.
            np.testing.assert_allclose(crop[kept], expected[kept] + 1, atol=8 / 32)

    @given(window=windows)
    @settings(max_examples=60, deadline=None)
    def test_crop__geometry_is_exact_where_nothing_is_reduced(self, window: Window) -> None:
        x, y = places(window, 96)
        kept = inside(x, y, (70, 90), margin=0)
        for ramp, expected in zip(ramps(70, 90), (x, y), strict=True):
            crop = CropSampler(ramp).crop(window, 96)
            np.testing.assert_allclose(crop[kept], expected[kept] + 1, atol=1 / 32)

    @pytest.mark.parametrize("turns", [0, 1, 2, 3])
    @pytest.mark.parametrize(("mirror_x", "mirror_y"), [(False, False), (True, False), (False, True)])
    def test_crop__quarter_turns_and_mirrors_move_whole_pixels(
        self, turns: int, mirror_x: bool, mirror_y: bool
    ) -> None:
        depth = np.random.default_rng(0).random((32, 32)).astype(np.float32)
        depth[depth < 0.3] = 0
        window = Window(15.5, 15.5, 32, 32, turns * math.pi / 2, mirror_x, mirror_y)
        # The window turns clockwise, so what it shows turns counterclockwise; then it is mirrored.
        expected = np.rot90(depth, turns)
        expected = expected[:, ::-1] if mirror_x else expected
        expected = expected[::-1] if mirror_y else expected
        np.testing.assert_allclose(CropSampler(depth).crop(window, 32), expected, atol=1e-5)

    def test_crop__whole_pixels_of_a_part_are_taken_as_they_are(self) -> None:
        depth = np.random.default_rng(1).random((40, 60)).astype(np.float32)
        crop = CropSampler(depth).crop(Window(29.5, 19.5, 20, 20), 20)
        np.testing.assert_allclose(crop, depth[10:30, 20:40], atol=1e-6)

    @given(
        seed=st.integers(0, 10_000), window=windows, size=st.sampled_from([14, 28, 96]), step=st.floats(0, 1)
    )
    @settings(max_examples=50, deadline=None)
    def test_crop__no_depth_that_wasnt_measured_there(
        self, seed: int, window: Window, size: int, step: float
    ) -> None:
        rng = np.random.default_rng(seed)
        depth = (0.2 + 0.8 * rng.random((70, 90)) * step).astype(np.float32)
        depth[rng.random(depth.shape) < 0.4] = 0
        depth[20:40, 30:50] = 0
        crop = CropSampler(depth).crop(window, size)
        # Pixels within the reach of a reduced pixel and its neighbours, or of two pixels.
        factor = 2 ** max(0, math.floor(math.log2(min(window.width, window.height) / size)))
        reach = 2 * factor
        low = cv2.erode(np.where(depth > 0, depth, np.inf), np.ones((2 * reach + 1, 2 * reach + 1)))
        high = cv2.dilate(depth, np.ones((2 * reach + 1, 2 * reach + 1)))
        x, y = places(window, size)
        column, row = np.rint(x).astype(int), np.rint(y).astype(int)
        outside = (column < -reach) | (column > 89 + reach) | (row < -reach) | (row > 69 + reach)
        assert not crop[outside].any()
        column, row = np.clip(column, 0, 89), np.clip(row, 0, 69)
        measured = crop > 0
        assert (crop[measured] >= low[row, column][measured] - 1e-6).all()
        assert (crop[measured] <= high[row, column][measured] + 1e-6).all()

    @given(seed=st.integers(0, 10_000), window=windows, depth=st.floats(0.1, 1000))
    @settings(max_examples=60, deadline=None)
    def test_crop__hole_or_not_is_the_nearest_pixels(self, seed: int, window: Window, depth: float) -> None:
        full = np.full((70, 90), depth, np.float32)
        full[np.random.default_rng(seed).random(full.shape) < 0.5] = 0
        crop = CropSampler(full).crop(window, 96)
        # Holes have no influence on a constant map: not in the last bit.
        assert set(np.unique(crop).tolist()) <= {0.0, float(np.float32(depth))}
        x, y = places(window, 96)
        decided = (np.abs(x % 1 - 0.5) > 0.01) & (np.abs(y % 1 - 0.5) > 0.01)
        padded = np.pad(full, 200)
        expected = padded[np.rint(y).astype(int) + 200, np.rint(x).astype(int) + 200]
        assert ((crop == 0) == (expected == 0))[decided].all()

    def test_crop__two_flat_sides_of_an_edge_stay_two(self) -> None:
        depth = np.full((60, 60), 0.3, np.float32)
        depth[:, 31:] = 0.9
        for size in (20, 90):
            crop = CropSampler(depth).crop(Window(29.5, 29.5, 40, 40, 0.3), size)
            # No pixel flies between them.
            off = np.minimum(np.abs(crop - 0.3), np.abs(crop - 0.9))
            assert off.max() <= EDGE_SHARE * 0.6 + 1e-6
            assert 0.3 < (crop < 0.6).mean() < 0.7

    @given(seed=st.integers(0, 10_000), window=windows)
    @settings(max_examples=60, deadline=None)
    def test_crop__is_never_further_than_the_edge_share_from_the_nearest_pixel(
        self, seed: int, window: Window
    ) -> None:
        depth = np.random.default_rng(seed).random((70, 90)).astype(np.float32)
        depth[depth < 0.2] = 0
        sampler = CropSampler(depth)
        nearest = sampler.nearest(window, 96)
        crop = sampler.crop(window, 96, nearest=nearest)
        np.testing.assert_array_equal(crop, sampler.crop(window, 96))
        measured = depth[depth > 0]
        assert np.abs(crop - nearest).max() <= EDGE_SHARE * np.ptp(measured) + 1e-7

    @pytest.mark.parametrize("factor", [2, 3, 4, 8])
    def test_crop__a_reduced_map_is_averaged(self, factor: int) -> None:
        # Noise far below an edge's height: it shrinks as the mean of the pixels does.
        rng = np.random.default_rng(2)
        y, x = np.mgrid[:224, :224] / 224
        depth = (0.2 + 0.4 * x + 0.4 * y + rng.uniform(-3e-3, 3e-3, x.shape)).astype(np.float32)
        size = 224 // factor
        used = 1 << int(math.log2(factor))
        crop = CropSampler(depth).crop(Window(111.5, 111.5, size * factor, size * factor), size)
        column, row = (111.5 + factor * (np.arange(size) - (size - 1) / 2) for _ in range(2))
        noise = (crop - (0.2 + 0.4 * column / 224 + 0.4 * row[:, None] / 224))[2:-2, 2:-2]
        assert noise.std() < 1.15 * 3e-3 / math.sqrt(3) / used

    def test_crop__outside_of_the_map_is_hole(self) -> None:
        depth = np.full((20, 30), 0.7, np.float32)
        crop = CropSampler(depth).crop(Window(14.5, 9.5, 60, 60), 60)
        expected = np.zeros((60, 60), np.float32)
        expected[20:40, 15:45] = 0.7
        np.testing.assert_array_equal(crop, expected)

    def test_crop__leaves_the_map_as_it_was(self) -> None:
        depth = np.random.default_rng(0).random((65, 43)).astype(np.float32)
        before = depth.copy()
        sampler = CropSampler(depth)
        for size in (5, 20, 80):
            sampler.crop(Window(20, 30, 40, 40, 1), size)
        np.testing.assert_array_equal(depth, before)

    @pytest.mark.parametrize(
        "wrong", [np.zeros((3, 4, 1), np.float32), np.zeros((3, 4)), np.zeros((0, 4), np.float32)]
    )
    def test_init__other_than_a_float32_map_is_an_error(self, wrong: Array) -> None:
        with pytest.raises(DinoDepthError, match=r"^depth map: expected \(H, W\) of float32, found"):
            CropSampler(wrong)


class TestDrawWindow:
    @given(
        seed=st.integers(0, 10_000),
        rows=st.integers(20, 400),
        elongation=st.floats(0.75, 4 / 3),
        scale=st.sampled_from([(0.32, 1.0), (0.05, 0.32), (1.0, 1.0)]),
    )
    @settings(max_examples=60, deadline=None)
    def test_draw_window__share_aspect_and_place_are_in_range(
        self, seed: int, rows: int, elongation: float, scale: tuple[float, float]
    ) -> None:
        columns = math.floor(rows * elongation)
        if columns / rows < 0.75:
            columns += 1
        window = draw_window(np.random.default_rng(seed), (rows, columns), scale)
        share = window.width * window.height / (rows * columns)
        assert scale[0] - 1e-9 <= share <= scale[1] + 1e-9
        assert 3 / 4 - 1e-9 <= window.width / window.height <= 4 / 3 + 1e-9
        # At most a twentieth of it shows what is beside the map: a grid of 24 x 24 tells that to a hundredth.
        nearest = CropSampler(np.ones((rows, columns), np.float32)).nearest(window, 96)
        assert (nearest == 0).mean() <= 0.06

    @given(seed=st.integers(0, 10_000), tall=st.booleans(), length=st.integers(61, 500))
    @settings(max_examples=50, deadline=None)
    def test_draw_window__in_a_long_map_the_largest_that_fits(
        self, seed: int, tall: bool, length: int
    ) -> None:
        shape = (length, 40) if tall else (40, length)
        window = draw_window(np.random.default_rng(seed), shape, (0.9, 1.0))
        short, long = sorted((window.width, window.height))
        np.testing.assert_allclose((short, long / short), (40, 4 / 3))

    def test_draw_window__distributions_are_the_documented_ones(self) -> None:
        rng, count = np.random.default_rng(0), 4000
        drawn = [draw_window(rng, (100, 100), (0.05, 0.15)) for _ in range(count)]
        share = np.array([one.width * one.height / 1e4 for one in drawn])
        aspect = np.array([math.log(one.width / one.height) / math.log(4 / 3) for one in drawn])
        for values in ((share - 0.05) / 0.1, (aspect + 1) / 2):
            assert scipy.stats.kstest(values, "uniform").pvalue > 1e-3
        middle = [one for one in drawn if abs(one.x - 49.5) < 15 and abs(one.y - 49.5) < 15]
        angles = np.array([one.angle / (2 * math.pi) for one in middle])
        assert scipy.stats.kstest(angles, "uniform").pvalue > 1e-3
        for mirrored in ([one.mirror_x for one in drawn], [one.mirror_y for one in drawn]):
            assert abs(np.mean(mirrored) - 0.5) < 5 * 0.5 / math.sqrt(count)
        both = np.mean([one.mirror_x and one.mirror_y for one in drawn])
        assert abs(both - 0.25) < 5 * 0.43 / math.sqrt(count)

    @pytest.mark.parametrize("scale", [(0.32, 1.0), (0.05, 0.32)])
    def test_draw_window__lies_where_torchvisions_random_resized_crop_does(
        self, scale: tuple[float, float]
    ) -> None:
        rng, count = np.random.default_rng(0), 4000
        drawn = [draw_window(rng, (300, 300), scale) for _ in range(count)]
        torch.manual_seed(0)
        map_ = torch.zeros(1, 300, 300)
        theirs = np.array(
            [RandomResizedCrop.get_params(map_, list(scale), [3 / 4, 4 / 3]) for _ in range(count)], float
        )
        for ours, corner, side in (([one.x for one in drawn], 1, 3), ([one.y for one in drawn], 0, 2)):
            ours_offset = np.abs(np.array(ours) - 149.5)
            their_offset = np.abs(theirs[:, corner] + (theirs[:, side] - 1) / 2 - 149.5)
            # Theirs are whole pixels.
            assert ours_offset.mean() == pytest.approx(their_offset.mean(), rel=0.05)
            assert ours_offset.std() == pytest.approx(their_offset.std(), rel=0.05)
            assert scipy.stats.ks_2samp(np.round(ours_offset), np.round(their_offset)).statistic < 0.05

    def test_draw_window__nearly_the_whole_map_lies_near_any_quarter_turn(self) -> None:
        rng = np.random.default_rng(0)
        quarters = [draw_window(rng, (100, 100), (0.9, 1.0)).angle / (math.pi / 2) for _ in range(400)]
        assert np.abs(np.array(quarters) - np.round(quarters)).max() < 0.25
        assert np.bincount(np.round(quarters).astype(int) % 4, minlength=4).min() > 60


class TestMultiCrop:
    def test_call__gives_global_and_local_crops(self) -> None:
        depth = np.random.default_rng(0).random((60, 80)).astype(np.float32)
        crops = MultiCrop(SETTINGS)(depth, np.random.default_rng(0))
        assert crops.global_crops.shape == (2, 1, 56, 56)
        assert crops.local_crops.shape == (3, 1, 28, 28)
        assert crops.global_crops.dtype == crops.local_crops.dtype == np.float32
        assert not np.array_equal(crops.global_crops[0], crops.global_crops[1])

    def test_call__without_local_crops(self) -> None:
        settings_ = CropSettings(global_size=56, local_count=0)
        crops = MultiCrop(settings_)(np.ones((60, 80), np.float32), np.random.default_rng(0))
        assert crops.local_crops.shape == (0, 1, 98, 98)

    def test_call__crops_are_the_draws_in_their_order(self) -> None:
        depth = np.random.default_rng(0).random((60, 80)).astype(np.float32)
        crops = MultiCrop(SETTINGS)(depth, np.random.default_rng(9))
        rng, sampler = np.random.default_rng(9), CropSampler(depth)
        for crop, scale, size in (
            *((one, SETTINGS.global_scale, 56) for one in crops.global_crops),
            *((one, SETTINGS.local_scale, 28) for one in crops.local_crops),
        ):
            expected = sampler.crop(draw_window(rng, (60, 80), scale), size)
            np.testing.assert_array_equal(crop[0], expected)

    def test_call__the_same_generator_gives_the_same_crops(self) -> None:
        depth = np.random.default_rng(0).random((60, 80)).astype(np.float32)
        first, again, other = (MultiCrop(SETTINGS)(depth, np.random.default_rng(seed)) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first.local_crops, again.local_crops)
        np.testing.assert_array_equal(first.global_crops, again.global_crops)
        assert not np.array_equal(first.local_crops, other.local_crops)

    def test_call__a_crop_of_holes_is_drawn_again(self) -> None:
        # A twentieth of the map is measured: many draws have too little of it.
        depth = np.zeros((200, 200), np.float32)
        depth[80:125, 80:125] = 0.5
        rng, sampler = np.random.default_rng(0), CropSampler(depth)
        few = [
            (sampler.crop(draw_window(rng, (200, 200), (0.05, 0.32)), 28) > 0).mean() < 0.1
            for _ in range(300)
        ]
        crops = MultiCrop(CropSettings(local_count=300, local_size=28, global_size=28))(depth, rng)
        left = [(crop > 0).mean() < 0.1 for crop in crops.local_crops]
        assert np.mean(few) > 0.15
        assert not any(left)

    def test_call__the_fullest_of_eleven_draws_where_none_has_enough(self) -> None:
        depth = np.zeros((200, 200), np.float32)
        depth[90:110, 90:110] = 0.5
        config = CropSettings(local_count=0, global_size=28, global_scale=(0.9, 1.0))
        crops = MultiCrop(config)(depth, np.random.default_rng(0))
        rng, sampler = np.random.default_rng(0), CropSampler(depth)
        for crop in crops.global_crops:
            drawn = [sampler.crop(draw_window(rng, (200, 200), (0.9, 1.0)), 28) for _ in range(11)]
            fullest = max(drawn, key=np.count_nonzero)
            np.testing.assert_array_equal(crop[0], fullest)

    def test_call__a_map_of_holes_gives_crops_of_holes(self) -> None:
        crops = MultiCrop(SETTINGS)(np.zeros((60, 80), np.float32), np.random.default_rng(0))
        assert not crops.global_crops.any()
        assert not crops.local_crops.any()
