"""The SiM3D evaluation (Tables 1 and 2): `python -m benchmarks.sim3d`, alone or under `accelerate launch -m`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from benchmarks.baselines.detector import Baseline
from benchmarks.baselines.methods import MethodName, heading, make_detector, open_detector
from benchmarks.baselines.row_name import of_views
from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.data_set_run import DataSetRun, Setup
from benchmarks.evaluations.execution import carry_out, device_of, processes
from benchmarks.evaluations.model_arguments import ModelArguments
from benchmarks.evaluations.results_table import results_table
from benchmarks.evaluations.sim3d_root import find_root
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_text
from benchmarks.runs.kept_settings import keep_settings
from modmap.config import ModMapConfig, merged
from modmap.datasets import SiM3D
from modmap.detector.model import ModMap
from modmap.errors import ModMapError

RESULTS = Path("results")


@dataclass(frozen=True)
class Arguments:
    """Evaluate a method on a data set of SiM3D's shape; what an earlier run has done in OUT is not done again."""

    model: tyro.conf.OmitArgPrefixes[ModelArguments] = field(
        default_factory=lambda: ModelArguments(preset="inspect")
    )
    method: MethodName = "modmap"
    """ModMap, or a method that it is compared with; `--set` then takes that method's settings."""
    align: bool = False
    """Lay every scan on the nominal one before another method than ModMap compares them."""
    setup: Setup = "real2real"
    """Train on the real nominal scan, or on the rendered one."""
    root: Path | None = None
    """The data set; $SIM3D_ROOT by default, else data/SiM3D."""
    out: Path | None = None
    """Where the run lives; results/SETUP by default, results/METHOD_SETUP for another method than ModMap."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default."""
    views: int | None = None
    """Only so many views of every scan, evenly spaced, where it has more; all by default."""
    pictures: bool = False
    """Write overlays and volumes for viewers too."""
    download: bool = False
    """Fetch SiM3D from the hub, without asking, where it is missing."""


def run(arguments: Arguments) -> int:
    """Fits, predicts and reports; returns the exit status: 1 where a category failed."""
    if arguments.views is not None and arguments.views < 1:
        raise ModMapError(f"views: expected 1 or more of every scan, found {arguments.views}")
    process = processes(arguments.model.device)
    device = device_of(process, arguments.model.device)
    method = arguments.method
    other = method != "modmap"
    out = arguments.out or RESULTS / (f"{method}_{arguments.setup}" if other else arguments.setup)
    cache = arguments.model.token_cache()
    overrides = arguments.model.overrides()
    if arguments.align:
        if not other:
            raise ModMapError(
                "align: expected another method than ModMap, whose preset inspect aligns scans itself"
            )
        overrides = merged(overrides, {"align": True})

    def make() -> Baseline | ModMap:
        return make_detector(method, arguments.model.preset, overrides, device=device, token_cache=cache)

    with process.main_process_first():
        dataset = SiM3D(find_root(arguments.root, download=arguments.download))
        categories = chosen_categories(dataset.categories, arguments.categories)
        detector = make()
        config = detector.config
        settings = {
            **({"method": method} if other else {}),
            "setup": arguments.setup,
            "root": str(dataset.root.resolve()),
            "categories": list(categories),
            **({} if arguments.views is None else {"views": arguments.views}),
            "config": config.model_dump(mode="json"),
        }
        keep_settings(out, settings, file="run.json")
    evaluation = DataSetRun(
        out=out,
        dataset=dataset,
        setup=arguments.setup,
        make_model=make,
        device=device,
        token_cache=cache,
        pictures=arguments.pictures,
        views=arguments.views,
        multi_class=isinstance(config, ModMapConfig) and config.mapping.class_conditioning,
        open_model=lambda directory: open_detector(method, directory, device=device, token_cache=cache),
        foreground=config.inference.foreground,
    )
    outcome = carry_out(evaluation, categories, process)
    if outcome is None:
        return 0
    name = of_views(heading(method, detector), arguments.views)
    title = f"{name}, {arguments.setup}, {dataset.root}"
    table = results_table(outcome.results, title=title, setup=arguments.setup, seconds=outcome.seconds)
    write_text(out / "table.md", table)
    print(table)
    print(f"{out}: results.json, table.md, scans.jsonl, and every scan's result in CATEGORY/scans")
    return 1 if outcome.results["failed"] else 0


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.sim3d", words=words)
