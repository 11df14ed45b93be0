"""DINO-Depth pretraining: `accelerate launch dino_depth/pretrain.py --config vits14 --data.corpus DIR`.

Reads as the recipe, top to bottom. A run that is there resumes from its last checkpoint: the same command, whether the
run was killed or stopped, ends with the same losses as one that never was.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from datasets import Dataset  # type: ignore[import-untyped]
from torch import Tensor

from dino_depth.atomic import BusyError
from dino_depth.config import PretrainConfig
from dino_depth.data.corpus import open_corpus
from dino_depth.data.loader import Batch, batch_loader
from dino_depth.data.mix import Mix
from dino_depth.data.sampler import StepSampler
from dino_depth.errors import ConfigError, DinoDepthError, refused
from dino_depth.objective.attention_kernels import chosen_tokens
from dino_depth.objective.parameter_groups import parameter_groups, set_rates
from dino_depth.objective.schedules import Schedules
from dino_depth.objective.student_teacher import StudentTeacher
from dino_depth.training.accelerating import accelerator_of, autocast_alone, dtype_of
from dino_depth.training.alone import alone
from dino_depth.training.bad_steps import BadSteps
from dino_depth.training.checkpoints import CHECKPOINTS, Checkpoints, seed_of_step
from dino_depth.training.clipping import clip_by_module
from dino_depth.training.command_line import USAGE, config_of
from dino_depth.training.recorder import Recorder
from dino_depth.training.resuming import resume
from dino_depth.training.start_lines import start_lines
from dino_depth.training.starting_weights import load_start
from dino_depth.training.stopping import STOPPED, stopping_on_sigterm


def train(config: PretrainConfig, accelerator: Accelerator) -> bool:
    """Runs the recipe, from the last checkpoint if there is one.

    Returns:
        Whether SIGTERM stopped it, after a checkpoint of what was done.

    Raises:
        ConfigError: a setting can't be used, or a run of another recipe is there, or something that is no run.
        DinoDepthError: the corpus or the last checkpoint is damaged, or losses, gradients or weights aren't finite.
        FullDiskError: the disk is full; the checkpoints that are there stay.
    """
    if config.data.corpus is None:
        raise ConfigError("data.corpus: expected a directory that dino_depth.prepare wrote, found none")
    if config.run.keep_best is not None and not config.run.probe_every:
        raise ConfigError("run.keep_best: expected probes to choose by, found run.probe_every 0")
    out = Path(config.run.out)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"run.out: expected a directory, found the file {out}")
    corpus = open_corpus(config.data.corpus)
    with alone(out, accelerator):
        return _train(config, accelerator, corpus, name=config.data.corpus)


def _train(config: PretrainConfig, accelerator: Accelerator, corpus: Dataset, *, name: str) -> bool:
    """The recipe."""
    optim, out = config.optim, Path(config.run.out)
    source_of = list(corpus["source"])
    mix = Mix(source_of, config.data.weights, seed=config.seed)
    total_batch = optim.batch_per_gpu * accelerator.num_processes * optim.accumulate
    steps_per_epoch = config.data.steps_per_epoch or max(1, mix.size // total_batch)
    schedules = Schedules(config, steps_per_epoch, total_batch)

    torch.manual_seed(config.seed)
    model = StudentTeacher(config)
    checkpoints = Checkpoints(out / CHECKPOINTS, keep=config.run.keep, keep_every=config.run.keep_every)
    if accelerator.is_main_process:
        checkpoints.tidy()
    if checkpoints.latest() is None:
        load_start(model, config.model)
    model.tokens_of, attention = chosen_tokens(
        model.student.backbone, config.run.attention, device=accelerator.device, dtype=dtype_of(accelerator)
    )
    patch = model.student.backbone.patch_embed.patch_size[0]
    groups = parameter_groups(
        model.student, layer_decay=optim.layer_decay, patch_embedding_lr=optim.patch_embedding_lr
    )
    optimizer = torch.optim.AdamW(groups, lr=schedules.peak_lr)
    autocast_alone(accelerator)
    model, optimizer = accelerator.prepare(model, optimizer)
    # Sharding gives a model other parameters.
    student = accelerator.unwrap_model(model).student

    sources = dict(Counter(source_of))
    record = {
        "config": config.model_dump(mode="json"),
        "steps": schedules.steps,
        "total_batch": total_batch,
        "sources": sources,
    }
    begun = resume(checkpoints, record, model=model, optimizer=optimizer, accelerator=accelerator)
    if accelerator.is_main_process:
        checkpoints.prune()
    start = int(begun["step"])
    accelerator.print(
        start_lines(config, accelerator, schedules, attention=attention, sources=sources, start=start),
        flush=True,
    )
    recorder = Recorder(
        config,
        accelerator,
        model=model,
        optimizer=optimizer,
        corpus=corpus,
        checkpoints=checkpoints,
        record=record,
        begun=begun,
    )
    bad_steps = BadSteps(out, start=start, most=config.run.skip_at_most, accelerator=accelerator)
    sampler = StepSampler(
        mix.size,
        optim.batch_per_gpu,
        seed=config.seed,
        order=mix,
        process=accelerator.process_index,
        processes=accelerator.num_processes,
        accumulate=optim.accumulate,
        start=start * optim.accumulate,
    )
    loader = batch_loader(
        corpus,
        config,
        sampler,
        name=name,
        patch=patch,
        pin_memory=accelerator.device.type == "cuda",
    )
    batches: Iterator[Any] = iter(loader)

    end = max(start, min(schedules.steps, config.run.stop_after or schedules.steps))
    if end == start:
        accelerator.print(f"nothing is left to do: {start} of {schedules.steps} steps are done")
    model.train()
    stopped = False
    with stopping_on_sigterm(accelerator):
        for step in range(start, end):
            if config.run.probe_every and step % config.run.probe_every == 0:
                recorder.probe(step)
            values = schedules.at(step)
            set_rates(optimizer, values)
            torch.manual_seed(seed_of_step(config.seed, step, accelerator.process_index))

            asked_at = time.perf_counter()
            taken = [next(batches) for _ in range(optim.accumulate)]
            waited = time.perf_counter() - asked_at
            losses = _forward_and_backward(model, taken, accelerator, temperature=values.teacher_temperature)
            norm = clip_by_module(student, optim.clip, accelerator)
            reported: dict[str, float] | None = None
            if bad_steps.is_bad(losses, norm):
                bad_steps.add(step, taken, losses, norm, student.parameters())
                if accelerator.scaler is not None:
                    optimizer.step()  # which the scaler leaves out, to look for another scale
            else:
                optimizer.step()
                accelerator.unwrap_model(model).update_teacher(values.momentum)
                reported = {name: value.item() for name, value in accelerator.reduce(losses, "mean").items()}
            optimizer.zero_grad()

            done = step + 1
            rates = {
                "lr": values.lr,
                "weight_decay": values.weight_decay,
                "momentum": values.momentum,
                "gradient_norm": float(norm),
            }
            recorder.add(done, reported, rates, waited=waited)
            stopped = accelerator.check_trigger()
            if (done % config.run.checkpoint_every == 0 and reported is not None) or done == end or stopped:
                recorder.checkpoint(done)
            if stopped:
                accelerator.print(f"stopped after step {done}: the same command goes on", flush=True)
                break
    if config.run.probe_every and not stopped:
        recorder.probe(end)
    accelerator.end_training()
    return bool(stopped)


def _forward_and_backward(
    model: Any, batches: Sequence[Batch], accelerator: Accelerator, *, temperature: float
) -> dict[str, Tensor]:
    """The mean losses of a step's batches; their gradients are left in the model."""
    sums: dict[str, Tensor] = {}
    for index, one in enumerate(batches):
        batch = one.to(accelerator.device)
        waiting = accelerator.no_sync(model) if index < len(batches) - 1 else nullcontext()
        with waiting, accelerator.autocast():
            losses = model(
                batch.global_crops, batch.local_crops, batch.masks, teacher_temperature=temperature
            )
            accelerator.backward(losses["total"] / len(batches))
        for name, value in losses.items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach() / len(batches)
    return sums


def main(words: Sequence[str] | None = None) -> int:
    """The command line; an input that can't be used is one line on the standard error, and exit status 2."""
    try:
        config = config_of(sys.argv[1:] if words is None else words)
        if config is None:
            print(USAGE)
            return 0
        accelerator = accelerator_of(config)
        try:
            stopped = train(config, accelerator)
        except (BusyError, ConfigError):
            accelerator.end_training()  # a process that leaves the others' group open can abort instead of ending
            raise
    except (DinoDepthError, OSError) as error:
        return refused("dino_depth.pretrain", error)
    return STOPPED if stopped else 0


def end(status: int) -> NoReturn:
    """Ends this process, without the interpreter's own teardown, in which a thread of the processes' group
    that is still there now and then aborts. All files are closed by then, and all trackers finished."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    end(main())
