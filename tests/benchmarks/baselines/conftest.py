"""Words and settings for methods so small that a fit takes a fraction of a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch

from benchmarks.baselines.methods import MethodName, make_detector
from modmap.datasets import SiM3D
from modmap.detector.protocol import Detector
from modmap.scan import Scan
from tests.modmap.conftest import write_encoder

Make = Callable[..., Detector]


def write_cnn(directory: Path, architecture: str = "test_efficientnet") -> Path:
    """A random CNN as a directory that `local-dir:` loads."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = timm.create_model(architecture, num_classes=5)
    directory.mkdir(parents=True)
    config = {
        "architecture": architecture,
        "num_classes": 5,
        "num_features": model.num_features,
        "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3, "num_classes": 5, "first_conv": "conv_stem"},
    }
    (directory / "config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(model.state_dict(), directory / "model.safetensors")
    return directory


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As the processes that the tests start; sums over several threads differ in the last bit."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A reference to a random CNN."""
    return f"local-dir:{write_cnn(tmp_path_factory.mktemp('cnn') / 'net')}"


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A reference to a random ViT of three input channels."""
    return f"local-dir:{write_encoder(tmp_path_factory.mktemp('vit') / 'net')}"


@pytest.fixture(scope="session")
def settings(vit: str) -> dict[MethodName, dict[str, Any]]:
    """Of every method, small."""
    image = {"reference": vit}
    small: dict[str, Any] = {"size": 112}
    encoded: dict[str, Any] = {"size": 224, "image_encoder": image}
    bank = {**encoded, "coreset": 1}  # all features: a coreset of so few would find less
    return {
        "difference": small,
        "patchcore": bank,
        "btf": bank,
        "m3dm": {**bank, "epochs": 2},
        "ast": {
            **encoded,
            "teacher_channels": 16,
            "student_channels": 16,
            "teacher_epochs": 30,
            "student_epochs": 60,
            "learning_rate": 2e-3,
        },
        "cfm": {
            **small,
            "image_encoder": image,
            "epochs": 60,
            "views_per_batch": 3,
            "tokens_per_batch": 200,
        },
    }


@pytest.fixture(scope="session")
def make(settings: Mapping[MethodName, Mapping[str, Any]]) -> Make:
    """Makes a small method; changes to its settings by keyword."""

    def made(name: MethodName, **changes: Any) -> Detector:
        return make_detector(name, "fast", {**settings[name], **changes}, device="cpu")

    return made


@pytest.fixture(scope="session")
def nominal(balls: Path) -> Scan:
    """The nominal scan."""
    return SiM3D(balls).train("small_ball")


@pytest.fixture(scope="session")
def tests(balls: Path) -> list[Scan]:
    """Two nominal test scans and two with a dent in the middle of view 00, which shows in the image too."""
    return SiM3D(balls).tests("small_ball")
