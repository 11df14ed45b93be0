"""A study of the probability of detection on disk: resumed where it was interrupted, and what it leaves."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from modmap.alignment.motion import moved
from modmap.calibration import Calibration
from modmap.detector.model import ModMap
from modmap.errors import ModMapError, UsageError
from modmap.files.atomic import atomic_file
from modmap.files.validated_json import read_json
from modmap.pod.curves import Curve, curve_of
from modmap.pod.good_scan import GoodScan
from modmap.pod.record import Outcome, PodRecord, write_record
from modmap.pod.shapes import Kind
from modmap.pod.trials import Planted, copies_of, reported, tried, wanted_defects
from modmap.progress import Stage, stage
from modmap.runs.pod_map import with_map
from modmap.runs.pod_trials import Done, write_table
from modmap.runs.scan_state import scan_state
from modmap.scan import Scan
from modmap.types import Array

STUDY = "study.json"
MOVING: tuple[Kind, ...] = ("dent", "bump", "chip", "hole")  # of which a curve over depth says anything


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


def run_study(
    model: ModMap, scans: Sequence[Scan], output: Path, study: Study, *, progress: bool = False
) -> PodRecord:
    """Puts defects into good scans, predicts them, and writes what was found.

    What an interrupted run of the same study has done isn't done again.

    Args:
        model: Calibrated.
        scans: Good scans, or the training scan.
        output: Directory of the study.
        study: What is asked.
        progress: Show a bar on standard error.

    Returns:
        The record, which `output` then holds as `pod.json`.

    Raises:
        ModMapError: a scan can't be used, or the model isn't calibrated.
        UsageError: `output` holds another study.
    """
    study.check()
    calibration = _calibration_of(model, scans)
    used = [scan for scan in scans if scan.name not in model.trained.scans] or list(scans)
    _keep_settings(output, model, calibration, used, study)
    wanted = wanted_defects(study.kinds, study.sizes, study.count, seed=study.seed)
    done = Done.read(output)
    started = time.perf_counter()
    good: list[GoodScan] = []
    no_place: dict[Kind, int] = {}
    with stage("probability of detection", total=len(wanted), shown=progress) as bar:
        for number, scan in enumerate(used):
            one = GoodScan.of(model.fitted, scan, seed=study.seed)
            copies, without = copies_of(
                one, wanted[number :: len(used)], seed=study.seed, per_copy=study.per_copy
            )
            for left in without:
                no_place[left.kind] = no_place.get(left.kind, 0) + 1
            _run_copies(model, scan.name, one, copies, done, bar)
            good.append(one)
    ended = time.perf_counter()
    outcomes = sorted(done.outcomes, key=lambda outcome: outcome.index)
    write_table(outcomes, output)
    record = _record(model, calibration, used, study, done, no_place, good)
    record = with_map(record, model, good, outcomes, output)
    seconds = {"trials": ended - started, "curves and map": time.perf_counter() - ended}
    record = record.model_copy(update={"seconds": {step: round(took, 1) for step, took in seconds.items()}})
    write_record(record, output)
    return record


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


def _keep_settings(
    output: Path, model: ModMap, calibration: Calibration, scans: Sequence[Scan], study: Study
) -> None:
    """Notes what the directory's trials are of, or checks that they are of the same.

    Raises:
        UsageError: they are of something else.
    """
    asked = {
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
    path = output / STUDY
    if path.is_file():
        kept = read_json(path)
        for key, value in asked.items():
            if not isinstance(kept, dict) or kept.get(key) != value:
                raise UsageError(
                    f"pod: {output}: expected an empty directory or one with this study, found one with another {key}: "
                    "give another directory"
                )
        return
    output.mkdir(parents=True, exist_ok=True)
    if any(output.iterdir()):
        raise UsageError(f"pod: {output}: expected an empty directory or one of a study, found other files")
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")


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
