"""One evaluation on disk: a model a category, a result a test scan, and what is left to do of it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from modmap.datasets import SiM3D
from modmap.datasets.atomic import atomic_file
from modmap.detector import ModMap
from modmap.errors import ModMapError
from modmap.evaluation import Figures, common_grid, figures, scan_grid
from modmap.predictions import is_done, write_result
from modmap.scan import Scan
from modmap.token_cache import TokenCache
from modmap.volume import VoxelGrid
from modmap.volume_files import VolumeFormat

Setup = Literal["real2real", "synth2real"]
TRAINING: dict[Setup, Literal["real", "synth"]] = {"real2real": "real", "synth2real": "synth"}
MODEL, SCANS, FAILED = "model", "scans", "failed.json"


@dataclass(frozen=True)
class EvaluationRun:
    """An evaluation of one model a category on a data set of SiM3D's shape.

    Each step looks at what is on disk and does what is missing; none writes where another one does, so steps may be
    shared out over processes, and a run that was killed goes on where it stopped.

    Attributes:
        out: Where it lives: `<category>/model`, `<category>/scans/<scan>`.
        dataset: The data.
        setup: Whether it is trained on the real or the rendered nominal scan.
        make_model: A model that isn't fitted.
        device: As in `ModMap`.
        token_cache: Tokens kept between runs, or None.
        pictures: Write overlays and the volume for viewers too.
    """

    out: Path
    dataset: SiM3D
    setup: Setup
    make_model: Callable[[], ModMap]
    device: str
    token_cache: TokenCache | None = None
    pictures: bool = False

    def fit(self, category: str) -> bool:
        """Fits a category's model, unless it was; returns whether there was anything to do."""
        (self.out / category / FAILED).unlink(missing_ok=True)
        if (self.out / category / MODEL / "config.json").is_file():
            return False
        with self._recorded(category):
            model = self.make_model().fit(self.dataset.train(category, TRAINING[self.setup]))
            model.save_pretrained(self.out / category / MODEL)
        return True

    def predict(self, category: str, scans: Sequence[Scan], *, grid: VoxelGrid | None) -> list[Scan]:
        """Predicts those test scans of a category that haven't been; returns them."""
        if self.failure(category):
            return []
        done: list[Scan] = []
        with self._recorded(category):
            model = self._fitted(category)
            for scan in scans:
                place = self.out / category / SCANS / scan.name
                if is_done(place, model):
                    continue
                result = model.predict(scan, grid=scan_grid(scan, grid))
                formats: tuple[VolumeFormat, ...] = ("npz", "ply") if self.pictures else ("npz",)
                write_result(result, scan, place, model=model, formats=formats, overlays=self.pictures)
                print(
                    f"{scan.name}: score {result.score:.4f}, {sum(result.seconds.values()):.1f} s", flush=True
                )
                done.append(scan)
        return done

    def figures(self, category: str) -> Figures | None:
        """A category's figures, or None where it failed."""
        found: list[Figures] = []
        if not self.failure(category):
            with self._recorded(category):
                found.append(figures(self.tests(category), self.out / category / SCANS))
        return found[0] if found else None

    def failure(self, category: str) -> str:
        """Why a category has no figures; empty where nothing failed."""
        try:
            return str(json.loads((self.out / category / FAILED).read_text(encoding="utf-8"))["error"])
        except FileNotFoundError:
            return ""

    def tests(self, category: str) -> list[Scan]:
        """The test scans of a category; none where they cannot be opened, which is recorded."""
        if category not in self._tests:
            self._tests[category] = []
            with self._recorded(category):
                self._tests[category] = self.dataset.tests(category)
        return self._tests[category]

    def grid(self, category: str) -> VoxelGrid | None:
        """Where a category's scans without ground truth are scored; None: in the model's own grid."""
        found: list[VoxelGrid | None] = [None]
        with self._recorded(category):
            found[0] = common_grid(self.tests(category))
        return found[0]

    @cached_property
    def _tests(self) -> dict[str, list[Scan]]:
        return {}

    def _fitted(self, category: str) -> ModMap:
        return ModMap.from_pretrained(
            self.out / category / MODEL, device=self.device, token_cache=self.token_cache
        )

    def _recorded(self, category: str) -> _Recorded:
        return _Recorded(self.out / category / FAILED)


@dataclass(frozen=True)
class _Recorded:
    """Writes an error of its body down and goes on: one bad category must not take the others with it."""

    path: Path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        if not isinstance(error, Exception):
            return False
        if isinstance(error, ModMapError):
            reason = str(error)
        else:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            traceback.print_exception(error)
        with atomic_file(self.path) as partial:
            partial.write_text(json.dumps({"error": reason}) + "\n", encoding="utf-8")
        return True
