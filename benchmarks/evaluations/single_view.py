"""MVTec 3D-AD and Eyecandies (N = 1): `python -m benchmarks.single_view --dataset mvtec3d --root DIR`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from benchmarks.baselines.detector import Baseline
from benchmarks.baselines.methods import MethodName, heading, make_detector, open_detector
from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.model_arguments import ModelArguments
from benchmarks.evaluations.resample_files import Resamples, write_resamples
from benchmarks.evaluations.single_view_metrics import (
    METRICS,
    DrawMetrics,
    LabelledParts,
    TrainedOn,
    draw_metrics,
)
from benchmarks.evaluations.single_view_table import single_view_table
from benchmarks.evaluations.training_draws import Draw, training_draws
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.kept_settings import keep_settings
from modmap import ModMap
from modmap.config import merged
from modmap.datasets.single_view import VIEW, Eyecandies, MVTec3D, SingleViewSet, SingleViewTest
from modmap.detector.protocol import Detector
from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file
from modmap.scan import Scan

# Parts of these sets lie anyhow, so that a place of the view says nothing of what shows there.
AS_THEY_LIE = {"inference": {"jittered_scans": 0}}
READERS = {"mvtec3d": MVTec3D, "eyecandies": Eyecandies}


@dataclass(frozen=True)
class Arguments:
    """Evaluate a method on parts with one view: image AUROC, pixel AUROC, AUPRO@30% and @1% in 2D."""

    dataset: Literal["mvtec3d", "eyecandies"]
    """Which layout."""
    root: Path
    """The directory of its categories."""
    model: tyro.conf.OmitArgPrefixes[ModelArguments]
    method: MethodName = "modmap"
    """ModMap, or a method that it is compared with; `--set` then takes that method's settings."""
    out: Path | None = None
    """Where the run lives; results/DATASET by default, results/METHOD_DATASET for another method than ModMap. What an
    earlier run has done there is not done again."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default."""
    parts: tuple[int, ...] = ()
    """Learn from so many of a category's training parts, each number in turn; by default from all of them."""
    draws: int = 1
    """Times that each number of training parts is drawn; all of them are taken once."""
    plane: bool = True
    """Take the plane that the part lies on out of the depth."""


def run(arguments: Arguments) -> int:
    """Fits and predicts category by category and prints the table; returns 1 where a category failed.

    Raises:
        ModMapError: the data set, a category or a setting isn't there, or there is to be no draw.
    """
    if arguments.draws < 1:
        raise ModMapError(f"draws: expected 1 or more, found {arguments.draws}")
    dataset = READERS[arguments.dataset](arguments.root, plane=arguments.plane)
    other = arguments.method != "modmap"
    out = arguments.out or Path("results") / (
        f"{arguments.method}_{arguments.dataset}" if other else arguments.dataset
    )
    categories = chosen_categories(dataset.categories, arguments.categories)
    detector = _unfitted(arguments)
    settings = {
        **({"method": arguments.method} if other else {}),
        "dataset": arguments.dataset,
        "root": str(arguments.root.resolve()),
        "plane": arguments.plane,
        "categories": list(categories),
        "config": detector.config.model_dump(mode="json"),
    }
    keep_settings(out, settings, file="run.json")
    found: dict[str, list[TrainedOn]] = {}
    failed: dict[str, str] = {}
    for category in categories:
        try:
            found[category] = _evaluate(arguments, dataset, category, out / category)
        except ModMapError as error:
            failed[category] = str(error)
    method = heading(arguments.method, detector)
    write_resamples(out, _resamples(found))
    title = f"{method}, {arguments.dataset}"
    table = single_view_table(title, found, method=method, dataset=arguments.dataset, failed=failed)
    write_report(out, _results(found, failed), table)
    return 1 if failed else 0


def _evaluate(arguments: Arguments, dataset: SingleViewSet, category: str, out: Path) -> list[TrainedOn]:
    training = dataset.train(category)
    draws = training_draws(len(training), arguments.parts, draws=arguments.draws)
    tests = dataset.tests(category)
    parts = LabelledParts.of(category, tests)
    metrics: dict[int, list[DrawMetrics]] = {}
    for draw in draws:
        place = out / f"{len(draw)}_parts" / f"draw_{draw.number}"
        model = _fitted(arguments, training, draw, place / "model")
        for test in tests:
            _predict(model, test, place / "maps" / f"{test.scan.name}.npz")
        metrics.setdefault(len(draw), []).append(draw_metrics(parts, place / "maps"))
        print(f"{category}: {len(draw)} parts, draw {draw.number}: predicted {len(tests)} parts", flush=True)
    return [TrainedOn(parts, count, tuple(of_draws)) for count, of_draws in metrics.items()]


def _fitted(arguments: Arguments, training: Sequence[Scan], draw: Draw, place: Path) -> Detector:
    """The model that learnt from a draw, from its directory if it is there."""
    if not (place / "config.json").is_file():
        fitted = _unfitted(arguments).fit([training[index] for index in draw.indices])
        fitted.save_pretrained(place)
    model = arguments.model
    return open_detector(arguments.method, place, device=model.device, token_cache=model.token_cache())


def _unfitted(arguments: Arguments) -> Baseline | ModMap:
    model, settings = arguments.model, arguments.model.overrides()
    if arguments.method == "modmap":
        settings = merged(AS_THEY_LIE, settings)
    return make_detector(
        arguments.method,
        model.preset,
        settings,
        device=model.device,
        token_cache=model.token_cache(),
    )


def _predict(model: Detector, test: SingleViewTest, path: Path) -> None:
    """Writes the map of a test part, unless this model's is there."""
    if _fingerprint(path) == model.fingerprint:
        return
    result = model.predict(test.scan, volume=False)
    with atomic_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file, scores=result.map(VIEW), score=result.score, fingerprint=np.array(model.fingerprint)
        )


def _fingerprint(path: Path) -> str:
    try:
        with np.load(path, allow_pickle=False) as file:
            return str(file["fingerprint"])
    except (OSError, ValueError, KeyError, EOFError):
        return ""


def _resamples(found: Mapping[str, Sequence[TrainedOn]]) -> Resamples:
    """What a comparison of runs takes: the metrics by category, number of training parts and metric."""
    metrics = {
        f"{category}/{one.training_parts}/{metric}": resamples
        for category, trained in found.items()
        for one in trained
        for metric in METRICS
        if (resamples := one.resamples(metric)) is not None
    }
    return Resamples(metrics, {category: trained[0].parts.names for category, trained in found.items()})


def _results(found: Mapping[str, Sequence[TrainedOn]], failed: Mapping[str, str]) -> dict[str, object]:
    return {
        "categories": {category: [one.row() for one in trained] for category, trained in found.items()},
        "failed": dict(failed),
    }


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.single_view", words=words)
