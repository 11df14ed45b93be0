"""What a notebook shows of a result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modmap.calibration import GoodScores, conformal_calibration
from modmap.result import Result, ViewMaps


def _result(name: str = "part <7>") -> Result:
    tokens = np.linspace(0, 0.5, 16, dtype=np.float32).reshape(4, 4)
    maps = ViewMaps(
        id="00",
        image_tokens=tokens,
        depth_tokens=tokens,
        aggregation="max",
        shape=(12, 16),
        mask_bits=np.packbits(np.ones((12, 16), dtype=bool)),
    )
    return Result(name, 0.5, {"00": maps, "01": replace(maps, id="01")}, volume=None)


class TestResultCard:
    def test_card__not_calibrated(self) -> None:
        card = _result()._repr_html_()
        assert "NO VERDICT" in card
        assert "part &lt;7&gt;" in card
        assert card.count("data:image/webp") == 2

    def test_card__verdict(self) -> None:
        good = [GoodScores(0.3, 0.2, None)] * 3
        calibration = conformal_calibration(good, scans=["a", "b", "c"], views=["00", "01"])
        card = replace(_result(), calibration=calibration)._repr_html_()
        assert "FAIL" in card
        assert "p-value 0.25; threshold 0.3" in card
