"""What a run is called in every table: its method, what it looked at, and where that isn't what was published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.baselines.asymmetric import AST
from benchmarks.baselines.btf import BTF
from benchmarks.baselines.cfm import CFM
from benchmarks.baselines.difference import Difference
from benchmarks.baselines.efficientad import EfficientAD
from benchmarks.baselines.m3dm import M3DM
from benchmarks.baselines.method import Method
from benchmarks.baselines.patchcore import PatchCore
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.teacher_file import is_file
from benchmarks.features.choice import FPFH, NONE
from modmap.types import EVIDENCE

VIEW_BY_VIEW: dict[str, type[Method]] = {
    "difference": Difference,
    "patchcore": PatchCore,
    "efficientad": EfficientAD,
    "ast": AST,
    "btf": BTF,
    "cfm": CFM,
    "m3dm": M3DM,
}
TITLES = {"modmap": "ModMap", **{name: one.title for name, one in VIEW_BY_VIEW.items()}}

# The features that the methods have in Table 1, the likeliest to be meant first.
RESNET, VIT, EFFICIENTNET = "wide_resnet101_2", "dinov2_vitb14", "tf_efficientnet_b5"
PUBLISHED: dict[str, dict[str, tuple[str, ...]]] = {
    "patchcore": {"image": (RESNET, VIT), "depth": (RESNET, VIT, FPFH)},
    "btf": {"image": (RESNET, VIT), "depth": (FPFH, RESNET)},
    "ast": {"image": (EFFICIENTNET,), "depth": (EFFICIENTNET,)},
    "cfm": {"image": (VIT,), "depth": (FPFH, VIT)},
    "m3dm": {"image": (VIT,), "depth": (FPFH, VIT)},
}
NOT_IN_THE_NAME = ("teacher", "penalty_images")  # files; the teacher is said in words


def row_name(method: str, config: Mapping[str, Any]) -> str:
    """`PatchCore (image efficientnet_lite0 for wide_resnet101_2)`.

    Args:
        method: As the command line calls it.
        config: Its settings, as `run.json` has them. A reference to features and a setting of the method's own that
            aren't the published ones stand before what they stand for.

    Raises:
        KeyError: there is no such method, or the settings are none of its.
    """
    title = TITLES[method]
    words = [_teacher(config)] if method == "efficientad" else _features(method, config)
    if config.get("align"):
        words.append("aligned")
    if method in VIEW_BY_VIEW:
        words += _changes(VIEW_BY_VIEW[method].settings_type, config)
    return f"{title} ({', '.join(words)})" if words else title


def of_views(name: str, views: int | None) -> str:
    """A run's name, and of how many views it is where these aren't all."""
    return name if views is None else f"{name}, at most {views} view{'s' * (views != 1)}"


def _features(method: str, config: Mapping[str, Any]) -> list[str]:
    evidence = config.get("evidence", {})
    words: list[str] = [name for name in EVIDENCE if evidence.get(name)]
    if not evidence.get("mapping", True):
        return words
    for modality in ("image", "depth"):
        encoder = config[f"{modality}_encoder"]
        reference, precision = encoder["reference"], encoder.get("precision", "float32")
        if reference in (None, NONE):
            continue
        published = PUBLISHED.get(method, {}).get(modality, ())
        instead = f" for {published[0]}" if published and reference not in published else ""
        computed = " in bfloat16" if precision == "bfloat16" else ""
        gray = " on gray" if modality == "image" and config.get("colour") is False else ""
        words.append(f"{modality} {reference}{gray}{computed}{instead}")
    return words


def _teacher(config: Mapping[str, Any]) -> str:
    teacher = config["teacher"]
    if teacher is None:
        return "no teacher"
    return (
        "teacher from a file"
        if is_file(teacher)
        else f"teacher distilled from {teacher} for the released one"
    )


def _changes(kind: type[BaselineSettings], config: Mapping[str, Any]) -> list[str]:
    """The method's own settings, and the size where it was published with one, that aren't the published ones."""
    shared = BaselineSettings.model_fields
    words = []
    for name, field in kind.model_fields.items():
        own = name not in shared or (name == "size" and field.default != shared["size"].default)
        if own and name not in NOT_IN_THE_NAME and config.get(name, field.default) != field.default:
            words.append(_change(name, config[name], field.default))
    return words


def _change(name: str, value: Any, published: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"{name} {value} for {published}"
