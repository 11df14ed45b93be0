"""A corpus of depth maps of parts of drawn sizes, as a Hugging Face `datasets` directory."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from datasets import Array2D, DatasetInfo, Features, Value  # type: ignore[import-untyped]
from datasets.arrow_writer import ArrowWriter  # type: ignore[import-untyped]
from datasets.config import DATASET_INFO_FILENAME  # type: ignore[import-untyped]

from benchmarks.cadscan.categories import Setup
from benchmarks.cadscan.depth_errors import measurable, measure
from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.finish import Finish
from benchmarks.cadscan.materials import OF_BODY
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.parts import CATEGORIES, random_part
from benchmarks.cadscan.photograph import expose, exposure_for
from benchmarks.cadscan.sensor import Head, trace
from benchmarks.cadscan.settings_file import SETTINGS
from benchmarks.cadscan.stage import Stage, surroundings
from benchmarks.cadscan.views import SENSOR_SIZE, binned_intrinsics, random_camera
from benchmarks.cadscan.workers import run_all
from benchmarks.runs.files import write_json
from benchmarks.runs.kept_settings import keep_settings
from modmap.files.atomic import atomic_file, flush_all, staging

Array = npt.NDArray[Any]
Parts = Literal["random", "families"]

VIEWS_A_PART = 10
PARTS_A_SHARD = 50
CLEAN_SHARE, TABLE_SHARE = 0.15, 0.4
LEVELS = 65535
SOURCE = "cadscan"
STATE = "state.json"


class CorpusError(CadscanError):
    """A corpus that cannot be made as asked."""


@dataclass(frozen=True)
class CorpusSettings:
    """What a corpus is made from.

    Attributes:
        count: Depth maps; ten of every part.
        size: Edge of the square maps, pixels.
        seed: Of everything.
        parts: "random": of any family, drawn and not told. "families": of the eight families in turn, each row with
            its family as category and its part's number.
    """

    count: int
    size: int
    seed: int
    parts: Parts = "random"

    def kept(self) -> dict[str, Any]:
        """All that decides about the bytes; a choice that came later is left out where it is the old way."""
        settings = asdict(self)
        if self.parts == "random":
            del settings["parts"]
        return settings


@dataclass(frozen=True)
class Shard:
    """One file of the corpus: the maps from `first` up to, but not including, `last`."""

    path: Path
    settings: CorpusSettings
    first: int
    last: int


def make_corpus(out: Path, settings: CorpusSettings, *, workers: int = 1) -> None:
    """Makes a corpus, or what is missing of it.

    `datasets.load_from_disk(out)` then gives rows of `depth` (uint16, 0 where nothing was measured), `scale`
    (millimetres per unit), `source`, `category` and `hash` (SHA-256 of the depth's bytes); with families also `part`,
    the number of the part that the map shows.

    Raises:
        CorpusError: there would be no map, or the seed is negative.
        ViewError: the maps would be larger than the sensor, or have no pixel.
        SettingsError: `out` has a corpus of other settings.
    """
    _check(settings)
    keep_settings(out, settings.kept(), file=SETTINGS)
    shards = list(_shards(out, settings))
    missing = [shard for shard in shards if not shard.path.exists()]
    run_all(write_shard, missing, workers=workers, title="shards")
    with staging(out) as partial:
        DatasetInfo(features=_features(settings)).write_to_directory(str(partial))
        flush_all(partial)
        (partial / DATASET_INFO_FILENAME).replace(out / DATASET_INFO_FILENAME)
    state: dict[str, Any] = {
        "_data_files": [{"filename": shard.path.name} for shard in shards],
        "_fingerprint": hashlib.sha256(json.dumps(settings.kept()).encode()).hexdigest()[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": "train",
    }
    write_json(out / STATE, state)


def _check(settings: CorpusSettings) -> None:
    """Raises an error for what cannot be made, before a directory keeps it."""
    binned_intrinsics((settings.size, settings.size))
    for name, least in (("count", 1), ("seed", 0)):
        if getattr(settings, name) < least:
            raise CorpusError(f"{name}: expected {least} or more, found {getattr(settings, name)}")


def write_shard(shard: Shard) -> None:
    """Writes one file of the corpus, in one piece."""
    with (
        atomic_file(shard.path) as partial,
        ArrowWriter(path=str(partial), features=_features(shard.settings)) as writer,
    ):
        for start in range(shard.first, shard.last, VIEWS_A_PART):
            number = start // VIEWS_A_PART
            for row in part_rows(number, shard.settings, count=min(VIEWS_A_PART, shard.last - start)):
                writer.write(row)
        writer.finalize()


def part_rows(number: int, settings: CorpusSettings, *, count: int) -> Iterator[dict[str, Any]]:
    """The rows of the corpus's part of this number: its views, each with the scanner's errors or without."""
    root = np.random.SeedSequence([settings.seed, zlib.crc32(b"corpus"), number])
    part_seed, set_seed, *view_seeds = root.spawn(2 + count)
    families = settings.parts == "families"
    category = CATEGORIES[number % len(CATEGORIES)] if families else None
    part = random_part(int(part_seed.generate_state(1)[0] >> 1), category=category)
    rng = np.random.default_rng(set_seed)
    table = bool(rng.random() < TABLE_SHARE)
    stage = _stage(part, table=table, rng=rng)
    for view_seed in view_seeds:
        depth = _depth_map(stage, part, table=table, size=settings.size, rng=np.random.default_rng(view_seed))
        scale = np.float32(max(float(depth.max()), 1.0) / LEVELS)
        levels = np.rint(depth / scale).astype(np.uint16)
        digest = hashlib.sha256(levels.tobytes()).hexdigest()
        row = {"depth": levels, "scale": scale, "source": SOURCE, "category": part.category, "hash": digest}
        yield {**row, "part": number} if families else row


def _stage(part: Part, *, table: bool, rng: np.random.Generator) -> Stage:
    choices = [material for materials in OF_BODY.values() for material in materials]
    bodies = int(part.body.max()) + 1
    materials = [choices[int(index)] for index in rng.integers(len(choices), size=bodies)]
    finish = Finish(materials, int(rng.integers(1 << 31)))
    around = surroundings(part, Setup(1, "hand", table=table))
    return Stage(part, finish, T_part_to_world=np.eye(4), around=around)


def _depth_map(stage: Stage, part: Part, *, table: bool, size: int, rng: np.random.Generator) -> Array:
    """(size, size) float32 depth in mm, 0 where nothing was measured."""
    camera = random_camera(part.vertices, rng, size=(size, size))
    middle = (part.vertices.min(axis=0) + part.vertices.max(axis=0)) / 2
    head = Head.for_distance(float(np.linalg.norm(camera.centre - middle)))
    seen = trace(stage, camera, head, antialias=False, shut_off=False)
    if rng.random() < CLEAN_SHARE or not seen.part.any():
        return np.where(np.isfinite(seen.z) & (seen.part | table), seen.z, 0)
    exposure = exposure_for([seen.radiance[seen.part]])
    signal = expose(seen.radiance, exposure=exposure, scale=size / min(SENSOR_SIZE))
    valid = measurable(seen, signal, exposure=exposure, K=camera.K, table=table, rng=rng)
    depth = measure(seen, valid, head=head, K=camera.K, rng=rng)
    return np.where(np.isfinite(depth), np.maximum(depth, 0), 0)


def _shards(out: Path, settings: CorpusSettings) -> Iterator[Shard]:
    length = PARTS_A_SHARD * VIEWS_A_PART
    total = -(-settings.count // length)
    for index in range(total):
        path = out / f"data-{index:05d}-of-{total:05d}.arrow"
        yield Shard(path, settings, index * length, min((index + 1) * length, settings.count))


def _features(settings: CorpusSettings) -> Features:
    columns = {
        "depth": Array2D((settings.size, settings.size), "uint16"),
        "scale": Value("float32"),
        "source": Value("string"),
        "category": Value("string"),
        "hash": Value("string"),
    }
    return Features({**columns, "part": Value("int32")} if settings.parts == "families" else columns)
