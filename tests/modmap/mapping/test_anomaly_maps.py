"""Refined maps against a loop over all source views, target views and places (Eqs. 11 and 12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.mapping import anomaly_maps as inference
from modmap.mapping.anomaly_maps import pair_maps, refined_maps
from modmap.mapping.token_bank import TokenBank
from tests.modmap import slow_mapping as slow
from tests.modmap.banks import random_bank, random_mapper

Array = npt.NDArray[Any]

FEW = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 2**31)
VIEWS = st.integers(1, 4)


def _rows(bank: TokenBank, rows: list[int]) -> TokenBank:
    index = torch.tensor(rows)
    return replace(
        bank,
        image=bank.image[index],
        depth=bank.depth[index],
        foreground=bank.foreground[index],
        view=bank.view[index],
        scan=bank.scan[index],
    )


def _slow_pair_maps(bank: TokenBank, mapper: Any) -> Array:
    """(2, N, N, L) distances by modality, source, target and place."""
    count, places = bank.foreground.shape
    maps = np.full((2, count, count, places), np.inf)
    for s in range(count):
        for t in range(count):
            for place in range(places):
                if bank.foreground[s, place] and bank.foreground[t, place]:
                    maps[:, s, t, place] = slow.distances(mapper, bank, s, t, place)
    return maps


class TestRefinedMaps:
    @FEW
    @given(seed=SEEDS, views=VIEWS, classes=st.integers(0, 2), conditioned=st.booleans())
    def test_refined_maps__slow_loop(self, seed: int, views: int, classes: int, conditioned: bool) -> None:
        bank = random_bank(seed, views=views, classes=classes)
        mapper = random_mapper(seed, views=views, classes=classes, conditioned=conditioned)
        expected = _slow_pair_maps(bank, mapper)
        image, depth = refined_maps(mapper, bank)
        np.testing.assert_allclose(image.numpy(), expected[0].min(axis=0), atol=1e-6)
        np.testing.assert_allclose(depth.numpy(), expected[1].min(axis=0), atol=1e-6)
        assert torch.equal(image.isfinite(), bank.foreground)
        image, depth = refined_maps(mapper, bank, cross_view=False)
        diagonal = np.arange(views)
        np.testing.assert_allclose(image.numpy(), expected[0, diagonal, diagonal], atol=1e-6)
        np.testing.assert_allclose(depth.numpy(), expected[1, diagonal, diagonal], atol=1e-6)

    @FEW
    @given(seed=SEEDS, views=VIEWS)
    def test_refined_maps__whatever_the_chunks(self, seed: int, views: int) -> None:
        bank, mapper = random_bank(seed, views=views), random_mapper(seed, views=views)
        found = []
        for tokens in (1, 6, 13, 10**6):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(inference, "TOKENS_AT_ONCE", tokens)
                found.append(torch.stack(refined_maps(mapper, bank)).numpy())
        for other in found[1:]:
            np.testing.assert_allclose(other, found[0], atol=1e-12)

    @FEW
    @given(seed=SEEDS, order=st.permutations(range(4)))
    def test_refined_maps__order_of_the_views(self, seed: int, order: list[int]) -> None:
        bank, mapper = random_bank(seed, views=4), random_mapper(seed, views=4)
        plain = torch.stack(refined_maps(mapper, bank)).numpy()
        permuted = torch.stack(refined_maps(mapper, _rows(bank, order))).numpy()
        np.testing.assert_allclose(permuted, plain[:, order], atol=1e-12)

    @FEW
    @given(seed=SEEDS, dropped=st.integers(0, 3))
    def test_refined_maps__a_view_less(self, seed: int, dropped: int) -> None:
        bank, mapper = random_bank(seed, views=4), random_mapper(seed, views=4)
        kept = [i for i in range(4) if i != dropped]
        before = torch.stack(refined_maps(mapper, bank)).numpy()[:, kept]
        after = torch.stack(refined_maps(mapper, _rows(bank, kept))).numpy()
        was_smallest = _slow_pair_maps(bank, mapper).argmin(axis=1)[:, kept] == dropped
        shown = bank.foreground[kept].numpy()
        np.testing.assert_array_equal(np.isfinite(after[0]), shown)
        np.testing.assert_allclose(after[~was_smallest], before[~was_smallest], atol=1e-12)
        assert (after[:, shown] >= before[:, shown] - 1e-12).all()
        assert (after > before)[was_smallest & shown].all()

    def test_refined_maps__single_precision_stays_single(self) -> None:
        bank, mapper = random_bank(0, views=2), random_mapper(0, views=2).float()
        single = replace(bank, image=bank.image.float(), depth=bank.depth.float())
        assert {one.dtype for one in refined_maps(mapper, single)} == {torch.float32}


class TestPairMaps:
    @FEW
    @given(seed=SEEDS, views=VIEWS)
    def test_pair_maps__their_minimum_is_the_refined_map(self, seed: int, views: int) -> None:
        bank, mapper = random_bank(seed, views=views), random_mapper(seed, views=views)
        expected = _slow_pair_maps(bank, mapper)
        found = np.full_like(expected, np.nan)
        for s, t, image, depth in pair_maps(mapper, bank):
            found[:, s, t] = np.stack([image.numpy(), depth.numpy()])
        np.testing.assert_allclose(found, expected, atol=1e-6)
        refined = torch.stack(refined_maps(mapper, bank)).numpy()
        np.testing.assert_allclose(refined, found.min(axis=1), atol=1e-12)
        alone = torch.stack(refined_maps(mapper, bank, cross_view=False)).numpy()
        np.testing.assert_allclose(alone, found[:, np.arange(views), np.arange(views)], atol=1e-12)
