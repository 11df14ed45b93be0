"""A corpus of the simulated scanner's form as a source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datasets import Array2D, Dataset, Features, Value

from dino_depth.data.corpus import CorpusError
from dino_depth.data.sources.cadscan import cadscan


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

    def test_no_corpus(self, tmp_path: Path) -> None:
        with pytest.raises(
            CorpusError, match=r"expected a corpus as datasets.save_to_disk writes it, found none"
        ):
            cadscan(tmp_path)
