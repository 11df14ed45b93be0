"""What a study of the probability of detection asks, and the directory that keeps to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modmap.calibration import Calibration
from modmap.detector.model import ModMap
from modmap.errors import UsageError
from modmap.files.atomic import atomic_file
from modmap.files.validated_json import read_json
from modmap.pod.shapes import Kind
from modmap.runs.scan_state import scan_state
from modmap.scan import Scan

STUDY = "study.json"


@dataclass(frozen=True)
class Study:
    """What is asked.

    Attributes:
        kinds: Of defects.
        sizes: Smallest and largest, mm.
        count: Defects of all kinds together.
        seed: Of all that is drawn.
        per_copy: Defects that a copy of a good scan has at most.
    """

    kinds: tuple[Kind, ...]
    sizes: tuple[float, float]
    count: int
    seed: int
    per_copy: int

    def check(self) -> None:
        """Checks that it can be asked.

        Raises:
            UsageError: it can't.
        """
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise UsageError(
                f"pod: kinds: expected one or more, each once, found {' '.join(self.kinds) or 'none'}"
            )
        low, high = self.sizes
        if not 0 < low < high < np.inf:
            raise UsageError(
                f"pod: sizes: expected SMALLEST:LARGEST mm, such as 0.5:20, found {low:g}:{high:g}"
            )
        for name in ("count", "per_copy"):
            if getattr(self, name) < 1:
                raise UsageError(
                    f"pod: {name.replace('_', '-')}: expected 1 or more, found {getattr(self, name)}"
                )
        if self.seed < 0:
            raise UsageError(f"pod: seed: expected 0 or more, found {self.seed}")


def settings_of(
    model: ModMap, calibration: Calibration, scans: Sequence[Scan], study: Study
) -> dict[str, Any]:
    """What a directory's trials are of, as plain data."""
    return {
        "model": model.fingerprint,
        "scan_threshold": calibration.scan_threshold,
        "voxel_threshold": calibration.voxel_threshold,
        "scans": {scan.name: scan_state(scan) for scan in scans},
        "kinds": list(study.kinds),
        "sizes": list(study.sizes),
        "count": study.count,
        "seed": study.seed,
        "per_copy": study.per_copy,
    }


def require_study_place(output: Path, asked: dict[str, Any]) -> None:
    """Checks that a directory's trials, if there are any, are of what is asked.

    Raises:
        UsageError: they are of something else.
    """
    path = output / STUDY
    if path.is_file():
        kept = read_json(path)
        for key, value in asked.items():
            if not isinstance(kept, dict) or kept.get(key) != value:
                raise UsageError(
                    f"pod: {output}: expected an empty directory or one with this study, found one with another {key}: "
                    "give another directory"
                )
    elif output.is_dir() and any(output.iterdir()):
        raise UsageError(f"pod: {output}: expected an empty directory or one of a study, found other files")


def keep_study(output: Path, asked: dict[str, Any]) -> None:
    """Notes what a directory's trials are of."""
    output.mkdir(parents=True, exist_ok=True)
    if not (output / STUDY).is_file():
        with atomic_file(output / STUDY) as partial:
            partial.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
