"""The paper's ablations (Tables 3 to 10): `python -m benchmarks.ablations --table 6`.

A variant lives in a directory named by its settings, so that tables that compare the same one share its run: the model
as it is stands in Tables 6, 7 and 10.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import tyro

from benchmarks.evaluations.ablation_variants import Given, Variant, variants_of
from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.data_set_run import DataSetRun
from benchmarks.evaluations.execution import Outcome, carry_out, device_of, processes
from benchmarks.evaluations.model_arguments import ModelArguments
from benchmarks.evaluations.published import published
from benchmarks.evaluations.sim3d_root import find_root
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_json, write_text
from benchmarks.runs.kept_settings import keep_settings
from benchmarks.runs.markdown import markdown, number
from modmap.datasets import SiM3D
from modmap.errors import ModMapError

TableNumber = Literal[3, 4, 5, 6, 7, 8, 9, 10]
MANY_VIEWS = 36


@dataclass(frozen=True)
class Arguments:
    """Run the variants of one of the paper's tables; what an earlier run has done in OUT is not done again."""

    table: TableNumber
    """3 view conditioning, 4 depth features, 5 pretraining splits, 6 cross-view, 7 multi-class, 8 number of views,
    9 DINO-v3 against DINO-v2, 10 aggregation."""
    model: tyro.conf.OmitArgPrefixes[ModelArguments]
    given: tyro.conf.OmitArgPrefixes[Given]
    root: Path | None = None
    """The data set; $SIM3D_ROOT by default, else data/SiM3D."""
    out: Path | None = None
    """Where the tables and their runs live; results/ablations by default."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default (of table 8: one with 36 views)."""
    download: bool = False
    """Fetch SiM3D from the hub, without asking, where it is missing."""


def run(arguments: Arguments) -> int:
    """Runs every variant that can be run and prints the table; returns 1 where a category failed."""
    process = processes(arguments.model.device)
    device = device_of(process, arguments.model.device)
    out = arguments.out or Path("results/ablations")
    dataset = SiM3D(find_root(arguments.root, download=arguments.download))
    categories = chosen_categories(dataset.categories, arguments.categories)
    if arguments.table == 8 and not arguments.categories:
        categories = (_with_many_views(dataset),)
    cache = arguments.model.token_cache()
    outcomes: list[tuple[Variant, Path | None, Outcome | None]] = []
    for variant in variants_of(arguments.table, arguments.given):
        if variant.lacks:
            outcomes.append((variant, None, None))
            continue
        model = partial(arguments.model.model, settings=variant.settings, device=device, cache=cache)
        config = model().config
        features = None
        if variant.depth_features is not None:
            features = partial(variant.depth_features, foreground=config.inference.foreground)
        settings = {
            "setup": variant.setup,
            "views": variant.views,
            "depth_features": variant.depth_features.__name__ if variant.depth_features else None,
            "root": str(dataset.root.resolve()),
            "categories": list(categories),
            "config": config.model_dump(mode="json"),
        }
        place = out / "runs" / f"{variant.setup}_{_digest(settings)}"
        with process.main_process_first():
            keep_settings(place, settings, file="run.json")
        evaluation = DataSetRun(
            out=place,
            dataset=dataset,
            setup=variant.setup,
            make_model=partial(model, depth_features=features),
            device=device,
            token_cache=cache,
            depth_features=features,
            multi_class=config.mapping.class_conditioning,
            views=variant.views,
        )
        print(f"table {arguments.table}: {variant.name}", flush=True)
        outcomes.append((variant, place, carry_out(evaluation, categories, process)))
    return _report(arguments, out, outcomes) if process.is_main_process else 0


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]


def _report(
    arguments: Arguments, out: Path, outcomes: Sequence[tuple[Variant, Path | None, Outcome | None]]
) -> int:
    """Writes and prints the table, the paper's numbers beside ours."""
    header = ["variant", "set-up", "I-AUROC", "V-AUPRO@1%", "@5%", "@30%", "s/scan"]
    header += ["paper I-AUROC (SiM3D)", "paper V-AUPRO@1% (SiM3D)", "run"]
    rows, failed = [], False
    for variant, place, outcome in outcomes:
        paper = [_published(arguments.table, variant, metric) for metric in ("i_auroc", "v_aupro_1pct")]
        if outcome is None or place is None:
            rows.append(
                [variant.name, variant.setup, f"not run: needs {variant.lacks}", *[""] * 4, *paper, ""]
            )
            continue
        failed |= bool(outcome.results["failed"])
        mean = outcome.results["mean"]
        measured = [
            number(mean.get(name)) for name in ("i_auroc", "v_aupro_1pct", "v_aupro_5pct", "v_aupro_30pct")
        ]
        seconds = list(outcome.seconds.values())
        rows.append(
            [
                variant.name,
                variant.setup,
                *measured,
                f"{sum(seconds) / max(len(seconds), 1):.1f}",
                *paper,
                place.name,
            ]
        )
        rows += [
            ["", "", f"**failed**: {category}: {reason}", *[""] * 7]
            for category, reason in outcome.results["failed"].items()
        ]
    text = f"# Table {arguments.table}\n\n{markdown(header, rows)}\n"
    name = f"table_{arguments.table}"
    write_text(out / f"{name}.md", text)
    results = {
        f"{variant.name} ({variant.setup})": outcome.results if outcome else None
        for variant, _, outcome in outcomes
    }
    write_json(out / f"{name}.json", results)
    print(text)
    return 1 if failed else 0


def _published(table: int, variant: Variant, metric: str) -> str:
    key = variant.published
    if key is None:
        return ""
    values = published(
        metric,
        setup=variant.setup,
        method=key.method,
        table=str(table),
        variant=key.variant,
        features=key.features,
    )
    return number(values.get("mean", values.get("sink_cabinet")))


def _with_many_views(dataset: SiM3D) -> str:
    """The last category whose nominal scan has 36 views, as the paper's sink cabinet.

    Raises:
        ModMapError: none has.
    """
    for category in reversed(dataset.categories):
        if len(dataset.train(category)) == MANY_VIEWS:
            return category
    raise ModMapError(f"{dataset.root}: expected a category with {MANY_VIEWS} views for table 8, found none")


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.ablations", words=words)
