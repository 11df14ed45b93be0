"""Models of the block, by its geometry alone, which takes a second."""

from __future__ import annotations

from functools import cache

import pytest

from modmap.detector.model import ModMap
from modmap.pod.good_scan import GoodScan
from tests.modmap.pod.plates import GEOMETRY, plate_scan


@cache
def fitted(views: int = 4, width: int = 160, noise: float = 0.05) -> tuple[ModMap, GoodScan]:
    """A calibrated model of a block, and another good scan of it."""
    nominal = plate_scan("nominal", seed=0, views=views, width=width, noise=noise)
    model = ModMap(device="cpu", settings=GEOMETRY).fit([nominal])
    model.calibrate([nominal])
    good = plate_scan("good", seed=1, views=views, width=width, noise=noise)
    return model, GoodScan.of(model.fitted, good, seed=0)


@pytest.fixture
def model() -> ModMap:
    """The model."""
    return fitted()[0]


@pytest.fixture
def good() -> GoodScan:
    """The good scan."""
    return fitted()[1]
