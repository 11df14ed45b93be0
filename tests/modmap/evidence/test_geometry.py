"""Geometry from whole scans."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modmap.evidence.geometry import geometry_of, surfaces_of
from modmap.evidence.nominal import NominalSurface
from modmap.scan import Scan

ScanMaker = Callable[..., Scan]


class TestGeometryOf:
    def test_geometry_of__a_dent_stands_out_where_it_is(self, make_scan: ScanMaker) -> None:
        surfaces = surfaces_of(make_scan(), foreground="components")
        found = geometry_of(
            NominalSurface.of(surfaces), surfaces, make_scan(change=("00",)), foreground="components"
        )
        inside = found.views["00"].deviation[28:32, 38:42]
        np.testing.assert_allclose(inside, -20, atol=2)
        elsewhere = np.concatenate(
            [one.deviation[np.isfinite(one.deviation)] for name, one in found.views.items() if name != "00"]
        )
        assert np.abs(elsewhere).max() < 0.1
        assert set(found.seconds) == {"alignment", "geometry"}
        assert found.notes[0].startswith("alignment: the part lay 0.0")
        assert any("turned about an axis" in note for note in found.notes)  # as any ball may be

    def test_surfaces_of__a_view_without_depth_is_left_out(self, make_scan: ScanMaker) -> None:
        scan = make_scan()
        np.asarray(scan.views[1].depth)[:] = 0
        assert set(surfaces_of(scan, foreground="components")) == {"00", "02", "03"}
