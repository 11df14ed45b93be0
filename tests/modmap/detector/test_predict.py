"""Predictions with geometry beside the mappings, and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.result import Result
from modmap.runs.map_files import read_maps, write_maps
from modmap.scan import Scan

ScanMaker = Callable[..., Scan]
ModelMaker = Callable[..., ModMap]


@pytest.fixture(scope="module")
def plain(make_model: ModelMaker) -> ModMap:
    """A model without geometry."""
    return make_model()


@pytest.fixture(scope="module")
def model(make_model: ModelMaker) -> ModMap:
    """The same with it."""
    return make_model(evidence={"geometry": True})


def _assert_same(one: Result, other: Result) -> None:
    assert one.score == other.score
    assert one.notes == other.notes
    np.testing.assert_array_equal(one.require_volume().scores, other.require_volume().scores)
    for view_id in one.views:
        for name in ("image", "depth", "geometry", "combined"):
            np.testing.assert_array_equal(one.map(view_id, name), other.map(view_id, name))  # type: ignore[arg-type]


class TestPredictScan:
    def test_predict_scan__geometry_is_beside_the_mappings_and_changes_none(
        self, plain: ModMap, model: ModMap, make_scan: ScanMaker
    ) -> None:
        scan = make_scan(change=("00",))
        without, found = plain.predict(scan), model.predict(scan)
        for view_id in scan.view_ids:
            for name in ("image", "depth"):
                np.testing.assert_array_equal(without.map(view_id, name), found.map(view_id, name))  # type: ignore[arg-type]
            combined, geometry = found.map(view_id), found.map(view_id, "geometry")
            np.testing.assert_array_equal(combined, np.fmax(without.map(view_id), geometry))
            assert np.isnan(without.map(view_id, "geometry")).all()
        added = {"reading", "nominal", "alignment", "geometry", "not inspected"}
        assert set(found.seconds) - set(without.seconds) == added
        assert found.notes[0].startswith("alignment: the part lay")

    def test_predict_scan__the_volumes_largest_is_in_the_dent(
        self, model: ModMap, make_scan: ScanMaker
    ) -> None:
        scan = make_scan(change=("00",))
        volume = model.predict(scan).require_volume()
        dent = np.zeros(scan["00"].load().shape, bool)
        dent[25:35, 35:45] = True
        # Where the surface is now, and where it isn't any more.
        places = np.concatenate([one["00"].load().points(dent) for one in (scan, make_scan())])
        voxel = np.array([np.unravel_index(np.nanargmax(volume.scores), volume.scores.shape)])
        assert np.linalg.norm(places - volume.grid.centres(voxel), axis=1).min() < 4

    def test_predict_scan__a_loaded_model_says_the_same(
        self, model: ModMap, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        model.save_pretrained(tmp_path / "model")
        loaded = ModMap.from_pretrained(tmp_path / "model", device="cpu")
        assert loaded.fingerprint == model.fingerprint
        _assert_same(loaded.predict(make_scan(change=("01",))), model.predict(make_scan(change=("01",))))

    def test_predict_scan__a_model_saved_before_there_was_geometry(
        self, plain: ModMap, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        path = plain.save_pretrained(tmp_path / "model") / "config.json"
        record = json.loads(path.read_text())
        del record["config"]["evidence"]
        path.write_text(json.dumps(record))
        assert not (tmp_path / "model" / "reference.npz").exists()
        _assert_same(
            ModMap.from_pretrained(tmp_path / "model", device="cpu").predict(make_scan()),
            plain.predict(make_scan()),
        )

    def test_predict_scan__goes_on_without_geometry_where_it_must(
        self, plain: ModMap, model: ModMap, make_scan: ScanMaker
    ) -> None:
        scan = make_scan()
        blind = replace(scan, views=(replace(scan.views[0], camera=None), *scan.views[1:]))
        found = model.predict(blind)
        assert found.score == plain.predict(blind).score
        assert any(
            note.startswith("evidence: only the mapping's: expected a camera for every view, view 00")
            for note in found.notes
        )
        halved = replace(
            scan,
            views=tuple(replace(view, depth=np.asarray(view.depth) / np.float32(1.5)) for view in scan.views),
        )
        found = model.predict(halved)
        assert any(
            note.startswith("evidence: only the mapping's: alignment: expected") for note in found.notes
        )
        assert all(maps.evidence == {} for maps in found.views.values())

    def test_predict_scan__maps_are_read_back(
        self, plain: ModMap, model: ModMap, make_scan: ScanMaker, tmp_path: Path
    ) -> None:
        for name, one in (("plain", plain), ("model", model)):
            views = one.predict(make_scan(change=("00",))).views
            write_maps(views, tmp_path / name)
            for view_id, maps in read_maps(tmp_path / name).items():
                np.testing.assert_array_equal(maps.combined(), views[view_id].combined())
                assert set(maps.evidence) == set(views[view_id].evidence)
                assert (maps.evidence == {}) == (name == "plain")

    def test_fit__a_view_without_a_camera_is_said_at_once(
        self, make_model: ModelMaker, make_scan: ScanMaker
    ) -> None:
        scan = make_scan()
        blind = replace(scan, views=(*scan.views[:2], replace(scan.views[2], camera=None)))
        with pytest.raises(ModMapError, match="evidence: expected a camera for every view"):
            make_model(blind, evidence={"geometry": True})
