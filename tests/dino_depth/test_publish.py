"""A published encoder is the teacher, as timm and as modmap load it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from dino_depth.objective.crop_tokens import tokens_by_size
from dino_depth.objective.student_teacher import StudentTeacher
from dino_depth.publish import main
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.scan import Frame
from tests.dino_depth.runs import write_run

Run = tuple[Path, StudentTeacher]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a checkpoint whose teacher isn't its student."""
    return tmp_path / "run", write_run(tmp_path / "run")


class TestPublish:
    def test_publish__timm_loads_the_teacher(self, run: Run, tmp_path: Path) -> None:
        out = tmp_path / "encoder"
        assert main([str(run[0]), "--out", str(out)]) == 0
        model = timm.create_model(f"local-dir:{out}", pretrained=True).eval()
        depth = torch.rand(2, 1, 56, 56)
        teacher = run[1].teacher.eval()
        with torch.inference_mode():
            found = model.forward_features(depth)
            (expected,) = tokens_by_size(teacher.backbone, [depth], [None], teacher.mask_token)
        torch.testing.assert_close(found, expected)

    def test_publish__modmap_takes_it_as_depth_encoder(self, run: Run, tmp_path: Path) -> None:
        out = tmp_path / "encoder"
        assert main([str(run[0] / "checkpoints" / "step_00000040"), "--out", str(out)]) == 0
        encoder = FrozenEncoder(EncoderSettings(reference=f"local-dir:{out}"), "depth", size=112)
        assert (encoder.normalisation, encoder.channels, encoder.grid) == ("robust", 32, 8)
        depth = np.random.default_rng(0).uniform(300, 400, (60, 80)).astype(np.float32)
        tokens = encoder.tokens(Frame("00", np.zeros((60, 80), np.uint8), depth))
        assert tokens.shape == (64, 32)
        assert torch.isfinite(tokens).all()

    def test_publish__half_and_card(self, run: Run, tmp_path: Path) -> None:
        out, probe = tmp_path / "encoder", tmp_path / "probe.json"
        probe.write_text(json.dumps({"rank of patch tokens": 12.5}))
        (tmp_path / "remarks.md").write_text("For a test only.\n")
        more = ["--half", "--probe", str(probe), "--remarks", str(tmp_path / "remarks.md")]
        assert main([str(run[0]), "--out", str(out), *more]) == 0
        weights = (out / "model.safetensors").stat().st_size
        count = sum(parameter.numel() for parameter in run[1].teacher.backbone.parameters())
        assert weights < 2 * count + 10_000
        assert timm.create_model(f"local-dir:{out}", pretrained=True).cls_token.dtype == torch.float32
        card = (out / "README.md").read_text()
        assert "40 of 100 steps of 16 depth maps" in card
        assert "For a test only.\n\n## Data" in card
        assert "- cadscan: 70 depth maps (none needed: simulated)" in card
        assert "- mvtec_3d_ad: 30 depth maps (CC BY-NC-SA 4.0)" in card
        assert "- rank of patch tokens: 12.5" in card

    def test_publish__mistakes(self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        out, there = ["--out", str(tmp_path / "b")], tmp_path / "a"
        there.mkdir()
        figures = tmp_path / "figures.json"
        figures.write_text(json.dumps({"rank": "high"}))
        latin = tmp_path / "remarks.md"
        latin.write_bytes("für Tiefe".encode("latin-1"))
        for words, expected in (
            ([str(tmp_path / "nowhere"), *out], "nowhere: expected a checkpoint, or a run with checkpoints/"),
            ([str(run[0]), "--out", str(there)], "a: expected a new directory, found one"),
            ([str(run[0])], "--out: expected where the encoder goes, or --push of one, found neither"),
            (
                [str(run[0]), *out, "--probe", str(figures)],
                "expected the figures that dino_depth.probe wrote, found rank 'high'",
            ),
            ([str(run[0]), *out, "--remarks", str(latin)], "remarks.md: expected text in UTF-8, found"),
        ):
            assert main(words) == 2
            error = capsys.readouterr().err
            assert expected in error
            assert error.count("\n") == 1
        assert not (tmp_path / "b").exists()

    @pytest.mark.parametrize(
        ("name", "content", "expected"),
        [
            ("model.safetensors", b"\0" * 500, "expected a whole safetensors file"),
            ("checkpoint.json", b'{"config": ', "expected a checkpoint's record, found a damaged file ("),
            ("checkpoint.json", b'{"config": {}, "step": 4}', "found no steps"),
            (
                "checkpoint.json",
                b'{"config": {"optim": {"lrr": 1}}, "step": 4, "steps": 9, "total_batch": 8}',
                "checkpoint.json: optim.lrr: unknown key, did you mean lr?",
            ),
        ],
    )
    def test_publish__damaged_checkpoint(
        self,
        run: Run,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        name: str,
        content: bytes,
        expected: str,
    ) -> None:
        (run[0] / "checkpoints" / "step_00000040" / name).write_bytes(content)
        assert main([str(run[0]), "--out", str(tmp_path / "b")]) == 2
        error = capsys.readouterr().err
        assert expected in error
        assert error.count("\n") == 1
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    @pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (1e30, True)])
    def test_publish__weights_that_are_not_finite_leave_nothing(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: float, half: bool
    ) -> None:
        path = run[0] / "checkpoints" / "step_00000040" / "model.safetensors"
        weights = safetensors.torch.load_file(path)
        weights["teacher.backbone.norm.weight"][1] = value
        safetensors.torch.save_file(weights, path)
        assert main([str(run[0]), "--out", str(tmp_path / "b"), *(["--half"] if half else [])]) == 2
        error = capsys.readouterr().err
        assert f"{path}: expected finite numbers, found 1 of" in error
        assert "norm.weight" in error
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_publish__weights_that_timm_cannot_load_leave_nothing(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        weights = run[0] / "checkpoints" / "step_00000040" / "model.safetensors"
        weights.write_bytes(
            weights.read_bytes().replace(b"teacher.backbone.norm.w", b"teacher.backbone.norm.v")
        )
        assert main([str(run[0]), "--out", str(tmp_path / "b")]) == 2
        assert "timm can't load what was written (" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_publish__killed_half_way_leaves_no_half_directory(self, run: Run, tmp_path: Path) -> None:
        """The weights are written by then; the next run takes away what is left."""
        script = (
            "import os, signal, sys\n"
            "from dino_depth import publish\n"
            "publish._check_loads = lambda directory: os.kill(os.getpid(), signal.SIGKILL)\n"
            "publish.main(sys.argv[1:])\n"
        )
        out = tmp_path / "encoder"
        words = [str(run[0]), "--out", str(out)]
        killed = subprocess.run([sys.executable, "-c", script, *words], cwd=Path.cwd())
        assert killed.returncode == -signal.SIGKILL
        assert not out.exists()
        (left,) = tmp_path.glob(".partial-*-encoder")
        assert (left / "model.safetensors").is_file()
        assert main(words) == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == ["encoder", "run"]
        assert timm.create_model(f"local-dir:{out}", pretrained=True) is not None
