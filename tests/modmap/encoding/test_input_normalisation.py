"""What encoders take, against the formulas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.encoding.input_normalisation import normalise_depth, normalise_depth_robust, normalise_image
from modmap.scan import Scan

Array = npt.NDArray[Any]
ScanMaker = Callable[..., Scan]
EncoderMaker = Callable[..., Path]


class TestNormalisation:
    def test_normalise_image__formula(self) -> None:
        image = np.array([[0, 51], [102, 204]], dtype=np.uint8)
        expected = (np.array([[0, 0.25], [0.5, 1]]) - 0.445) / 0.269
        np.testing.assert_allclose(normalise_image(image), expected, atol=1e-6)
        np.testing.assert_allclose(normalise_image(image.astype(np.uint16) * 300), expected, atol=1e-6)

    def test_normalise_image__black(self) -> None:
        np.testing.assert_allclose(normalise_image(np.zeros((2, 2), np.uint8)), -0.445 / 0.269, atol=1e-6)

    def test_normalise_depth__formula(self) -> None:
        depth = np.array([[0, 200], [400, 800]], dtype=np.float32)
        found = normalise_depth(depth)
        np.testing.assert_allclose(found, [[0, 0.25], [0.5, 1]])
        assert found.dtype == np.float32
        assert not normalise_depth(np.zeros((2, 2), np.float32)).any()

    def test_normalise_depth_robust__formula(self) -> None:
        """Measured 100, 101, ... 200: percentiles 1 and 99 are 101 and 199; 150 lies half way."""
        depth = np.zeros((11, 10), dtype=np.float32)
        depth.ravel()[:101] = np.arange(100, 201)
        found = normalise_depth_robust(depth).ravel()
        np.testing.assert_allclose(found[[0, 1, 50, 99, 100]], [0.1, 0.1, 0.55, 1, 1], atol=1e-6)
        np.testing.assert_array_equal(found[101:], 0)
        np.testing.assert_allclose(np.diff(found[1:100]), 0.9 / 98, atol=1e-6)
        assert found.dtype == np.float32

    def test_normalise_depth_robust__flat_and_empty(self) -> None:
        flat = np.full((3, 3), 500, dtype=np.float32)
        flat[0, 0] = 0
        found = normalise_depth_robust(flat)
        assert found[0, 0] == 0
        np.testing.assert_allclose(found[flat > 0], 0.1, atol=1e-6)
        assert not normalise_depth_robust(np.zeros((2, 2), np.float32)).any()
