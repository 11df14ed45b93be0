"""The SiM3D evaluation (Tables 1 and 2): `python -m benchmarks.sim3d`, alone or under `accelerate launch -m`."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from accelerate import PartialState  # type: ignore[import-untyped]
from rich.console import Console

from benchmarks.cadscan.settings import keep_settings
from benchmarks.data_set_run import DataSetRun, Setup
from benchmarks.sim3d_root import find_root
from benchmarks.summary import scan_lines, summarise
from benchmarks.tables import results_table
from modmap import ModMap
from modmap.config import ModMapConfig, merged, parse_assignments
from modmap.datasets import SiM3D
from modmap.datasets.atomic import atomic_file
from modmap.errors import ModMapError
from modmap.evaluation import Figures
from modmap.token_cache import TokenCache

RESULTS = Path("results")
LONGEST_WAIT = timedelta(days=7)


@dataclass(frozen=True)
class Arguments:
    """Evaluate ModMap on a data set of SiM3D's shape; what an earlier run has done in OUT is not done again."""

    setup: Setup = "real2real"
    """Train on the real nominal scan, or on the rendered one."""
    root: Path | None = None
    """The data set; $SIM3D_ROOT by default, else data/SiM3D."""
    out: Path | None = None
    """Where the run lives; results/SETUP by default."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default."""
    preset: str = "fast"
    """fast or paper."""
    size: int | None = None
    """Side of the encoders' square input, pixels."""
    image_encoder: str | None = None
    """As in `modmap fit`."""
    depth_encoder: str | None = None
    """As in `modmap fit`."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE...")] = ()
    """Any other settings, as in `modmap fit`."""
    device: str = "auto"
    """As in `modmap fit`; under accelerate, each process's own."""
    cache: Path | None = None
    """Keep tokens here between runs."""
    cache_gb: float = 20.0
    """Gigabytes that the tokens may take."""
    pictures: bool = False
    """Write overlays and coloured point clouds too."""
    download: bool = False
    """Fetch SiM3D from the hub, without asking, where it is missing."""


def run(arguments: Arguments) -> int:
    """Fits, predicts and reports; returns the exit status: 1 where a category failed."""
    process = PartialState(cpu=arguments.device == "cpu", timeout=LONGEST_WAIT)
    device = str(process.device) if arguments.device == "auto" else arguments.device
    out = arguments.out or RESULTS / arguments.setup
    with process.main_process_first():
        root = find_root(arguments.root, download=arguments.download)
        dataset = SiM3D(root)
        categories = _chosen(dataset, arguments.categories)
        config = _model(arguments, device, None).config
        keep_settings(out, _settings(arguments, config, root, categories), file="run.json")
    cache = None if arguments.cache is None else TokenCache(arguments.cache, limit_gb=arguments.cache_gb)
    evaluation = DataSetRun(
        out=out,
        dataset=dataset,
        setup=arguments.setup,
        make_model=lambda: _model(arguments, device, cache),
        device=device,
        token_cache=cache,
        pictures=arguments.pictures,
    )

    for category in categories[process.process_index :: process.num_processes]:
        evaluation.fit(category)
    process.wait_for_everyone()

    turn = 0
    for category in categories:
        tests = evaluation.tests(category)
        mine = tests[(process.process_index - turn) % process.num_processes :: process.num_processes]
        turn += len(tests)
        evaluation.predict(category, mine)
    process.wait_for_everyone()

    if not process.is_main_process:
        return 0
    found = {category: evaluation.figures(category) for category in categories}
    return _report(evaluation, {name: one for name, one in found.items() if one is not None}, categories)


def _report(evaluation: DataSetRun, figures: dict[str, Figures], categories: tuple[str, ...]) -> int:
    """Writes results.json, scans.jsonl, versions.json and table.md, and prints the table."""
    out = evaluation.out
    failed = {name: evaluation.failure(name) for name in categories if name not in figures}
    results = summarise(figures, {name: evaluation.tests(name) for name in figures}, failed=failed)
    seconds = {
        name: float(np.mean([sum(scan.seconds.values()) for scan in one.scans]))
        for name, one in figures.items()
    }
    title = f"ModMap, {evaluation.setup}, {evaluation.dataset.root}"
    table = results_table(results, title=title, setup=evaluation.setup, seconds=seconds)
    _write(out / "results.json", json.dumps(results, indent=2) + "\n")
    _write(out / "scans.jsonl", "".join(json.dumps(line) + "\n" for line in scan_lines(figures)))
    _write(out / "versions.json", json.dumps(_versions(), indent=2) + "\n")
    _write(out / "table.md", table)
    print(table)
    print(f"{out}: results.json, table.md, scans.jsonl, and every scan's result in CATEGORY/scans")
    return 1 if failed else 0


def _chosen(dataset: SiM3D, asked: tuple[str, ...]) -> tuple[str, ...]:
    for category in asked:
        if category not in dataset.categories:
            raise ModMapError(
                f"categories: expected some of {', '.join(dataset.categories)}, found {category!r}"
            )
    return asked or dataset.categories


def _model(arguments: Arguments, device: str, cache: TokenCache | None) -> ModMap:
    size = {} if arguments.size is None else {"size": arguments.size}
    return ModMap(
        arguments.preset,
        device=device,
        image_encoder=arguments.image_encoder,
        depth_encoder=arguments.depth_encoder,
        settings=merged(parse_assignments(arguments.set), size),
        token_cache=cache,
    )


def _settings(
    arguments: Arguments, config: ModMapConfig, root: Path, categories: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "setup": arguments.setup,
        "root": str(root.resolve()),
        "categories": list(categories),
        "config": config.model_dump(mode="json"),
    }


def _versions() -> dict[str, str]:
    packages = ("modmap", "torch", "timm", "numpy", "scipy", "opencv-python")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def main(words: list[str] | None = None) -> int:
    """The command line; an input that cannot be used is one line on the standard error, and exit status 2."""
    arguments = tyro.cli(Arguments, prog="python -m benchmarks.sim3d", args=words)
    try:
        return run(arguments)
    except (ModMapError, ValueError) as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", highlight=False, soft_wrap=True, markup=False
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
