"""What is recalled is what would be computed, to the bit, and nothing that belongs to other tokens or settings."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import modmap.detector.recall
from modmap import ModMap, Scan
from modmap.config import TrainingSettings
from modmap.detector.expected import ExpectedDistances
from modmap.detector.recall import map_or_recall, train_or_recall
from modmap.encoding.token_cache import TokenCache
from modmap.mapping.anomaly_maps import refined_maps
from modmap.mapping.training import train
from tests.modmap.banks import random_bank, random_mapper

SETTINGS = TrainingSettings(epochs=3, pairs_per_batch=4, tokens_per_batch=20)


def _refuse(*_: object, **__: object) -> None:
    raise AssertionError("computed again")


class TestTrainOrRecall:
    def test_train_or_recall__the_same_weights_and_losses(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bank, untrained = random_bank(0, views=3), random_mapper(0, views=3)
        expected = copy.deepcopy(untrained)
        expected_losses = train(expected, bank, SETTINGS)
        first, second = copy.deepcopy(untrained), copy.deepcopy(untrained)
        losses, took = train_or_recall(first, bank, SETTINGS, cross_view=True, cache=TokenCache(tmp_path))
        monkeypatch.setattr(modmap.detector.recall, "train", _refuse)
        seen: list[float] = []
        recalled, then = train_or_recall(
            second, bank, SETTINGS, cross_view=True, cache=TokenCache(tmp_path), on_epoch=seen.append
        )
        assert losses == recalled == seen == expected_losses
        assert then == took > 0
        assert not second.training
        for mapper in (first, second):
            for name, weight in mapper.state_dict().items():
                assert torch.equal(weight, expected.state_dict()[name]), name

    def test_train_or_recall__other_inputs_are_trained(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bank, cache = random_bank(0, views=3), TokenCache(tmp_path)
        train_or_recall(random_mapper(0, views=3), bank, SETTINGS, cross_view=True, cache=cache)
        monkeypatch.setattr(modmap.detector.recall, "train", _refuse)
        other_tokens = replace(bank, depth=bank.depth + 1e-3)
        other_seed = SETTINGS.model_copy(update={"seed": 1})
        for mapper, tokens, settings, cross_view in (
            (random_mapper(0, views=3), other_tokens, SETTINGS, True),
            (random_mapper(0, views=3), bank, other_seed, True),
            (random_mapper(0, views=3), bank, SETTINGS, False),
            (random_mapper(1, views=3), bank, SETTINGS, True),
        ):
            with pytest.raises(AssertionError, match="computed again"):
                train_or_recall(mapper, tokens, settings, cross_view=cross_view, cache=cache)


class TestMapOrRecall:
    def test_map_or_recall__the_same_maps(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        bank, mapper, cache = random_bank(0, views=3), random_mapper(0, views=3), TokenCache(tmp_path)
        expected = refined_maps(mapper, bank)
        assert torch.isinf(expected[0]).any()
        found = [map_or_recall(mapper, bank, cross_view=True, cache=cache)]
        monkeypatch.setattr(modmap.detector.recall, "refined_maps", _refuse)
        found.append(map_or_recall(mapper, bank, cross_view=True, cache=cache))
        assert found[0][2] == found[1][2] > 0
        for maps in found:
            assert torch.equal(maps[0], expected[0])
            assert torch.equal(maps[1], expected[1])
        mapper.expected = ExpectedDistances(0, 3, bank.foreground.shape[1])  # changes no distance
        found.append(map_or_recall(mapper, bank, cross_view=True, cache=cache))
        assert torch.equal(found[2][0], expected[0])
        other = replace(bank, foreground=~bank.foreground)
        trained_on = random_mapper(1, views=3)
        for weights, tokens, cross_view in (
            (trained_on, bank, True),
            (mapper, bank, False),
            (mapper, other, True),
        ):
            with pytest.raises(AssertionError, match="computed again"):
                map_or_recall(weights, tokens, cross_view=cross_view, cache=cache)


class TestModMap:
    def test_predict__another_aggregation_trains_and_maps_nothing(
        self,
        tmp_path: Path,
        make_scan: Callable[..., Scan],
        tiny_encoder: Path,
        tiny_depth_encoder: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def model(how: str, cache: TokenCache | None) -> ModMap:
            settings = {"size": 112, "training": {"epochs": 2}, "inference": {"aggregation": how}}
            return ModMap(
                device="cpu",
                image_encoder=f"local-dir:{tiny_encoder}",
                depth_encoder=f"local-dir:{tiny_depth_encoder}",
                settings=settings,
                token_cache=cache,
            )

        good, bad, cache = make_scan(name="good"), make_scan(name="bad", change=("01",)), TokenCache(tmp_path)
        expected = model("mean", None).fit(good).predict(bad)
        largest = model("max", cache).fit(good).predict(bad)
        monkeypatch.setattr(modmap.detector.recall, "train", _refuse)
        monkeypatch.setattr(modmap.detector.recall, "refined_maps", _refuse)
        found = model("mean", cache).fit(good).predict(bad)
        assert found.score == expected.score < largest.score
        assert found.seconds["mapping"] == largest.seconds["mapping"]
        for view_id in bad.view_ids:
            np.testing.assert_array_equal(found.map(view_id), expected.map(view_id))
