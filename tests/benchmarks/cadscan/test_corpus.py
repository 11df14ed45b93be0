import hashlib
import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from benchmarks.cadscan import corpus
from benchmarks.cadscan.__main__ import main
from benchmarks.cadscan.corpus import VIEWS_A_PART, CorpusSettings, make_corpus
from benchmarks.cadscan.parts import CATEGORIES

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

    def test_make_corpus__random_is_the_default_and_says_nothing_of_parts(self, made: Path) -> None:
        rows = datasets.load_from_disk(str(made))
        assert rows.column_names == ["depth", "scale", "source", "category", "hash"]
        assert set(rows["category"]) == {"random"}
        assert json.loads((made / "cadscan.json").read_text()) == {"count": 12, "size": 48, "seed": 1}
        state = json.loads((made / "state.json").read_text())
        assert state["_fingerprint"] == corpus_fingerprint(count=12, size=48, seed=1)

    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("--size=3001", "size: expected 1x1 to 4096x3000, found 3001x3001"),
            ("--count=0", "count: expected 1 or more, found 0"),
            ("--seed=-1", "seed: expected 0 or more, found -1"),
        ],
    )
    def test_make_corpus__what_cannot_be_made_is_not_kept(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, expected: str
    ) -> None:
        assert main(["corpus", "--out", str(tmp_path / "maps"), word]) == 2
        assert capsys.readouterr().err == f"error: {expected}\n"
        assert not (tmp_path / "maps").exists()


class TestFamilies:
    def test_main__families_in_turn_each_with_its_part(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(corpus, "VIEWS_A_PART", 1)
        words = ["corpus", "--out", str(tmp_path / "one"), "--count", "9", "--size", "32", "--seed", "4"]
        assert main([*words, "--parts", "families"]) == 0
        rows = datasets.load_from_disk(str(tmp_path / "one"))
        assert list(rows["category"]) == [*CATEGORIES, CATEGORIES[0]]
        assert list(rows["part"]) == list(range(9))
        assert len(set(rows["hash"])) == 9
        state = json.loads((tmp_path / "one" / "state.json").read_text())
        assert state["_fingerprint"] != corpus_fingerprint(count=9, size=32, seed=4)

    def test_make_corpus__families_do_not_depend_on_the_workers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(corpus, "PARTS_A_SHARD", 1)
        settings = CorpusSettings(count=VIEWS_A_PART + 1, size=32, seed=0, parts="families")
        for workers in (1, 2):
            make_corpus(tmp_path / str(workers), settings, workers=workers)
        rows = datasets.load_from_disk(str(tmp_path / "1"))
        assert list(rows["part"]) == [0] * VIEWS_A_PART + [1]
        files = sorted(path.name for path in (tmp_path / "1").iterdir())
        assert sum(name.endswith(".arrow") for name in files) == 2
        for name in files:
            assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()

    def test_main__a_corpus_of_other_parts_is_not_gone_on_with(
        self, made: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["corpus", "--out", str(made), "--count", "12", "--size", "48", "--seed", "1"]
        assert main([*words, "--parts", "families"]) == 2
        error = capsys.readouterr().err
        assert f"expected parts None, as {made} was begun with, found families" in error
        assert error.count("\n") == 1


def corpus_fingerprint(**settings: int) -> str:
    """What a corpus of random parts has had since before there was a choice of parts."""
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
