"""A run's metrics on every resample of its test scans, on disk: two runs are compared resample by resample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.errors import ModMapError, one_line
from modmap.files.atomic import atomic_file

Array = npt.NDArray[Any]

RESAMPLES_FILE = "resamples.npz"
SCANS = "scans of "


@dataclass(frozen=True, eq=False)
class Resamples:
    """What a run keeps of its resamples.

    Attributes:
        metrics: (R,) by what they are of.
        scans: Names of the test scans that were resampled, by category.
    """

    metrics: Mapping[str, Array]
    scans: Mapping[str, Sequence[str]]


def write_resamples(directory: Path, resamples: Resamples) -> None:
    """Writes a run's resamples into its directory."""
    names = {f"{SCANS}{category}": np.array(list(scans)) for category, scans in resamples.scans.items()}
    with atomic_file(directory / RESAMPLES_FILE) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **names, **resamples.metrics)  # type: ignore[arg-type]


def read_resamples(directory: Path) -> Resamples | None:
    """A run's resamples; None of a run that kept none.

    Raises:
        ModMapError: the file is damaged.
    """
    path = directory / RESAMPLES_FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
    except Exception as error:
        raise ModMapError(
            f"{path}: expected the resamples of a run, found a damaged file ({one_line(error)})"
        ) from None
    scans = {
        name.removeprefix(SCANS): one.tolist() for name, one in content.items() if name.startswith(SCANS)
    }
    return Resamples({name: one for name, one in content.items() if not name.startswith(SCANS)}, scans)
