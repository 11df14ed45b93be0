"""The models of a camera that calibrations are in: OpenCV's pinhole model is read, others are refused by name."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

OTHERS = (
    "fisheye",
    "kannala",
    "equidistant",
    "omnidirectional",
    "mei",
    "double_sphere",
    "equirectangular",
    "ftheta",
)
FOUR_COEFFICIENTS = (
    "distortion: four coefficients are taken for k1, k2, p1, p2 of OpenCV's pinhole model; its fisheye model, which "
    "has four others, isn't supported"
)


def other_model(said: Any) -> str | None:
    """The name of a camera model that isn't read, in what a calibration says of its model; None without one."""
    text = str(said).lower()
    return next((name for name in OTHERS if name in text), None)


def refusal(name: str) -> str:
    """Why a calibration of another model isn't read, and what to do."""
    return (
        f"expected a camera of OpenCV's pinhole model, found one of the {name} model, which isn't supported: undistort "
        "images and depth maps, and give the K of the result"
    )


class PinholeRecord(BaseModel):
    """What a file says of a camera: a key that names another model is refused by that name."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _is_pinhole(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key, value in data.items():
                name = other_model(key) if value else None
                if name is None and "model" in str(key).lower():
                    name = other_model(value)
                if name is not None:
                    raise ValueError(refusal(name))
        return data
