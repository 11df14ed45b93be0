"""What a model is: every setting, its default, and the presets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modmap.errors import ModMapError
from modmap.files.validated_json import did_you_mean, renamed, validate
from modmap.types import DEFAULT_FOREGROUND, Aggregation, ForegroundMode, Normalisation, Precision, PresetName


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EncoderSettings(_Settings):
    """A frozen encoder.

    Attributes:
        reference: A name that `modmap encoders list` shows, `local-dir:PATH`, or `hf-hub:ORG/NAME`: any timm ViT.
        normalisation: Of depth maps: `reference` divides by the map's maximum, `robust` spreads the 1st to 99th
            percentile of the measured depth, `normals` shows the surface's normals as three colours, for which every
            view needs a camera and the encoder three channels; `auto` takes what the encoder's own config.json declares
            (`depth_normalisation`), else `reference`. Images are always divided by their maximum, then by mean 0.445
            and standard deviation 0.269.
        layer: Block of the ViT whose tokens are taken, counted from 0, after its last normalisation layer; what comes
            after it isn't computed. None: the last, as in the paper.
        colour: Show an image encoder of three channels a view's colours, where it has any, not its gray levels. Depth
            has none.
        precision: What it computes in: `bfloat16` takes a fraction of the time where the machine has it, a GPU of
            these years or a processor with AVX512-BF16 or AMX, and moves tokens by a percent or so; `auto` takes it
            there, and `float32` elsewhere.
    """

    reference: str | None = None
    normalisation: Normalisation = "auto"
    layer: int | None = Field(None, ge=0, lt=1000)
    colour: bool = False
    precision: Precision = "float32"


class MappingSettings(_Settings):
    """The modes that the paper compares (Tabs. 3, 6, 7)."""

    cross_view: bool = True
    view_conditioning: bool = True
    class_conditioning: bool = False
    modulator_hidden: int = Field(128, ge=1, le=2**16)


class TrainingSettings(_Settings):
    """How the mappings are trained (Sec. A.2).

    Attributes:
        epochs: Passes over all N x N view pairs.
        pairs_per_batch: View pairs in a step.
        tokens_per_batch: At most so many tokens in a step, drawn at random from its pairs; None for all.
        learning_rate: Where OneCycle starts.
        peak_learning_rate: Where OneCycle peaks.
        warm_up: Share of the steps until the peak.
        seed: Of the initial weights, the order of the pairs and the drawing of tokens.
    """

    epochs: int = Field(200, ge=1, le=10**6)
    pairs_per_batch: int = Field(48, ge=1, le=10**6)
    tokens_per_batch: int | None = Field(None, ge=1, le=10**9)
    learning_rate: float = Field(1e-4, gt=0, le=1e30)
    peak_learning_rate: float = Field(5e-4, gt=0, le=1e30)
    warm_up: float = Field(0.1, gt=0, lt=1)
    seed: int = Field(0, ge=0, lt=2**63)


class InferenceSettings(_Settings):
    """How distances become maps and a volume (Secs. 3.2.3 and 3.2.4, Tab. 10).

    Attributes:
        aggregation: Of the two modalities' maps, before they go into the volume.
        foreground: `components` of the measured depth that are more than specks, its `largest_component` alone, or
            every `valid` pixel.
        rim_share: Tokens of which the part covers less than this share take the mean score of the better covered
            tokens beside them, and are neither trained on nor predicted from; 0 maps every token of the part.
        jittered_scans: So many copies of a class's training scans, their views turned and shifted a little, tell how
            far a good part's tokens lie from their predictions at every place (`modmap.detector.expected`); scores are
            then multiples of that. 0 takes distances as they are, as the paper does, and suits parts that lie anyhow.
        voxel: Edge of a voxel, mm.
    """

    aggregation: Aggregation = "max"
    foreground: ForegroundMode = DEFAULT_FOREGROUND
    rim_share: float = Field(0.0, ge=0, le=1)
    jittered_scans: int = Field(0, ge=0, le=1000)
    voxel: float = Field(2.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _named_before(cls, data: Any) -> Any:
        return renamed(data, {"nudged_scans": "jittered_scans"})


class EvidenceSettings(_Settings):
    """What speaks for a defect; a place's score is the norm of all, in multiples of what a good part shows at most.

    Geometry, appearance and texture lay each scan on the nominal one and compare them (`modmap.evidence`), the first
    where several are given: the model keeps its views, and what the others show against them, which a good part may.
    For these and for memory every view needs a camera.

    Attributes:
        mapping: The distances from what is predicted across views and modalities (Secs. 3.2.2 and 3.2.3); without it
            nothing is trained and no encoder is used.
        geometry: Surface that lies elsewhere than the nominal one, or is missing.
        appearance: Surface that is darker or brighter than on the nominal images.
        texture: Surface that looks otherwise than on the nominal images to a network that comes with the package.
        memory: Surface that looks, or is shaped, like no patch of any nominal scan to the same network, in one view but
            wherever on the part: for parts that lie anyhow or differ from each other, of which several good ones are at
            hand.
        turns: Memory is shown each nominal view turned about its axis so many times, evenly: for parts that lie at any
            angle, where few are there to learn from.
        least_inspected: Share of the nominal part's surface that a scan must show to pass; what shows less, and no
            defect, has the verdict "not inspected". Where parts lie anyhow, of as much surface as the nominal one has.
    """

    mapping: bool = True
    geometry: bool = False
    appearance: bool = False
    texture: bool = False
    memory: bool = False
    turns: int = Field(1, ge=1, le=360)
    least_inspected: float = Field(0.95, ge=0, le=1)

    @property
    def compares(self) -> bool:
        """Scans are laid on the nominal one."""
        return self.geometry or self.appearance or self.texture

    @property
    def keeps_views(self) -> bool:
        """The model keeps something of the nominal views, and needs a camera for every view."""
        return self.compares or self.memory

    @model_validator(mode="after")
    def _some(self) -> EvidenceSettings:
        if not (self.mapping or self.keeps_views):
            raise ValueError("expected at least one of mapping, geometry, appearance, texture and memory")
        return self


class ModMapConfig(_Settings):
    """Every setting of a model.

    Attributes:
        preset: The preset it began with.
        size: Side of the encoders' square input in pixels; snaps to a whole number of patches.
        crop: Encoders see of each view the window in which the nominal scans have the part, with a margin of a tenth of
            its longer side. What lies outside it isn't mapped.
    """

    preset: PresetName = "fast"
    size: int = Field(224, ge=28, le=2**13)
    crop: bool = False
    image_encoder: EncoderSettings = EncoderSettings()
    depth_encoder: EncoderSettings = EncoderSettings()
    mapping: MappingSettings = MappingSettings()
    training: TrainingSettings = TrainingSettings()
    inference: InferenceSettings = InferenceSettings()
    evidence: EvidenceSettings = EvidenceSettings()


# The paper to the letter (Sec. A.2). Its depth encoder is not released, so it has no default.
PAPER: dict[str, Any] = {
    "preset": "paper",
    "size": 896,
    "image_encoder": {"reference": "dinov2_vitb14"},
    "depth_encoder": {"reference": None, "normalisation": "auto"},
}

# The paper's way on a laptop: a small encoder for both modalities, and a steeper cycle over fewer, smaller steps. Its
# tokens are large on the part, so those on the rim, which show mostly background, are left to their neighbours, and a
# distance is compared with what a good part shows there when it lies a little differently.
FAST: dict[str, Any] = {
    "preset": "fast",
    "size": 448,
    "image_encoder": {"reference": "dinov2_vits14", "precision": "auto"},
    "depth_encoder": {"reference": "dinov2_vits14", "normalisation": "robust", "precision": "auto"},
    "training": {
        "epochs": 100,
        "pairs_per_batch": 12,
        "tokens_per_batch": 256,
        "learning_rate": 3e-4,
        "peak_learning_rate": 3e-3,
    },
    "inference": {"rim_share": 0.5, "jittered_scans": 4},
}

# What finds most: scans are laid on the nominal one and compared with it. Other settings are those of `fast`, for whom
# turns the mapping on.
INSPECT: dict[str, Any] = {
    **FAST,
    "preset": "inspect",
    "evidence": {"mapping": False, "geometry": True, "appearance": True, "texture": True, "memory": True},
}

# Nothing is laid on anything: for parts that lie anyhow or differ from each other, and are seen from few sides. So it
# is known how much of a part a scan shows, not which places, and good ones differ in it.
MEMORY: dict[str, Any] = {
    **FAST,
    "preset": "memory",
    "evidence": {"mapping": False, "memory": True, "least_inspected": 0.6},
}

PRESETS: dict[str, dict[str, Any]] = {"inspect": INSPECT, "memory": MEMORY, "fast": FAST, "paper": PAPER}


def make_config(preset: str = "fast", overrides: Mapping[str, Any] | None = None) -> ModMapConfig:
    """A preset with some settings replaced.

    Args:
        preset: `inspect`, `memory`, `fast` or `paper`.
        overrides: Settings by name, nested as in `ModMapConfig`; those not named keep the preset's value.

    Raises:
        ModMapError: unknown preset, unknown key (the nearest known one is named), or a value out of its range.
    """
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise ModMapError(
            f"preset: expected one of {known}, found {preset!r}{did_you_mean(preset, list(PRESETS))}"
        )
    return validate(ModMapConfig, merged(PRESETS[preset], overrides or {}), where="config")


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Turns `training.epochs=20`-like settings into nested overrides; values are JSON, else text.

    Raises:
        ModMapError: an assignment without `=`.
    """
    overrides: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise ModMapError(f"setting: expected KEY=VALUE, e.g. training.epochs=20, found {assignment!r}")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):  # no JSON, or a number or nesting without end
            value = text
        for key in reversed(path.split(".")):
            value = {key: value}
        overrides = merged(overrides, value)
    return overrides


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with some replaced by others; neither argument is changed."""
    result = dict(base)
    for key, value in overrides.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if nested else value
    return result
