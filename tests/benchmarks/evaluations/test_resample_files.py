"""Resamples on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluations.resample_files import RESAMPLES_FILE, Resamples, read_resamples, write_resamples
from modmap.errors import ModMapError


class TestResampleFiles:
    def test_read__what_was_written(self, tmp_path: Path) -> None:
        values = np.arange(5) / 7
        write_resamples(tmp_path, Resamples({"cup/i_auroc": values}, {"cup": ("a", "bcd")}))
        found = read_resamples(tmp_path)
        assert found is not None
        np.testing.assert_array_equal(found.metrics["cup/i_auroc"], values)
        assert found.scans == {"cup": ["a", "bcd"]}

    def test_read__none_and_damaged(self, tmp_path: Path) -> None:
        assert read_resamples(tmp_path) is None
        (tmp_path / RESAMPLES_FILE).write_bytes(b"PK no zip")
        with pytest.raises(
            ModMapError, match=r"resamples.npz: expected the resamples of a run, found a damaged"
        ):
            read_resamples(tmp_path)
