"""How fast pretraining is, against a naive loop: `python -m benchmarks.pretraining_speed --corpus DIR`.

Every way runs in a process (or two) of its own, so that peak memory is its own; the ways take turns, so that a machine
that slows down slows them all. The times are of whole steps: forward, backward, optimiser, EMA; the loader is measured
alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown
from benchmarks.runs.measured_process import measured, peak_bytes, tell
from dino_depth.config import PretrainConfig, load_config
from dino_depth.data.corpus import open_corpus
from dino_depth.data.loader import Batch, batch_loader
from dino_depth.data.sampler import StepSampler
from dino_depth.errors import ConfigError
from dino_depth.objective.attention_kernels import chosen_tokens
from dino_depth.objective.crop_tokens import tokens_by_size
from dino_depth.objective.parameter_groups import parameter_groups
from dino_depth.objective.student_teacher import StudentTeacher

Way = Literal["naive", "by_size", "torch", "xformers"]
WAYS: dict[Way, str] = {
    "naive": "naive: one forward for each crop of a map",
    "by_size": "one forward for each crop size",
    "torch": "all crops packed, through torch",
    "xformers": "all crops packed, through xformers",
}
WARM_UP = 1
HELD_BY_A_WORKER = 2
"""Batches that a loader's worker makes ahead, torch's default."""


@dataclass(frozen=True)
class Arguments:
    """Measure maps per second and peak memory of pretraining steps."""

    corpus: Path
    """What `python -m dino_depth.prepare` or `python -m benchmarks.cadscan corpus` wrote."""
    config: str = "vitt14_cpu"
    """A recipe of dino_depth."""
    batch: int | None = None
    """Maps a process and step; the recipe's by default."""
    steps: int = 5
    """Steps that are timed, each time."""
    turns: int = 2
    """How often each way is run; its fastest counts."""
    processes: tuple[int, ...] = (1, 2)
    """Numbers of processes."""
    out: Path = Path("results/pretraining_speed")
    """Where table.md and results.json go."""
    way: Way | Literal["loader"] | None = None
    """Measure this way only, in this process, and print its figures; the others are run so."""


def run(arguments: Arguments) -> int:
    """Measures every way, or in a process of its own the one that is asked for."""
    if arguments.way is not None:
        figures = _loader(arguments) if arguments.way == "loader" else _steps(arguments, arguments.way)
        if figures is not None:
            tell(figures)
        return 0
    # A corpus that isn't there is told at once, not by the first process that looks for it.
    open_corpus(arguments.corpus)
    found: dict[str, dict[str, Any]] = {}
    for _ in range(arguments.turns):
        for processes in arguments.processes:
            for way in WAYS:
                _keep_faster(found, f"{way}/{processes}", _in_processes(arguments, way, processes))
        _keep_faster(found, "loader/1", _in_processes(arguments, "loader", 1))
    return _report(arguments, found)


def _keep_faster(found: dict[str, dict[str, Any]], key: str, figures: dict[str, Any]) -> None:
    if key not in found or figures.get("maps_per_second", 0) > found[key].get("maps_per_second", 0):
        found[key] = figures


def _in_processes(arguments: Arguments, way: str, processes: int) -> dict[str, Any]:
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [*launcher, "-m", "benchmarks.pretraining_speed", "--corpus", str(arguments.corpus)]
    command += ["--config", arguments.config, "--steps", str(arguments.steps), "--way", way]
    command += ["--batch", str(arguments.batch)] if arguments.batch else []
    return measured(command)


def _config(arguments: Arguments) -> PretrainConfig:
    optim = {"batch_per_gpu": arguments.batch} if arguments.batch else {}
    return load_config(arguments.config, overrides={"optim": optim})


def _batches(
    arguments: Arguments, config: PretrainConfig, patch: int, process: int, processes: int
) -> Iterator[Any]:
    corpus = open_corpus(arguments.corpus)
    sampler = StepSampler(
        len(corpus),
        config.optim.batch_per_gpu,
        seed=config.seed,
        process=process,
        processes=processes,
        start=0,
    )
    return iter(batch_loader(corpus, config, sampler, name=str(arguments.corpus), patch=patch))


def _loader(arguments: Arguments) -> dict[str, Any]:
    config = _config(arguments)
    backbone = StudentTeacher(config).student.backbone
    batches = _batches(arguments, config, backbone.patch_embed.patch_size[0], 0, 1)
    # What workers had ready before the clock started would look as if it took no time.
    held = HELD_BY_A_WORKER * config.data.workers
    for _ in range(held + 1):
        next(batches)
    timed = max(arguments.steps, 5 * held)
    begun = time.perf_counter()
    for _ in range(timed):
        next(batches)
    seconds = time.perf_counter() - begun
    return {
        "maps_per_second": config.optim.batch_per_gpu * timed / seconds,
        "threads": torch.get_num_threads(),
    }


def _steps(arguments: Arguments, way: Way) -> dict[str, Any] | None:
    """Figures of training steps; None in every process but the first."""
    config = _config(arguments)
    accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision=config.run.mixed_precision)
    torch.manual_seed(config.seed)
    model = StudentTeacher(config)
    backbone = model.student.backbone
    try:
        model.tokens_of = _tokens(way, backbone, accelerator)
    except ConfigError as error:
        return {"not_run": str(error)} if accelerator.is_main_process else None
    patch = backbone.patch_embed.patch_size[0]
    batches = _batches(arguments, config, patch, accelerator.process_index, accelerator.num_processes)
    loaded: list[Batch] = [next(batches).to(accelerator.device) for _ in range(WARM_UP + arguments.steps)]
    optimizer = torch.optim.AdamW(parameter_groups(model.student, layer_decay=0.9, patch_embedding_lr=0.2))
    model, optimizer = accelerator.prepare(model, optimizer)
    model.train()
    begun = 0.0
    for index, batch in enumerate(loaded):
        if index == WARM_UP:
            accelerator.wait_for_everyone()
            begun = time.perf_counter()
        with accelerator.autocast():
            losses = model(batch.global_crops, batch.local_crops, batch.masks, teacher_temperature=0.05)
        accelerator.backward(losses["total"])
        optimizer.step()
        optimizer.zero_grad()
        accelerator.unwrap_model(model).update_teacher(0.99)
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        return None
    seconds = time.perf_counter() - begun
    maps = config.optim.batch_per_gpu * accelerator.num_processes * arguments.steps
    return {
        "maps_per_second": maps / seconds,
        "peak_gib": _peak_gib(accelerator.device),
        "threads": torch.get_num_threads(),
    }


def _peak_gib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return peak_bytes() / 2**30


def _tokens(way: Way, backbone: VisionTransformer, accelerator: Accelerator) -> Any:
    if way == "naive":
        return _one_forward_a_crop
    kinds = {"fp16": torch.float16, "bf16": torch.bfloat16}
    dtype = kinds.get(accelerator.mixed_precision, torch.float32)
    return chosen_tokens(backbone, way, device=accelerator.device, dtype=dtype)[0]


def _one_forward_a_crop(
    backbone: VisionTransformer,
    crops: Sequence[Tensor],
    masks: Sequence[Tensor | None],
    mask_token: Tensor,
) -> list[Tensor]:
    """What a plain multi-crop loop does: the first crop of all maps, then the second of all, and so on."""
    maps = len(crops[0]) // 2
    tokens = []
    for batch, mask in zip(crops, masks, strict=True):
        parts = [
            tokens_by_size(
                backbone, [one], [None if mask is None else mask[start : start + maps]], mask_token
            )[0]
            for start, one in ((index * maps, part) for index, part in enumerate(torch.split(batch, maps)))
        ]
        tokens.append(torch.cat(parts))
    return tokens


def _report(arguments: Arguments, found: dict[str, dict[str, Any]]) -> int:
    header = [
        "way",
        "processes",
        "threads of each",
        "maps/s",
        "against naive",
        "peak memory of a process, GiB",
    ]
    rows = []
    for processes in arguments.processes:
        naive = found[f"naive/{processes}"]["maps_per_second"]
        for way, name in WAYS.items():
            figures = found[f"{way}/{processes}"]
            if "not_run" in figures:
                rows.append([name, str(processes), "", f"not run: {figures['not_run']}", "", ""])
                continue
            speed = figures["maps_per_second"]
            numbers = [str(processes), str(figures["threads"]), f"{speed:.1f}", f"{speed / naive:.2f}x"]
            rows.append([name, *numbers, f"{figures['peak_gib']:.2f}"])
    config, loader = _config(arguments), found["loader/1"]
    name = f"the loader alone, {config.data.workers} workers"
    rows.append([name, "1", str(loader["threads"]), f"{loader['maps_per_second']:.1f}", "", ""])
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    title = f"Pretraining, recipe {arguments.config}, {config.optim.batch_per_gpu} maps a process, {device}"
    write_report(arguments.out, found, f"# {title}\n\n{markdown(header, rows)}")
    return 0


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.pretraining_speed", words=words)
