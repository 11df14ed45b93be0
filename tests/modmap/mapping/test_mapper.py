"""Modulators and mappings against Eqs. 3 to 9 in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modmap.mapping.mapper import CrossViewMapper, FeatureMapper, Modulator, ViewPairs, cosine_distance
from tests.modmap import slow_mapping as slow

FEW = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 2**31)


def _randomised(module: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.7, generator=generator)


def _pairs(count: int, views: int, classes: int) -> ViewPairs:
    return ViewPairs(
        source=torch.randint(views, (count,)),
        target=torch.randint(views, (count,)),
        category=torch.randint(classes, (count,)) if classes else None,
    )


class TestModulator:
    @FEW
    @given(seed=SEEDS, views=st.integers(0, 4), classes=st.integers(0, 3), count=st.integers(1, 4))
    def test_forward__every_code(self, seed: int, views: int, classes: int, count: int) -> None:
        if views + classes == 0:
            classes = 1
        torch.manual_seed(seed)
        modulator = Modulator(views, 5, classes=classes, hidden=6).double()
        _randomised(modulator, seed)
        pairs, tokens = _pairs(count, max(views, 1), classes), torch.randn(7, 5, dtype=torch.float64)
        pair_of_token = torch.randint(count, (7,))
        found = modulator(tokens, pairs, pair_of_token).detach()
        for token, p, out in zip(tokens, pair_of_token, found, strict=True):
            category = None if pairs.category is None else int(pairs.category[p])
            expected = slow.modulated(
                modulator, token.numpy(), int(pairs.source[p]), int(pairs.target[p]), category
            )
            np.testing.assert_allclose(out.numpy(), expected, atol=1e-6)

    @FEW
    @given(seed=SEEDS, views=st.integers(1, 40), classes=st.integers(0, 8))
    def test_init__identity_whatever_the_codes(self, seed: int, views: int, classes: int) -> None:
        torch.manual_seed(seed)
        modulator = Modulator(views, 3, classes=classes)
        gamma, beta = modulator.scale_and_shift(_pairs(9, views, classes))
        assert torch.equal(gamma, torch.ones(9, 3))
        assert torch.equal(beta, torch.zeros(9, 3))
        tokens = torch.randn(9, 3)
        assert torch.equal(modulator(tokens, _pairs(9, views, classes), torch.arange(9)), tokens)

    def test_init__hidden_layer_of_128(self) -> None:
        shapes = [tuple(p.shape) for p in Modulator(12, 768).parameters()]
        assert shapes == [(128, 24), (128,), (1536, 128), (1536,)]

    def test_forward__learns_after_the_identity(self) -> None:
        modulator = Modulator(2, 3)
        modulator(torch.ones(1, 3), _pairs(1, 2, 0), torch.zeros(1, dtype=torch.int64)).sum().backward()
        assert all(p.grad is not None for p in modulator.parameters())
        assert next(reversed(list(modulator.parameters()))).grad.abs().sum() > 0  # type: ignore[union-attr]

    def test_backward__same_gradient_every_time_on_two_threads(self) -> None:
        """As many tokens as a step of the training has."""
        modulator = Modulator(12, 384)
        _randomised(modulator, 0)
        pairs, tokens = _pairs(12, 12, 0), torch.randn(12 * 256, 384)
        pair_of_token = torch.randint(12, (12 * 256,))
        threads, found = torch.get_num_threads(), []
        torch.set_num_threads(2)
        try:
            for _ in range(12):
                modulator.zero_grad()
                modulator(tokens, pairs, pair_of_token).square().sum().backward()
                found.append([torch.clone(p.grad) for p in modulator.parameters() if p.grad is not None])
        finally:
            torch.set_num_threads(threads)
        for again in found[1:]:
            assert all(torch.equal(one, other) for one, other in zip(again, found[0], strict=True))

    def test_scale_and_shift__class_is_missing(self) -> None:
        with pytest.raises(ValueError, match="class of every pair"):
            Modulator(2, 3, classes=2).scale_and_shift(_pairs(1, 2, 0))


class TestFeatureMapper:
    @FEW
    @given(seed=SEEDS, channels=st.tuples(st.integers(1, 6), st.integers(1, 6)))
    def test_forward__three_layers(self, seed: int, channels: tuple[int, int]) -> None:
        mapper = FeatureMapper(*channels).double()
        _randomised(mapper, seed)
        tokens = torch.randn(4, channels[0], dtype=torch.float64)
        expected = [slow.mapped(mapper, token.numpy()) for token in tokens]
        np.testing.assert_allclose(mapper(tokens).detach().numpy(), expected, atol=1e-6)

    @pytest.mark.parametrize(
        ("channels", "widths"), [((768, 384), [768, 576, 384]), ((384, 768), [384, 576, 768])]
    )
    def test_init__widths(self, channels: tuple[int, int], widths: list[int]) -> None:
        layers = slow.weights_of(FeatureMapper(*channels))
        assert [weight.shape[0] for weight, _ in layers] == widths
        assert [weight.shape[1] for weight, _ in layers] == [channels[0], *widths[:-1]]


class TestCrossViewMapper:
    @FEW
    @given(seed=SEEDS, conditioned=st.booleans(), classes=st.integers(0, 3))
    def test_forward__both_ways(self, seed: int, conditioned: bool, classes: int) -> None:
        mapper = CrossViewMapper(5, 4, views=3, classes=classes, view_conditioning=conditioned).double()
        _randomised(mapper, seed)
        torch.manual_seed(seed)
        pairs = _pairs(3, 3, classes)
        pair_of_token = torch.randint(3, (6,))
        image, depth = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
        found_depth, found_image = mapper(image, depth, pairs=pairs, pair_of_token=pair_of_token)
        for i, p in enumerate(pair_of_token):
            codes = int(pairs.source[p]), int(pairs.target[p])
            category = None if pairs.category is None else int(pairs.category[p])
            from_image = slow.modulated(mapper.image_modulator, image[i].numpy(), *codes, category)
            from_depth = slow.modulated(mapper.depth_modulator, depth[i].numpy(), *codes, category)
            expected_depth = slow.mapped(mapper.image_to_depth, from_image)
            expected_image = slow.mapped(mapper.depth_to_image, from_depth)
            np.testing.assert_allclose(found_depth[i].detach().numpy(), expected_depth, atol=1e-6)
            np.testing.assert_allclose(found_image[i].detach().numpy(), expected_image, atol=1e-6)

    def test_init__codes(self) -> None:
        both = CrossViewMapper(5, 4, views=3, classes=2)
        assert both.image_modulator is not None
        assert (both.image_modulator.views, both.image_modulator.classes) == (3, 2)
        class_only = CrossViewMapper(5, 4, views=3, classes=2, view_conditioning=False)
        assert class_only.depth_modulator is not None
        assert (class_only.depth_modulator.views, class_only.depth_modulator.classes) == (0, 2)

    def test_init__no_codes_no_modulator(self) -> None:
        mapper = CrossViewMapper(5, 4, views=3, view_conditioning=False)
        assert mapper.image_modulator is None
        assert mapper.depth_modulator is None

    def test_forward__view_conditioning_off_ignores_the_views(self) -> None:
        mapper = CrossViewMapper(5, 4, views=3, classes=2, view_conditioning=False)
        _randomised(mapper, 0)
        image, depth, one = torch.randn(1, 5), torch.randn(1, 4), torch.zeros(1, dtype=torch.int64)
        outputs = [
            mapper(image, depth, pairs=ViewPairs(one + s, one + t, one), pair_of_token=one)
            for s, t in [(0, 0), (2, 1)]
        ]
        assert torch.equal(outputs[0][0], outputs[1][0])
        assert torch.equal(outputs[0][1], outputs[1][1])


class TestCosineDistance:
    @FEW
    @given(seed=SEEDS)
    def test_cosine_distance__formula(self, seed: int) -> None:
        torch.manual_seed(seed)
        a, b = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
        expected = [slow.cosine_distance(x.numpy(), y.numpy()) for x, y in zip(a, b, strict=True)]
        np.testing.assert_allclose(cosine_distance(a, b).numpy(), expected, atol=1e-9)

    def test_cosine_distance__same_opposite_and_scaled(self) -> None:
        a = torch.tensor([[3.0, 4.0]])
        assert cosine_distance(a, 7 * a).item() == pytest.approx(0, abs=1e-6)
        assert cosine_distance(a, -a).item() == pytest.approx(2, abs=1e-6)
        assert cosine_distance(a, torch.tensor([[-4.0, 3.0]])).item() == pytest.approx(1, abs=1e-6)
