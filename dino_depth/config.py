"""The pretraining recipe: every setting, its default, and loading it from YAML."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dino_depth.errors import ConfigError, one_line


def _in_order(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("expected the smaller number first")
    return pair


def _no(value: Any) -> Any:
    # YAML 1.1 takes a bare `no` for false.
    return "no" if value is False else value


Share = Annotated[float, Field(ge=0, le=1)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_in_order)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
PositiveShares = Annotated[tuple[PositiveShare, PositiveShare], AfterValidator(_in_order)]


ProbeFigure = Literal["rank_of_patch_tokens", "depth_r2", "slope_r2", "filled_depth_r2", "knn_accuracy"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelSettings(_Settings):
    """The student and teacher ViT (any timm architecture).

    Attributes:
        architecture: Its name in timm.
        in_chans: Depth has one channel.
        start_from: Weights to start from, a directory or `hf-hub:` reference that timm loads; their patch embedding is
            summed to one channel. None starts from random weights.
        init_from: A run, or one of its checkpoints, whose student, teacher and heads this run begins with; its schedule
            and its optimiser are new. Other crop sizes are fine, as for a last phase on larger crops.
        depth_normalisation: `reference` divides a map by its maximum, `robust` spreads the 1st to 99th percentile of
            what was measured over [0.1, 1]; published with the encoder.
        drop_path: Stochastic depth of the student, the same in every block.
        layer_scale: Initial value.
        options: More arguments for timm, such as `patch_size` or `depth`.
    """

    architecture: str = "vit_small_patch14_dinov2"
    in_chans: Literal[1] = 1
    start_from: str | None = None
    init_from: str | None = None
    depth_normalisation: Literal["reference", "robust"] = "robust"
    drop_path: float = Field(0.3, ge=0, lt=1)
    layer_scale: float = Field(1e-5, gt=0)
    options: dict[str, Any] = {}


class HeadSettings(_Settings):
    """The projection heads; one for class tokens, one for patches."""

    prototypes: int = Field(65536, ge=2, le=2**24)
    bottleneck: int = Field(256, ge=1, le=2**20)
    hidden: int = Field(2048, ge=1, le=2**20)
    layers: int = Field(3, ge=1, le=100)
    frozen_last_layer_epochs: int = Field(1, ge=0)


class CropSettings(_Settings):
    """Spatial augmentations only: sizes in pixels, scales as shares of the map's area."""

    global_size: int = Field(224, ge=14, le=2**13)
    global_scale: PositiveShares = (0.32, 1.0)
    local_count: int = Field(8, ge=0, le=1000)
    local_size: int = Field(98, ge=14, le=2**13)
    local_scale: PositiveShares = (0.05, 0.32)


class MaskSettings(_Settings):
    """Block masks of the iBOT loss."""

    probability: float = Field(0.5, ge=0, le=1)
    ratio: Shares = (0.1, 0.5)


class LossSettings(_Settings):
    """Weights of the three losses, and the teacher's centering."""

    dino: float = Field(1.0, ge=0)
    ibot: float = Field(1.0, ge=0)
    koleo: float = Field(0.1, ge=0)
    centering: Literal["sinkhorn_knopp", "softmax"] = "sinkhorn_knopp"


class TeacherSettings(_Settings):
    """The EMA teacher's schedules."""

    momentum: tuple[Share, Share] = (0.992, 1.0)
    temperature: tuple[PositiveShare, PositiveShare] = (0.04, 0.07)
    temperature_epochs: int = Field(30, ge=0)


class OptimSettings(_Settings):
    """AdamW; the learning rate is scaled by the square root of the total batch over 1024.

    `clip` is the longest gradient of a module: the ViT, or a head.
    """

    lr: float = Field(1e-3, gt=0)
    minimum_lr: float = Field(1e-6, ge=0)
    epochs: int = Field(100, ge=1, le=10**6)
    warm_up_epochs: int = Field(10, ge=0)
    batch_per_gpu: int = Field(128, ge=1, le=2**20)
    accumulate: int = Field(1, ge=1, le=2**20)
    weight_decay: tuple[Share, Share] = (0.04, 0.4)
    clip: float = Field(3.0, gt=0)
    layer_decay: float = Field(0.9, gt=0, le=1)
    patch_embedding_lr: float = Field(0.2, gt=0)


class DataSettings(_Settings):
    """What is trained on.

    Attributes:
        corpus: A directory that `python -m dino_depth.prepare` wrote.
        workers: Processes that load, per GPU.
        weights: How much more often a source's maps are taken than others'; 1 where a source isn't named, 0 leaves it
            out.
        steps_per_epoch: Optimiser steps that count as an epoch, 1250 in DINO-v2; None: as many as take the corpus once.
    """

    corpus: str | None = None
    workers: int = Field(8, ge=0, le=1024)
    weights: dict[str, Annotated[float, Field(ge=0, le=1000)]] = {}
    steps_per_epoch: int | None = Field(1250, ge=1)


class RunSettings(_Settings):
    """Where a run lives, and what it leaves there.

    Attributes:
        out: Its directory; a run that is there is resumed.
        mixed_precision: Of accelerate; None takes what its own config file says.
        checkpoint_every: Steps between checkpoints.
        keep: How many checkpoints stay, the last ones.
        keep_every: Of checkpoints whose step is a multiple of it, all stay; None for none.
        keep_best: A figure of the probe, such as `knn_accuracy`; the checkpoint at which it was highest stays too, as
            `checkpoints/best`. None for none.
        log_every: Steps between lines of metrics.
        probe_every: Steps between probes of the teacher (`probes.jsonl`); 0 for none.
        probe_maps: Depth maps that a probe looks at.
        attention: `xformers` and `torch` pass crops of all sizes through the ViT at once, by their kernels, `by_size`
            one size after the other; `auto` is `xformers` on CUDA where it runs, else `torch`, and `by_size` elsewhere.
        trackers: Of accelerate, such as tensorboard, trackio, wandb, beside the JSONL file.
        stop_after: Ends the run after so many steps, to be resumed; None runs to the end.
        skip_at_most: Steps of the whole run that may be left out since a loss or the gradient isn't finite; one more
            ends it. `skipped.jsonl` has the corpus rows of each.
    """

    out: str = "runs/dino_depth"
    mixed_precision: Annotated[Literal["no", "fp16", "bf16"] | None, BeforeValidator(_no)] = None
    checkpoint_every: int = Field(1000, ge=1)
    keep: int = Field(2, ge=1)
    keep_every: int | None = Field(None, ge=1)
    keep_best: ProbeFigure | None = None
    log_every: int = Field(10, ge=1)
    probe_every: int = Field(0, ge=0)
    probe_maps: int = Field(200, ge=2)
    attention: Literal["auto", "xformers", "torch", "by_size"] = "auto"
    trackers: tuple[str, ...] = ()
    stop_after: int | None = Field(None, ge=1)
    skip_at_most: int = Field(10, ge=0)


class PretrainConfig(_Settings):
    """Every setting of a pretraining run."""

    seed: int = Field(0, ge=0, lt=2**63)
    model: ModelSettings = ModelSettings()
    heads: HeadSettings = HeadSettings()
    crops: CropSettings = CropSettings()
    masks: MaskSettings = MaskSettings()
    losses: LossSettings = LossSettings()
    teacher: TeacherSettings = TeacherSettings()
    optim: OptimSettings = OptimSettings()
    data: DataSettings = DataSettings()
    run: RunSettings = RunSettings()


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # of a package without types
    """Safe, and without a key that stands twice in one place, of which the last would count without a word, or an
    alias, by a few of which some lines become gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(
                problem="an alias (*name); write out what it stands for",
                problem_mark=self.peek_event().start_mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
        if repeated:
            raise yaml.constructor.ConstructorError(
                problem=f"{', '.join(repeated)} stands twice", problem_mark=node.start_mark
            )
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def load_config(source: str | Path, *, overrides: Mapping[str, Any] | None = None) -> PretrainConfig:
    """Loads a recipe.

    Args:
        source: A YAML file, or the name of one that the package brings, such as `vits14`.
        overrides: Nested settings that replace the file's.

    Raises:
        ConfigError: the file is missing or broken, or as `validated`.
    """
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        path = Path(str(files("dino_depth") / "configs" / f"{source}.yaml"))
    if not path.is_file():
        places = files("dino_depth") / "configs"
        brought = sorted(file.name for file in places.iterdir() if file.name.endswith(".yaml"))
        names = ", ".join(name.removesuffix(".yaml") for name in brought)
        raise ConfigError(f"{source}: expected a YAML file or one of {names}, found neither")
    try:
        data = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader) or {}  # nosec B506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none is a ValueError
        raise ConfigError(f"{path}: expected YAML, found a mistake: {_place_told(error)}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(data).__name__}")
    return validated(_merged(data, overrides or {}), source=path)


def _place_told(error: BaseException) -> str:
    return one_line(error).replace('in "<unicode string>", ', "at ")


def validated(data: Mapping[str, Any], *, source: str | Path) -> PretrainConfig:
    """The recipe that nested settings make.

    Args:
        data: Settings by section.
        source: Where they are from, for the error.

    Raises:
        ConfigError: a key is unknown (the nearest known one is named), or a value is out of its range.
    """
    try:
        return PretrainConfig.model_validate(data)
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
    location = [str(part) for part in mistake["loc"]]
    key = ".".join(location)
    if mistake["type"] == "extra_forbidden":
        known = _keys_beside(location)
        nearest = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known)}"
        raise ConfigError(f"{source}: {key}: unknown key, {hint}")
    place = f"{source}: {key}" if key else str(source)
    raise ConfigError(f"{place}: {mistake['msg'].removeprefix('Value error, ')}, found {mistake['input']!r}")


def _keys_beside(location: list[str]) -> list[str]:
    model: type[BaseModel] = PretrainConfig
    for part in location[:-1]:
        annotation = model.model_fields[part].annotation
        assert isinstance(annotation, type)
        model = annotation
    return list(model.model_fields)


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in overrides.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merged(result[key], value) if nested else value
    return result
