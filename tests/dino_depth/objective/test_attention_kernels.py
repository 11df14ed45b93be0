"""Attention by crops: torch's kernels against attention written out, and what is said of those that don't run."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from dino_depth.errors import ConfigError
from dino_depth.objective.attention_kernels import KERNELS, TorchAttention, chosen_tokens
from dino_depth.objective.crop_tokens import tokens_by_size
from dino_depth.objective.packed_crops import PackedTokens, make_packable
from tests.dino_depth.objective.test_packed_crops import attend_one_by_one
from tests.dino_depth.objective.tiny import CREATED

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def _backbone(architecture: str = "vit_small_patch14_dinov2", **options: Any) -> Any:
    backbone = timm.create_model(architecture, img_size=56, **{**CREATED, **options})
    make_packable(backbone, 0.0)
    return backbone


class TestTorchAttention:
    @pytest.mark.parametrize("lengths", [(5, 5, 3, 3, 3), (4,), (1, 2, 3), (257, 50, 50)])
    def test_call__values_and_gradients_are_those_of_attention_written_out(
        self, lengths: tuple[int, ...]
    ) -> None:
        torch.manual_seed(0)
        row = [torch.randn(1, sum(lengths), 3, 16, requires_grad=True) for _ in range(3)]
        weights = torch.randn(1, sum(lengths), 3, 16)
        values, gradients = [], []
        for attend in (TorchAttention(), attend_one_by_one):
            attended = attend(row[0], row[1], row[2], lengths)
            values.append(attended)
            gradients.append(torch.autograd.grad((attended * weights).sum(), row))
        assert torch.allclose(values[0], values[1], atol=1e-5)
        for one, other in zip(*gradients, strict=True):
            assert torch.allclose(one, other, atol=1e-5)

    def test_call__other_lengths_after_the_first(self) -> None:
        attend = TorchAttention()
        for lengths in ((2, 6), (3, 5), (2, 6)):
            row = [torch.randn(1, 8, 2, 16) for _ in range(3)]
            expected = attend_one_by_one(row[0], row[1], row[2], lengths)
            assert torch.allclose(attend(row[0], row[1], row[2], lengths), expected, atol=1e-5)


class TestChosenTokens:
    def test_chosen_tokens__says_what_runs(self) -> None:
        backbone = _backbone()
        tokens_of, line = chosen_tokens(backbone, "by_size", device=CPU, dtype=torch.float32)
        assert tokens_of is tokens_by_size
        assert line == "attention: one forward for each crop size, as asked"
        tokens_of, line = chosen_tokens(backbone, "auto", device=CPU, dtype=torch.float32)
        assert tokens_of is tokens_by_size
        assert line == (
            "attention: one forward for each crop size, as on cpu no kernel leaves out what is between crops"
        )
        tokens_of, line = chosen_tokens(backbone, "torch", device=CPU, dtype=torch.bfloat16)
        assert isinstance(tokens_of, PackedTokens)
        assert line == "attention: crops of all sizes packed, through torch"

    def test_chosen_tokens__a_kernel_that_does_not_run_is_an_error(self) -> None:
        with pytest.raises(
            ConfigError, match=r"^run.attention: expected packed crops through xformers, but xformers [^\n]*$"
        ):
            chosen_tokens(_backbone(), "xformers", device=CPU, dtype=torch.float32)

    def test_chosen_tokens__blocks_that_can_not_be_packed(self) -> None:
        backbone = timm.create_model("vit_small_patch16_18x2_224", depth=2)
        _, line = chosen_tokens(backbone, "auto", device=CUDA, dtype=torch.float32)
        reason = "attention of ParallelThingsBlock can't be packed"
        assert line == f"attention: one forward for each crop size, as {reason}"
        with pytest.raises(ConfigError, match=r"^run.attention: .* through torch, but .* can't be packed$"):
            chosen_tokens(backbone, "torch", device=CPU, dtype=torch.float32)

    def test_chosen_tokens__auto_on_cuda_is_xformers_and_else_torch(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = {"xformers": False, "torch": True}

        def tried(name: str, *_: Any) -> tuple[Any, str]:
            return (attend_one_by_one, "") if runs[name] else (None, f"{name} doesn't run")

        monkeypatch.setattr("dino_depth.objective.attention_kernels._tried", tried)
        assert list(KERNELS) == ["xformers", "torch"]
        found = []
        for runs["xformers"], runs["torch"] in ((True, True), (False, True), (False, False)):
            found.append(chosen_tokens(_backbone(), "auto", device=CUDA, dtype=torch.bfloat16)[1])
        assert found == [
            "attention: crops of all sizes packed, through xformers",
            "attention: crops of all sizes packed, through torch, as xformers doesn't run",
            "attention: one forward for each crop size, as xformers doesn't run, and torch doesn't run",
        ]
