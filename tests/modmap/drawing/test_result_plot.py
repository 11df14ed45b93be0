"""`Result.plot`: what is where in the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.drawing.colours import BACKGROUND, colourise
from modmap.drawing.overlays import write_overlays
from modmap.errors import ModMapError
from modmap.result import Result, ViewMaps
from tests.modmap.drawing.pixels import find, places, read
from tests.modmap.drawing.test_overlays import a_result, flat, part_in


@pytest.fixture
def result() -> Result:
    """Image and depth maps that differ, in two views."""
    shape, rng = (90, 120), np.random.default_rng(0)
    bits = np.packbits(part_in(shape))
    maps = {
        view: ViewMaps(view, *rng.random((2, 8, 8)).astype(np.float32), "max", shape, bits)
        for view in ("a", "b")
    }
    return Result("part_07", 1.0, maps, None)


class TestPlot:
    @pytest.mark.parametrize("modality", ["image", "depth", "combined"])
    def test_plot__a_view_without_its_scan_is_the_map_alone(self, result: Result, modality: Any) -> None:
        drawn = np.asarray(result.plot("b", modality=modality))
        expected = colourise(result.map("b", modality), 1.0, background=BACKGROUND)
        assert find(drawn, expected)
        assert not places(drawn, colourise(result.map("a", modality), 1.0, background=BACKGROUND))

    def test_plot__all_views_without_a_scan(self, result: Result) -> None:
        drawn = np.asarray(result.plot())
        for view in ("a", "b"):
            assert find(drawn, colourise(result.map(view), 1.0, background=BACKGROUND))

    def test_plot__with_its_scan_is_what_predict_writes(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": flat(0.2), "b": flat(0.7)})
        first, second, sheet = write_overlays(result, scan, tmp_path)
        for file, view in ((first, "a"), (second, "b"), (sheet, None)):
            np.testing.assert_array_equal(np.asarray(result.plot(view, scan=scan)), read(file))

    def test_plot__top_is_the_last_colour(self, result: Result) -> None:
        drawn = np.asarray(result.plot("a", top=0.5))
        assert find(drawn, colourise(result.map("a"), 0.5, background=BACKGROUND))

    def test_plot__saves_and_shows(self, result: Result, tmp_path: Path) -> None:
        picture = result.plot("a")
        path = picture.save(tmp_path / "a.png")
        np.testing.assert_array_equal(read(path), np.asarray(picture))
        assert picture._repr_png_() == path.read_bytes()

    def test_plot__errors(self, result: Result) -> None:
        with pytest.raises(ModMapError, match="no view 'z'; it has a, b"):
            result.plot("z")
        with pytest.raises(
            ModMapError, match="geometry, appearance, texture, memory, combined, found 'both'"
        ):
            result.plot(modality="both")  # type: ignore[arg-type]
        with pytest.raises(ModMapError, match="expected a positive score"):
            result.plot(top=0)
        _, other = a_result({"z": flat(0.1)})
        with pytest.raises(ModMapError, match="no view 'a'"):
            result.plot("a", scan=other)
