"""The report of one scan: a page that needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.calibration import Calibration
from modmap.defects import Defect
from modmap.drawing.charts import score_histogram
from modmap.drawing.colours import palette
from modmap.drawing.reduction import depth_range
from modmap.report.page_parts import facts, legend, number, whole_page
from modmap.report.part_view import camera_towards, part_page
from modmap.report.view_strip import ViewPictures, strip
from modmap.result import ViewMaps
from modmap.scan import Scan
from modmap.volume import AnomalyVolume

Array = npt.NDArray[Any]

# Voxels below the threshold.
CALM_COLOUR = (200, 206, 213)
# What a score counts, with and without distances of good parts to hold it against.
MULTIPLE, DISTANCE = "in multiples of what good parts show at the same place", "a cosine distance"
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
    """

    summary: dict[str, Any]
    calibration: Calibration | None
    defects: list[Defect] | None
    volume: AnomalyVolume | None
    views: Mapping[str, ViewMaps]
    pictures: list[ViewPictures]
    top: float


def scan_page(report: ScanReport, scan: Scan) -> str:
    """The page as HTML.

    Args:
        report: What it is made of.
        scan: The scan, for its cameras.

    Raises:
        ModMapError: k3d isn't installed.
    """
    name = str(report.summary["scan"])
    body = "\n".join(
        [
            _verdict(report, name),
            '<div class="columns">',
            _part(report),
            _histogram(report),
            "</div>",
            _defects(report),
            _views(report),
            _provenance(report),
        ]
    )
    data = {
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
    return whole_page(f"{name}: {_word(report)}", body, script="report.js", data=data)


def _word(report: ScanReport) -> str:
    return str(report.summary.get("verdict") or "no verdict")


def _verdict(report: ScanReport, name: str) -> str:
    summary, word = report.summary, _word(report)
    style = word if word in ("pass", "fail") else "none"
    shown: list[tuple[str, str]] = [("score", number(summary["score"], 4))]
    if report.calibration is not None:
        shown += [
            ("threshold", number(report.calibration.scan_threshold, 4)),
            ("p-value", number(summary["p_value"])),
            ("margin", number(summary["margin"])),
            ("false-alarm rate", number(report.calibration.false_alarm_rate)),
        ]
    if report.defects is not None:
        shown.append(("defects", str(len(report.defects))))
    told = (
        "The model isn't calibrated: a score alone is no verdict. Run modmap calibrate with good scans."
        if report.calibration is None
        else report.calibration.describe().capitalize() + "."
    )
    notes = "".join(f'<div class="wide">{escape(note)}</div>' for note in summary.get("notes", []))
    fields = "".join(
        f'<div class="fact">{escape(label)}<b>{escape(value)}</b></div>' for label, value in shown
    )
    return (
        f'<section class="verdict"><span class="badge {style}">{escape(word.upper())}</span>'
        f'<h1>{escape(name)}</h1>{fields}<div class="wide">{escape(told)}</div>{notes}</section>'
    )


def _part(report: ScanReport) -> str:
    if report.volume is None:
        reason = escape(str(report.summary.get("volume_refused") or "the volume wasn't written"))
        return f"<section><h2>The part in 3D</h2><p>No volume: {reason}.</p></section>"
    start = 0.0
    if report.calibration is not None and report.calibration.voxel_threshold is not None:
        start = min(report.calibration.voxel_threshold, report.top)
    frame = escape(part_page(report.volume, report.defects or [], top=report.top), quote=True)
    return f"""<section><h2>The part in 3D</h2>
<iframe id="part" title="The part in 3D, coloured by score" srcdoc="{frame}"></iframe>
<div class="slider"><label for="threshold">Colour scores over</label>
<input id="threshold" type="range" min="0" max="{report.top:.6g}" step="{report.top / 250:.6g}" value="{start:.6g}">
<output id="threshold-value" for="threshold">{start:.3g}</output></div>
{legend(report.top, marks=_thresholds(report))}
<p class="wide">Drag to turn, wheel to zoom, right button to move. Boxes are defects. Marks on the scale are the
thresholds.</p></section>"""


def _thresholds(report: ScanReport) -> list[tuple[str, float]]:
    if report.calibration is None:
        return []
    found = [("scan threshold", report.calibration.scan_threshold)]
    if report.volume is None:
        found.append(("pixel threshold", report.calibration.pixel_threshold))
    elif report.calibration.voxel_threshold is not None:
        found.append(("voxel threshold", report.calibration.voxel_threshold))
    return found


def _defects(report: ScanReport) -> str:
    if report.defects is None:
        return "<section><h2>Defects</h2><p>Not looked for: that takes cameras and a calibrated model.</p></section>"
    if not report.defects:
        return "<section><h2>Defects</h2><p>None: no voxel scores over the scan's threshold.</p></section>"
    rows = "".join(_defect_row(one) for one in report.defects)
    return f"""<section><h2>Defects</h2><div class="scroll tall"><table><thead><tr><th class="number">#</th>
<th>centre (mm)</th><th>box (mm)</th><th class="number">area (mm²)</th><th class="number">depth (mm)</th>
<th class="number">peak</th><th class="number">mean</th><th>flagged by</th><th>seen best by</th></tr></thead>
<tbody>{rows}</tbody></table></div><p class="wide">Choose a defect to see its views.</p></section>"""


def _defect_row(one: Defect) -> str:
    centre = ", ".join(f"{value:.1f}" for value in one.centre_mm)
    size = " × ".join(f"{value:.1f}" for value in one.box.size_mm)
    depth = "" if one.depth_mm is None else f"{one.depth_mm:+.2f}"
    best = ", ".join(view.view for view in one.views[:3])
    return (
        f'<tr class="defect" data-defect="{one.index}" tabindex="0" role="button" aria-pressed="false">'
        f'<td class="number">{one.index}</td><td>{centre}</td><td>{size}</td>'
        f'<td class="number">{one.area_mm2:.0f}</td><td class="number">{depth}</td>'
        f'<td class="number">{one.peak:.3g}</td><td class="number">{one.mean:.3g}</td>'
        f"<td>{one.modality or ''}</td><td>{escape(best)}</td></tr>"
    )


def _histogram(report: ScanReport) -> str:
    scores: Iterable[Array]
    if report.volume is not None:
        scores, unit = [report.volume.scores[report.volume.observed]], "voxels"
    else:
        scores, unit = (maps.combined()[maps.foreground] for maps in report.views.values()), "pixels"
    calibration = report.calibration
    good: Sequence[float] = calibration.scores if calibration is not None else ()
    what = (
        ""
        if calibration is None
        else (" and good scans" if calibration.guaranteed else " and views of the training scan")
    )
    chart = score_histogram(scores, score=report.summary["score"], thresholds=_thresholds(report), good=good)
    return f"<section><h2>Scores: {unit} of this scan{what}</h2>{chart}</section>"


def _views(report: ScanReport) -> str:
    near, far = depth_range([one.depth for one in report.pictures])
    return f"""<section id="views"><h2><span id="views-shown">All views</span>
<button id="all-views" type="button" hidden>Show all views</button></h2>
{legend(report.top, marks=_thresholds(report))}
<p class="wide">All maps share this scale ({_unit(report.summary)}). Depth runs from {near:.1f} mm (bright) to
{far:.1f} mm (dark) in every view. Click a picture to enlarge its view.</p>
{strip(report.pictures, top=report.top)}</section>"""


def _unit(summary: dict[str, Any]) -> str:
    settings = (summary.get("provenance") or {}).get("settings") or {}
    return MULTIPLE if (settings.get("inference") or {}).get("nudged_scans") else DISTANCE


def _provenance(report: ScanReport) -> str:
    summary = report.summary
    provenance = summary.get("provenance") or {}
    encoders = provenance.get("encoders") or {}
    settings = provenance.get("settings") or {}
    rows = [
        ("scan read from", str(summary.get("source") or "memory")),
        ("model's weights, SHA-256", str(summary.get("model", ""))),
        ("trained on", ", ".join(provenance.get("training_scans", []))),
        ("training", f"{provenance.get('epochs', '')} epochs, loss {number(provenance.get('last_loss'))}"),
        ("preset, input size", f"{settings.get('preset', '')}, {settings.get('size', '')} px"),
    ]
    rows += [
        (f"{modality} encoder", f"{one.get('reference')} (SHA-256 {str(one.get('sha256'))[:16]})")
        for modality, one in encoders.items()
    ]
    if report.calibration is not None:
        rows.append(("calibrated with", ", ".join(report.calibration.scans)))
    rows.append(("seconds", ", ".join(f"{step} {took:g}" for step, took in summary["seconds"].items())))
    rows.append(("modmap", str(summary.get("modmap_version", ""))))
    return f"<section><h2>Where this comes from</h2>{facts(rows)}</section>"


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
