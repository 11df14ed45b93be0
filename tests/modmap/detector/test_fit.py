"""A fit that is killed, as a user sees it: the same command resumes, and ends with the same weights."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch

from modmap.datasets import write_scan
from modmap.scan import Scan
from tests.fork_server import Forked, run

# As `modmap`, but that the state is kept after every epoch.
SCRIPT = """
import functools, sys
import modmap.detector.fit
from modmap.cli import main
modmap.detector.fit.TrainingCheckpoint = functools.partial(modmap.detector.fit.TrainingCheckpoint, every=0)
main(sys.argv[1:])
"""


class TestFitMappings:
    def test_fit__killed_goes_on_to_the_same_weights(
        self, make_scan: Callable[..., Scan], tiny_encoder: Path, tiny_depth_encoder: Path, tmp_path: Path
    ) -> None:
        write_scan(make_scan(name="good"), tmp_path / "good")
        words = [
            "fit",
            tmp_path / "good",
            "--preset",
            "fast",
            "--size",
            "112",
            "--epochs",
            "40",
            "--device",
            "cpu",
        ]
        words += ["--image-encoder", f"local-dir:{tiny_encoder}"]
        words += ["--depth-encoder", f"local-dir:{tiny_depth_encoder}"]
        words += ["--set", "training.pairs_per_batch=4", "training.tokens_per_batch=200"]
        whole = run(["-c", SCRIPT, *map(str, words), "-o", str(tmp_path / "whole")])
        assert whole.returncode == 0, whole.stderr

        kept = tmp_path / ".model.fit"
        killed = Forked(["-c", SCRIPT, *map(str, words), "-o", str(tmp_path / "model")])
        while killed.poll() is None and not (kept / "training.safetensors").is_file():
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        assert not (tmp_path / "model").exists()
        assert list((kept / "tokens").rglob("*.npy"))

        again = run(["-c", SCRIPT, *map(str, words), "-o", str(tmp_path / "model")])
        assert again.returncode == 0, again.stderr
        found, expected = (
            safetensors.torch.load_file(tmp_path / name / "model.safetensors") for name in ("model", "whole")
        )
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], value) for name, value in expected.items())
        assert not kept.exists()
        assert not (tmp_path / ".whole.fit").exists()
