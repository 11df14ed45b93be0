"""The content of `summary.json`, as it is written and read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from modmap.calibration import Calibration, Verdict
from modmap.not_inspected import NotInspectedRecord
from modmap.pod.record import BlindPlace
from modmap.scan import LONGEST_NAME

FORMAT = 1
Vector = tuple[float, float, float]
Voxel = tuple[int, int, int]


class _Record(BaseModel):
    # What else is in a summary is for people.
    model_config = ConfigDict(allow_inf_nan=False, extra="allow")


class EncoderRecord(_Record):
    """One frozen encoder of a model.

    Attributes:
        reference: Where it was taken from.
        sha256: Of its weights.
    """

    reference: str | None = None
    sha256: str | None = None


class Provenance(_Record):
    """The model that made a result.

    Attributes:
        training_scans: The names of the scans that it learnt.
        categories: Their kinds of part.
        views: How many views each had.
        epochs: Passes over all view pairs; 0 where nothing was trained.
        last_loss: Of the last epoch.
        encoders: The frozen encoders by modality.
        settings: All settings, by name.
    """

    training_scans: list[str] = []
    categories: list[str] = []
    views: int | None = Field(None, ge=0)
    epochs: int | None = Field(None, ge=0)
    last_loss: float | None = None
    encoders: dict[str, EncoderRecord] = {}
    settings: dict[str, Any] = {}


class VolumeEntry(_Record):
    """Where the anomaly volume lies, and where it is worst.

    Attributes:
        origin_mm: The outer corner of the first voxel, in the part's frame.
        voxel_mm: Edge of a voxel.
        shape: How many voxels along x, y, z.
        observed_voxels: How many any view saw.
        worst_voxel: Index of the voxel that scores highest.
        worst_voxel_centre_mm: Its middle, in the part's frame.
    """

    origin_mm: Vector
    voxel_mm: float = Field(gt=0)
    shape: Voxel
    observed_voxels: int | None = Field(None, ge=0)
    worst_voxel: Voxel | None = None
    worst_voxel_centre_mm: Vector | None = None


class Summary(_Record):
    """The content of `summary.json`: what a prediction says of one scan.

    Attributes:
        format: Of this file, 1 where it isn't said.
        scan: The scan's name.
        score: High is anomalous: the largest of the volume, or of the maps where there is none.
        verdict: Whether the scan passed; null where the model isn't calibrated.
        p_value: How probable so large a score is for a good scan.
        margin: The scan's threshold less the score, negative for a scan that fails.
        inspected: Share of the nominal part that the scan shows.
        least_inspected: How much of it a scan must show to pass.
        not_inspected: How much of the nominal surface nothing is said of, and where; null where it isn't known where.
        calibration: The thresholds that the verdict is by.
        views: By view, the largest score of each of its maps, null where a map says nothing, and the part's share of
            the picture.
        volume: The anomaly volume; null where there is none.
        volume_refused: Why there is none.
        notes: What a person should know of the result, one line each.
        seconds: Wall time by step.
        modmap_version: Of the program that wrote it.
        defects: How many are in `defects.json`; null where none were looked for.
        model: Fingerprint of the model.
        provenance: What the model is; null for another method's.
        source: Directory of the scan; null for one that was in memory.
        source_state: Changes when a file of the scan does.
        source_content: The same, wherever the scan lies.
        nominal_state: The same of the nominal scan that defects were compared with.
        category: The kind of part.
        anomalous: The scan's label, where known.
        formats: Of the volume, that were asked for.
        overlays: Whether pictures were.
        finds: What the model was found to find, one line for each kind of defect.
        blind: Places of the part that little or nothing can be found on in any scan, the largest first, in this scan's
            world.
        training_score: About what a good part scores.
    """

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    scan: str = Field(min_length=1, max_length=LONGEST_NAME)
    score: float
    verdict: Verdict | None = None
    p_value: float | None = Field(None, ge=0, le=1)
    margin: float | None = None
    inspected: float | None = Field(None, ge=0, le=1)
    least_inspected: float | None = Field(None, ge=0, le=1)
    not_inspected: NotInspectedRecord | None = None
    calibration: Calibration | None = None
    views: dict[str, dict[str, float | None]]
    volume: VolumeEntry | None = None
    volume_refused: str | None = None
    notes: list[str] = []
    seconds: dict[str, float]
    modmap_version: str | None = None
    defects: int | None = Field(None, ge=0)
    model: str | None = None
    provenance: Provenance | None = None
    source: str | None = None
    source_state: str | None = None
    source_content: str | None = None
    nominal_state: str | None = None
    category: str | None = None
    anomalous: bool | None = None
    formats: list[str] | None = None
    overlays: bool | None = None
    finds: list[str] = []
    blind: list[BlindPlace] = []
    training_score: float
