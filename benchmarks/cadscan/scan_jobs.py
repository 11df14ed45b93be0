"""Which scans a data set has, and what each is made from."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.cadscan.defects import LARGEST, SMALLEST
from benchmarks.cadscan.detectability import LEAST_DETECTABILITY
from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.settings_file import SETTINGS
from benchmarks.cadscan.views import binned_intrinsics
from benchmarks.runs.kept_settings import read_settings

Split = Literal["work", "report"]
Kind = Literal["real", "synth", "good", "bad"]

SEED_OF_SPLIT: dict[Split, int] = {"work": 0, "report": 50}
KINDS: tuple[Kind, ...] = ("real", "synth", "good", "bad")


class DatasetError(CadscanError):
    """A data set that cannot be made as asked."""


@dataclass(frozen=True)
class DatasetSettings:
    """What a data set is made from.

    Attributes:
        size: (width, height) of the images, pixels.
        good: Nominal test scans a category.
        bad: Anomalous test scans a category.
        seed: Of everything that differs between scans.
        smallest: Of the defects' sizes, mm.
        largest: Likewise; the sizes are log-uniform between the two.
        least_detectability: A defect of which no view shows this d', or measures a point, is drawn again; 0: none is.
        split: Of `sim3d-mini`, which the card then tells; it decides about nothing else.
    """

    size: tuple[int, int]
    good: int
    bad: int
    seed: int
    smallest: float = SMALLEST
    largest: float = LARGEST
    least_detectability: float = LEAST_DETECTABILITY
    split: Split | None = None

    @classmethod
    def kept_in(cls, data: Path) -> DatasetSettings:
        """Those that a set was begun with.

        Raises:
            DatasetError: they are of another version of the simulator.
            SettingsError: the directory has none.
        """
        kept, known = read_settings(data / SETTINGS), {field.name for field in fields(cls)}
        if set(kept) != known:
            raise DatasetError(
                f"{data / SETTINGS}: expected {', '.join(sorted(known))}, found {', '.join(sorted(kept))}; "
                "the set was made by another version of the simulator"
            )
        return cls(**{**kept, "size": tuple(kept["size"])})

    def check(self) -> None:
        """Raises an error for what cannot be made.

        Raises:
            DatasetError: the sizes of defects are no range, or a count, the seed or the detectability is negative.
            ViewError: the images would be larger than the sensor, or have no pixel.
        """
        binned_intrinsics(self.size)
        for name in ("good", "bad", "seed"):
            if getattr(self, name) < 0:
                raise DatasetError(f"{name}: expected 0 or more, found {getattr(self, name)}")
        if not 0 < self.smallest <= self.largest < math.inf:
            raise DatasetError(
                f"smallest, largest: expected 0 < smallest <= largest, found {self.smallest} and {self.largest} mm"
            )
        if not 0 <= self.least_detectability < math.inf:
            raise DatasetError(f"least_detectability: expected 0 or more, found {self.least_detectability}")


@dataclass(frozen=True)
class ScanJob:
    """One scan of the set: the `index`-th of its category and kind, to be written to `out / relative`."""

    out: Path
    relative: Path
    settings: DatasetSettings
    category: str
    kind: Kind
    index: int

    @property
    def seed(self) -> np.random.SeedSequence:
        """The scan's own seed; no other scan has a part in it."""
        entropy = [self.settings.seed, zlib.crc32(self.category.encode()), KINDS.index(self.kind), self.index]
        return np.random.SeedSequence(entropy)


def scan_jobs(out: Path, settings: DatasetSettings, category: str) -> list[ScanJob]:
    """All scans of a category: the two of the training set-ups, then the nominal and the anomalous tests."""

    def job(name: str, kind: Kind, index: int) -> ScanJob:
        return ScanJob(out, Path(category) / f"{category}_{name}", settings, category, kind, index)

    digits = max(2, len(str(settings.good + settings.bad - 1)))
    return [
        job("real", "real", 0),
        job("synth", "synth", 0),
        *(job(f"{index:0{digits}d}", "good", index) for index in range(settings.good)),
        *(job(f"{settings.good + index:0{digits}d}_bad", "bad", index) for index in range(settings.bad)),
    ]
