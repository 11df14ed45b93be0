"""What a run leaves in its directory, prints and gives to trackers: lines of metrics, probes, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from datasets import Dataset  # type: ignore[import-untyped]

from dino_depth.config import PretrainConfig
from dino_depth.training.accelerating import begin_trackers
from dino_depth.training.checkpoints import Checkpoints
from dino_depth.training.metrics_log import MetricsLog
from dino_depth.training.run_probe import RunProbe, whole_weights


class Recorder:
    """Records a run; every process must call what is here at the same steps, the first one writes.

    Args:
        config: The recipe.
        accelerator: Of this process.
        model: As accelerate has prepared it.
        optimizer: Likewise.
        corpus: What is trained on, and probed with.
        checkpoints: Of the run.
        record: What a checkpoint remembers.
        begun: What the checkpoint that the run goes on from remembers.

    Raises:
        DinoDepthError: the corpus shows too few parts for a probe.
    """

    def __init__(
        self,
        config: PretrainConfig,
        accelerator: Accelerator,
        *,
        model: Any,
        optimizer: Any,
        corpus: Dataset,
        checkpoints: Checkpoints,
        record: Mapping[str, Any],
        begun: Mapping[str, Any],
    ) -> None:
        self._config, self._accelerator, self._checkpoints = config, accelerator, checkpoints
        self._model, self._optimizer, self._record = model, optimizer, record
        run, start, steps = config.run, int(begun["step"]), int(record["steps"])
        self._saved = start if start else None
        self._log: MetricsLog | None = None
        self._probe: RunProbe | None = None
        if accelerator.is_main_process:
            self._log = MetricsLog(
                Path(run.out), start=start, steps=steps, every=run.log_every, state=begun.get("metrics_log")
            )
            if run.probe_every:
                self._probe = RunProbe(Path(run.out), corpus, config, start=start, device=accelerator.device)
        self._trackers = begin_trackers(config, accelerator)

    def probe(self, step: int) -> None:
        """Probes the teacher, to which every process gives its share of the weights, and keeps it if it is the best.

        Args:
            step: Steps done.

        Raises:
            ConfigError: the probe has no such figure as `run.keep_best`.
            DinoDepthError: too few patches were measured, or a token is no number.
        """
        begun_at = time.perf_counter()
        teacher = self._accelerator.unwrap_model(self._model).teacher
        weights = whole_weights(teacher.backbone)
        best = False
        if self._probe is not None:
            figures = self._probe.probe(step, weights)
            self._accelerator.log({f"probe/{name}": value for name, value in figures.items()}, step=step)
            kept = self._config.run.keep_best
            # Nothing was learned before the first step, and an optimiser that is saved then begins with another one.
            best = bool(figures) and step > 0 and kept is not None and self._probe.is_best(kept)
        if any(gather_object([best])):
            self.checkpoint(step)
            if self._accelerator.is_main_process:
                self._checkpoints.mark_best(step)
        if self._log is not None:
            self._log.pause(time.perf_counter() - begun_at)

    def add(
        self, step: int, losses: Mapping[str, float] | None, values: Mapping[str, Any], *, waited: float
    ) -> None:
        """Takes in a step, as `MetricsLog.add` does."""
        if self._log is None:
            return
        line = self._log.add(step, losses, values, maps=int(self._record["total_batch"]), waited=waited)
        if line is not None and self._trackers:
            self._accelerator.log(line, step=step)

    def checkpoint(self, step: int) -> None:
        """Writes a checkpoint, where there is none of this step yet."""
        if step == self._saved:
            return
        record = dict(self._record)
        if self._log is not None:
            record["metrics_log"] = self._log.state
        self._checkpoints.save(
            self._model,
            self._optimizer.optimizer,
            step=step,
            record=record,
            scaler=self._accelerator.scaler,
        )
        self._saved = step
