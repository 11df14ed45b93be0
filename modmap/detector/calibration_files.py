"""A model's thresholds on disk: calibration.json beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from modmap.calibration import Calibration
from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file
from modmap.files.validated_json import read_json, validate

CALIBRATION_NAME = "calibration.json"
FORMAT = 1


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: int
    model: str
    categories: dict[str, Calibration]


def write_calibrations(directory: Path, calibrations: Mapping[str, Calibration], *, model: str) -> None:
    """Writes the thresholds of each category, or removes the file where there are none.

    Args:
        directory: The model's directory.
        calibrations: By category; an empty name for a class-specific model.
        model: Fingerprint of the model that they belong to.
    """
    path = directory / CALIBRATION_NAME
    if not calibrations:
        path.unlink(missing_ok=True)
        return
    record = _Record(format=FORMAT, model=model, categories=dict(calibrations))
    with atomic_file(path) as partial:
        partial.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_calibrations(directory: Path, *, model: str) -> dict[str, Calibration]:
    """The thresholds in a model's directory; none where it has no such file.

    Raises:
        ModMapError: the file is damaged, of another format, or belongs to other weights or settings.
    """
    path = directory / CALIBRATION_NAME
    if not path.is_file():
        return {}
    data = read_json(path)
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ModMapError(f"{path}: expected thresholds of format {FORMAT}, found {found!r}")
    record = validate(_Record, data, where=str(path))
    if record.model != model:
        raise ModMapError(
            f"{path}: expected thresholds of this model ({model[:12]}), found those of another, or of this one with "
            f"other settings or encoders ({record.model[:12]}): calibrate it again"
        )
    return record.categories
