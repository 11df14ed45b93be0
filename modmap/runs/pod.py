"""A study of the probability of detection on disk: resumed where it was interrupted, and what it leaves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from modmap.alignment.motion import moved
from modmap.calibration import Calibration
from modmap.detector.model import ModMap
from modmap.errors import ModMapError, UsageError
from modmap.pod.curves import Curve, curve_of
from modmap.pod.forecast import shortfalls
from modmap.pod.good_scan import GoodScan
from modmap.pod.record import Outcome, PodRecord, write_record
from modmap.pod.shapes import Kind
from modmap.pod.trials import Planted, Wanted, copies_of, reported, tried, wanted_defects
from modmap.progress import Stage, stage
from modmap.runs.pod_map import with_map
from modmap.runs.pod_study import Study, keep_study, require_study_place, settings_of
from modmap.runs.pod_trials import Done, write_table
from modmap.scan import Scan
from modmap.types import Array

MOVING: tuple[Kind, ...] = ("dent", "bump", "chip", "hole")  # of which a curve over depth says anything


@dataclass(frozen=True, eq=False)
class _Laid:
    """A good scan and what is put into it.

    Attributes:
        good: The scan.
        copies: The defects of each of its copies.
        without: Those that found no place on it.
    """

    good: GoodScan
    copies: list[list[Planted]]
    without: list[Wanted]


def run_study(
    model: ModMap,
    scans: Sequence[Scan],
    output: Path,
    study: Study,
    *,
    progress: bool = False,
    told: Callable[[str], None] | None = None,
) -> PodRecord:
    """Puts defects into good scans, predicts them, and writes what was found.

    What an interrupted run of the same study has done isn't done again.

    Args:
        model: Calibrated.
        scans: Good scans, or the training scan.
        output: Directory of the study.
        study: What is asked.
        progress: Show a bar on standard error.
        told: Called with lines on what the study can't tell, before anything is predicted; a study that can't tell
            anything is then refused. None: it is run whatever it can tell.

    Returns:
        The record, which `output` then holds as `pod.json`.

    Raises:
        ModMapError: a scan can't be used, or the model isn't calibrated.
        UsageError: `output` holds another study; with `told`, none of the kinds can have a curve.
    """
    study.check()
    calibration = _calibration_of(model, scans)
    used = [scan for scan in scans if scan.name not in model.trained.scans] or list(scans)
    asked = settings_of(model, calibration, used, study)
    require_study_place(output, asked)
    wanted = wanted_defects(study.kinds, study.sizes, study.count, seed=study.seed)
    started = time.perf_counter()
    laid = []
    with stage("places for defects", total=len(used), shown=progress) as bar:
        for number, scan in enumerate(used):
            one = GoodScan.of(model.fitted, scan, seed=study.seed)
            some = wanted[number :: len(used)]
            laid.append(_Laid(one, *copies_of(one, some, seed=study.seed, per_copy=study.per_copy)))
            bar.advance(scan.name)
    if told is not None:
        _forecast(study, wanted, laid, told)
    keep_study(output, asked)
    done = Done.read(output)
    with stage("probability of detection", total=len(wanted), shown=progress) as bar:
        for scan, each in zip(used, laid, strict=True):
            _run_copies(model, scan.name, each.good, each.copies, done, bar)
    ended = time.perf_counter()
    outcomes = sorted(done.outcomes, key=lambda outcome: outcome.index)
    write_table(outcomes, output)
    good = [each.good for each in laid]
    no_place = dict(Counter(left.kind for each in laid for left in each.without))
    record = _record(model, calibration, used, study, done, no_place, good)
    record = with_map(record, model, good, outcomes, output)
    seconds = {"trials": ended - started, "curves and map": time.perf_counter() - ended}
    record = record.model_copy(update={"seconds": {step: round(took, 1) for step, took in seconds.items()}})
    write_record(record, output)
    return record


def _forecast(
    study: Study, wanted: Sequence[Wanted], laid: Sequence[_Laid], told: Callable[[str], None]
) -> None:
    """Tells what the study can't tell, and how many predictions it takes.

    Raises:
        UsageError: it can't tell anything.
    """
    sizes: dict[Kind, list[float]] = {}
    for planted in (planted for one in laid for copy in one.copies for planted in copy):
        sizes.setdefault(planted.wanted.kind, []).append(planted.wanted.size)
    count = Counter(one.kind for one in wanted)
    footprint = float(np.median([one.good.footprint for one in laid]))
    short = shortfalls({kind: count[kind] for kind in study.kinds}, sizes, footprint=footprint)
    if len(short) == len(study.kinds):
        raise UsageError(
            "pod: no curve can be told: " + "; ".join(f"{kind}: {why}" for kind, why in short.items())
        )
    for kind, why in short.items():
        told(f"pod: no curve of {kind}s can be told: {why}")
    copies, tries = sum(len(one.copies) for one in laid), sum(len(some) for some in sizes.values())
    told(
        f"pod: {tries} defects in {copies} copies of {len(laid)} good scans, of which each is predicted once"
    )


def _run_copies(
    model: ModMap, name: str, good: GoodScan, copies: Sequence[Sequence[Planted]], done: Done, bar: Stage
) -> None:
    if name not in done.false_calls:
        regions, _ = reported(model.predict(good.scan))
        done.add({"scan": name, "false_calls": len(regions)})
    for number, planted in enumerate(copies):
        if not done.has(name, number):
            found = tried(model.predict, good, planted, name=f"{name}, copy {number}")
            outcomes = [
                _outcome(one, verdict.hit, verdict.peak, name, number, good.motion)
                for one, verdict in zip(planted, found, strict=True)
            ]
            done.add(
                {"scan": name, "copy": number, "outcomes": [one.model_dump(mode="json") for one in outcomes]}
            )
        for _ in planted:
            bar.advance(f"{sum(one.hit for one in done.outcomes)} of {len(done.outcomes)} found")


def _outcome(planted: Planted, hit: bool, peak: float, scan: str, copy: int, motion: Array) -> Outcome:
    relief, shape = planted.placed.relief, planted.placed.shape
    x, y, z = moved(motion, relief.centre[None])[0].tolist()
    n_x, n_y, n_z = (motion[:3, :3] @ relief.axes[2]).tolist()
    return Outcome(
        index=planted.wanted.index,
        kind=shape.kind,
        size_mm=shape.size,
        depth_mm=shape.depth,
        scan=scan,
        copy_of_scan=copy,
        place_mm=(x, y, z),
        normal=(n_x, n_y, n_z),
        hit=hit,
        peak=peak,
    )


def _calibration_of(model: ModMap, scans: Sequence[Scan]) -> Calibration:
    classes = {model.trained.class_of(scan) for scan in scans}
    if len(classes) != 1:
        raise UsageError(
            f"pod: expected good scans of one kind of part, found {', '.join(sorted(classes)) or 'none'}"
        )
    calibration = model.calibrations.get(classes.pop())
    if calibration is None or calibration.voxel_threshold is None:
        raise ModMapError(
            "pod: expected a model calibrated for volumes, by whose thresholds a defect is found or not, found none: "
            "run modmap calibrate"
        )
    for scan in scans:
        model.check(scan)
    return calibration


def _record(
    model: ModMap,
    calibration: Calibration,
    scans: Sequence[Scan],
    study: Study,
    done: Done,
    no_place: dict[Kind, int],
    good: Sequence[GoodScan],
) -> PodRecord:
    assert calibration.voxel_threshold is not None
    by_size, by_depth = (_curves(done.outcomes, study.kinds, over=over) for over in ("size_mm", "depth_mm"))
    return PodRecord(
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        model=model.fingerprint,
        scan_threshold=calibration.scan_threshold,
        voxel_threshold=calibration.voxel_threshold,
        false_alarm_rate=calibration.false_alarm_rate,
        guaranteed=calibration.guaranteed,
        scans=[scan.name for scan in scans],
        jittered=any(scan.name in model.trained.scans for scan in scans),
        sizes_mm=study.sizes,
        seed=study.seed,
        curves=by_size,
        curves_by_depth={kind: curve for kind, curve in by_depth.items() if kind in MOVING},
        false_calls=done.false_calls,
        no_place=no_place,
        surface_mm2=good[0].surface.area,
        shading_explained=float(np.mean([one.look.explained for one in good])),
    )


def _curves(outcomes: Sequence[Outcome], kinds: Sequence[Kind], *, over: str) -> dict[Kind, Curve]:
    found = {}
    for kind in kinds:
        of_kind = [one for one in outcomes if one.kind == kind]
        if of_kind:
            found[kind] = curve_of([getattr(one, over) for one in of_kind], [one.hit for one in of_kind])
    return found
