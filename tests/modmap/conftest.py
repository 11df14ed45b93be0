"""Encoders and scans so small that a fit takes a fraction of a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from modmap.cli import main
from modmap.config import merged
from modmap.detector.model import ModMap
from modmap.scan import Scan
from tests.synthetic_scans import ball_scan

ScanMaker = Callable[..., Scan]
EncoderMaker = Callable[..., Path]
Run = Callable[..., int]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The tensors are tiny: threads would only wait for each other."""
    torch.set_num_threads(1)


def write_encoder(
    directory: Path, *, channels: int = 32, in_chans: int = 3, patch: int = 14, seed: int = 0, **extra: Any
) -> Path:
    """A random two-layer ViT as a directory that `local-dir:` loads, written without the package."""
    arguments = {
        "img_size": 4 * patch,
        "patch_size": patch,
        "embed_dim": channels,
        "depth": 2,
        "num_heads": 2,
        "in_chans": in_chans,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = timm.create_model("vit_tiny_patch16_224", num_classes=0, **arguments)
        # timm starts with attention so faint that a token would hardly see its patch.
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.2)
    directory.mkdir(parents=True)
    config = {
        "architecture": "vit_tiny_patch16_224",
        "num_classes": 0,
        "num_features": channels,
        "model_args": arguments,
        "pretrained_cfg": {"input_size": [in_chans, 4 * patch, 4 * patch], "num_classes": 0},
        **extra,
    }
    (directory / "config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(model.state_dict(), directory / "model.safetensors")
    return directory


@pytest.fixture(scope="session")
def make_encoder(tmp_path_factory: pytest.TempPathFactory) -> EncoderMaker:
    """`write_encoder` with a directory of its own for each call."""
    return lambda **arguments: write_encoder(tmp_path_factory.mktemp("encoder") / "vit", **arguments)


@pytest.fixture(scope="session")
def tiny_encoder(make_encoder: EncoderMaker) -> Path:
    """Three input channels, 32 channels, patches of 14."""
    return make_encoder()


@pytest.fixture(scope="session")
def tiny_depth_encoder(make_encoder: EncoderMaker) -> Path:
    """One input channel, 24 channels, patches of 14, trained on robustly normalised depth as it says."""
    return make_encoder(channels=24, in_chans=1, seed=1, depth_normalisation="robust")


@pytest.fixture(scope="session")
def make_scan() -> ScanMaker:
    """Scans of a ball of 60 mm at the origin, 60 x 80 px from a ring of cameras; image and depth in memory.

    `change` plants a defect: view ids, and the half side of the square in the image's middle that is repainted and
    pushed in by 20 mm.
    """

    def make(
        *, views: int = 4, name: str = "ball", category: str | None = "balls", change: tuple[str, ...] = ()
    ) -> Scan:
        scan = ball_scan(views=views, width=80, height=60)
        changed = []
        for view in scan.views:
            image, depth = np.array(view.image), np.array(view.depth)
            if view.id in change:
                image[25:35, 35:45] = np.random.default_rng(0).integers(0, 256, (10, 10))
                depth[25:35, 35:45] += 20
            changed.append(replace(view, image=image, depth=depth))
        return replace(scan, name=name, category=category, views=tuple(changed))

    return make


@pytest.fixture(scope="session")
def make_model(tiny_encoder: Path, tiny_depth_encoder: Path, make_scan: ScanMaker) -> Callable[..., ModMap]:
    """Fits a model with the tiny encoders: scans (a ball by default), encoders' directories, any other setting."""

    def make(
        scans: Scan | Sequence[Scan] | None = None,
        *,
        image: Path = tiny_encoder,
        depth: Path = tiny_depth_encoder,
        training: dict[str, Any] | None = None,
        **settings: Any,
    ) -> ModMap:
        steps = {"epochs": 6, "pairs_per_batch": 4, "tokens_per_batch": 200} | (training or {})
        model = ModMap(
            "fast",
            device="cpu",
            image_encoder=f"local-dir:{image}",
            depth_encoder=f"local-dir:{depth}",
            settings=merged(
                {
                    "size": 112,
                    "image_encoder": {"precision": "float32"},
                    "depth_encoder": {"normalisation": "auto", "precision": "float32"},
                    "training": steps,
                },
                settings,
            ),
        )
        return model.fit(make_scan() if scans is None else scans)

    return make


@pytest.fixture
def run() -> Run:
    """Runs the command line in this process; its exit code."""

    def run_words(*words: str | Path) -> int:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        assert stop.value.code is None or isinstance(stop.value.code, int)
        return stop.value.code or 0

    return run_words
