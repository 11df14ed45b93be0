"""The encoder that comes with the package loads by its name, alone, and says what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from modmap.commands.encoders import list_all
from modmap.config import EncoderSettings
from modmap.encoding.embedded import embedded_encoders
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.store import resolve
from modmap.scan import Frame
from tests.modmap.conftest import make_scan

NAME = "dino_depth_vitt14"
LARGEST_FILE = 12 * 2**20

__all__ = ["make_scan"]


class TestEmbeddedEncoders:
    def test_resolve__its_name_is_enough(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path / "empty"))
        assert list(embedded_encoders()) == [NAME]
        directory = embedded_encoders()[NAME]
        assert resolve(NAME) == f"local-dir:{directory}"
        assert (directory / "model.safetensors").stat().st_size < LARGEST_FILE
        card = (directory / "README.md").read_text(encoding="utf-8")
        assert "## Data" in card
        assert "## Probe" in card

    def test_list__names_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path / "empty"))
        assert list_all() == 0
        out = capsys.readouterr().out
        assert NAME in out
        assert "licence: apache-2.0" in out

    def test_tokens__follow_the_surface(self) -> None:
        """A step in a plane changes the tokens over it more than those far from it."""
        encoder = FrozenEncoder(EncoderSettings(reference=NAME), "depth", size=224)
        assert encoder.normalisation == "robust"
        assert encoder.channels == 192
        rows, columns = np.mgrid[:224, :224]
        plane = (500 + 0.2 * columns + 0.1 * rows).astype(np.float32)
        stepped = plane.copy()
        stepped[84:126, 84:126] -= 8
        flat, step = (
            encoder.tokens(Frame(id="00", image=np.zeros((224, 224), np.float32), depth=depth, camera=None))
            for depth in (plane, stepped)
        )
        distance = (1 - torch.nn.functional.cosine_similarity(flat, step, dim=-1)).reshape(16, 16)
        assert distance[6:9, 6:9].mean() > 3 * distance[:3].mean()
