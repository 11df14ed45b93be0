"""Pretraining as a user runs it: whole, killed and resumed, on two processes, stopped by what can't be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]

from dino_depth.pretrain import main
from dino_depth.probe import probe
from dino_depth.publish import publish
from dino_depth.training.bad_steps import SKIPPED
from dino_depth.training.checkpoints import MODEL, read_tensors
from dino_depth.training.stopping import STOPPED
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from tests.dino_depth.launches import (
    ALONE,
    TORCHRUN,
    killed,
    launched,
    losses,
    run,
    run_on_two_machines,
    run_poisoned,
    run_sharded,
    stopped,
    words,
)
from tests.dino_depth.tiny_corpus import write_tiny_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_corpus(tmp_path_factory.mktemp("corpus") / "shapes")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """A run on one process that nobody disturbed."""
    out = tmp_path_factory.mktemp("run") / "whole"
    done = run(1, words(corpus, out, "--optim.epochs", "4"))
    assert done.returncode == 0, done.stderr
    return out


class TestPretrain:
    def test_run__losses_fall(self, whole: Path) -> None:
        lines = losses(whole)
        assert [line["step"] for line in lines] == list(range(1, 17))
        assert lines[-1]["total"] < lines[0]["total"] - 1
        assert sorted(path.name for path in (whole / "checkpoints").iterdir()) == [
            "step_00000015",
            "step_00000016",
        ]

    def test_run__machines_that_share_no_disk(self, corpus: Path, whole: Path, tmp_path: Path) -> None:
        """One would resume and the other begin anew."""
        places = tmp_path / "first", tmp_path / "second"
        shutil.copytree(whole, places[0] / "run")
        places[1].mkdir()
        for ended in run_on_two_machines(words(corpus, Path("run"), "--optim.epochs", "4"), places):
            assert ended.returncode == 2
            expected = (
                "run/checkpoints: expected the same last checkpoint on every process, found step_00000016 on"
            )
            assert f"{expected} process 0, none on process 1: name a --run.out on a disk that" in ended.stderr
            assert "Traceback" not in ended.stderr

    def test_run__killed_at_random_ends_with_the_same_losses(
        self, corpus: Path, whole: Path, tmp_path: Path
    ) -> None:
        arguments = words(corpus, tmp_path / "run", "--optim.epochs", "4")
        rng = np.random.default_rng(0)
        kills = sum(killed(1, arguments, tmp_path / "run", rng) for _ in range(3))
        assert kills >= 1
        done = run(1, arguments)
        assert done.returncode == 0, done.stderr
        assert losses(tmp_path / "run") == losses(whole)
        last = "checkpoints/step_00000016/model.safetensors"
        assert (tmp_path / "run" / last).read_bytes() == (whole / last).read_bytes()

    def test_run__two_processes_killed_and_resumed(
        self, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
        done = launched(words(corpus, undisturbed))
        assert done.returncode == 0, done.stderr
        lines = losses(undisturbed)
        assert [line["step"] for line in lines] == list(range(1, 9))
        record = json.loads((undisturbed / "checkpoints" / "step_00000008" / "checkpoint.json").read_text())
        assert record["total_batch"] == 8  # 4 of each of two processes
        killed(2, words(corpus, disturbed), disturbed, np.random.default_rng(1))
        done = run(2, words(corpus, disturbed))
        assert done.returncode == 0, done.stderr
        for found, expected in zip(losses(disturbed), lines, strict=True):
            assert found == pytest.approx(expected, abs=1e-6)
        assert main(words(corpus, undisturbed)) == 2
        error = capsys.readouterr().err
        assert "expected a total batch of 8, as this run was begun with, found 4" in error
        assert "resume with --optim.batch_per_gpu 4 --optim.accumulate 2" in error
        assert error.count("\n") == 1
        assert main(words(corpus, undisturbed, "--optim.accumulate", "2")) == 0

    @pytest.mark.parametrize("launcher", [ALONE, TORCHRUN])
    def test_run__sigterm_keeps_what_was_done(
        self, launcher: list[str], corpus: Path, tmp_path: Path
    ) -> None:
        """Torchrun passes it on to its processes; alone, a run ends with the status of the signal."""
        out = tmp_path / "run"
        more = ("--optim.epochs", "500", "--run.checkpoint_every", "5000")
        arguments = words(corpus, out, *more)
        status = stopped(launcher, arguments, out, after=3)
        assert status == STOPPED if launcher == ALONE else status != 0
        (checkpoint,) = (out / "checkpoints").glob("step_*")
        step = int(checkpoint.name.removeprefix("step_"))
        assert [line["step"] for line in losses(out)] == list(range(1, step + 1))
        done = run(1 if launcher == ALONE else 2, [*arguments, "--run.stop_after", str(step + 2)])
        assert done.returncode == 0, done.stderr
        assert f"from {step}, 4 of them an epoch" in done.stdout
        assert [line["step"] for line in losses(out)] == list(range(1, step + 3))

    def test_run__sharded_weights_learn_the_same_and_go_on_unsharded(
        self, corpus: Path, tmp_path: Path
    ) -> None:
        whole, sharded = tmp_path / "whole", tmp_path / "sharded"
        more = ("--run.probe_every", "4", "--optim.accumulate", "2")
        done = run(2, words(corpus, whole, *more))
        assert done.returncode == 0, done.stderr
        done = run_sharded(words(corpus, sharded, *more, "--run.stop_after", "5"))
        assert done.returncode == 0, done.stderr
        assert "parameters: {'DTensor'}" in done.stdout
        done = run(2, words(corpus, sharded, *more))
        assert done.returncode == 0, done.stderr
        for found, expected in zip(losses(sharded), losses(whole), strict=True):
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
        probes = [json.loads(line) for line in (sharded / "probes.jsonl").read_text().splitlines()]
        assert [line["step"] for line in probes] == [0, 4, 5, 8]

    def test_run__sharded_weights_in_bfloat16_round_what_unsharded_ones_do(
        self, corpus: Path, tmp_path: Path
    ) -> None:
        # At a layer scale as real as this, what a block adds is lost where it is added in bfloat16.
        more = ("--run.mixed_precision", "bf16", "--run.stop_after", "1", "--model.layer_scale", "1e-5")
        done = run(2, words(corpus, tmp_path / "whole", *more))
        assert done.returncode == 0, done.stderr
        (expected,) = losses(tmp_path / "whole")
        done = run_sharded(words(corpus, tmp_path / "run", *more))
        assert done.returncode == 0, done.stderr
        (line,) = losses(tmp_path / "run")
        assert line == pytest.approx(expected, rel=1e-4)

    def test_run__probes_of_the_teacher(self, corpus: Path, whole: Path, tmp_path: Path) -> None:
        out = tmp_path / "run"
        arguments = words(corpus, out, "--optim.epochs", "4", "--run.probe_every", "6")
        assert main([*arguments, "--run.stop_after", "9"]) == 0
        assert main(arguments) == 0
        # Looking changes nothing.
        assert losses(out) == losses(whole)
        probes = [json.loads(line) for line in (out / "probes.jsonl").read_text().splitlines()]
        assert [line["step"] for line in probes] == [0, 6, 9, 12, 16]
        assert probes[0]["depth_r2"] != probes[-1]["depth_r2"]
        encoder = publish(out, tmp_path / "encoder")
        figures, _ = probe(encoder, corpus, tmp_path / "probe")
        assert figures == pytest.approx({name: probes[-1][name] for name in figures}, rel=1e-4)

    def test_run__nothing_left_to_do(
        self, corpus: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = shutil.copytree(whole, tmp_path / "run")
        before = losses(out)
        more = ("--optim.epochs", "4", "--run.stop_after", "9", "--run.probe_every", "6")
        assert main(words(corpus, out, *more)) == 0
        assert "nothing is left to do: 16 of 16 steps are done" in capsys.readouterr().out
        (line,) = (out / "probes.jsonl").read_text().splitlines()
        assert json.loads(line)["step"] == 16  # whose weights were probed
        assert losses(out) == before

    def test_run__accumulation_takes_the_same_maps(self, corpus: Path, tmp_path: Path) -> None:
        arguments = words(corpus, tmp_path / "run", "--optim.accumulate", "2", "--optim.epochs", "1")
        assert main(arguments) == 0
        record = json.loads(
            (tmp_path / "run" / "checkpoints" / "step_00000004" / "checkpoint.json").read_text()
        )
        assert (record["total_batch"], record["steps"]) == (8, 4)
        assert record["sources"] == {"shapes": 24}

    def test_run__stopped_between_two_lines(self, corpus: Path, whole: Path, tmp_path: Path) -> None:
        arguments = words(corpus, tmp_path / "run", "--optim.epochs", "4", "--run.log_every", "5")
        assert main([*arguments, "--run.stop_after", "8"]) == 0
        assert main(arguments) == 0
        lines, every = losses(tmp_path / "run"), losses(whole)
        assert [line["step"] for line in lines] == [5, 10, 15, 16]
        for first, line in zip((0, 5, 10, 15), lines, strict=True):
            mean = np.mean([one["total"] for one in every[first : int(line["step"])]])
            assert line["total"] == pytest.approx(mean, abs=1e-9)

    def test_run__goes_on_with_the_same_total_batch_otherwise_shared_out(
        self, corpus: Path, tmp_path: Path
    ) -> None:
        out, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
        whole_corpus = ("--data.steps_per_epoch", "null", "--optim.epochs", "3")
        assert main(words(corpus, undisturbed, *whole_corpus, "--optim.batch_per_gpu", "8")) == 0
        first = ("--optim.accumulate", "2", "--run.stop_after", "4")
        assert main(words(corpus, out, *whole_corpus, *first)) == 0
        assert (
            main(words(corpus, out, *whole_corpus, "--optim.batch_per_gpu", "8", "--data.workers", "1")) == 0
        )
        rates = [
            [(line["step"], line["lr"], line["weight_decay"], line["momentum"]) for line in losses(one)]
            for one in (out, undisturbed)
        ]
        assert len(rates[0]) == 9  # 24 maps in steps of 8, thrice
        assert rates[0] == rates[1]

    def test_run__another_total_batch_or_corpus_in_the_same_place(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        corpus, out = write_tiny_corpus(tmp_path / "shapes"), tmp_path / "run"
        arguments = words(corpus, out, "--data.steps_per_epoch", "null")
        assert main([*arguments, "--run.stop_after", "2"]) == 0
        assert main([*arguments, "--optim.batch_per_gpu", "6"]) == 2
        error = capsys.readouterr().err
        assert "expected a total batch of 4, as this run was begun with, found 6" in error
        assert "resume with --optim.batch_per_gpu 2 --optim.accumulate 2" in error
        shutil.rmtree(corpus)
        write_tiny_corpus(corpus, maps=30)
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert (
            "expected a corpus of {'shapes': 24}, as this run was begun with, found {'shapes': 30}" in error
        )

    def test_run__published_encoder_is_taken_by_modmap(self, whole: Path, tmp_path: Path) -> None:
        encoder = publish(whole, tmp_path / "encoder")
        loaded = FrozenEncoder(EncoderSettings(reference=f"local-dir:{encoder}"), "depth", size=112)
        assert (loaded.normalisation, loaded.channels) == ("robust", 32)

    def test_run__another_recipe_in_the_same_place(
        self, corpus: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(whole, tmp_path / "run")
        assert main(words(corpus, tmp_path / "run", "--optim.epochs", "4", "--optim.clip", "1")) == 2
        error = capsys.readouterr().err
        assert "step_00000016: expected optim" in error
        assert "name another --run.out" in error
        assert error.count("\n") == 1

    def test_run__weights_of_which_no_number_comes(
        self, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "run"
        assert main(words(corpus, out, "--optim.lr", "1e30", "--optim.clip", "1e30")) == 2
        error = capsys.readouterr().err
        assert "expected finite losses and gradients, found total" in error
        assert "so it was in 3 steps in a row" in error
        assert error.count("\n") == 1
        (saved,) = out.glob("diverged_step_*.safetensors")
        assert str(saved) in error
        batch = safetensors.torch.load_file(saved)
        assert batch["global_crops"].shape == (8, 1, 56, 56)
        assert torch.isfinite(batch["global_crops"]).all()
        assert not list((out / "checkpoints").glob("*"))

    @pytest.mark.parametrize("processes", [1, 2])
    def test_run__gradients_that_are_no_numbers_are_left_out(
        self, processes: int, corpus: Path, tmp_path: Path
    ) -> None:
        """Of finite losses, in one process of them: no step is taken with them, and all checkpoints are finite."""
        out = tmp_path / "run"
        done = run_poisoned(processes, [3], words(corpus, out, "--run.stop_after", "4"))
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("left out") == 1
        before, after = (read_tensors(out / "checkpoints" / f"step_0000000{step}" / MODEL) for step in (3, 4))
        assert all(torch.equal(after[name], value) for name, value in before.items())
        (line,) = [json.loads(text) for text in (out / SKIPPED).read_text().splitlines()]
        assert line["step"] == 4
        assert [len(one["rows"]) for one in line["processes"]] == [4] * processes
        assert {one["gradient_norm"] for one in line["processes"]} == {"nan"}
        # The run that goes on counts on: its second step, the sixth of all, is the second that is left out.
        done = run_poisoned(processes, [1], words(corpus, out, "--run.skip_at_most", "1"))
        assert done.returncode != 0
        assert "2 steps were left out, run.skip_at_most is 1" in done.stderr
        assert sorted(one.name for one in (out / "checkpoints").glob("step_*")) == [
            "step_00000003",
            "step_00000004",
        ]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--config", "smoke"], "data.corpus: expected a directory that dino_depth.prepare wrote"),
            (["--config", "smoke", "--data.corpus", "nowhere"], "nowhere"),
            (["--config", "smoke", "--optim.lrr", "1"], "did you mean lr?"),
            (["--config", "smoke", "--optim.batch_per_gpu", "99"], "found 24"),
            (
                ["--config", "smoke", "--model.options", "{embed_dim: 33, num_heads: 2}"],
                "model.options: expected what timm's vit_tiny_patch16_224 can be made with, found {'patch_size': 14",
            ),
            (["--config", "smoke", "--model.options", "{foo: 1}"], "argument 'foo'"),
            (
                ["--config", "smoke", "--run.trackers", "[none_such]"],
                "run: expected settings that accelerate takes on this machine, found others: Unsupported logging",
            ),
            (
                ["--config", "smoke", "--run.trackers", "[wandb]"],
                "run.trackers: expected trackers that are installed, found none of wandb",
            ),
        ],
    )
    def test_run__mistakes_are_one_line(
        self,
        corpus: Path,
        tmp_path: Path,
        arguments: list[str],
        message: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        if {"--optim.batch_per_gpu", "--model.options"} & set(arguments):
            arguments = [*arguments, "--data.corpus", str(corpus)]
        assert main([*arguments, "--run.out", str(tmp_path / "run")]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1

    def test_run__trackers_get_the_recipe_and_the_lines(
        self, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As accelerate is told; which trackers it passes that on to is its own."""
        given: list[dict[str, object]] = []
        told: list[dict[str, object]] = []
        monkeypatch.setattr(Accelerator, "init_trackers", lambda _, name, config: given.append(config))
        monkeypatch.setattr(Accelerator, "log", lambda _, values, step: told.append({"step": step, **values}))
        out = tmp_path / "run"
        assert main(words(corpus, out, "--run.trackers", "[all]", "--run.log_every", "3")) == 0
        (recipe,) = given
        assert recipe["optim.lr"] == 0.01
        assert recipe["crops.global_scale"] == "[0.32, 1.0]"
        assert told == losses(out)
        assert [line["step"] for line in told] == [3, 6, 8]

    def test_run__no_directory_to_run_in(
        self, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "file"
        file.write_text("something else")
        for out, message in ((file, f"found the file {file}"), (file / "run", str(file / "run"))):
            assert main(words(corpus, out)) == 2
            error = capsys.readouterr().err
            assert message in error
            assert error.count("\n") == 1
        assert file.read_text() == "something else"

    def test_run__damaged_checkpoint(
        self, corpus: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = shutil.copytree(whole, tmp_path / "run")
        record = out / "checkpoints" / "step_00000016" / "checkpoint.json"
        record.write_bytes(record.read_bytes()[:100])
        assert main(words(corpus, out, "--optim.epochs", "4")) == 2
        error = capsys.readouterr().err
        assert f"{record}: expected a checkpoint's record, found " in error
        assert error.count("\n") == 1
        # The record is written last and removed first: without it a checkpoint is a half one, the one before is taken.
        record.unlink()
        assert main(words(corpus, out, "--optim.epochs", "4")) == 0
        for name, value in read_tensors(record.parent / MODEL).items():
            assert torch.equal(value, read_tensors(whole / "checkpoints" / record.parent.name / MODEL)[name])

    def test_run__help(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--help"]) == 0
        assert "--data.corpus DIR" in capsys.readouterr().out
