"""A probe of the teacher every so many steps of a run: is it learning?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from dino_depth.config import PretrainConfig, ProbeFigure
from dino_depth.errors import ConfigError
from dino_depth.objective.student_teacher import build_backbone
from dino_depth.probing.backbone import probe_backbone
from dino_depth.probing.maps import probe_maps
from dino_depth.training.step_lines import StepLines

PROBES = "probes.jsonl"
SHOWN: tuple[str, ...] = get_args(ProbeFigure)


class RunProbe:
    """Figures of the teacher in `probes.jsonl`, from the weights it has before the first step.

    Args:
        out: The run's directory.
        corpus: What is trained on; `run.probe_maps` of its maps are looked at, the same ones every time.
        config: The recipe.
        start: Steps done before this run began.
        device: Where the teacher is probed.

    Raises:
        DinoDepthError: the corpus shows too few parts.
    """

    def __init__(
        self, out: Path, corpus: Dataset, config: PretrainConfig, *, start: int, device: torch.device
    ) -> None:
        self._backbone = build_backbone(config, drop_path=0.0).to(device)
        self._maps = probe_maps(
            corpus,
            size=config.crops.global_size,
            patch=self._backbone.patch_embed.patch_size[0],
            depth_normalisation=config.model.depth_normalisation,
            count=config.run.probe_maps,
        )
        self._lines = StepLines(out / PROBES, start=start)

    def probe(self, step: int, weights: Mapping[str, Tensor]) -> dict[str, float]:
        """Probes weights of the teacher's backbone; writes and prints a line, once a step.

        Returns:
            The figures of `probe_backbone`; empty where the step was probed before.

        Raises:
            DinoDepthError: too few patches were measured, or a token is no number.
        """
        if self._lines.last_step == step:
            return {}
        self._backbone.load_state_dict(weights)
        figures = probe_backbone(self._backbone, self._maps)
        self._lines.add(step, figures)
        text = "  ".join(f"{name} {figures[name]:.4g}" for name in SHOWN if name in figures)
        print(f"step {step}  probe of the teacher: {text}", flush=True)
        return figures

    def is_best(self, figure: str) -> bool:
        """Whether the last line has a higher figure than all before it but that of step 0.

        Raises:
            ConfigError: no line has it.
        """
        values = self._lines.values(figure)
        if not values:
            raise ConfigError(
                f"run.keep_best: expected a figure that the probe has of this corpus, found {figure}, which it hasn't"
            )
        return values[-1] > max(values[:-1], default=float("-inf"))


def whole_weights(module: nn.Module) -> dict[str, Tensor]:
    """The weights of a module, whole in the first process however it is sharded; every process must call.

    The others get none: on each of their GPUs the weights would take as much as before they were sharded.
    """
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights = get_model_state_dict(module, options=options)
    return {name: value for name, value in weights.items() if isinstance(value, Tensor)}
