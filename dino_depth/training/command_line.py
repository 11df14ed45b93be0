"""The words of the command line: a recipe, and settings of it by their dotted names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from dino_depth.config import PretrainConfig, load_config
from dino_depth.errors import ConfigError

USAGE = """\
usage: accelerate launch dino_depth/pretrain.py --config RECIPE [--SECTION.SETTING VALUE ...]

Trains a ViT on depth maps with DINO-v2's objective. RECIPE is a YAML file or a recipe that the package brings (vits14,
vits14_from_dinov2, vits14_high_resolution, vitt14_cpu, smoke). Settings are the recipe's, such as
  --data.corpus DIR       what `python -m dino_depth.prepare` wrote
  --run.out DIR           where the run lives; one that is there is resumed
  --optim.lr 5e-4 --optim.batch_per_gpu 64 --crops.global_scale [0.4,1.0]
"""


def config_of(words: Sequence[str]) -> PretrainConfig | None:
    """The recipe that a command line asks for; None where it asks for help.

    Raises:
        ConfigError: there is no recipe, a setting has no value, or as `load_config`.
    """
    if {"-h", "--help"} & set(words):
        return None
    recipe: str | None = None
    overrides: dict[str, Any] = {}
    left = list(words)
    while left:
        name, equals, value = left.pop(0).partition("=")
        if not name.startswith("--"):
            raise ConfigError(f"command line: expected --SECTION.SETTING VALUE, found {name!r}")
        if not equals:
            if not left:
                raise ConfigError(f"command line: {name}: expected a value, found none")
            value = left.pop(0)
        if name == "--config":
            recipe = value
        else:
            _put(overrides, name.removeprefix("--").split("."), _parsed(name, value))
    if recipe is None:
        raise ConfigError("command line: expected --config with a recipe, such as vits14, found none")
    return load_config(recipe, overrides=overrides)


def _parsed(name: str, value: str) -> Any:
    try:
        parsed = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):  # a date that is none is a ValueError
        raise ConfigError(f"command line: {name}: expected a value, found {value[:60]!r}") from None
    if isinstance(parsed, str):
        # YAML 1.1 takes 1e-3 for a text: it wants 1.0e-3.
        try:
            return float(parsed)
        except ValueError:
            return parsed
    return parsed


def _put(overrides: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = overrides.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"command line: --{'.'.join(path)}: {key} has a value already")
        overrides = inner
    overrides[path[-1]] = value
