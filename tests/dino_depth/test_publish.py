"""A published encoder is the teacher, as timm and as modmap load it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from dino_depth.config import PretrainConfig
from dino_depth.objective.crop_tokens import tokens_by_size
from dino_depth.objective.parameter_groups import parameter_groups
from dino_depth.objective.student_teacher import StudentTeacher
from dino_depth.publish import main
from dino_depth.training.checkpoints import Checkpoints
from modmap.config import EncoderSettings
from modmap.encoders import FrozenEncoder
from modmap.scan import Frame
from tests.dino_depth.objective.tiny import BACKBONE, tiny_config

Run = tuple[Path, StudentTeacher]


def config() -> PretrainConfig:
    return tiny_config(model={"drop_path": 0.0, "layer_scale": 0.5, "options": dict(BACKBONE)})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a checkpoint whose teacher isn't its student."""
    torch.manual_seed(0)
    model = StudentTeacher(config(), backbone_options=BACKBONE)
    with torch.no_grad():
        for parameter in model.teacher.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    optimizer = torch.optim.AdamW(parameter_groups(model.student))
    record = {
        "config": config().model_dump(mode="json"),
        "steps": 100,
        "total_batch": 16,
        "sources": {"cadscan": 70, "mvtec_3d_ad": 30},
    }
    Checkpoints(tmp_path / "run" / "checkpoints", keep=2).save(model, optimizer, step=40, record=record)
    return tmp_path / "run", model


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
        assert main([str(run[0]), "--out", str(out), "--half", "--probe", str(probe)]) == 0
        weights = (out / "model.safetensors").stat().st_size
        count = sum(parameter.numel() for parameter in run[1].teacher.backbone.parameters())
        assert weights < 2 * count + 10_000
        assert timm.create_model(f"local-dir:{out}", pretrained=True).cls_token.dtype == torch.float32
        card = (out / "README.md").read_text()
        assert "40 of 100 steps of 16 depth maps" in card
        assert "- cadscan: 70 depth maps (none needed: simulated)" in card
        assert "- mvtec_3d_ad: 30 depth maps (CC BY-NC-SA 4.0)" in card
        assert "- rank of patch tokens: 12.5" in card

    def test_publish__mistakes(self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "a")]) == 2
        assert (
            "nowhere: expected a checkpoint, or a run with checkpoints/, found none"
            in capsys.readouterr().err
        )
        (tmp_path / "a").mkdir()
        assert main([str(run[0]), "--out", str(tmp_path / "a")]) == 2
        assert "expected a new directory, found one" in capsys.readouterr().err
        weights = run[0] / "checkpoints" / "step_00000040" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:500])
        assert main([str(run[0]), "--out", str(tmp_path / "b")]) == 2
        assert "expected a whole safetensors file" in capsys.readouterr().err
        assert not (tmp_path / "b").exists()
