import hashlib
from pathlib import Path

import datasets
import numpy as np
import pytest

from benchmarks.cadscan import corpus
from benchmarks.cadscan.corpus import CorpusSettings, make_corpus

SETTINGS = CorpusSettings(count=12, size=48, seed=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus") / "maps"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "PARTS_A_SHARD", 1)
        make_corpus(out, SETTINGS)
    return out


class TestMakeCorpus:
    def test_make_corpus__loads_as_a_datasets_directory(self, made: Path) -> None:
        rows = datasets.load_from_disk(str(made)).with_format("numpy")
        assert len(rows) == 12
        assert rows.features["depth"].dtype == "uint16"
        shapes = set()
        for row in rows:
            assert row["depth"].shape == (48, 48)
            assert row["hash"] == hashlib.sha256(row["depth"].astype(np.uint16).tobytes()).hexdigest()
            millimetres = row["depth"] * float(row["scale"])
            assert 20 < np.median(millimetres[millimetres > 0]) < 3000
            assert (row["depth"] > 0).mean() > 0.02
            shapes.add(row["hash"])
        assert len(shapes) == 12
        assert any((row["depth"] == 0).any() for row in rows)

    def test_make_corpus__resumes_shard_by_shard(self, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(corpus, "PARTS_A_SHARD", 1)
        first, second = sorted(made.glob("data-*.arrow"))
        before, untouched = second.read_bytes(), first.stat().st_mtime_ns
        second.unlink()
        (made / "state.json").unlink()
        make_corpus(made, SETTINGS)
        assert second.read_bytes() == before
        assert first.stat().st_mtime_ns == untouched
        assert len(datasets.load_from_disk(str(made))) == 12
