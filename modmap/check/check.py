"""`modmap check`: what is on disk, what was guessed and missed, and whether the views agree in 3D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from modmap.check.against_model import against_model, unlike
from modmap.check.view_agreement import PairAgreement, compare, sampled_points
from modmap.config import make_config
from modmap.datasets import load_scan, read_ground_truth, scan_directories
from modmap.detector.model import ModMap
from modmap.detector.survey import ScanSurvey
from modmap.errors import ModMapError
from modmap.scan import Finding, Frame, Scan
from modmap.types import Array

DONE, UNUSABLE, NOT_INSPECTED = 0, 1, 4
FEW_AGREE = 0.5
FAR_OFF = 0.005
MOSTLY = 0.9
# Columns of a pipe or a file, which have no width of their own: so many that no table is cut off.
WIDE = 1000
STYLES = {
    "found": "green",
    "guessed": "yellow",
    "missed": "red",
    "warning": "yellow",
    "unfit": "yellow",
    "unusable": "bold red",
}


@dataclass(frozen=True)
class ViewReport:
    """What one view holds.

    Attributes:
        id: The view's name.
        size: (width, height) of image and depth, pixels.
        image_bits: 8 or 16.
        valid: Share of the pixels with a measured depth.
        nearest, median, farthest: Measured depth, mm; NaN where there is none.
        calibrated: Whether it has a camera.
        part: Share of the measured pixels that by default counts as the part: all but specks; NaN where there are
            none.
        notes: What was repaired on loading.
    """

    id: str
    size: tuple[int, int]
    image_bits: int
    valid: float
    nearest: float
    median: float
    farthest: float
    calibrated: bool
    part: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScanReport:
    """What one scan holds.

    Attributes:
        name: The scan's name, or its directory where it could not be opened.
        findings: What the reader found, guessed and missed.
        views: One report per view.
        agreement: One comparison per view that has a neighbour with depth.
        warnings: What a user should look at, one line each.
        error: Why the scan cannot be used, one line; None where it can.
        unfit: Why no model can be fitted to it, one line; None where one can.
        inspected: Whether it shows enough of a model's nominal part to pass; None where no model was asked.
        survey: What its views show; None where it couldn't be opened.
    """

    name: str
    findings: tuple[Finding, ...] = ()
    views: tuple[ViewReport, ...] = ()
    agreement: tuple[PairAgreement, ...] = field(default=())
    warnings: tuple[str, ...] = ()
    error: str | None = None
    unfit: str | None = None
    inspected: bool | None = None
    survey: ScanSurvey | None = None

    @property
    def usable(self) -> bool:
        """Whether a model can be run on it; and fitted to it, unless `unfit` says why not."""
        return self.error is None

    @property
    def valid(self) -> float:
        """Share of all pixels with a measured depth."""
        pixels = [view.size[0] * view.size[1] for view in self.views]
        return float(np.average([view.valid for view in self.views], weights=pixels)) if pixels else 0.0

    @property
    def worst(self) -> PairAgreement | None:
        """The pair whose views lie farthest apart; one without any agreement is the worst of all."""
        return max(self.agreement, key=lambda pair: np.nan_to_num(pair.to_surface, nan=np.inf), default=None)

    @property
    def median_to_surface(self) -> float:
        """Median over the pairs of the distance of one view's points to the other's surface, mm."""
        distances = [pair.to_surface for pair in self.agreement if np.isfinite(pair.to_surface)]
        return float(np.median(distances)) if distances else float("nan")


def check_scan(scan: Scan, *, model: ModMap | None = None) -> ScanReport:
    """Loads every view of a scan, compares each calibrated view with its nearest neighbour, and asks what a fit asks.

    A scan that cannot be used is a report with an `error`, never an exception.

    Args:
        scan: The scan.
        model: Also asks what a prediction by this model would.
    """
    settings = (make_config() if model is None else model.config).inference
    survey = ScanSurvey(scan.name, settings)
    told: tuple[str, ...] = ()
    inspected: bool | None = None
    findings = list(scan.findings)
    views: list[ViewReport] = []
    points = {}
    try:
        for frame in scan.frames():
            views.append(_view_report(frame, survey.add(frame)))
            points[frame.id] = sampled_points(frame)
        if all(view.valid == 0 for view in views):
            raise ModMapError(
                f"scan {scan.name}: expected depth in at least one view, found none in {len(views)}"
            )
        if scan.ground_truth is not None:
            findings.append(_ground_truth_finding(scan.ground_truth))
        survey.grid()
        if model is not None:
            told, inspected = against_model(model, scan, survey)
        agreement = compare(scan, points)
    except ModMapError as error:
        return ScanReport(scan.name, findings=tuple(findings), views=tuple(views), error=str(error))
    return ScanReport(
        scan.name,
        findings=tuple(findings),
        views=tuple(views),
        agreement=agreement,
        warnings=(*_view_warnings(views), *_agreement_warnings(views, agreement), *told),
        unfit=survey.refusal(),
        inspected=inspected,
        survey=survey,
    )


def check_directory(directory: str | Path, *, console: Console | None = None) -> bool:
    """Checks and prints the scan in a directory, or every scan below it.

    Returns:
        Whether all of them can be used.

    Raises:
        ModMapError: the directory is missing, or there is no scan in it.
    """
    return check_status(directory, console=console) == DONE


def check_status(
    directory: str | Path, *, model: ModMap | None = None, console: Console | None = None
) -> int:
    """Checks and prints the scan in a directory, or every scan below it.

    Args:
        directory: A scan, or a directory of scans.
        model: Also asks what a prediction by this model would.
        console: Where to print.

    Returns:
        The exit status: 1 if one of them can't be used; else 4 if one shows too little of the model's nominal part to
        pass; else 0.

    Raises:
        ModMapError: the directory is missing, or there is no scan in it.
    """
    console = console or _console()
    unreadable: list[str] = []
    places = scan_directories(directory, failed=unreadable.append)
    for reason in unreadable:
        _line(console, "unusable", reason)
    unusable, unfit, unseen = len(unreadable), 0, 0
    first: ScanSurvey | None = None
    for place in places:
        try:
            report = check_scan(load_scan(place), model=model)
        except (ModMapError, OSError) as error:
            report = ScanReport(str(place), error=str(error))
        if report.survey is not None and model is None:
            first = first or report.survey
            report = replace(report, warnings=(*report.warnings, *unlike(first, report.survey)))
        print_report(report, console)
        unusable += not report.usable
        unfit += report.usable and report.unfit is not None
        unseen += report.inspected is False
    scans = len(places) + len(unreadable)
    if scans > 1:
        few = f", {unfit} of them not to be fitted" if unfit else ""
        few += f", {unseen} of them not inspected" if unseen else ""
        _line(console, "", f"{scans} scans, {scans - unusable} usable{few}, {unusable} unusable")
    return UNUSABLE if unusable else NOT_INSPECTED if unseen else DONE


def print_report(report: ScanReport, console: Console) -> None:
    """Prints one scan: its findings, a table of its views, a summary, its warnings or its error."""
    console.print(Text(report.name, style="bold"))
    for finding in report.findings:
        _line(console, finding.kind, finding.text)
    if report.views:
        console.print(_table(report))
        for text in _summary(report):
            _line(console, "", text)
    for view in report.views:
        for note in view.notes:
            _line(console, "warning", f"view {view.id}: {note}")
    for warning in report.warnings:
        _line(console, "warning", warning)
    if report.unfit is not None:
        _line(console, "unfit", f"modmap fit refuses it: {report.unfit}")
    if report.error is not None:
        _line(console, "unusable", report.error)
    console.print()


def _console() -> Console:
    console = Console()
    return console if console.is_terminal or console.is_jupyter else Console(width=WIDE)


def _view_report(frame: Frame, part: Array) -> ViewReport:
    measured = frame.depth[frame.depth > 0]
    nearest, median, farthest = np.quantile(measured, [0, 0.5, 1]) if len(measured) else [np.nan] * 3
    return ViewReport(
        id=frame.id,
        size=(frame.shape[1], frame.shape[0]),
        image_bits=8 * frame.image.dtype.itemsize,
        valid=len(measured) / frame.depth.size,
        nearest=float(nearest),
        median=float(median),
        farthest=float(farthest),
        calibrated=frame.camera is not None,
        part=np.count_nonzero(part) / len(measured) if len(measured) else np.nan,
        notes=frame.notes,
    )


def _ground_truth_finding(path: Path) -> Finding:
    truth = read_ground_truth(path)
    shape = "x".join(map(str, truth.mask.shape))
    text = f"ground truth volume: {shape} voxels of {truth.voxel:g} mm, {int(truth.mask.sum())} in a defect"
    return Finding("found", text)


def _view_warnings(views: Sequence[ViewReport]) -> list[str]:
    warnings = [f"view {view.id}: no depth at all" for view in views if view.valid == 0]
    uncalibrated = [view.id for view in views if not view.calibrated]
    if uncalibrated:
        which = f"{len(uncalibrated)} of {len(views)} views lack one ({', '.join(uncalibrated)})"
        warnings.append(
            f"a volume needs a camera for every view, and so do fits with presets inspect and memory: {which}"
        )
    parts = {view.id: view.part for view in views if view.valid > 0}
    mean = float(np.mean(list(parts.values()))) if parts else 1.0
    if mean < MOSTLY:
        least = min(parts, key=lambda view_id: parts[view_id])
        warnings.append(
            f"only {mean:.0%} of what was measured counts as the part, in view {least} {parts[least]:.0%}; the rest "
            "are specks that are left out: noise, or fit with --set inference.foreground=valid to keep them"
        )
    sizes = sorted({view.size for view in views})
    if len(sizes) > 1:
        warnings.append(f"views differ in size: {', '.join(f'{w}x{h}' for w, h in sizes)}")
    return warnings


def _agreement_warnings(views: Sequence[ViewReport], agreement: Sequence[PairAgreement]) -> list[str]:
    warnings = []
    blind = [pair for pair in agreement if pair.seen == 0]
    if blind:
        which = ", ".join(f"{pair.view} of {pair.neighbour}" for pair in blind)
        warnings.append(f"these views fall on nothing that their neighbour measured: {which}")
    few = [pair for pair in agreement if pair.seen > 0 and pair.agreeing < FEW_AGREE]
    if few:
        which = ", ".join(f"{pair.view} with {pair.neighbour} ({pair.agreeing:.0%})" for pair in few)
        warnings.append(
            f"most points are hidden from the neighbour, or the calibration is wrong: view {which}"
        )
    depth = {view.id: view.median for view in views}
    far = [pair for pair in agreement if pair.to_surface > FAR_OFF * depth[pair.view]]
    if far:
        which = ", ".join(f"{pair.view} with {pair.neighbour} ({pair.to_surface:.2f} mm)" for pair in far)
        warnings.append(
            f"check poses, intrinsics and depth unit, these views lie more than {FAR_OFF:.1%} of their distance "
            f"apart: {which}"
        )
    return warnings


def _table(report: ScanReport) -> Table:
    table = Table("view", "image", "depth", "range, mm", "camera", box=None, pad_edge=False)
    pairs = {pair.view: pair for pair in report.agreement}
    for name in ("neighbour", "agreeing", "to surface, mm") if pairs else ():
        table.add_column(name)
    for view in report.views:
        span = f"{view.nearest:.0f} - {view.farthest:.0f}" if view.valid > 0 else "-"
        cells = [view.id, f"{view.size[0]}x{view.size[1]}, {view.image_bits} bit", f"{view.valid:.1%}", span]
        cells.append("yes" if view.calibrated else "no")
        pair = pairs.get(view.id)
        if pair is not None:
            cells += [f"{pair.neighbour}, {pair.angle:.0f}°", f"{pair.agreeing:.0%} of {pair.seen:.0%}"]
            cells.append(f"{pair.to_surface:.2f}")
        table.add_row(*map(Text, cells))
    return table


def _summary(report: ScanReport) -> list[str]:
    measured = [view for view in report.views if view.valid > 0]
    text = f"{len(report.views)} views, {report.valid:.1%} of the pixels have a depth"
    if measured:
        nearest, farthest = min(view.nearest for view in measured), max(view.farthest for view in measured)
        text += f", {nearest:.1f} to {farthest:.1f} mm"
    lines = [text]
    worst = report.worst
    touching = [pair for pair in report.agreement if np.isfinite(pair.to_surface)]
    if worst is None:
        return lines
    if touching:
        to_point = np.median([pair.to_point for pair in touching])
        spacing = np.median([pair.spacing for pair in touching])
        lines.append(
            f"neighbouring views agree to {report.median_to_surface:.2f} mm (median distance to the other's "
            f"local plane; {to_point:.2f} mm to its nearest point, points being {spacing:.2f} mm apart)"
        )
    distance = (
        f"{worst.to_surface:.2f} mm" if np.isfinite(worst.to_surface) else "nowhere within 5% of the depth"
    )
    lines.append(f"worst pair: view {worst.view} with {worst.neighbour}, {distance}")
    return lines


def _line(console: Console, kind: str, text: str) -> None:
    line = Text(f"{kind:9s}" if kind else "", style=STYLES.get(kind, ""))
    console.print(line.append(text, style="default"), soft_wrap=True)
