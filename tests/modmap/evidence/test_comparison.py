"""Whole scans compared with a nominal one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from modmap.errors import ModMapError
from modmap.evidence.appearance import NominalAppearance
from modmap.evidence.comparison import FOREIGN, ReducedViews, compare
from modmap.evidence.nominal import NominalSurface
from modmap.scan import Frame, Scan
from tests.modmap.alignment.blobs import ring
from tests.modmap.evidence.boxes import Box, box_surfaces

ScanMaker = Callable[..., Scan]


def _views(scan: Scan) -> ReducedViews:
    return ReducedViews.of(scan, foreground="components")


class TestReducedViews:
    def test_of__the_part_before_and_after_the_reduction(self, make_scan: ScanMaker) -> None:
        scan = make_scan()
        found = _views(scan)
        assert list(found.frames) == list(found.surfaces) == list(scan.view_ids)
        for view in scan.views:
            mask = np.unpackbits(found.masks[view.id], count=60 * 80).reshape(found.shapes[view.id])
            np.testing.assert_array_equal(mask, np.asarray(view.depth) > 0)
        assert found.notes == ()

    def test_of__a_view_without_depth_is_left_out(self, make_scan: ScanMaker) -> None:
        scan = make_scan()
        np.asarray(scan.views[1].depth)[:] = 0
        found = _views(scan)
        assert set(found.frames) == set(found.surfaces) == {"00", "02", "03"}
        assert "view 01: left out: no pixel of its depth map was measured" in found.notes

    def test_of__nothing_but_holes(self, make_scan: ScanMaker) -> None:
        scan = make_scan(views=1)
        np.asarray(scan.views[0].depth)[:] = 0
        with pytest.raises(ModMapError, match="scan ball: expected measured depth, found only holes"):
            _views(scan)


class TestCompare:
    def test_compare__a_dent_stands_out_where_it_is(self, make_scan: ScanMaker) -> None:
        nominal = _views(make_scan())
        found = compare(
            nominal.surfaces,
            _views(make_scan(change=("00",))),
            geometry=NominalSurface.of(nominal.surfaces),
            look=NominalAppearance.of(nominal.frames, nominal.surfaces),
        )
        inside = found.geometry["00"].deviation[28:32, 38:42]
        np.testing.assert_allclose(inside, -20, atol=2)
        elsewhere = np.concatenate(
            [
                one.deviation[np.isfinite(one.deviation)]
                for name, one in found.geometry.items()
                if name != "00"
            ]
        )
        assert np.abs(elsewhere).max() < 0.1
        assert set(found.seconds) == {"alignment", "geometry", "appearance"}
        assert found.notes[0].startswith("alignment: the part lay 0.0")
        assert any("turned about any axis" in note for note in found.notes)  # as any ball may be

    def test_compare__a_table_has_no_say_in_how_a_part_looks(self) -> None:
        cameras, table = ring(6), -20.0
        surfaces = box_surfaces(cameras, [Box((-45.0, -30.0, table), (15.0, 30.0, 0.0))], table=table)
        frames = {
            view_id: Frame(view_id, np.full(one.depth.shape, 90, np.uint8), one.depth, one.camera)
            for view_id, one in surfaces.items()
        }
        nominal = ReducedViews(frames, surfaces, {}, {})
        found = compare(
            surfaces,
            nominal,
            geometry=NominalSurface.of(surfaces),
            look=NominalAppearance.of(frames, surfaces),
        )
        for view_id, said in found.appearance.items():
            on_table = (surfaces[view_id].depth > 0) & (
                np.abs(surfaces[view_id].points[..., 2] - table) < 0.05
            )
            assert on_table.sum() > 1000
            assert not np.isfinite(said[on_table]).any()
            assert np.isfinite(said).any()

    @pytest.mark.parametrize("others", [True, False])
    def test_compare__images_that_differ_everywhere_have_no_say_beside_others(self, others: bool) -> None:
        surfaces = box_surfaces(ring(6), [Box((-45.0, -30.0, -20.0), (15.0, 30.0, 0.0))])
        rng = np.random.default_rng(0)

        def looking(view_id: str, *, patchy: bool) -> Frame:
            surface = surfaces[view_id]
            blotches = cv2.GaussianBlur(rng.standard_normal(surface.depth.shape), (0, 0), 3.0)
            paint = 120 * np.exp(0.4 * blotches / blotches.std() * patchy)
            image = np.clip(paint, 0, 240).astype(np.uint8)
            return Frame(view_id, image, surface.depth, surface.camera)

        rendered = {view_id: looking(view_id, patchy=False) for view_id in surfaces}
        photographed = {view_id: looking(view_id, patchy=True) for view_id in surfaces}
        found = compare(
            surfaces,
            ReducedViews(photographed, surfaces, {}, {}),
            geometry=NominalSurface.of(surfaces) if others else None,
            look=NominalAppearance.of(rendered, surfaces),
        )
        assert bool(found.appearance) != others
        assert (found.foreign is not None and found.foreign > FOREIGN) == others
        assert any("appearance left out" in note for note in found.notes) == others
        assert "appearance" in found.seconds

    def test_compare__what_was_not_asked_is_not_there(self, make_scan: ScanMaker) -> None:
        nominal = _views(make_scan())
        found = compare(
            nominal.surfaces,
            nominal,
            geometry=None,
            look=NominalAppearance.of(nominal.frames, nominal.surfaces),
        )
        assert (found.geometry, found.absence, set(found.seconds)) == ({}, None, {"alignment", "appearance"})
        said = sum(int(np.isfinite(one).sum()) for one in found.appearance.values())
        measured = sum(int((np.asarray(view.depth) > 0).sum()) for view in make_scan().views)
        assert found.judged == pytest.approx(said / measured)
        assert found.notes[-1].startswith(f"evidence: {found.judged:.0%} of the measured surface")

    def test_compare__a_view_that_the_nominal_scan_lacks_is_not_judged(self, make_scan: ScanMaker) -> None:
        scan = make_scan()
        nominal = _views(replace(scan, views=scan.views[:3]))
        found = compare(
            nominal.surfaces, _views(scan), geometry=NominalSurface.of(nominal.surfaces), look=None
        )
        assert set(found.geometry) == {"00", "01", "02"}
        assert found.judged < 0.76
