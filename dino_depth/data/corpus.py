"""The corpus: a Hugging Face `datasets` directory of depth maps, and what is in a row of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from datasets import Dataset, Features, Value, load_from_disk  # type: ignore[import-untyped]

from dino_depth.arrays import Array
from dino_depth.errors import DinoDepthError, one_line

Row = dict[str, Any]

LEVELS = 65535
STATE = "state.json"
SHARDS = "data-*.arrow"
COLUMNS = ("depth", "scale", "source", "category", "hash")
PART = "part"
"""A column that a corpus may have beside those: the number of the part that a map shows."""
PNG_END = b"IEND\xaeB`\x82"


def features() -> Features:
    """The columns of a corpus and their types.

    `depth` is a 16 bit PNG, 0 where nothing was measured; `scale` millimetres per level, 0 where the unit is unknown;
    `source` the data set; `category` its category; `hash` the SHA-256 of the levels and their shape.
    """
    return Features(
        {
            "depth": Value("binary"),
            "scale": Value("float32"),
            "source": Value("string"),
            "category": Value("string"),
            "hash": Value("string"),
        }
    )


def depth_levels(row: Mapping[str, Any]) -> Array:
    """(H, W) uint16 levels of a row, 0 where nothing was measured.

    Args:
        row: One whose `depth` is a 16 bit PNG, or an array or nested list of unsigned 16 bit numbers.

    Raises:
        DinoDepthError: the PNG is damaged or of another kind, or the array is no depth map.
    """
    depth = row["depth"]
    where = f"depth {str(row.get('hash', ''))[:12]}".strip()
    if isinstance(depth, bytes):
        # OpenCV returns the upper rows of a PNG that was cut off.
        levels = (
            cv2.imdecode(np.frombuffer(depth, np.uint8), cv2.IMREAD_UNCHANGED) if PNG_END in depth else None
        )
        if levels is None:
            raise DinoDepthError(f"{where}: expected a whole PNG, found {len(depth)} bytes that are none")
    else:
        levels = np.asarray(depth)
        if levels.dtype.kind in "iu" and levels.size and levels.min() >= 0 and levels.max() <= LEVELS:
            levels = levels.astype(np.uint16)
    if levels.ndim != 2 or levels.dtype != np.uint16:
        raise DinoDepthError(f"{where}: expected (H, W) of 16 bit, found {levels.shape} of {levels.dtype}")
    return levels


def decode_depth(row: Mapping[str, Any]) -> Array:
    """(H, W) float32 depth of a row, 0 where nothing was measured.

    In millimetres; where the row's `scale` is 0, the unit is unknown: then the share of the farthest depth that can be
    stored, from 0 to 1.

    Raises:
        DinoDepthError: as `depth_levels`.
    """
    scale = float(row["scale"]) or 1 / LEVELS
    return np.asarray(depth_levels(row) * np.float32(scale), dtype=np.float32)


def content_hash(levels: Array) -> str:
    """SHA-256, in hexadecimal, of the levels' shape and their bytes in little-endian order."""
    height, width = levels.shape
    digest = hashlib.sha256(f"{height} {width} ".encode())
    digest.update(np.ascontiguousarray(levels, dtype="<u2").tobytes())
    return digest.hexdigest()


def open_corpus(directory: str | Path) -> Dataset:
    """Opens a corpus: of this package, or any other `datasets` directory with its columns.

    Raises:
        DinoDepthError: the directory is missing, unfinished, none of `datasets`, lacks a column, or has no row.
    """
    path = Path(directory)
    if not path.is_dir():
        raise DinoDepthError(f"{path}: expected the directory of a corpus, found none")
    if not (path / STATE).is_file():
        shards = len(list(path.glob(SHARDS)))
        found = f"{shards} shards of an unfinished one; run the same command again" if shards else "none"
        raise DinoDepthError(f"{path}: expected a corpus as datasets.save_to_disk writes it, found {found}")
    try:
        # datasets writes a directory without rows, but can't open it.
        filled = json.loads((path / STATE).read_text(encoding="utf-8"))["_data_files"] != []
        rows = load_from_disk(str(path)) if filled else Dataset.from_dict({name: [] for name in COLUMNS})
    except Exception as error:  # a damaged directory: json, pyarrow and datasets each have their own
        raise DinoDepthError(
            f"{path}: expected a corpus that datasets can open, found {one_line(error)}"
        ) from None
    missing = [name for name in COLUMNS if name not in rows.column_names]
    if missing:
        raise DinoDepthError(
            f"{path}: expected the columns {', '.join(COLUMNS)}, found no {' and no '.join(missing)}"
        )
    if len(rows) == 0:
        raise DinoDepthError(f"{path}: expected depth maps, found a corpus without any")
    return rows


def depth_row(depth: Array, *, source: str, category: str, unit_known: bool = True) -> Row | None:
    """The row of a depth map, in 65535 levels, the deepest one for the farthest pixel.

    Args:
        depth: (H, W) of numbers in mm, or in any unit where it is unknown; 0, NaN, infinite and negative are holes.
        source: Its data set.
        category: What it shows.
        unit_known: Otherwise `scale` is 0.

    Returns:
        A measured depth is never 0 in its PNG, however small, and is at most half a level off otherwise. None for a map
        where nothing was measured.

    Raises:
        DinoDepthError: not (H, W).
    """
    levels, scale = _to_levels(depth)
    if scale == 0:
        return None
    return {
        "depth": _to_png(levels),
        "scale": scale if unit_known else 0.0,
        "source": source,
        "category": category,
        "hash": content_hash(levels),
    }


def _to_levels(depth: Array) -> tuple[Array, float]:
    depth = np.asarray(depth)
    if depth.ndim != 2 or 0 in depth.shape:
        raise DinoDepthError(f"depth map: expected (H, W), found {depth.shape}")
    depth = depth.astype(np.float64)
    measured = np.isfinite(depth) & (depth > 0)
    scale = float(np.float32(depth[measured].max() / LEVELS)) if measured.any() else 0.0
    levels = np.zeros(depth.shape, np.uint16)
    if scale > 0:
        levels[measured] = np.clip(np.rint(depth[measured] / scale), 1, LEVELS)
    return levels, scale


def _to_png(levels: Array) -> bytes:
    written, data = cv2.imencode(".png", levels)
    if not written:
        raise DinoDepthError(f"depth map: expected a size that a PNG can have, found {levels.shape}")
    return bytes(data.tobytes())
