"""Writing a corpus: in shards, so that a run that was killed resumes where it stopped."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from datasets import DatasetInfo  # type: ignore[import-untyped]
from datasets.config import DATASET_INFO_FILENAME  # type: ignore[import-untyped]

from dino_depth.atomic import atomic_file, remove_leftovers, telling
from dino_depth.data.corpus import STATE, Row, features
from dino_depth.errors import DinoDepthError, one_line
from dino_depth.files import parsed_json, read_json

SETTINGS = "prepare.json"
COUNTS = b"dino_depth"
ROWS_A_BATCH = 16


@dataclass(frozen=True)
class Damaged:
    """A map whose file can't be read.

    Attributes:
        reason: Why, one line that names the file.
    """

    reason: str


@dataclass(frozen=True)
class ShardCounts:
    """What became of a shard's maps.

    Attributes:
        source: The data set that all of them are from.
        rows: How many are stored.
        duplicates: How many aren't, for an earlier row of the corpus has the same hash.
        empty: How many aren't, for nothing was measured in them.
        damaged: How many aren't, for their files can't be read.
    """

    source: str
    rows: int
    duplicates: int
    empty: int
    damaged: int = 0


class CorpusWriter:
    """Writes a corpus shard by shard; what an earlier, killed run has finished stays.

    A shard is written under another name, and renamed when it is whole. `open_corpus` takes the directory for a corpus
    only after `finish`. As duplicates are dropped in the order of the shards, a resumed run has the rows of one never
    killed.

    Args:
        directory: Made where it is missing.
        settings: All that decides about the rows. Kept in the directory, in `prepare.json`.
        shards: How many there will be.

    Raises:
        DinoDepthError: the directory was begun with other settings, or has files that are no corpus.
    """

    def __init__(
        self, directory: Path, *, settings: Mapping[str, str | int | float | bool], shards: int
    ) -> None:
        self._directory = directory
        self._shards = shards
        self._seen: set[str] = set()
        _keep_settings(directory, {**settings, "shards": shards})

    def missing(self) -> Iterator[int]:
        """The numbers of the shards still to be written, in order; each must be, before the next one is asked for.

        Raises:
            DinoDepthError: a shard that an earlier run has written is damaged.
        """
        for index in range(self._shards):
            if not self._path(index).exists():
                yield index
            self._seen.update(_read_shard(self._path(index))[1])

    def write(self, index: int, source: str, rows: Iterable[Row | Damaged | None]) -> None:
        """Writes a shard; of a file that can't be read, it says why on standard error.

        Args:
            index: As `missing` gave it.
            source: The data set that all rows are from.
            rows: Of `depth_row`, in order.

        Raises:
            DinoDepthError: no file of the shard can be read: it says why the first one can't.
        """
        kept: dict[str, Row] = {}
        duplicates = empty = 0
        damaged: list[Damaged] = []
        for row in rows:
            if isinstance(row, Damaged):
                damaged.append(row)
            elif row is None:
                empty += 1
            elif row["hash"] in self._seen or row["hash"] in kept:
                duplicates += 1
            else:
                kept[row["hash"]] = row
        if damaged and not kept and not duplicates and not empty:
            raise DinoDepthError(damaged[0].reason)
        for one in damaged:
            print(f"left out: {one.reason}", file=sys.stderr, flush=True)
        counts = ShardCounts(source, len(kept), duplicates, empty, len(damaged))
        schema = features().arrow_schema
        schema = schema.with_metadata({**schema.metadata, COUNTS: json.dumps(asdict(counts)).encode()})
        with (
            atomic_file(self._path(index)) as partial,
            partial.open("wb") as file,
            pa.ipc.new_stream(file, schema) as stream,
        ):
            for batch in _batches(list(kept.values())):
                stream.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))

    def finish(self) -> list[ShardCounts]:
        """Makes a corpus of the shards; gives what became of their maps, shard by shard.

        Raises:
            DinoDepthError: a shard is missing or damaged, or none has a row.
        """
        paths = [self._path(index) for index in range(self._shards)]
        read = [_read_shard(path) for path in paths]
        filled = [path.name for path, (counts, _) in zip(paths, read, strict=True) if counts.rows]
        if not filled:
            raise DinoDepthError(f"{self._directory}: expected depth maps, found none with anything measured")
        remove_leftovers(self._directory)
        _write_info(self._directory)
        hashes = "".join(digest for _, hashes in read for digest in hashes)
        state: dict[str, Any] = {
            "_data_files": [{"filename": name} for name in filled],
            "_fingerprint": hashlib.sha256(hashes.encode()).hexdigest()[:16],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": "train",
        }
        with atomic_file(self._directory / STATE) as partial:
            partial.write_text(json.dumps(state, indent=2), encoding="utf-8")
        return [counts for counts, _ in read]

    def _path(self, index: int) -> Path:
        return self._directory / f"data-{index:05d}-of-{self._shards:05d}.arrow"


def _write_info(directory: Path) -> None:
    """Writes what `datasets` knows a corpus' columns by."""
    with tempfile.TemporaryDirectory() as made:
        described = Path(made) / DATASET_INFO_FILENAME
        with telling(described):
            DatasetInfo(features=features()).write_to_directory(made)
        content = described.read_bytes()
    with atomic_file(directory / DATASET_INFO_FILENAME) as partial:
        partial.write_bytes(content)


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), ROWS_A_BATCH):
        yield list(rows[start : start + ROWS_A_BATCH])


def _read_shard(path: Path) -> tuple[ShardCounts, list[str]]:
    """A shard's counts, and its rows' hashes."""
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_stream(file).read_all()
            counts = ShardCounts(**parsed_json(table.schema.metadata[COUNTS]))
            _require_counts(counts)
            hashes: list[str] = table.column("hash").to_pylist()
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise DinoDepthError(f"{path}: expected a whole shard, found {one_line(error)}; remove it") from None
    if len(hashes) != counts.rows:
        raise DinoDepthError(
            f"{path}: expected a whole shard of {counts.rows} rows, found {len(hashes)}; remove it"
        )
    return counts, hashes


def _require_counts(counts: ShardCounts) -> None:
    """Checks what a shard says of itself.

    Raises:
        ValueError: it is no source, or no number of maps.
    """
    numbers = (counts.rows, counts.duplicates, counts.empty, counts.damaged)
    if not isinstance(counts.source, str) or not all(type(one) is int and one >= 0 for one in numbers):
        raise ValueError(f"counts {counts}")


def _keep_settings(directory: Path, settings: Mapping[str, str | int | float | bool]) -> None:
    path = directory / SETTINGS
    if path.is_file():
        begun = read_json(path, what="the settings of a corpus")
        for name in sorted({*begun, *settings}):
            if begun.get(name) != settings.get(name):
                raise DinoDepthError(
                    f"{path}: expected {name} {begun.get(name)}, as {directory} was begun with, "
                    f"found {settings.get(name)}; name another directory"
                )
        return
    if directory.exists() and not directory.is_dir():
        raise DinoDepthError(f"{directory}: expected a directory to write the corpus in, found a file")
    if directory.is_dir() and any(not file.name.startswith(".") for file in directory.iterdir()):
        raise DinoDepthError(f"{directory}: expected a new or empty directory, or one with a {SETTINGS}")
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
