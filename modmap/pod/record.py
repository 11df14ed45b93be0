"""What a study of the probability of detection found: what is kept of it, and its file in a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from modmap.alignment.motion import moved
from modmap.calibration import Calibration
from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file
from modmap.files.validated_json import read_json, validate
from modmap.pod.curves import Curve
from modmap.pod.shapes import Kind
from modmap.types import Array

POD_NAME = "pod.json"
FORMAT = 1
TOLD = 0.0005  # of the surface: a smaller share would be told as none
Vector = tuple[float, float, float]
Reason = Literal["unseen", "grazing", "glare", "too few views"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Outcome(_Record):
    """A defect that was put in, and whether it was found.

    Attributes:
        index: Its number in the study.
        kind: Its kind.
        size_mm: Across; of a scratch and a chip, along it.
        depth_mm: By which surface moved at most; of a stain, by how much of it its gray level changed.
        scan: The good scan that it was put into.
        copy_of_scan: Which of the scan's copies.
        place_mm: In the nominal scan's world.
        normal: Unit vector off the surface, likewise.
        hit: It was found.
        peak: The largest score near it, in multiples of the scan's threshold.
    """

    index: int
    kind: Kind
    size_mm: float
    depth_mm: float
    scan: str
    copy_of_scan: int
    place_mm: Vector
    normal: Vector
    hit: bool
    peak: float


class BlindPlace(_Record):
    """A piece of surface that little or nothing can be found on.

    Attributes:
        reason: Why.
        area_mm2: Of the surface.
        centre_mm: Its middle, in the nominal scan's world.
        look_from: Unit vector from there to where a further view would stand; None where the piece faces many ways.
        nearest_view: The view that stands nearest to that direction.
        degrees: By which it stands off it.
    """

    reason: Reason
    area_mm2: float
    centre_mm: Vector
    look_from: Vector | None = None
    nearest_view: str | None = None
    degrees: float | None = None


class PodRecord(_Record):
    """What a study found.

    Attributes:
        format: Of this record.
        date: When it was made, ISO 8601.
        model: Fingerprint of the model.
        scan_threshold: By which it judged.
        voxel_threshold: Likewise.
        false_alarm_rate: That the thresholds are for.
        guaranteed: Whether the rate is a guarantee, and not an estimate.
        scans: The good scans that defects were put into.
        jittered: They are jittered copies of the training scan, as there were no others.
        sizes_mm: Smallest and largest size.
        seed: Of all that was drawn.
        curves: By kind, over size.
        curves_by_depth: By kind, over depth.
        false_calls: By good scan, how many defects are reported on it as it is.
        no_place: By kind, how many defects found no place on the part.
        surface_mm2: Of the part, as far as any view measured it.
        dents_found_on: By size, mm, on what share of that surface a dent of the size is found with 90% probability.
        blind_mm2: By reason, how much of it is blind.
        blind: The blind places, the largest first.
        shading_explained: Share of the variance of the images' logarithms that the surface's normal explains.
        seconds: Wall time by step.
    """

    format: int = FORMAT
    date: str
    model: str
    scan_threshold: float
    voxel_threshold: float
    false_alarm_rate: float
    guaranteed: bool
    scans: list[str] = Field(min_length=1)
    jittered: bool
    sizes_mm: tuple[float, float]
    seed: int
    curves: dict[Kind, Curve]
    curves_by_depth: dict[Kind, Curve] = {}
    false_calls: dict[str, int] = {}
    no_place: dict[Kind, int] = {}
    surface_mm2: float
    dents_found_on: dict[float, float] = {}
    blind_mm2: dict[Reason, float] = {}
    blind: list[BlindPlace] = []
    shading_explained: float | None = None
    seconds: dict[str, float] = {}

    def belongs_to(self, model: str, calibration: Calibration | None) -> bool:
        """Whether the study is of a model with these thresholds."""
        return (
            calibration is not None
            and self.model == model
            and self.scan_threshold == calibration.scan_threshold
            and self.voxel_threshold == calibration.voxel_threshold
        )


def write_record(record: PodRecord, directory: Path) -> Path:
    """Writes `pod.json` into a directory."""
    path = directory / POD_NAME
    with atomic_file(path) as partial:
        partial.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def read_record(directory: Path) -> PodRecord | None:
    """The study in a directory; None where there is none.

    Raises:
        ModMapError: the file is damaged or of another format.
    """
    path = directory / POD_NAME
    if not path.is_file():
        return None
    data = read_json(path)
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ModMapError(
            f"{path}: expected a study of format {FORMAT}, found {found!r}: run modmap pod again"
        )
    return validate(PodRecord, data, where=str(path))


def blind_in(places: Sequence[BlindPlace], motion: Array) -> list[BlindPlace]:
    """Blind places where they lie in another world.

    Args:
        places: In the nominal scan's.
        motion: (4, 4) from there to the other.
    """
    found = []
    for one in places:
        x, y, z = moved(motion, np.array([one.centre_mm]))[0].tolist()
        changes: dict[str, Vector] = {"centre_mm": (x, y, z)}
        if one.look_from is not None:
            x, y, z = (motion[:3, :3] @ np.array(one.look_from)).tolist()
            changes["look_from"] = (x, y, z)
        found.append(one.model_copy(update=changes))
    return found


def sentences(record: PodRecord) -> list[str]:
    """What a set-up finds, in plain words, one line each."""
    lines = [curve_line(kind, curve) for kind, curve in record.curves.items()]
    stated = _stated(record.dents_found_on, record.curves.get("dent"))
    if stated is not None:
        size, share = stated
        lines.append(
            f"A dent of {size:.3g} mm would be found, 9 times in 10, on {share:.0%} of the measured surface."
        )
    told = {reason: area for reason, area in record.blind_mm2.items() if area >= TOLD * record.surface_mm2}
    if record.surface_mm2 and told:
        named = ", ".join(f"{reason} {area / record.surface_mm2:.1%}" for reason, area in told.items())
        lines.append(f"Blind places are {sum(told.values()) / record.surface_mm2:.1%} of it: {named}.")
    if record.no_place:
        left = ", ".join(f"{count} {kind}" for kind, count in record.no_place.items())
        lines.append(f"No place on the part was large enough for {left}.")
    scans, calls = len(record.false_calls), sum(record.false_calls.values())
    if scans:
        lines.append(f"False calls: {calls} on {scans} good scan{'s' if scans > 1 else ''}.")
    where = "jittered copies of the training scan" if record.jittered else "good scans"
    lines.append(
        f"Found by putting ideal defects into {where} on {record.date[:10]}, with model {record.model[:12]} at "
        f"threshold {record.scan_threshold:.3g}."
    )
    if record.jittered:
        lines.append(
            "Between a scan and its own copy there is no noise and no other part: on new parts less would be found."
        )
    return lines


def curve_line(kind: Kind, curve: Curve) -> str:
    """What a curve says, in plain words."""
    told = f"{kind}: {curve.hits} of {curve.count} found"
    if curve.a50 is not None:
        told += f"; half of those of {curve.a50:.3g} mm"
    if curve.a90 is not None:
        told += f", 9 in 10 of those of {curve.a90:.3g} mm"
        sure = "no limit" if curve.a90_95 is None else f"{curve.a90_95:.3g} mm"
        told += f" (at 95% confidence {sure})"
    if curve.refused:
        told += f"; {curve.refused}"
    return told + "."


def _stated(shares: Mapping[float, float], curve: Curve | None) -> tuple[float, float] | None:
    """The size that is told of: the next that isn't smaller than the dents' own a90."""
    if not shares or curve is None:
        return None
    wanted = curve.a90 or curve.largest
    size = min((one for one in shares if one >= 0.999 * wanted), default=max(shares))
    return size, shares[size]
