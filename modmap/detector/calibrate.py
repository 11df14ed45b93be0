"""Calibrating a model, class by class: good scans are predicted, or what the training scan alone tells is taken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from modmap.calibration import (
    Calibration,
    GoodScores,
    assumed_calibration,
    conformal_calibration,
    estimated_calibration,
    scans_needed,
)
from modmap.detector.expected import ExpectedDistances, ScanDistances, held_out
from modmap.detector.fitted import FittedModel
from modmap.detector.good_scores import check_share, left_out_distances, scores_of_scan, scores_of_views
from modmap.detector.jitter import jittered_copies
from modmap.detector.predict import predict_scan, view_maps
from modmap.encoding.scan_tokens import ScanTokens
from modmap.errors import ModMapError
from modmap.result import volume_refusal
from modmap.scan import Scan
from modmap.volume import VoxelGrid

_logger = logging.getLogger(__name__)

FEWEST_COPIES = 2
# In multiples of what the nominal scan lets a good part show; chosen on good scans of the simulated work split.
LIMIT = 2.0


def calibrations_of(
    model: FittedModel,
    scans: Sequence[Scan],
    *,
    false_alarm_rate: float | None,
    surface_share: float,
    progress: bool,
    failed: Callable[[str], None] | None = None,
) -> dict[str, Calibration]:
    """The thresholds of each class that the scans belong to; `ModMap.calibrate` says what they are.

    Everything that can be checked without reading pixels is, before the first scan is scored.
    """
    if not scans:
        raise ModMapError("calibrate: expected at least one good scan, found none")
    check_share(surface_share)
    groups: dict[str, list[Scan]] = {}
    for scan in scans:
        try:
            model.trained.check_scan(scan)
        except ModMapError as error:
            if failed is None:
                raise
            failed(str(error))
            continue
        if scan.anomalous:
            raise ModMapError(
                f"calibrate: scan {scan.name}: expected a good scan, found one labelled anomalous"
            )
        groups.setdefault(model.trained.class_of(scan), []).append(scan)
    if not groups:
        raise ModMapError(f"calibrate: expected a good scan that can be used, found none of {len(scans)}")
    for name, group in groups.items():
        _check_group(model, group, name, false_alarm_rate)
    _check_different(scans)
    found = {}
    for name, group in groups.items():
        if _are_training_scans(model, group):
            found[name] = _from_training_scan(model, group, false_alarm_rate, surface_share, progress)
        else:
            found[name] = _from_good_scans(model, group, false_alarm_rate, surface_share, progress, failed)
    return found


def _are_training_scans(model: FittedModel, scans: Sequence[Scan]) -> bool:
    return all(scan.name in model.trained.scans for scan in scans)


def _check_group(model: FittedModel, scans: Sequence[Scan], category: str, rate: float | None) -> None:
    trained_on = [scan.name for scan in scans if scan.name in model.trained.scans]
    where = f" of {category}" if category else ""
    if rate is not None:
        needed = scans_needed(rate)
        if not trained_on and len(scans) < needed:
            raise ModMapError(
                f"calibrate: a false-alarm rate of {rate:g}: expected at least {needed} good scans{where}, found "
                f"{len(scans)}; they can hold {1 / (len(scans) + 1):.3g} at the lowest"
            )
    if trained_on and len(trained_on) < len(scans):
        raise ModMapError(
            f"calibrate: expected good scans{where} that the model wasn't trained on, found {trained_on[0]} among "
            "them, which scores lower than others do: leave it out"
        )
    maps = model.config.evidence.mapping
    if trained_on and maps and not _tells_by_copies(model) and not model.config.mapping.cross_view:
        raise ModMapError(
            f"calibrate: {trained_on[0]}: expected a model that maps across views, or good scans that it wasn't "
            "trained on, found mapping.cross_view=false: it can't map a view from the others"
        )
    views = set(scans[0].view_ids)
    for scan in scans:
        if set(scan.view_ids) != views:
            raise ModMapError(
                f"calibrate: scan {scan.name}: expected the views of {scans[0].name} "
                f"({', '.join(scans[0].view_ids)}), found {', '.join(scan.view_ids)}"
            )


def _check_different(scans: Sequence[Scan]) -> None:
    """A scan that counts twice would be held for two independent parts."""
    # The parts of a set with one view each share a folder, and have names of their own.
    places = [(id(scan), "") if scan.root is None else (scan.root.resolve(), scan.name) for scan in scans]
    for scan, place in zip(scans, places, strict=True):
        if places.count(place) > 1:
            raise ModMapError(
                f"calibrate: expected every good scan once, found {scan.root or scan.name} {places.count(place)} "
                "times: each must be of another part, or of the part put down anew"
            )


def _from_good_scans(
    model: FittedModel,
    scans: Sequence[Scan],
    rate: float | None,
    share: float,
    progress: bool,
    failed: Callable[[str], None] | None,
) -> Calibration:
    good: list[GoodScores] = []
    names: list[str] = []
    for scan in scans:
        try:
            result = predict_scan(model, scan, progress=progress)
        except (ModMapError, OSError) as error:
            if failed is None:
                raise
            failed(str(error))
            continue
        if result.inspected is not None and result.inspected < result.least_inspected:
            _logger.warning(
                "calibrate: scan %s shows %.0f%% of the nominal part alone, too little for a verdict",
                scan.name,
                100 * result.inspected,
            )
        good.append(scores_of_scan(result, share=share))
        names.append(scan.name)
    if not good:
        raise ModMapError(f"calibrate: expected a good scan that can be used, found none of {len(scans)}")
    return conformal_calibration(
        good,
        scans=names,
        views=scans[0].view_ids,
        false_alarm_rate=rate,
        surface_share=share,
    )


def _tells_by_copies(model: FittedModel) -> bool:
    return model.config.inference.jittered_scans >= FEWEST_COPIES


def _from_training_scan(
    model: FittedModel, scans: Sequence[Scan], rate: float | None, share: float, progress: bool
) -> Calibration:
    if not model.config.evidence.mapping:
        return assumed_calibration(
            LIMIT,
            scans=[scan.name for scan in scans],
            views=scans[0].view_ids,
            volume=True,  # scans that are compared have cameras
            false_alarm_rate=rate,
            surface_share=share,
        )
    copied = _tells_by_copies(model)
    views_of = _views_of_jittered_copies if copied else _views_left_out
    return estimated_calibration(
        views_of(model, scans, share, progress),
        basis="jittered_copies" if copied else "leave_one_view_out",
        scans=[scan.name for scan in scans],
        views=scans[0].view_ids,
        false_alarm_rate=rate,
        surface_share=share,
    )


def _views_of_jittered_copies(
    model: FittedModel, scans: Sequence[Scan], share: float, progress: bool
) -> list[GoodScores]:
    inference = model.config.inference
    copies = jittered_copies(scans, inference.jittered_scans, by_category=False)
    tokens = [model.encode(copy, progress=progress) for copy in copies]

    def distances(scan: Scan, seen: ScanTokens) -> ScanDistances:
        return replace(model.distances(model.bank(scan, seen)), category=0)  # all are of one class

    expected = ExpectedDistances(0, len(model.trained.view_ids), model.trained.places).to(model.device)
    maps = held_out(
        expected,
        [distances(scan, model.encode(scan, progress=progress)) for scan in scans],
        [distances(copy, seen) for copy, seen in zip(copies, tokens, strict=True)],
    )
    found: list[GoodScores] = []
    for copy, seen, (image_map, depth_map) in zip(copies, tokens, maps, strict=True):
        views = view_maps(seen, image_map, depth_map, aggregation=inference.aggregation)
        found += scores_of_views(copy, views, _grid_of(model, copy), share=share)
    return found


def _views_left_out(
    model: FittedModel, scans: Sequence[Scan], share: float, progress: bool
) -> list[GoodScores]:
    found: list[GoodScores] = []
    for scan in scans:
        tokens = model.encode(scan, progress=progress)
        bank = model.bank(scan, tokens)
        maps = model.relative(left_out_distances(model.require_mapper(), bank))
        views = view_maps(tokens, *maps, aggregation=model.config.inference.aggregation)
        found += scores_of_views(scan, views, _grid_of(model, scan), share=share)
    return found


def _grid_of(model: FittedModel, scan: Scan) -> VoxelGrid | None:
    return None if volume_refusal(scan, wanted=None) else model.grid_for(scan)
