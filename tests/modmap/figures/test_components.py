"""Principal components as colours, compared with the singular value decomposition of the tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modmap.errors import ModMapError
from modmap.figures.components import component_colours


def tokens(*counts: int, channels: int = 12) -> list[Any]:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(channels, channels)) * np.linspace(3, 0.1, channels)[:, None]
    return [(rng.normal(size=(count, channels)) @ mixed + 5).astype(np.float32) for count in counts]


class TestComponentColours:
    def test_colours__are_the_components_by_singular_values(self) -> None:
        views = tokens(40, 70, 25)
        found = np.concatenate(component_colours(views)).astype(float)
        every = np.concatenate(views).astype(np.float64)
        left, singular, right = np.linalg.svd(every - every.mean(axis=0), full_matrices=False)
        for axis in range(3):
            weights = right[axis]
            component = left[:, axis] * singular[axis] * np.sign(weights[np.abs(weights).argmax()])
            low, high = np.percentile(component, [2, 98])
            expected = 255 * np.clip((component - low) / (high - low), 0, 1)
            assert np.abs(found[:, axis] - expected).max() <= 0.51

    def test_colours__do_not_depend_on_the_order_of_views(self) -> None:
        views = tokens(40, 70, 25)
        straight, back = component_colours(views), component_colours(views[::-1])[::-1]
        for one, other in zip(straight, back, strict=True):
            # Sums in another order may differ in their last bit.
            assert np.abs(one.astype(int) - other).max() <= 1

    def test_colours__shape_of_every_view(self) -> None:
        found = component_colours(tokens(4, 0, 9))
        assert [one.shape for one in found] == [(4, 3), (0, 3), (9, 3)]
        assert all(one.dtype == np.uint8 for one in found)

    def test_colours__all_tokens_equal(self) -> None:
        assert (
            component_colours([np.ones((8, 5), np.float32)])[0] == component_colours([np.ones((8, 5))])[0][0]
        ).all()

    @pytest.mark.parametrize(("count", "channels"), [(3, 12), (0, 12), (10, 2)])
    def test_colours__too_few(self, count: int, channels: int) -> None:
        with pytest.raises(ModMapError, match=f"found {count} of {channels}"):
            component_colours([np.zeros((count, channels), np.float32)])
