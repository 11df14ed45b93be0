"""MVTec 3D-AD and Eyecandies (N = 1): `python -m benchmarks.single_view --dataset mvtec3d --root DIR`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from benchmarks.baselines.detector import Baseline
from benchmarks.baselines.methods import MethodName, heading, make_detector, open_detector
from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.model_arguments import ModelArguments
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.kept_settings import keep_settings
from benchmarks.runs.markdown import markdown, number
from modmap import ModMap
from modmap.config import merged
from modmap.datasets.single_view import VIEW, Eyecandies, MVTec3D, SingleViewSet, SingleViewTest
from modmap.detector.protocol import Detector
from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file
from modmap.metrics import VolumeAUPRO, instance_auroc

LIMITS = (0.3, 0.01)
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
    plane: bool = True
    """Take the plane that the part lies on out of the depth."""


def run(arguments: Arguments) -> int:
    """Fits and predicts category by category and prints the table; returns 1 where a category failed."""
    dataset = READERS[arguments.dataset](arguments.root, plane=arguments.plane)
    other = arguments.method != "modmap"
    out = arguments.out or Path("results") / (
        f"{arguments.method}_{arguments.dataset}" if other else arguments.dataset
    )
    categories = chosen_categories(dataset.categories, arguments.categories)
    detector = _unfitted(arguments)
    config = detector.config if isinstance(detector, ModMap) else detector.settings
    settings = {
        **({"method": arguments.method} if other else {}),
        "dataset": arguments.dataset,
        "root": str(arguments.root.resolve()),
        "plane": arguments.plane,
        "categories": list(categories),
        "config": config.model_dump(mode="json"),
    }
    keep_settings(out, settings, file="run.json")
    results: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for category in categories:
        try:
            results[category] = _evaluate(arguments, dataset, category, out / category)
        except ModMapError as error:
            failed[category] = str(error)
    _report(out, f"{heading(arguments.method, detector)}, {arguments.dataset}", results, failed)
    return 1 if failed else 0


def _evaluate(arguments: Arguments, dataset: SingleViewSet, category: str, out: Path) -> dict[str, Any]:
    if not (out / "model" / "config.json").is_file():
        fitted = _unfitted(arguments).fit(dataset.train(category))
        fitted.save_pretrained(out / "model")
        print(f"{category}: fitted on {len(fitted.trained.scans)} parts", flush=True)
    model = open_detector(
        arguments.method,
        out / "model",
        device=arguments.model.device,
        token_cache=arguments.model.token_cache(),
    )
    tests = dataset.tests(category)
    for test in tests:
        _predict(model, test, out / "maps" / f"{test.scan.name}.npz")
    return _figures(tests, out / "maps")


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


def _figures(tests: Sequence[SingleViewTest], maps: Path) -> dict[str, Any]:
    """Image AUROC over the parts, pixel AUROC and AUPRO over all their pixels; background scores lowest."""
    metric = VolumeAUPRO(nominal="all")
    scores, pixels, truths = [], [], []
    for test in tests:
        with np.load(maps / f"{test.scan.name}.npz", allow_pickle=False) as file:
            found, score = file["scores"], float(file["score"])
        defects = test.defects()
        # As published evaluations do: every pixel counts, and the background is as nominal as can be.
        filled = np.where(np.isnan(found), np.float32(0), found)
        metric.update(filled, defects, name=test.scan.name)
        scores.append(score)
        pixels.append(filled.ravel())
        truths.append(defects.ravel())
    labels = [bool(test.scan.anomalous) for test in tests]
    every, truth = np.concatenate(pixels), np.concatenate(truths)
    aupro = metric.compute_limits(LIMITS)
    return {
        "i_auroc": instance_auroc(scores, labels),
        "p_auroc": instance_auroc(every, truth),
        "aupro_30pct": aupro[0.3],
        "aupro_1pct": aupro[0.01],
        "parts": len(tests),
        "anomalous": sum(labels),
    }


def _report(out: Path, title: str, results: dict[str, dict[str, Any]], failed: dict[str, str]) -> None:
    names = {"i_auroc": "I-AUROC", "p_auroc": "P-AUROC", "aupro_30pct": "AUPRO@30%", "aupro_1pct": "AUPRO@1%"}
    rows = [
        [category, str(row["parts"]), str(row["anomalous"]), *(number(row[name]) for name in names)]
        for category, row in results.items()
    ]
    rows += [[category, f"**failed**: {reason}", *[""] * 5] for category, reason in failed.items()]
    means = {name: float(np.mean([row[name] for row in results.values()])) for name in names if results}
    rows.append(["**mean**", "", "", *(number(means.get(name)) for name in names)])
    text = f"# {title}\n\n{markdown(['category', 'parts', 'anomalous', *names.values()], rows)}\n"
    content = {"categories": results, "mean": means, "failed": failed}
    write_report(out, content, text)


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.single_view", words=words)
