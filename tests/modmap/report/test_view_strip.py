"""Small pictures of views: what they keep of the full maps."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.report.scan_page import ScanReport, scan_page
from modmap.report.view_strip import shown_views, view_pictures
from modmap.result import ViewMaps
from modmap.scan import Scan, View
from modmap.types import Evidence
from tests.modmap.report.test_charts import bars

SHAPE = (700, 900)


@pytest.fixture
def thin() -> tuple[dict[str, ViewMaps], Scan]:
    """A part of one column of pixels, that every reduction by steps leaves out or dims."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, 451] = True
    tokens = np.linspace(0, 0.5, 81, dtype=np.float32).reshape(9, 9)
    maps = ViewMaps("00", tokens, tokens * 1.5, "max", SHAPE, np.packbits(mask))
    view = View("00", np.zeros(SHAPE, np.uint8), np.where(mask, 500, 0).astype(np.float32))
    return {"00": maps}, Scan("thin", [view])


def test_largest_score__is_that_of_the_full_map(thin: tuple[dict[str, ViewMaps], Scan]) -> None:
    views, scan = thin
    (picture,) = view_pictures(views, scan)
    worst = float(np.nanmax(views["00"].combined()))
    assert picture.worst == worst
    assert [one.worst for one in shown_views([picture], top=1.0)] == [worst]
    assert np.nanmax(picture.maps["image map"]) == np.nanmax(views["00"].image())
    assert np.nanmax(picture.maps["depth map"]) == np.nanmax(views["00"].depth())


def test_histogram__counts_every_pixel_of_the_part(thin: tuple[dict[str, ViewMaps], Scan]) -> None:
    views, scan = thin
    summary = {"scan": "thin", "score": 1.0, "seconds": {}}
    report = ScanReport(summary, None, None, None, views, view_pictures(views, scan), top=1.0)
    page = scan_page(report, scan)
    assert f"largest score {report.pictures[0].worst:.3g}<" in page
    chart = page.split("Scores: pixels")[1].split("</svg>")[0]
    heights = np.array([height for _, height in bars(chart)])
    counts, _ = np.histogram(views["00"].combined()[:, 451], bins=60, range=(0, 1.05))
    assert counts.sum() == SHAPE[0]
    expected = np.log(counts[counts > 0] * 2)
    np.testing.assert_allclose(heights / heights[0], expected / expected[0], rtol=0.001)


def test_maps__are_those_that_were_asked() -> None:
    """Of a scan that was compared: geometry, appearance and the larger of the two, each pixel a square of four."""
    shape = (40, 60)
    geometry, appearance = np.zeros((2, 20, 30), np.float32)
    geometry[4, 5], appearance[10, 20], appearance[0, 0] = 3.0, 5.0, np.nan
    bits = np.packbits(np.ones(shape, bool))
    evidence: dict[Evidence, np.ndarray] = {
        "geometry": geometry,
        "appearance": appearance,
        "memory": geometry,
    }
    maps = ViewMaps("00", None, None, "max", shape, bits, evidence, geometry)
    scan = Scan("compared", [View("00", np.zeros(shape, np.uint8), np.full(shape, 500, np.float32))])
    (picture,) = view_pictures({"00": maps}, scan)
    assert set(picture.maps) == {"geometry map", "appearance map", "memory map", "final map"}
    assert np.argwhere(picture.maps["geometry map"] == 3).tolist() == [[8, 10], [8, 11], [9, 10], [9, 11]]
    assert np.nanmax(picture.maps["appearance map"]) == 5
    assert picture.worst == 5
    assert picture.maps["final map"][0, 0] == 0
    summary = {"scan": "compared", "score": 5.0, "seconds": {}}
    page = scan_page(ScanReport(summary, None, None, None, {"00": maps}, [picture], top=5.0), scan)
    assert "geometry map" in page
    assert "appearance map" in page
    assert "image map" not in page
