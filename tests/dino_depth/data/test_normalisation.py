"""Depth normalisation against modmap's, which an encoder is used with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dino_depth.data.normalisation import normalise
from dino_depth.errors import DinoDepthError
from modmap.encoding.input_normalisation import normalise_depth, normalise_depth_robust

Array = npt.NDArray[Any]


def depth_map(seed: int, shape: tuple[int, int], *, holes: float, unit: float, offset: float) -> Array:
    """Noise of 0 to 1 above an offset, times a unit, with a share of holes."""
    rng = np.random.default_rng(seed)
    depth = unit * (offset + rng.random(shape) + 1e-3)
    return np.where(rng.random(shape) < holes, 0, depth).astype(np.float32)


class TestNormalise:
    @given(
        seed=st.integers(0, 10_000),
        rows=st.integers(1, 40),
        columns=st.integers(1, 40),
        holes=st.sampled_from([0.0, 0.3, 0.97, 1.0]),
        unit=st.sampled_from([1e-4, 1.0, 500.0]),
        offset=st.sampled_from([0.0, 1.0, 30.0]),
    )
    @settings(max_examples=60, deadline=None)
    def test_normalise__is_what_the_encoder_is_used_with(
        self, seed: int, rows: int, columns: int, holes: float, unit: float, offset: float
    ) -> None:
        depth = depth_map(seed, (rows, columns), holes=holes, unit=unit, offset=offset)
        for ours, theirs in (
            (normalise(depth, "reference"), normalise_depth(depth)),
            (normalise(depth, "robust"), normalise_depth_robust(depth)),
        ):
            assert ours.dtype == np.float32
            assert ours.shape == depth.shape
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
            assert ((ours == 0) == (depth == 0)).all()

    def test_normalise__reference_divides_by_the_farthest(self) -> None:
        depth = np.array([[0, 250], [500, 1000]], np.float32)
        assert normalise(depth, "reference").tolist() == [[0, 0.25], [0.5, 1]]

    def test_normalise__robust_spreads_what_was_measured(self) -> None:
        # 101 depths 100 .. 200 mm: the percentiles are 101 and 199 mm; holes don't move them.
        depth = np.concatenate([np.arange(100, 201), np.zeros(99)]).reshape(10, 20).astype(np.float32)
        expected = np.where(depth > 0, 0.1 + 0.9 * np.clip((depth - 101) / 98, 0, 1), 0)
        np.testing.assert_allclose(normalise(depth, "robust"), expected, atol=1e-6)

    def test_normalise__robust_of_a_flat_map_is_near(self) -> None:
        depth = np.full((5, 5), 700, np.float32)
        depth[2, 2] = 0
        normalised = normalise(depth, "robust")
        assert normalised[2, 2] == 0
        np.testing.assert_allclose(normalised[depth > 0], 0.1, atol=1e-6)

    def test_normalise__leaves_the_map_as_it_was(self) -> None:
        depth = depth_map(0, (8, 8), holes=0.2, unit=100, offset=1)
        before = depth.copy()
        normalise(depth, "reference")
        normalise(depth, "robust")
        np.testing.assert_array_equal(depth, before)

    def test_normalise__unknown_method_is_an_error(self) -> None:
        with pytest.raises(DinoDepthError) as error:
            normalise(np.ones((2, 2), np.float32), "median")  # type: ignore[arg-type]
        assert str(error.value) == "model.depth_normalisation: expected reference or robust, found median"
