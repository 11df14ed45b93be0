"""Writing a corpus in shards, and going on where a killed run stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dino_depth.data.corpus import Row, depth_row, open_corpus
from dino_depth.data.corpus_writer import CorpusWriter, ShardCounts
from dino_depth.errors import DinoDepthError

# Numbers stand for depth maps: equal numbers for equal maps, 0 for one with nothing measured.
PLAN = ([1, 2, 2, 0, 3], [3, 1], [4, 0, 5], [5, 4, 6])
COUNTS = [
    ShardCounts("one", 3, 1, 1),
    ShardCounts("one", 0, 2, 0),
    ShardCounts("two", 2, 0, 1),
    ShardCounts("two", 1, 2, 0),
]
SETTINGS: dict[str, str | int | float | bool] = {"--longest-side": 518, "--all": False}


def _rows(numbers: list[int], source: str) -> Iterator[Row | None]:
    for number in numbers:
        rng = np.random.default_rng(number)
        depth = rng.random((20, 5 + number)) if number else np.zeros((4, 4))
        yield depth_row(depth, source=source, category=str(number))


def _writer(directory: Path, **settings: Any) -> CorpusWriter:
    return CorpusWriter(directory, settings={**SETTINGS, **settings}, shards=len(PLAN))


def _write(directory: Path, *, stop_after: int = len(PLAN)) -> list[ShardCounts] | None:
    writer = _writer(directory)
    for done, index in enumerate(writer.missing()):
        if done == stop_after:
            return None
        source = COUNTS[index].source
        writer.write(index, source, _rows(PLAN[index], source))
    return writer.finish()


def _bytes(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


class TestCorpusWriter:
    def test_rows__without_duplicates_and_empty_ones(self, tmp_path: Path) -> None:
        assert _write(tmp_path / "corpus") == COUNTS
        rows = open_corpus(tmp_path / "corpus")
        assert rows["category"][:] == ["1", "2", "3", "4", "5", "6"]
        assert rows["source"][:] == ["one"] * 3 + ["two"] * 3

    @pytest.mark.parametrize("done", range(len(PLAN) + 1))
    def test_resumed__every_byte_the_same(self, tmp_path: Path, done: int) -> None:
        whole, resumed = tmp_path / "whole", tmp_path / "resumed"
        _write(whole)
        _write(resumed, stop_after=done)
        (resumed / ".partial-0123456789ab-data-00001-of-00004.arrow").write_bytes(b"half a shard")
        if done < len(PLAN):
            with pytest.raises(DinoDepthError, match=r"unfinished one|found none"):
                open_corpus(resumed)
        assert _write(resumed) == COUNTS
        assert _bytes(resumed) == _bytes(whole)

    def test_lost_shard__made_again(self, tmp_path: Path) -> None:
        _write(tmp_path / "corpus")
        before = _bytes(tmp_path / "corpus")
        (tmp_path / "corpus" / "data-00002-of-00004.arrow").unlink()
        _write(tmp_path / "corpus")
        assert _bytes(tmp_path / "corpus") == before

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
    def test_damaged_shard__named(self, tmp_path: Path, share: float) -> None:
        _write(tmp_path / "corpus")
        path = tmp_path / "corpus" / "data-00000-of-00004.arrow"
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(
            DinoDepthError, match=r"data-00000-of-00004.arrow: expected a whole shard"
        ) as error:
            _write(tmp_path / "corpus")
        assert "\n" not in str(error.value)

    def test_other_settings__refused(self, tmp_path: Path) -> None:
        _write(tmp_path / "corpus", stop_after=1)
        with pytest.raises(
            DinoDepthError,
            match=r"prepare.json: expected --longest-side 518, as .*corpus was begun with, found 224; name another",
        ):
            _writer(tmp_path / "corpus", **{"--longest-side": 224})
        with pytest.raises(DinoDepthError, match=r"expected --new None, as .* found 1"):
            _writer(tmp_path / "corpus", **{"--new": 1})
        with pytest.raises(DinoDepthError, match="expected shards 4, as"):
            CorpusWriter(tmp_path / "corpus", settings=SETTINGS, shards=5)

    def test_damaged_settings__named(self, tmp_path: Path) -> None:
        _write(tmp_path / "corpus")
        (tmp_path / "corpus" / "prepare.json").write_text("{")
        with pytest.raises(
            DinoDepthError, match=r"prepare.json: expected the settings of a corpus, found a damaged"
        ):
            _writer(tmp_path / "corpus")

    def test_settings__kept(self, tmp_path: Path) -> None:
        _write(tmp_path / "corpus")
        assert json.loads((tmp_path / "corpus" / "prepare.json").read_text()) == {**SETTINGS, "shards": 4}

    def test_other_directory__refused(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(
            DinoDepthError, match=r"expected a new or empty directory, or one with a prepare.json"
        ):
            _writer(tmp_path)
        with pytest.raises(DinoDepthError, match="expected a directory to write the corpus in, found a file"):
            _writer(tmp_path / "thesis.tex")

    def test_nothing_measured(self, tmp_path: Path) -> None:
        writer = CorpusWriter(tmp_path / "corpus", settings=SETTINGS, shards=1)
        for index in writer.missing():
            writer.write(index, "one", [None, None])
        with pytest.raises(DinoDepthError, match="expected depth maps, found none with anything measured"):
            writer.finish()
