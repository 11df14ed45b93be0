"""Weights have one fingerprint, and other weights another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from modmap.encoding.fingerprint import fingerprint
from tests.modmap.frozen_encoders import frozen

WEIGHTS = {"norm.weight": torch.tensor([1.0, 2.0]), "pos_embed": torch.zeros(1, 4, 2)}


class TestFingerprint:
    def test_fingerprint__position_embeddings_left_out(self) -> None:
        assert fingerprint(WEIGHTS) == fingerprint(WEIGHTS | {"pos_embed": torch.ones(1, 9, 2)})
        assert fingerprint(WEIGHTS) == fingerprint(dict(reversed(WEIGHTS.items())))

    @pytest.mark.parametrize(
        "other",
        [
            {"norm.weight": torch.tensor([1.0, 2.0000002])},
            {"norm.bias": torch.tensor([1.0, 2.0])},
            WEIGHTS | {"norm.bias": torch.zeros(2)},
        ],
    )
    def test_fingerprint__another_value_name_or_weight(self, other: dict[str, torch.Tensor]) -> None:
        assert fingerprint(other) != fingerprint(WEIGHTS)

    def test_fingerprint__of_an_encoder(self, tiny_encoder: Path, make_encoder: Callable[..., Path]) -> None:
        """The same for every size and modality, as its weights are."""
        plain = frozen(tiny_encoder)
        assert plain.fingerprint == frozen(tiny_encoder, "depth", size=56).fingerprint
        assert plain.fingerprint == frozen(make_encoder(seed=0)).fingerprint
        assert plain.fingerprint != frozen(make_encoder(seed=1)).fingerprint
