"""Token banks: which pairs and places there are, and their distances."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.encoding.scan_tokens import ScanTokens
from modmap.mapping.token_bank import TokenBank
from tests.modmap import slow_mapping as slow
from tests.modmap.banks import random_bank, random_mapper

FEW = settings(max_examples=8, deadline=None)


def _tokens(view_ids: tuple[str, ...], value: float) -> ScanTokens:
    count = len(view_ids)
    return ScanTokens(
        view_ids=view_ids,
        image=torch.full((count, 4, 3), value),
        depth=torch.full((count, 4, 2), value),
        foreground=torch.ones(count, 4, dtype=torch.bool),
        touched=np.ones((count, 4), dtype=bool),
        shapes=((2, 2),) * count,
        masks=(np.packbits(np.ones((2, 2), dtype=bool)),) * count,
        windows=(None,) * count,
    )


class TestTokenBank:
    def test_of__views_by_id_not_position(self) -> None:
        scans = [_tokens(("b", "a"), 1), _tokens(("c",), 2)]
        bank = TokenBank.of(scans, view_ids=["a", "b", "c", "d"], categories=[1, 0])
        assert bank.view.tolist() == [1, 0, 2]
        assert bank.scan.tolist() == [0, 0, 1]
        assert bank.category is not None
        assert bank.category.tolist() == [1, 1, 0]
        assert bank.image[:, 0, 0].tolist() == [1, 1, 2]
        assert TokenBank.of(scans, view_ids=["a", "b", "c"]).category is None

    @FEW
    @given(seed=st.integers(0, 999), views=st.integers(1, 4), scans=st.integers(1, 3))
    def test_pairs__every_one_within_a_scan(self, seed: int, views: int, scans: int) -> None:
        bank = random_bank(seed, views=views, scans=scans)
        expected = {
            (s, t) for s in range(views * scans) for t in range(views * scans) if s // views == t // views
        }
        found = [tuple(pair) for pair in bank.pairs(cross_view=True).tolist()]
        assert len(found) == len(expected) == scans * views**2
        assert set(found) == expected
        assert bank.pairs(cross_view=False).tolist() == [[i, i] for i in range(views * scans)]

    @FEW
    @given(seed=st.integers(0, 999), classes=st.integers(0, 2), conditioned=st.booleans())
    def test_distances__where_both_show_the_part(self, seed: int, classes: int, conditioned: bool) -> None:
        bank = random_bank(seed, views=3, scans=2, classes=classes, share=0.5)
        mapper = random_mapper(seed, views=3, classes=classes, conditioned=conditioned)
        pairs = bank.pairs(cross_view=True)
        pair, place = bank.places(pairs)
        with torch.no_grad():
            image, depth = bank.distances(mapper, pairs, pair, place)
        expected = [
            (p, at)
            for p, (s, t) in enumerate(pairs.tolist())
            for at in range(6)
            if bool(bank.foreground[s, at]) and bool(bank.foreground[t, at])
        ]
        assert list(zip(pair.tolist(), place.tolist(), strict=True)) == expected
        for i in range(0, len(expected), 5):
            p, at = expected[i]
            s, t = pairs[p].tolist()
            wanted = slow.distances(mapper, bank, s, t, at)
            np.testing.assert_allclose([image[i], depth[i]], wanted, atol=1e-6)
