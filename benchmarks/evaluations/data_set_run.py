"""An evaluation of every category of a data set, each in a place of its own; one that fails leaves the others be."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from benchmarks.evaluations.ceiling import Ceiling, kept_ceiling
from benchmarks.runs.files import write_json
from modmap.datasets import SiM3D
from modmap.detector.protocol import Detector
from modmap.encoding.token_cache import TokenCache
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError, one_line
from modmap.runs.evaluate import MODEL, EvaluationRun
from modmap.runs.evaluation_metrics import EvaluationMetrics, common_grid
from modmap.scan import Scan
from modmap.types import ForegroundMode
from modmap.volume import VoxelGrid

Setup = Literal["real2real", "synth2real"]
TRAINING: dict[Setup, Literal["real", "synth"]] = {"real2real": "real", "synth2real": "synth"}
FAILED = "failed.json"
CEILING = "ceiling.json"


@dataclass(frozen=True)
class DataSetRun:
    """A model for each category of a data set of SiM3D's shape.

    Attributes:
        out: Where it lives: `<category>/model`, `<category>/scans/<scan>`.
        dataset: The data.
        setup: Whether it is trained on the real or the rendered nominal scan.
        make_model: A model that isn't fitted.
        device: As in `ModMap`.
        token_cache: Tokens kept between runs, or None.
        pictures: Write overlays and the volume for viewers too.
        depth_features: As in `ModMap`.
        multi_class: One model for all categories, `model/`.
        views: Only so many views of every scan, evenly spaced; None: all.
        open_model: Loads a fitted model of another method than ModMap; None loads a ModMap.
        foreground: Which pixels the models take for the part, which the ceiling of V-AUPRO depends on; None: the
            ceiling isn't asked for.
    """

    out: Path
    dataset: SiM3D
    setup: Setup
    make_model: Callable[[], Detector]
    device: str
    token_cache: TokenCache | None = None
    pictures: bool = False
    depth_features: Callable[[int], TokenEncoder] | None = None
    multi_class: bool = False
    views: int | None = None
    open_model: Callable[[Path], Detector] | None = None
    foreground: ForegroundMode | None = None

    def fit(self, categories: Sequence[str], *, turn: int = 0, turns: int = 1) -> None:
        """Fits the models that haven't been. An earlier failure of a category is forgotten.

        Args:
            categories: All of the run.
            turn: Which process this is, of those that share the models.
            turns: How many they are.
        """
        together = [tuple(categories)] if self.multi_class else [(category,) for category in categories]
        for group in together[turn::turns]:
            for category in group:
                (self.out / category / FAILED).unlink(missing_ok=True)
            run = self._run(group[0])
            if run.fitted:
                continue
            with self._recorded(*group):
                scans = [self._seen(self.dataset.train(name, TRAINING[self.setup])) for name in group]
                run.fit(self.make_model(), scans)
                print(f"{', '.join(group)}: fitted", flush=True)

    def predict(self, category: str, scans: Sequence[Scan]) -> None:
        """Predicts those of a category's test scans that haven't been."""
        if scans and not self.failure(category):
            with self._recorded(category):
                self._run(category).predict(scans, grid=self._grid(category), said=_say)

    def metrics(self, category: str) -> EvaluationMetrics | None:
        """A category's metrics, or None where it failed."""
        found: list[EvaluationMetrics] = []
        if not self.failure(category):
            with self._recorded(category):
                found.append(self._run(category).metrics(self.tests(category)))
        return found[0] if found else None

    def ceiling(self, category: str) -> Ceiling | None:
        """The ceiling of a category's V-AUPRO, computed once; None where it isn't asked for or there is no defect."""
        found: list[Ceiling | None] = []
        if self.foreground is not None and not self.failure(category):
            with self._recorded(category):
                path = self.out / category / CEILING
                found.append(kept_ceiling(path, self.tests(category), foreground=self.foreground))
        return found[0] if found else None

    def fit_seconds(self, category: str) -> float:
        """Wall time of a category's fit, as its model has it written down."""
        return sum(self._run(category).opened().trained.seconds.values())

    def failure(self, category: str) -> str:
        """Why a category has no metrics; empty where nothing failed."""
        try:
            return str(json.loads((self.out / category / FAILED).read_text(encoding="utf-8"))["error"])
        except FileNotFoundError:
            return ""

    def tests(self, category: str) -> list[Scan]:
        """The test scans of a category; none where they cannot be opened, which is recorded."""
        if category not in self._tests:
            self._tests[category] = []
            with self._recorded(category):
                self._tests[category] = [self._seen(scan) for scan in self.dataset.tests(category)]
        return self._tests[category]

    @cached_property
    def _tests(self) -> dict[str, list[Scan]]:
        return {}

    def _grid(self, category: str) -> VoxelGrid | None:
        return common_grid(self.tests(category))

    def _seen(self, scan: Scan) -> Scan:
        """The scan with the views of this run; every scan has the same ones."""
        if self.views is None or self.views >= len(scan):
            return scan
        kept = [len(scan) * index // self.views for index in range(self.views)]
        return scan.subset([scan.view_ids[index] for index in kept])

    def _run(self, category: str) -> EvaluationRun:
        return EvaluationRun(
            self.out / category,
            device=self.device,
            token_cache=self.token_cache,
            pictures=self.pictures,
            model=self.out / MODEL if self.multi_class else None,
            depth_features=self.depth_features,
            open_model=self.open_model,
        )

    def _recorded(self, *categories: str) -> _Recorded:
        return _Recorded(tuple(self.out / category / FAILED for category in categories))


@dataclass(frozen=True)
class _Recorded:
    """Writes an error of its body down and continues: one bad category must not take the others with it."""

    paths: tuple[Path, ...]

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        if not isinstance(error, Exception):
            return False
        if isinstance(error, ModMapError):
            reason = str(error)
        else:
            reason = f"{type(error).__name__}: {one_line(error)}"
            traceback.print_exception(error)
        for path in self.paths:
            write_json(path, {"error": reason})
        return True


def _say(line: str) -> None:
    print(line, flush=True)
