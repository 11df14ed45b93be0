"""Scoring many scans and writing each one's results as it is done."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modmap.calibration import Calibration
from modmap.datasets import find_scans, load_scan
from modmap.defects import Defect, find_defects, write_defects
from modmap.detector.model import ModMap
from modmap.detector.protocol import Detector
from modmap.drawing.overlays import write_overlays
from modmap.errors import ModMapError, UsageError
from modmap.files.atomic import remove_leftovers, write_bytes
from modmap.files.places import require_directory, require_writable
from modmap.files.renewal import renewed
from modmap.files.validated_json import read_json
from modmap.pod.record import PodRecord, blind_in, read_record, sentences
from modmap.result import Result
from modmap.runs.failures import Failures
from modmap.runs.map_files import write_maps
from modmap.runs.not_inspected_files import write_not_inspected
from modmap.runs.provenance import is_done, origin_of
from modmap.runs.result_files import require_result_place, result_files
from modmap.runs.summary import SUMMARY, summarise, summary_text
from modmap.runs.volume_files import write_volume
from modmap.scan import Scan
from modmap.types import VolumeFormat

# Where the scale of a nominal scan's pictures ends, in training scores: so it looks calm.
CALM = 1.5
DONE, UNUSABLE, DEFECTIVE, NOT_INSPECTED = 0, 1, 3, 4


def predict_directories(
    model_source: str,
    directories: Sequence[Path],
    *,
    output: Path,
    formats: Sequence[VolumeFormat] = ("npz", "ply", "vti"),
    overlays: bool = True,
    category: str | None = None,
    encoders: tuple[str | None, str | None] = (None, None),
    device: str = "auto",
    resume: bool = False,
    fail_on_defect: bool = False,
    nominal: Path | None = None,
) -> int:
    """Scores every scan in some directories.

    All scans are opened and their views matched to the model before the first is scored. One that can't be used is
    told, and the others are scored.

    Returns:
        The exit status: 1 if a scan couldn't be scored; else, with `fail_on_defect`, 3 if a scan's verdict is to fail,
        and 4 if too little of one was seen to pass; else 0.

    Raises:
        ModMapError: the model can't be opened; there is no scan, or two would write to one place; the output can't be
            written to.
        UsageError: `fail_on_defect`, and the model isn't calibrated.
    """
    desk = Desk.opened(
        model_source,
        output=output,
        formats=formats,
        overlays=overlays,
        category=category,
        encoders=encoders,
        device=device,
        nominal=nominal,
    )
    failures = Failures()
    found = [scan for directory in directories for scan in find_scans(directory, failed=failures)]
    if found or not failures:
        require_distinct(found, command="predict")
    desk.require_output()
    scans = []
    for scan in found:
        try:
            desk.require_usable(scan)
        except (ModMapError, OSError) as error:
            failures(error)
            continue
        scans.append(scan)
        if fail_on_defect and desk.calibration_of(scan) is None:
            raise UsageError(
                f"predict: --fail-on-defect: expected a calibrated model, found no thresholds for {scan.name} in "
                f"{model_source}: run modmap calibrate first"
            )
    if not scans:
        return UNUSABLE
    require_writable(output)
    remove_leftovers(output)
    verdicts = []
    for scan in scans:
        if resume and desk.is_done(scan):
            verdicts.append(read_json(output / scan.name / SUMMARY)["verdict"])
            print(f"{scan.name}: already done")
            continue
        try:
            result, line = desk.predict(scan)
        except (ModMapError, OSError) as error:
            failures(error)
            continue
        verdicts.append(result.verdict)
        print(line, flush=True)
    if failures:
        return UNUSABLE
    if fail_on_defect and "fail" in verdicts:
        return DEFECTIVE
    return NOT_INSPECTED if fail_on_defect and "not inspected" in verdicts else DONE


@dataclass(frozen=True, eq=False)
class Desk:
    """A model that scores one scan after the other into one directory, in one way; what it has loaded stays loaded.

    Attributes:
        model: The model.
        output: Holds a directory for each scan.
        formats: Of the volume.
        overlays: Write a picture of every view.
        category: Of all scans, for a multi-class model that can't tell from the scans.
        nominal: A good scan that defects are compared with.
        study: What the model was found to find, where that was asked (`modmap pod`).
    """

    model: ModMap
    output: Path
    formats: Sequence[VolumeFormat]
    overlays: bool
    category: str | None
    nominal: Scan | None
    study: PodRecord | None = None

    @classmethod
    def opened(
        cls,
        model_source: str,
        *,
        output: Path,
        formats: Sequence[VolumeFormat],
        overlays: bool,
        category: str | None,
        encoders: tuple[str | None, str | None],
        device: str,
        nominal: Path | None,
    ) -> Desk:
        """Loads the model.

        Raises:
            ModMapError: the model or the nominal scan can't be opened.
        """
        model = ModMap.from_pretrained(
            model_source, device=device, image_encoder=encoders[0], depth_encoder=encoders[1]
        )
        reference = None if nominal is None else load_scan(nominal)
        study = read_record(Path(model_source)) if Path(model_source).is_dir() else None
        return cls(model, output, formats, overlays, category, reference, study)

    def require_output(self) -> None:
        """Checks that the output can be a directory.

        Raises:
            UsageError: it can't.
        """
        require_directory(self.output, what="results")

    def require_usable(self, scan: Scan) -> None:
        """Checks, without reading pixels, that a scan fits the model and its place holds a result or nothing.

        Raises:
            ModMapError: it doesn't.
        """
        require_result_place(self.output / scan.name)
        self.model.check(scan, category=self.category)

    def calibration_of(self, scan: Scan) -> Calibration | None:
        """The thresholds of a scan's class; None where the model isn't calibrated for it."""
        return self.model.calibrations.get(self.model.trained.class_of(scan, category=self.category))

    def is_done(self, scan: Scan) -> bool:
        """Whether the output holds what predicting a scan anew would give."""
        place = self.output / scan.name
        return is_done(place, self.model, scan, calibration=self.calibration_of(scan), **self._asked)

    def predict(self, scan: Scan) -> tuple[Result, str]:
        """Scores a scan and writes its result; returns it, and a line on it.

        Raises:
            ModMapError: the scan can't be used.
            OSError: the result can't be written.
        """
        origin = origin_of(self.model, scan, **self._asked)
        result = self.model.predict(scan, category=self.category, progress=sys.stderr.isatty())
        place = self.output / scan.name
        study = self.study
        if study is not None and not study.belongs_to(self.model.fingerprint, result.calibration):
            study = None
        defects = write_result(
            result, scan, place, model=self.model, origin=origin, study=study, **self._asked
        )
        return result, _line(result, defects)

    @property
    def _asked(self) -> dict[str, Any]:
        return {
            "category": self.category,
            "formats": self.formats,
            "overlays": self.overlays,
            "nominal": self.nominal,
        }


def write_result(
    result: Result,
    scan: Scan,
    directory: Path,
    *,
    model: Detector,
    category: str | None = None,
    formats: Sequence[VolumeFormat] = ("npz", "ply", "vti"),
    overlays: bool = True,
    nominal: Scan | None = None,
    origin: Mapping[str, Any] | None = None,
    study: PodRecord | None = None,
) -> list[Defect] | None:
    """Writes `summary.json`, maps, defects, overlays and volume of one scan; all of them or, if interrupted, none.

    They take the place of an earlier result, whose report goes with it. What else lies there stays. The colour scale
    ends where `scale_top` says.

    Args:
        result: The prediction.
        scan: The scan it was made for.
        directory: Where to.
        model: The model that made it.
        category: The scan's, as given to `predict`.
        formats: Of the volume.
        overlays: Write a picture of every view.
        nominal: A nominal scan from the same viewpoints, that defects are compared with.
        origin: What `origin_of` said before the prediction; None asks it now, when a file may have changed meanwhile.
        study: What the model with its thresholds was found to find.

    Returns:
        The defects; None where there is no volume or no threshold for it.

    Raises:
        ModMapError: other files than a result are there, or the result has a number that is none.
        FullDiskError: the disk is full; an earlier result stays.
    """
    if origin is None:
        origin = origin_of(
            model, scan, category=category, formats=formats, overlays=overlays, nominal=nominal
        )
    calibration = result.calibration
    top = scale_top(
        result.score,
        model.trained.training_score,
        None if calibration is None else calibration.scan_threshold,
    )
    defects: list[Defect] | None = None
    if result.volume is not None and calibration is not None and calibration.voxel_threshold is not None:
        defects = find_defects(result, scan, nominal=nominal)
    require_result_place(directory)
    with renewed(directory, last=SUMMARY, ours=lambda: result_files(directory)) as partial:
        if overlays:
            write_overlays(result, scan, partial, top=top)
        if result.volume is not None:
            told = result.p_value is not None
            p_values = result.voxel_p_values() if told else None
            write_volume(result.volume, partial, formats=formats, scale_top=top, p_values=p_values)
        write_maps(result.views, partial)
        if result.omitted is not None:
            write_not_inspected(result.omitted, partial, ply="ply" in formats)
        if defects is not None:
            write_defects(defects, partial, scan=scan.name)
        summary = {
            **summarise(result),
            "defects": None if defects is None else len(defects),
            **origin,
            "finds": [] if study is None else sentences(study),
            "blind": _blind(study, result),
            "training_score": model.trained.training_score,
        }
        write_bytes(partial / SUMMARY, summary_text(summary, where=directory / SUMMARY).encode())
    return defects


def _blind(study: PodRecord | None, result: Result) -> list[dict[str, Any]]:
    """The study's blind places where they lie in the scan, as plain data; none where the scan isn't laid."""
    if study is None or result.omitted is None:
        return []
    return [one.model_dump(mode="json") for one in blind_in(study.blind, result.omitted.motion)]


def scale_top(score: float, training_score: float, threshold: float | None) -> float:
    """Where a scan's colour scale ends: at its score, or farther, so that a nominal scan looks calm.

    Args:
        score: The scan's.
        training_score: About what a good part scores, of which one and a half times are on the scale.
        threshold: The scan's, or None where the model isn't calibrated.
    """
    return max(score, CALM * training_score, threshold or 0.0)


def _line(result: Result, defects: list[Defect] | None) -> str:
    verdict = ""
    if result.calibration is not None:
        shown = f", {result.inspected:.1%} of the surface shown" if result.verdict == "not inspected" else ""
        estimated = "" if result.calibration.guaranteed else ", estimated"
        p_value = "" if result.p_value is None else f", p-value {result.p_value:.3g}"
        verdict = f", {result.verdict} (threshold {result.calibration.scan_threshold:.4f}{p_value}{estimated}{shown})"
    without = "" if result.volume is not None else f", no volume: {result.volume_refused}"
    found = "" if not defects else f", {len(defects)} defect" + "s" * (len(defects) > 1)
    return f"{result.scan}: score {result.score:.4f}{verdict}{found}{without}"


def require_distinct(scans: Sequence[Scan], *, command: str) -> None:
    """Checks that each scan has a directory of its own to write to.

    Raises:
        UsageError: there is no scan, or two share a name.
    """
    if not scans:
        raise UsageError(f"{command}: expected at least one scan, found none")
    places: dict[str, Scan] = {}
    for scan in scans:
        other = places.setdefault(scan.name, scan)
        if other is not scan:
            raise UsageError(
                f"{command}: {other.root} and {scan.root} would both write to {scan.name}: rename one of them"
            )
