"""Maps on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.runs.map_files import read_maps, write_maps
from modmap.scan import Scan


class TestMaps:
    def test_maps__read_back(
        self, make_model: Callable[..., ModMap], make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        views = make_model(training={"epochs": 1}).predict(make_scan(), volume=False).views
        write_maps(views, tmp_path)
        found = read_maps(tmp_path)
        assert list(found) == list(views)
        for view_id, maps in views.items():
            for map_of in ("image", "depth", "combined"):
                np.testing.assert_array_equal(getattr(found[view_id], map_of)(), getattr(maps, map_of)())

    def test_maps__missing(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"maps\.npz: expected the maps of a prediction, found none"):
            read_maps(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more"])
    def test_maps__damaged(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "maps.npz").write_bytes(content)
        with pytest.raises(
            ModMapError, match=r"maps\.npz: expected the maps of a prediction, found a damaged"
        ):
            read_maps(tmp_path)

    def test_maps__unknown_aggregation(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "maps.npz", ids=np.array(["00"]), aggregation=np.array("median"))
        with pytest.raises(ModMapError, match="aggregation 'median'"):
            read_maps(tmp_path)
