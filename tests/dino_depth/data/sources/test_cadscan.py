"""A corpus of the simulated scanner's form as a source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datasets import Array2D, Dataset, Features, Value

from dino_depth.data.corpus import depth_row, open_corpus
from dino_depth.data.sources.cadscan import cadscan
from dino_depth.errors import DinoDepthError
from dino_depth.prepare import parse, prepare
from dino_depth.probing.maps import probe_maps


class TestCadscan:
    def test_read__millimetres(self, tmp_path: Path) -> None:
        levels = np.random.default_rng(0).integers(0, 65536, (3, 8, 8)).astype(np.uint16)
        columns = {
            "depth": Array2D((8, 8), "uint16"),
            "scale": Value("float32"),
            **dict.fromkeys(("source", "category", "hash"), Value("string")),
        }
        rows = [
            {"depth": map_, "scale": 0.5, "source": "cadscan", "category": kind, "hash": kind}
            for map_, kind in zip(levels, ("gear", "a/b", "gear"), strict=True)
        ]
        Dataset.from_list(rows, features=Features(columns)).save_to_disk(tmp_path / "corpus")
        source = cadscan(tmp_path / "corpus")
        assert [item.category for item in source.items] == ["gear", "a/b", "gear"]
        assert source.unit_known
        for item, map_ in zip(source.items, levels, strict=True):
            np.testing.assert_array_equal(source.read(item), map_ * np.float32(0.5))

    def test_items__a_known_part_follows_its_category(self, tmp_path: Path) -> None:
        """As the probe reads it from the corpus that is made of them."""
        maps = np.random.default_rng(0).uniform(1, 9, (4, 4, 4))
        rows = [depth_row(one, source="cadscan", category=f"kind_{i // 2}") for i, one in enumerate(maps)]
        table = {
            name: [row[name] for row in rows if row]
            for name in ("depth", "scale", "source", "category", "hash")
        }
        Dataset.from_dict({**table, "part": [0, 0, 1, 12]}).save_to_disk(tmp_path / "raw")
        items = cadscan(tmp_path / "raw").items
        assert [item.category for item in items] == ["kind_0/0", "kind_0/0", "kind_1/1", "kind_1/12"]
        made = ["--out", str(tmp_path / "made"), "--source", f"cadscan={tmp_path / 'raw'}"]
        prepare(parse(made))
        found = probe_maps(open_corpus(tmp_path / "made"), size=4, patch=2, depth_normalisation="robust")
        assert found.categories == ("kind_0", "kind_0", "kind_1", "kind_1")
        assert found.parts[0] == found.parts[1]
        assert len(set(found.parts)) == 3

    def test_no_corpus(self, tmp_path: Path) -> None:
        with pytest.raises(
            DinoDepthError, match=r"expected a corpus as datasets.save_to_disk writes it, found none"
        ):
            cadscan(tmp_path)
