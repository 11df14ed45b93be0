"""What each kind of evidence is worth: `python -m benchmarks.evidence_ablation --run results/inspect`.

A finished run of ModMap keeps what every kind said of each pixel. Here volumes are built anew from all kinds but one,
and from each alone, and judged as the run was; nothing is predicted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.baselines.table import read_run
from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.intervals import percentile_interval
from benchmarks.evaluations.scan_resamples import MEAN, category_resamples, run_resamples
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_json, write_text
from benchmarks.runs.markdown import markdown, number
from modmap.datasets import SiM3D
from modmap.errors import ModMapError
from modmap.joining import joined
from modmap.result import ViewMaps
from modmap.runs.evaluation_metrics import metrics_of
from modmap.runs.map_files import read_maps
from modmap.runs.summary import SUMMARY
from modmap.runs.volume_files import load_volume, save_volume
from modmap.scan import Scan
from modmap.types import EVIDENCE, Evidence
from modmap.volume import AnomalyVolume, VolumeBuilder

Array = npt.NDArray[Any]
ALL = "all"
METRICS = {"i_auroc": "I-AUROC", "v_aupro_1pct": "V-AUPRO@1%"}
VOLUME = "volume.npz"
ALIKE = 1e-3  # of a score: a volume built anew is that of the run to so much


@dataclass(frozen=True)
class Arguments:
    """Judge a finished run of ModMap by all kinds of evidence but one, and by each alone."""

    run: Path
    """A finished run of benchmarks.sim3d with ModMap that compares scans."""
    out: Path | None = None
    """Where the variants' volumes and table.md go; RUN/evidence by default. What an earlier call has done there is not
    done again."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default."""


def variants_of(asked: Sequence[Evidence]) -> dict[str, tuple[Evidence, ...]]:
    """By name the kinds of each variant: all, all but one, and each alone."""
    without = {f"without {kind}": tuple(one for one in asked if one != kind) for kind in asked}
    return {ALL: tuple(asked), **without, **{f"{kind} alone": (kind,) for kind in asked}}


def rejoined(
    scan: Scan,
    views: Mapping[str, ViewMaps],
    stored: AnomalyVolume,
    variants: Mapping[str, Sequence[Evidence]],
) -> dict[str, AnomalyVolume]:
    """The volumes of a predicted scan by some of its evidence.

    What no view shows, as it is missing, is in no map: wherever the run's volume has more than its maps give, that is
    taken for geometry's. Beside it, a speck of another kind may count that wouldn't by itself.

    Args:
        scan: The scan.
        views: Its maps, by view id.
        stored: The run's volume.
        variants: By name the kinds of each; the first has all.
    """
    builders = {name: VolumeBuilder(stored.grid) for name in variants}
    for view_id, maps in views.items():
        mask = maps.foreground
        points = scan[view_id].load().points(mask)
        said = {kind: maps.of_evidence(kind)[mask] for kind in maps.evidence}
        for name, kinds in variants.items():
            some = [said[kind] for kind in kinds if kind in said]
            scores = np.zeros(len(points), np.float32)
            builders[name].add(points, np.fmax(scores, joined(some)) if some else scores)
    built = {name: builder.build().without_specks() for name, builder in builders.items()}
    of_all = np.nan_to_num(next(iter(built.values())).scores)
    missing = np.where(stored.scores > of_all + ALIKE, stored.scores, np.float32(np.nan))
    return {
        name: AnomalyVolume(volume.grid, np.fmax(volume.scores, missing))
        if "geometry" in variants[name]
        else volume
        for name, volume in built.items()
    }


def run(arguments: Arguments) -> int:
    """Builds, judges and prints the table.

    Raises:
        ModMapError: it isn't a finished run, compares by fewer than two kinds, or maps too.
    """
    row = read_run(arguments.run)
    out = arguments.out or arguments.run / "evidence"
    dataset = SiM3D(Path(row.root))
    categories = chosen_categories(list(row.results["categories"]), arguments.categories)
    asked: tuple[Evidence, ...] = ()
    for category in categories:
        scans = dataset.tests(category)
        for scan in scans:
            place = arguments.run / category / "scans" / scan.name
            views = read_maps(place)
            asked = asked or _asked(place, views)
            _write(scan, views, place, out, category, variants_of(asked))
        print(f"{category}: {len(scans)} scans", flush=True)
    found = {name: _judged(dataset, categories, out / _folder(name)) for name in variants_of(asked)}
    text = _table(found, categories, title=f"{row.name}, {row.setup}, {row.root}: by evidence")
    write_text(out / "table.md", text)
    print(text)
    return 0


def _asked(place: Path, views: Mapping[str, ViewMaps]) -> tuple[Evidence, ...]:
    maps = next(iter(views.values()))
    asked = tuple(kind for kind in EVIDENCE if kind in maps.evidence)
    if len(asked) < 2 or maps.image_tokens is not None:
        raise ModMapError(
            f"{place}: expected the maps of a model that compares by two kinds of evidence or more, and maps nothing, "
            f"found {', '.join(asked) or 'none'}{' and a mapping' if maps.image_tokens is not None else ''}"
        )
    return asked


def _folder(name: str) -> str:
    return name.replace(" ", "_")


def _write(
    scan: Scan,
    views: Mapping[str, ViewMaps],
    result: Path,
    out: Path,
    category: str,
    variants: Mapping[str, Sequence[Evidence]],
) -> None:
    """What each variant says of a scan, as a prediction on disk; the score is its volume's."""
    places = {name: out / _folder(name) / category / "scans" / scan.name for name in variants}
    if all((place / SUMMARY).is_file() for place in places.values()):
        return
    for name, volume in rejoined(scan, views, load_volume(result / VOLUME), variants).items():
        places[name].mkdir(parents=True, exist_ok=True)
        save_volume(volume, places[name] / VOLUME)
        write_json(places[name] / SUMMARY, {"score": volume.score, "seconds": {}})


def _judged(
    dataset: SiM3D, categories: Sequence[str], place: Path
) -> tuple[dict[str, dict[str, Any]], dict[str, Array]]:
    """A variant's metrics by category, and their resamples."""
    rows, resamples, tested = {}, {}, {}
    for category in categories:
        tested[category] = dataset.tests(category)
        results = place / category / "scans"
        metrics = metrics_of(tested[category], results)
        rows[category] = metrics.row()
        resamples[category] = category_resamples(category, metrics, tested[category], results)
    return rows, dict(run_resamples(resamples, tested).metrics)


def _table(
    found: Mapping[str, tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Array]]],
    categories: Sequence[str],
    *,
    title: str,
) -> str:
    """Markdown: the mean of each variant, how far it lies from all together, and its categories."""
    rows = []
    _, all_resamples = found[ALL]
    for name, (of_category, resamples) in found.items():
        cells = [name]
        for metric in METRICS:
            values = [of_category[category].get(metric) for category in categories]
            known = [value for value in values if value is not None]
            cells.append(number(float(np.mean(known)) if len(known) == len(values) else None))
            key = f"{MEAN}/{metric}"
            both = key in resamples and key in all_resamples and name != ALL
            cells.append(str(percentile_interval(resamples[key] - all_resamples[key])) if both else "")
        cells += [
            " / ".join(number(of_category[category].get(metric)) for metric in METRICS)
            for category in categories
        ]
        rows.append(cells)
    header = ["evidence"]
    for shown in METRICS.values():
        header += [shown, "from all"]
    words = (
        "`from all`: 95% of 1000 resamples of the test scans of the difference to all kinds together, resample by "
        f"resample. By category: {' / '.join(METRICS.values())}."
    )
    return f"# {title}\n\n{markdown([*header, *categories], rows)}\n\n{words}\n"


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.evidence_ablation", words=words)
