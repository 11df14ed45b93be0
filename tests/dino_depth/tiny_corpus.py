"""A corpus of simple shapes: balls, boxes and waves before a plane, some with holes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from datasets import Dataset

from dino_depth.data.corpus import depth_row, features


def write_tiny_corpus(directory: Path, *, maps: int = 24, size: int = 64, seed: int = 0) -> Path:
    """Writes `maps` depth maps of `size` pixels a side."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    rows = []
    for index in range(maps):
        a, b, c = rng.uniform(-0.5, 0.5, 3)
        plane = 500 + 40 * (a * x + b * y)
        radius = np.hypot(x - a, y - b)
        kinds = (
            60 * np.sqrt(np.clip(0.4 - radius**2, 0, None)),
            50.0 * ((np.abs(x - a) < 0.4) & (np.abs(y - b) < 0.3)),
            15 * np.sin(8 * (x * np.cos(6 * c) + y * np.sin(6 * c))),
        )
        depth = plane - kinds[index % 3]
        depth[rng.random(depth.shape) < 0.02] = 0
        row = depth_row(
            depth.astype(np.float32), source="shapes", category=("ball", "box", "wave")[index % 3]
        )
        assert row is not None
        rows.append(row)
    Dataset.from_list(rows, features=features()).save_to_disk(str(directory))
    return directory
