"""What each kind of evidence shows on good scans: where the levels in `modmap.evidence.levels` are from.

`python -m benchmarks.evidence_levels --root data/sim3d-mini/work` lays good test scans of each category on its nominal
one and prints, for each kind and category, what nine pixels of ten and 999 of a thousand stay below, a mean over the
scans; and over the categories the geometric mean, which is what `modmap.evidence.levels` has, rounded. Last, of
the view in which that is most, how many times what half of its pixels stay below nine of ten do by geometry:
`Level.steepest` is more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.sim3d_root import find_root
from benchmarks.runs.command_line import command
from benchmarks.runs.markdown import markdown, number
from modmap.alignment.support import without_support
from modmap.datasets import SiM3D
from modmap.detector.reference import Reference
from modmap.encoding.cnn import STRIDES
from modmap.errors import ModMapError
from modmap.evidence.appearance import appearance
from modmap.evidence.comparison import LaidScan, ReducedViews
from modmap.evidence.deviation import deviations
from modmap.evidence.lines import THIRDS
from modmap.evidence.memory import Memory, remembered
from modmap.evidence.part_window import KINDS as MEMORY_KINDS
from modmap.evidence.texture import texture
from modmap.scan import Scan
from modmap.types import DEFAULT_FOREGROUND

Array = npt.NDArray[Any]
KINDS = (
    "geometry",
    "patches",
    *(f"lines of {3 * third:g}" for third in THIRDS),
    *(f"texture, stride {stride}" for stride in STRIDES),
    *(f"memory of {kind}" for kind in MEMORY_KINDS),
)
SHARES = (0.9, 0.999)


@dataclass(frozen=True)
class Arguments:
    """Measure what each kind of evidence shows on good scans."""

    root: Path | None = None
    """A data set of SiM3D's shape; $SIM3D_ROOT by default, else data/SiM3D."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default."""
    scans: int = 4
    """Good test scans of each category that are measured."""


def category_levels(nominal: Scan, good: Sequence[Scan]) -> tuple[Array, float]:
    """What the pixels of good scans stay below.

    Args:
        nominal: The nominal scan.
        good: Good scans, at least one.

    Returns:
        (K, 2) what the shares in `SHARES` of the pixels stay below, by kind of evidence; a mean over the scans. And of
        geometry the largest of any view's ratio between what nine in ten and what half of its pixels stay below.

    Raises:
        ModMapError: a scan can't be read, or laid on the nominal one.
    """
    reference = Reference.of(nominal, foreground=DEFAULT_FOREGROUND)
    memory = Memory.of([(reference.frames, reference.part)], count=1)
    found, steepest = [], 0.0
    for scan in good:
        new = ReducedViews.of(scan, foreground=DEFAULT_FOREGROUND)
        laid = LaidScan.of(reference.part, new.surfaces, reference.geometry)
        motion, part = laid.registration.motion, laid.part
        geometry = deviations(reference.geometry, part, motion)
        kinds: tuple[Mapping[str, Array], ...] = (
            {view_id: one.score for view_id, one in geometry.items()},
            *appearance(reference.look, new.frames, part, motion),
            *texture(reference.texture, new.frames, part, motion),
            *remembered(memory, new.frames, without_support(new.surfaces)[0]),
        )
        found.append([_quantiles(views) for views in kinds])
        steepest = max([steepest, *map(_steepness, kinds[0].values())])
    return np.asarray(np.mean(found, axis=0)), steepest


def run(arguments: Arguments) -> int:
    """Measures and prints the levels."""
    dataset = SiM3D(find_root(arguments.root, download=False))
    categories = chosen_categories(dataset.categories, arguments.categories)
    measured: dict[str, Array] = {}
    steepest: dict[str, float] = {}
    for category in categories:
        good = [scan for scan in dataset.tests(category) if scan.anomalous is False][: arguments.scans]
        if not good:
            raise ModMapError(f"{category}: expected good test scans and --scans of at least 1, found none")
        measured[category], steepest[category] = category_levels(dataset.train(category), good)
        print(f"{category}: {len(good)} scans", flush=True)
    middle = np.exp(np.mean(np.log(np.maximum(list(measured.values()), 1e-9)), axis=0))
    rows = [
        *([name, *map(number, (*levels.ravel(), steepest[name]))] for name, levels in measured.items()),
        ["geometric mean", *map(number, middle.ravel()), ""],
    ]
    header = [*(f"{kind}: {share:.1%}" for kind in KINDS for share in SHARES), "geometry: steepest view"]
    print(markdown(["category", *header], rows))
    return 0


def _quantiles(views: Mapping[str, Array]) -> Array:
    every = np.concatenate([np.zeros(0), *(one[np.isfinite(one)] for one in views.values())])
    return np.asarray(np.quantile(every, SHARES) if len(every) else np.full(len(SHARES), np.nan))


def _steepness(view: Array) -> float:
    known = view[np.isfinite(view)]
    half, nearly_all = np.quantile(known, (0.5, SHARES[0])) if len(known) else (0.0, 0.0)
    return float(nearly_all / max(half, 1e-9))


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.evidence_levels", words=words)
