"""What every compared method is told, whatever it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.features.choice import NONE
from modmap.config import PRESETS, EncoderSettings, InferenceSettings, merged
from modmap.errors import ModMapError
from modmap.files.validated_json import did_you_mean, validate

OWN = "jittered_scans"  # ModMap's alone
SMOOTHING = 4 / 224  # PatchCore's four pixels of 224, which the others took over


class BaselineSettings(BaseModel):
    """Settings that all compared methods share; each adds its own.

    Attributes:
        size: Side of the square that a view is resized to, pixels.
        image_encoder: Features of the image, as `benchmarks.features.choice`; `none` for none.
        depth_encoder: Features of the depth map, named in the same way.
        colour: Look at a view's colours, where it has any, as the methods were published; else at the gray image.
        inference: Which pixels and tokens are the part, and the voxel's edge, as ModMap's.
        smoothing: Standard deviation of the Gaussian over the anomaly map, as a share of the square's side; 0: none.
        align: Every scan is laid on the nominal one first, as ModMap does it, and its views are brought to the nominal
            views' pixels; none of the methods was published so.
        seed: Of everything that is drawn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(448, ge=28)
    image_encoder: EncoderSettings = EncoderSettings(reference=NONE)
    depth_encoder: EncoderSettings = EncoderSettings(reference=NONE)
    colour: bool = True
    inference: InferenceSettings = InferenceSettings()
    smoothing: float = Field(SMOOTHING, ge=0, le=1)
    align: bool = False
    seed: int = Field(0, ge=0, lt=2**63)

    @property
    def features(self) -> str:
        """The features in words, for the head of a table."""
        named = {"image": self.image_encoder.reference, "depth": self.depth_encoder.reference}
        shown = [f"{modality} {name}" for modality, name in named.items() if name not in (None, NONE)]
        return ", ".join(shown) or "no features"


Settings = TypeVar("Settings", bound=BaselineSettings)


def make_settings(kind: type[Settings], preset: str, overrides: Mapping[str, Any]) -> Settings:
    """The settings of a method.

    Args:
        kind: The method's settings.
        preset: ModMap's, for what is the same for all: the size, how depth is normalised, and how the part is found.
        overrides: Settings by name, nested.

    Raises:
        ModMapError: unknown preset, unknown key (the nearest known one is named), or a value out of its range.
    """
    if preset not in PRESETS:
        raise ModMapError(
            f"preset: expected one of {', '.join(PRESETS)}, found {preset!r}{did_you_mean(preset, list(PRESETS))}"
        )
    shared: dict[str, Any] = {
        key: PRESETS[preset][key] for key in ("size", "inference") if key in PRESETS[preset]
    }
    inference = overrides.get("inference")
    if isinstance(inference, Mapping) and OWN in inference:
        raise ModMapError(
            f"config: inference.{OWN}: expected a setting of this method, found one of ModMap's alone"
        )
    if "inference" in shared:
        shared["inference"] = {name: value for name, value in shared["inference"].items() if name != OWN}
    for encoder in ("image_encoder", "depth_encoder"):
        if isinstance(overrides.get(encoder), Mapping):
            # What isn't set of it stays the method's own.
            own = kind.model_fields[encoder].default.model_dump()
            shared[encoder] = own | PRESETS[preset].get(encoder, {}) | {"reference": own["reference"]}
    if kind.model_fields["size"].default != BaselineSettings.model_fields["size"].default:
        del shared["size"]  # the method was published with a size of its own
    return validate(kind, merged(shared, overrides), where="config")
