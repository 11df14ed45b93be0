"""Block masks: counts, shares, shapes and seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dino_depth.data.masks import block_masks
from dino_depth.errors import DinoDepthError


class TestBlockMasks:
    @given(
        seed=st.integers(0, 10_000),
        maps=st.integers(1, 8),
        rows=st.integers(3, 16),
        columns=st.integers(3, 16),
        low=st.floats(0, 0.5),
        more=st.floats(0, 0.5),
    )
    @settings(max_examples=150, deadline=None)
    def test_block_masks__half_of_the_crops_within_the_ratios(
        self, seed: int, maps: int, rows: int, columns: int, low: float, more: float
    ) -> None:
        ratio = (low, low + more)
        masks = block_masks(2 * maps, (rows, columns), rng=np.random.default_rng(seed), ratio=ratio)
        assert masks.shape == (2 * maps, rows * columns)
        counts = np.sort(masks.sum(dim=1).numpy())
        assert not counts[:maps].any() or math.ceil(low * rows * columns - 1e-6) == 0
        patches = rows * columns
        if math.ceil(low * patches) <= math.floor((low + more) * patches):
            assert (counts[maps:] >= low * patches - 1e-6).all()
            assert (counts[maps:] <= (low + more) * patches + 1e-6).all()
        else:
            assert (np.abs(counts[maps:] - low * patches) < 1).all()

    @given(seed=st.integers(0, 10_000), masked=st.integers(1, 16))
    @settings(max_examples=50, deadline=None)
    def test_block_masks__one_ratio_in_each_part_of_the_range(self, seed: int, masked: int) -> None:
        masks = block_masks(2 * masked, (16, 16), rng=np.random.default_rng(seed))
        shares = np.sort(masks.sum(dim=1).numpy())[masked:] / 256
        edges = np.linspace(0.1, 0.5, masked + 1)
        # Counts are whole: a share may be half a patch (a whole one at the ends) beside its part.
        assert (shares >= edges[:-1] - 1 / 256).all()
        assert (shares <= edges[1:] + 1 / 256).all()

    @pytest.mark.parametrize(("probability", "crops"), [(0.5, 3), (0.3, 4), (0.0, 4), (1.0, 4)])
    def test_block_masks__each_crop_is_masked_with_the_probability(
        self, probability: float, crops: int
    ) -> None:
        rng = np.random.default_rng(0)
        batches = [block_masks(crops, (4, 4), rng=rng, probability=probability) for _ in range(2000)]
        masked = np.stack([batch.any(dim=1).numpy() for batch in batches])
        # Five standard deviations of a mean of 2000 independent draws.
        assert np.abs(masked.mean(axis=0) - probability).max() <= 5 * math.sqrt(
            probability * (1 - probability) / 2000
        )
        assert set(masked.sum(axis=1)) <= {math.floor(crops * probability), math.ceil(crops * probability)}

    def test_block_masks__masks_are_blocks(self) -> None:
        """Far fewer borders between masked and seen patches than where as many are masked one by one."""
        rng = np.random.default_rng(0)
        masks = block_masks(64, (16, 16), rng=rng, probability=1.0).view(-1, 16, 16).numpy()
        scattered = rng.permuted(masks.reshape(64, -1), axis=1).reshape(masks.shape)
        assert _borders(masks) < 0.4 * _borders(scattered)
        pieces = [ndimage.label(mask)[1] for mask in masks]
        assert np.median(pieces) <= 4

    def test_block_masks__no_side_is_preferred(self) -> None:
        """Blocks that fit whole are seldom in a corner, but as often in one as in another."""
        masks = block_masks(4000, (8, 8), rng=np.random.default_rng(0), probability=1.0).float()
        often = masks.mean(dim=0).view(8, 8)
        assert often.mean().item() == pytest.approx(0.3, abs=0.01)
        assert often.min() > 0.05
        for mirrored in (often.flip(0), often.flip(1), often.T):
            assert (often - mirrored).abs().max() < 0.04

    def test_block_masks__same_seed_same_masks(self) -> None:
        first, second = (block_masks(8, (16, 16), rng=np.random.default_rng(5)) for _ in range(2))
        assert first.equal(second)
        assert not first.equal(block_masks(8, (16, 16), rng=np.random.default_rng(6)))

    def test_block_masks__a_whole_crop(self) -> None:
        masks = block_masks(2, (5, 7), rng=np.random.default_rng(0), probability=1.0, ratio=(1.0, 1.0))
        assert masks.all()

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"ratio": (0.5, 0.1)}, "masks.ratio: .* found 0.5 and 0.1"),
            ({"ratio": (0.1, 1.5)}, "masks.ratio: .* found 0.1 and 1.5"),
            ({"probability": 1.5}, "masks.probability: .* found 1.5"),
        ],
    )
    def test_block_masks__mistakes_are_one_line(self, settings: dict[str, object], message: str) -> None:
        with pytest.raises(DinoDepthError, match=message) as error:
            block_masks(4, (4, 4), rng=np.random.default_rng(0), **settings)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)


def _borders(masks: np.ndarray) -> int:
    return int((masks[:, 1:] != masks[:, :-1]).sum() + (masks[:, :, 1:] != masks[:, :, :-1]).sum())
