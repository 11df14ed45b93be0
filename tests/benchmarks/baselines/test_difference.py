"""The subtraction among several nominal parts, by a computation pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from benchmarks.baselines.difference import Difference, DifferenceSettings
from benchmarks.baselines.views import SeenView, ViewReader
from modmap.errors import ModMapError
from modmap.scan import Frame

Array = npt.NDArray[Any]

SIDE = 32
SETTINGS = DifferenceSettings(size=SIDE, detector="depth")
CPU = torch.device("cpu")


def view(left: int, *, dent: float = 0, side: int = SIDE) -> SeenView:
    """A flat block of 12 x 12 pixels that begins in a column, with a dent of some mm in its middle."""
    depth = np.zeros((side, side), np.float32)
    depth[10:22, left : left + 12] = 500
    depth[15:17, left + 5 : left + 7] += dent
    seen = ViewReader(SETTINGS, device=CPU).read(Frame("00", np.zeros((side, side), np.uint8), depth))
    assert seen is not None
    return seen


class TestDifference:
    def test_score__subtracts_the_part_that_lies_most_like_it(self) -> None:
        method = Difference(SETTINGS, device=CPU)
        method.fit([view(2), view(10, dent=1), view(18)])
        found = method.score(view(11, dent=4))
        assert found.score == pytest.approx(4)  # the nominal dent lies a pixel to the left
        same = method.score(view(10, dent=4))
        assert same.score == pytest.approx(3)
        assert np.isfinite(same.map).sum() == 144

    def test_restore__all_nominal_parts(self) -> None:
        method, other = (Difference(SETTINGS, device=CPU) for _ in range(2))
        method.fit([view(2), view(10)])
        other.restore(method.state())
        test = view(9, dent=2)
        np.testing.assert_array_equal(method.score(test).map, other.score(test).map)

    def test_fit__sizes_differ(self) -> None:
        with pytest.raises(
            ModMapError, match="expected 32 pixels along a side, as in the first nominal part"
        ):
            Difference(SETTINGS, device=CPU).fit([view(2), view(2, side=30)])
