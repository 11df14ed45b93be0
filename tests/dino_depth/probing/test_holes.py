"""Holes in depth maps: every patch is hidden once, whole, and nothing else is touched."""

from __future__ import annotations

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from dino_depth.probing.backbone import probe_backbone
from dino_depth.probing.holes import PASSES, punched
from dino_depth.probing.maps import ProbeMaps


class TestPunched:
    @pytest.mark.parametrize("grid", [(8, 8), (6, 5), (3, 3)])
    def test_punched__each_patch_is_hidden_once(self, grid: tuple[int, int]) -> None:
        inputs = torch.rand(2, 1, grid[0] * 4, grid[1] * 3) + 1
        count = torch.zeros(grid, dtype=torch.int64)
        for maps, hidden in punched(inputs, grid=grid):
            count += hidden
            for row in range(grid[0]):
                for column in range(grid[1]):
                    block = (slice(None), 0, slice(4 * row, 4 * row + 4), slice(3 * column, 3 * column + 3))
                    expected = torch.zeros_like(inputs[block]) if hidden[row, column] else inputs[block]
                    assert torch.equal(maps[block], expected)
        assert bool((count == 1).all())
        assert bool((inputs >= 1).all())

    def test_punched__holes_are_two_patches_wide(self) -> None:
        first = next(iter(punched(torch.ones(1, 1, 8, 8), grid=(8, 8))))[1]
        expected = torch.zeros(8, 8, dtype=torch.bool)
        for row in (0, 4):
            for column in (0, 4):
                expected[row : row + 2, column : column + 2] = True
        assert torch.equal(first, expected)
        assert PASSES * int(expected.sum()) == 64


class _Surroundings(VisionTransformer):
    """Tokens made by hand: a patch's own mean depth, and that of all that is measured in its map."""

    def __init__(self, *, looks_around: bool) -> None:
        super().__init__(
            img_size=84, patch_size=14, in_chans=1, embed_dim=8, depth=1, num_heads=1, num_classes=0
        )
        self.looks_around = looks_around

    def forward_features(self, x: Tensor) -> Tensor:
        patches = torch.nn.functional.avg_pool2d(x, 14).flatten(1)
        around = x.flatten(1).sum(1) / (x > 0).flatten(1).sum(1).clamp(min=1)
        tokens = torch.zeros(len(x), 1 + patches.shape[1], 8)
        tokens[:, 1:, 0] = patches
        if self.looks_around:
            tokens[:, 1:, 1] = around[:, None]
        return tokens


class TestFilledDepth:
    def test_filled_depth__is_read_from_what_lies_around_only(self) -> None:
        """Flat maps, each at a depth of its own: what a patch itself shows is gone where it is hidden."""
        levels = torch.linspace(0.2, 1, 30)
        depth = levels[:, None, None].expand(30, 6, 6).contiguous()
        maps = ProbeMaps(
            inputs=levels[:, None, None, None].expand(30, 1, 84, 84).contiguous(),
            depth=depth,
            slopes=torch.zeros(30, 6, 6, 2),
            inside=torch.ones(30, 6, 6, dtype=torch.bool),
            held=torch.arange(30) % 3 == 0,
            categories=("flat",) * 30,
            parts=tuple(range(30)),
        )
        blind = probe_backbone(_Surroundings(looks_around=False), maps)
        seeing = probe_backbone(_Surroundings(looks_around=True), maps)
        assert blind["depth_r2"] > 0.99
        assert seeing["filled_depth_r2"] > 0.99
        assert blind["filled_depth_r2"] < 0.1
