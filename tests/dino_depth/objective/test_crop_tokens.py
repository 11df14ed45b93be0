"""Tokens of several crop sizes: timm's own where nothing is masked, blind where something is."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from dino_depth.objective.crop_tokens import tokens_by_size
from tests.dino_depth.objective.tiny import CREATED

ARCHITECTURES = ["vit_small_patch14_dinov2", "vit_small_patch14_reg4_dinov2"]


def _backbone(architecture: str = ARCHITECTURES[0], *, size: int = 224) -> Any:
    torch.manual_seed(0)
    return timm.create_model(architecture, img_size=size, init_values=1.0, **CREATED).eval()


def _crops(size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(seed))


class TestTokensBySize:
    @pytest.mark.parametrize("architecture", ARCHITECTURES)
    def test_tokens_by_size__nothing_masked_is_timms_own(self, architecture: str) -> None:
        backbone = _backbone(architecture)
        crops = [_crops(224), _crops(98, 1)]
        mask = torch.zeros(2, 256, dtype=torch.bool)
        found = tokens_by_size(backbone, crops, [mask, None], torch.randn(1, 32))
        for tokens, batch in zip(found, crops, strict=True):
            assert torch.equal(tokens, backbone.forward_features(batch))
        prefix = backbone.num_prefix_tokens
        assert [tokens.shape for tokens in found] == [(2, 256 + prefix, 32), (2, 49 + prefix, 32)]

    @pytest.mark.parametrize("architecture", ARCHITECTURES)
    def test_tokens_by_size__masked_pixels_are_not_seen(self, architecture: str) -> None:
        backbone, mask_token = _backbone(architecture, size=56), torch.randn(1, 32)
        crops = _crops(56)
        mask = torch.zeros(2, 16, dtype=torch.bool)
        mask[0, [2, 7]] = True
        # Patch 7 of 4 x 4 is in row 1, column 3; patch 6, which is seen, in row 1, column 2.
        hidden, seen = crops.clone(), crops.clone()
        hidden[0, 0, 14:28, 42:56] = 1000
        seen[0, 0, 14:28, 28:42] = 1000
        before, after_hidden, after_seen = (
            tokens_by_size(backbone, [batch], [mask], mask_token)[0] for batch in (crops, hidden, seen)
        )
        assert torch.equal(before, after_hidden)
        assert not torch.allclose(before[0], after_seen[0], atol=1e-3)
        assert torch.equal(before[1], after_seen[1])

    def test_tokens_by_size__mask_token_stands_in_before_the_position(self) -> None:
        """A patch of zeros embeds to 0 where the embedding has no bias, as does a mask token of zeros."""
        backbone = _backbone(size=56)
        torch.nn.init.zeros_(backbone.patch_embed.proj.bias)
        crops, mask = _crops(56), torch.zeros(2, 16, dtype=torch.bool)
        mask[:, 5] = True
        blank = crops.clone()
        blank[:, :, 14:28, 14:28] = 0
        (found,) = tokens_by_size(backbone, [crops], [mask], torch.zeros(1, 32))
        assert torch.allclose(found, backbone.forward_features(blank), atol=1e-6)
        (other,) = tokens_by_size(backbone, [crops], [mask], torch.randn(1, 32))
        assert not torch.allclose(found, other, atol=1e-3)

    def test_tokens_by_size__position_embedding_is_interpolated_for_local_crops(self) -> None:
        backbone = _backbone()
        before = tokens_by_size(backbone, [_crops(98)], [None], torch.zeros(1, 32))[0]
        with torch.no_grad():
            backbone.pos_embed[:, 1:] += torch.linspace(0, 1, 256)[:, None] * torch.randn(32)
        after = tokens_by_size(backbone, [_crops(98)], [None], torch.zeros(1, 32))[0]
        assert not torch.allclose(before, after, atol=1e-3)
