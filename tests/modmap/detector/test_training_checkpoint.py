"""A training that is stopped and resumed ends with the same weights, to the last bit."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch

from modmap.config import TrainingSettings
from modmap.detector.training_checkpoint import TrainingCheckpoint
from modmap.errors import ModMapError
from tests.modmap.banks import random_bank, random_mapper, train

SETTINGS = TrainingSettings(epochs=6, pairs_per_batch=2, tokens_per_batch=7, seed=3)


class _StoppedError(Exception):
    """What stops a training in the middle."""


def _stop_after(epochs: int) -> Callable[[float], None]:
    left = [epochs]

    def on_epoch(_: float) -> None:
        if not left[0]:
            raise _StoppedError
        left[0] -= 1

    return on_epoch


def _checkpoint(tmp_path: Path) -> TrainingCheckpoint:
    return TrainingCheckpoint(tmp_path / "kept" / "training.safetensors", every=0)


class TestTrainingCheckpoint:
    @pytest.mark.parametrize("stop", [0, 1, 3, 5])
    def test_train__stopped_and_resumed(self, stop: int, tmp_path: Path) -> None:
        bank, mapper = random_bank(0, views=3), random_mapper(1, views=3)
        whole, parts = copy.deepcopy(mapper), copy.deepcopy(mapper)
        expected = train(whole, bank, SETTINGS)
        with pytest.raises(_StoppedError):
            train(parts, bank, SETTINGS, on_epoch=_stop_after(stop), checkpoint=_checkpoint(tmp_path))
        parts = copy.deepcopy(mapper)
        seen: list[float] = []
        found = train(parts, bank, SETTINGS, on_epoch=seen.append, checkpoint=_checkpoint(tmp_path))
        assert found == expected
        assert seen == expected[stop:]
        for name, value in whole.state_dict().items():
            assert torch.equal(parts.state_dict()[name], value), name

    def test_train__keeping_changes_nothing(self, tmp_path: Path) -> None:
        bank, mapper = random_bank(0, views=3), random_mapper(1, views=3)
        plain, kept = copy.deepcopy(mapper), copy.deepcopy(mapper)
        assert train(plain, bank, SETTINGS) == train(kept, bank, SETTINGS, checkpoint=_checkpoint(tmp_path))
        for name, value in plain.state_dict().items():
            assert torch.equal(kept.state_dict()[name], value), name

    @pytest.mark.parametrize("other", ["bank", "settings", "mapper"])
    def test_train__of_other_inputs_is_left_alone(self, other: str, tmp_path: Path) -> None:
        bank, mapper, settings = random_bank(0, views=3), random_mapper(1, views=3), SETTINGS
        train(copy.deepcopy(mapper), bank, settings, checkpoint=_checkpoint(tmp_path))
        if other == "bank":
            bank.image[0, 0, 0] += 1
        elif other == "settings":
            settings = SETTINGS.model_copy(update={"seed": 4})
        else:
            with torch.no_grad():
                next(mapper.parameters()).add_(0.1)
        plain, kept = copy.deepcopy(mapper), copy.deepcopy(mapper)
        assert train(plain, bank, settings) == train(kept, bank, settings, checkpoint=_checkpoint(tmp_path))

    def test_keep__not_more_often_than_asked(self, tmp_path: Path) -> None:
        checkpoint = TrainingCheckpoint(tmp_path / "training.safetensors", every=3600)
        train(random_mapper(1, views=3), random_bank(0, views=3), SETTINGS, checkpoint=checkpoint)
        assert not checkpoint.path.exists()

    def test_resume__damaged(self, tmp_path: Path) -> None:
        checkpoint = _checkpoint(tmp_path)
        train(random_mapper(1, views=3), random_bank(0, views=3), SETTINGS, checkpoint=checkpoint)
        checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-100])
        with pytest.raises(
            ModMapError, match=r"training.safetensors: expected the state of a training.*remove it$"
        ):
            train(random_mapper(1, views=3), random_bank(0, views=3), SETTINGS, checkpoint=checkpoint)


class TestWhatNoTrainingComesTo:
    @pytest.mark.parametrize(
        "change",
        [
            {"losses": [float("nan")]},
            {"losses": ["high"]},
            {"losses": 3},
            {"losses": [0.1] * 100},
            {"groups": []},
            {"groups": [{}]},
            {"schedule": 5},
        ],
    )
    def test_resume__is_one_line(self, tmp_path: Path, change: dict[str, Any]) -> None:
        bank, mapper = random_bank(0, views=3), random_mapper(1, views=3)
        train(copy.deepcopy(mapper), bank, SETTINGS, checkpoint=_checkpoint(tmp_path))
        path = _checkpoint(tmp_path).path
        with safetensors.safe_open(path, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"]) | change
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        safetensors.torch.save_file(tensors, path, metadata={"progress": json.dumps(progress)})
        with pytest.raises(
            ModMapError, match=r"training.safetensors: expected the state of a training"
        ) as error:
            train(copy.deepcopy(mapper), bank, SETTINGS, checkpoint=_checkpoint(tmp_path))
        assert str(error.value).endswith(": remove it")
