"""The report of one scan: a page that needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modmap.calibration import Calibration
from modmap.defects import Defect
from modmap.drawing.colours import palette
from modmap.drawing.reduction import depth_range
from modmap.drawing.volume_projection import OBLIQUE
from modmap.not_inspected import NotInspected
from modmap.report.charts import score_histogram
from modmap.report.defect_pairs import defect_pairs
from modmap.report.omitted_regions import blind_places, omitted_of
from modmap.report.part_view import camera_towards, part_page, part_stills
from modmap.report.templates import number, render
from modmap.report.view_strip import NOT_INSPECTED, ViewPictures, shown_views
from modmap.result import ViewMaps
from modmap.scan import Scan
from modmap.types import Array
from modmap.volume import AnomalyVolume

# Voxels below the threshold.
CALM_COLOUR = (200, 206, 213)
UNCALIBRATED = (
    "The model isn't calibrated: a score alone is no verdict. Run modmap calibrate with good scans."
)
# What a score counts, with and without distances of good parts to compare it with.
MULTIPLE, DISTANCE = "in multiples of what good parts show", "a cosine distance"
DEFECT_SPANS = 3.0
LEAST_SPAN_MM = 25.0


@dataclass(frozen=True, eq=False)
class ScanReport:
    """What the page of one scan is made of.

    Attributes:
        summary: What `summary.json` says.
        calibration: The thresholds, or None.
        defects: The defects; None where they weren't looked for.
        volume: The volume, or None.
        views: The maps of the views, by view id.
        pictures: The views.
        top: Score of the last colour.
        omitted: The nominal surface that nothing is said of; None where it isn't known where it is.
    """

    summary: dict[str, Any]
    calibration: Calibration | None
    defects: list[Defect] | None
    volume: AnomalyVolume | None
    views: Mapping[str, ViewMaps]
    pictures: list[ViewPictures]
    top: float
    omitted: NotInspected | None = None


def scan_page(report: ScanReport, scan: Scan) -> str:
    """The page as HTML.

    Args:
        report: What it is made of.
        scan: The scan, for its cameras.

    Raises:
        ModMapError: k3d isn't installed.
    """
    summary, calibration = report.summary, report.calibration
    verdict = summary.get("verdict")
    start = 0.0
    if calibration is not None and calibration.voxel_threshold is not None:
        start = min(calibration.voxel_threshold, report.top)
    counted = "pixels" if report.volume is None else "voxels"
    return render(
        "scan.html",
        title=f"{summary['scan']}: {verdict or 'no verdict'}",
        scripts=("part.js", "report.js"),
        data=_script_data(report, scan),
        summary=summary,
        verdict=verdict,
        headline=_headline(report),
        judged_by=UNCALIBRATED if calibration is None else f"{calibration.describe().capitalize()}.",
        part=None if report.volume is None else _part(report, report.volume),
        stills=None
        if report.volume is None
        else part_stills(report.volume, top=report.top, omitted=report.omitted),
        omitted=omitted_of(summary, scan),
        blind=blind_places(summary),
        top=report.top,
        slider_start=start,
        thresholds=_thresholds(report),
        histogram_title=f"Scores: {counted} of this scan{_compared_with(calibration)}",
        histogram=score_histogram(
            _scores(report),
            score=summary["score"],
            thresholds=_thresholds(report),
            good=() if calibration is None else calibration.scores,
        ),
        defects=report.defects,
        pairs=defect_pairs(report.defects or [], report.views, scan),
        unit=_unit(summary),
        depth_range=depth_range([one.depth for one in report.pictures]),
        views=shown_views(report.pictures, top=report.top),
        layers=_layers(report.pictures),
        provenance=_provenance(report),
    )


def _part(report: ScanReport, volume: AnomalyVolume) -> str:
    """The part in 3D; of a scan that wasn't inspected, its largest missing piece in front."""
    regions = (report.summary.get("not_inspected") or {}).get("regions") or [{}]
    missing = regions[0].get("look_from") if report.summary.get("verdict") == "not inspected" else None
    return part_page(
        volume,
        report.defects or [],
        top=report.top,
        omitted=report.omitted,
        towards=OBLIQUE if missing is None else tuple(missing),
    )


def _layers(pictures: list[ViewPictures]) -> list[str]:
    """What the views' pictures show, in their order."""
    shown = [NOT_INSPECTED] if any(one.not_inspected is not None for one in pictures) else []
    return ["image", "depth", *shown, *(pictures[0].maps if pictures else ())]


def _script_data(report: ScanReport, scan: Scan) -> dict[str, Any]:
    """What `report.js` reads."""
    return {
        "top": report.top,
        "palette": palette().tolist(),
        "calm": CALM_COLOUR,
        "defects": [
            {
                "index": one.index,
                "views": [{"view": seen.view, "box": seen.box} for seen in one.views],
                "camera": _camera(one, scan),
            }
            for one in report.defects or []
        ],
    }


def _headline(report: ScanReport) -> list[tuple[str, str]]:
    summary = report.summary
    shown = [("score", number(summary["score"], 4))]
    if report.calibration is not None:
        shown += [
            ("threshold", number(report.calibration.scan_threshold, 4)),
            *([("p-value", number(summary["p_value"]))] if summary["p_value"] is not None else []),
            ("margin", number(summary["margin"])),
            ("false-alarm rate", number(report.calibration.false_alarm_rate)),
        ]
    if summary.get("inspected") is not None:
        shown.append(("surface shown", f"{summary['inspected']:.1%}"))
    if report.defects is not None:
        shown.append(("defects", str(len(report.defects))))
    return shown


def _thresholds(report: ScanReport) -> list[tuple[str, float]]:
    if report.calibration is None:
        return []
    found = [("scan threshold", report.calibration.scan_threshold)]
    if report.volume is None:
        found.append(("pixel threshold", report.calibration.pixel_threshold))
    elif report.calibration.voxel_threshold is not None:
        found.append(("voxel threshold", report.calibration.voxel_threshold))
    return found


def _scores(report: ScanReport) -> Iterable[Array]:
    """The observed voxels' scores, or else the part's pixels', one view in memory at a time."""
    if report.volume is not None:
        return [report.volume.scores[report.volume.observed]]
    return (maps.combined()[maps.foreground] for maps in report.views.values())


def _compared_with(calibration: Calibration | None) -> str:
    if calibration is None:
        return ""
    return " and good scans" if calibration.guaranteed else " and views of the training scan"


def _unit(summary: dict[str, Any]) -> str:
    settings = (summary.get("provenance") or {}).get("settings") or {}
    evidence = settings.get("evidence") or {}
    multiple = (settings.get("inference") or {}).get("jittered_scans") or not evidence.get("mapping", True)
    return MULTIPLE if multiple else DISTANCE


def _provenance(report: ScanReport) -> list[tuple[str, str]]:
    summary = report.summary
    provenance = summary.get("provenance") or {}
    encoders = provenance.get("encoders") or {}
    settings = provenance.get("settings") or {}
    facts = [
        ("scan read from", str(summary.get("source") or "memory")),
        ("model's weights, SHA-256", str(summary.get("model", ""))),
        ("trained on", ", ".join(provenance.get("training_scans", []))),
        ("preset", str(settings.get("preset", ""))),
    ]
    if provenance.get("epochs"):
        facts += [
            ("training", f"{provenance['epochs']} epochs, loss {number(provenance.get('last_loss'))}"),
            ("input size", f"{settings.get('size', '')} px"),
        ]
    facts += [
        (f"{modality} encoder", f"{one.get('reference')} (SHA-256 {str(one.get('sha256'))[:16]})")
        for modality, one in encoders.items()
        if one.get("sha256")
    ]
    if report.calibration is not None:
        facts.append(("calibrated with", ", ".join(report.calibration.scans)))
    facts.append(("seconds", ", ".join(f"{step} {took:g}" for step, took in summary["seconds"].items())))
    facts.append(("modmap", str(summary.get("modmap_version", ""))))
    return facts


def _camera(defect: Defect, scan: Scan) -> list[float] | None:
    """Looks at a defect from where its best view did."""
    if not defect.views or defect.views[0].view not in scan.view_ids:
        return None
    camera = scan[defect.views[0].view].camera
    if camera is None:
        return None
    centre = np.array(defect.centre_mm)
    span = max(DEFECT_SPANS * max(defect.box.size_mm), LEAST_SPAN_MM)
    return camera_towards(centre, camera.centre - centre, span=span)
