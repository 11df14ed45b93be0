"""Packed crops: the same as one forward a size, whatever is dropped, and none sees another."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from dino_depth.objective.attention_kernels import TorchAttention
from dino_depth.objective.crop_tokens import tokens_by_size
from dino_depth.objective.packed_crops import (
    PackedTokens,
    Packing,
    make_packable,
    packable,
)
from tests.dino_depth.objective.tiny import CREATED, random_batch, tiny_config, tiny_student_teacher


def attend_one_by_one(query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """Attention written out, for a crop after the other."""
    parts = []
    for q, k, v in zip(*(one[0].split(lengths) for one in (query, key, value)), strict=True):
        logits = torch.einsum("qhd,khd->hqk", q, k) / q.shape[-1] ** 0.5
        parts.append(torch.einsum("hqk,khd->qhd", logits.softmax(dim=-1), v))
    return torch.cat(parts)[None]


def attend_behind_a_mask(query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """PyTorch's attention over all tokens at once, what isn't of the same crop masked."""
    crop = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    heads = [one.transpose(1, 2) for one in (query, key, value)]
    mask = crop[:, None] == crop[None]
    return F.scaled_dot_product_attention(*heads, attn_mask=mask).transpose(1, 2)


ATTENDING = [attend_one_by_one, attend_behind_a_mask, TorchAttention()]


class NormInFloat32(nn.LayerNorm):
    """As CUDA's autocast computes it."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.float())


def _backbone(architecture: str = "vit_small_patch14_dinov2", **options: Any) -> Any:
    torch.manual_seed(0)
    backbone = timm.create_model(architecture, img_size=56, init_values=1.0, **{**CREATED, **options})
    make_packable(backbone, 0.0)
    return backbone


class TestPackedTokens:
    @pytest.mark.parametrize("attend", ATTENDING)
    @pytest.mark.parametrize("architecture", ["vit_small_patch14_dinov2", "vit_small_patch14_reg4_dinov2"])
    def test_call__same_tokens_as_by_size(self, attend: Any, architecture: str) -> None:
        backbone, mask_token = _backbone(architecture), torch.randn(1, 32)
        crops, local, masks = random_batch()
        expected = tokens_by_size(backbone, [crops, local], [masks, None], mask_token)
        found = PackedTokens(attend)(backbone, [crops, local], [masks, None], mask_token)
        for one, other in zip(found, expected, strict=True):
            assert one.shape == other.shape
            assert torch.allclose(one, other, atol=1e-5)

    @pytest.mark.parametrize("attend", ATTENDING)
    def test_call__same_losses_and_gradients_in_a_student_and_teacher(self, attend: Any) -> None:
        batch = random_batch()
        losses, gradients = [], []
        for tokens_of in (tokens_by_size, PackedTokens(attend)):
            model = tiny_student_teacher(tiny_config(model={"drop_path": 0.0}))
            model.tokens_of = tokens_of
            found = model(*batch, teacher_temperature=0.05)
            found["total"].backward()
            losses.append({name: value.item() for name, value in found.items()})
            gradients.append([parameter.grad for parameter in model.student.parameters()])
        assert losses[1] == pytest.approx(losses[0], abs=1e-5)
        for one, other in zip(*gradients, strict=True):
            assert torch.allclose(one, other, atol=1e-5)

    def test_call__queries_and_keys_are_of_the_values_type(self) -> None:
        backbone, mask_token = _backbone(qk_norm=True), torch.zeros(1, 32)
        for block in backbone.blocks:
            block.attn.q_norm, block.attn.k_norm = (NormInFloat32(16), NormInFloat32(16))
        crops, local, _ = random_batch()
        types = set()

        def attend(query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...]) -> Tensor:
            types.add((query.dtype, key.dtype, value.dtype))
            return attend_one_by_one(query, key, value, lengths)

        with torch.autocast("cpu", torch.bfloat16):
            expected = tokens_by_size(backbone, [crops, local], [None, None], mask_token)
            found = PackedTokens(attend)(backbone, [crops, local], [None, None], mask_token)
        assert types == {(torch.bfloat16,) * 3}
        for one, other in zip(found, expected, strict=True):
            assert torch.allclose(one.float(), other.float(), atol=0.1)

    def test_call__no_crop_sees_another(self) -> None:
        backbone, mask_token = _backbone(), torch.zeros(1, 32)
        crops, local, _ = random_batch()
        tokens_of = PackedTokens(attend_one_by_one)
        before = tokens_of(backbone, [crops, local], [None, None], mask_token)
        changed = local.clone()
        changed[1] = 100
        after = tokens_of(backbone, [crops, changed], [None, None], mask_token)
        assert torch.equal(before[0], after[0])
        same = [torch.equal(one, other) for one, other in zip(before[1], after[1], strict=True)]
        assert same == [True, False, True, True, True, True]

    def test_call__what_comes_after_is_not_packed(self) -> None:
        backbone = _backbone()
        crops, local, _ = random_batch()
        alone = backbone.forward_features(crops)
        PackedTokens(attend_one_by_one)(backbone, [crops, local], [None, None], torch.zeros(1, 32))
        assert torch.equal(backbone.forward_features(crops), alone)


def _block(drop_rate: float) -> Any:
    block = _backbone().blocks[0].train()
    block.drop_rate = drop_rate
    return block


class TestCropBlock:
    @pytest.mark.parametrize("branch", ["attention", "mlp"])
    @pytest.mark.parametrize("crops", [1, 5, 8])
    def test_forward__of_a_batch_a_share_skips_a_branch_and_the_others_is_scaled(
        self, branch: str, crops: int
    ) -> None:
        block = _block(0.4)
        with torch.no_grad():
            (block.ls2 if branch == "attention" else block.ls1).gamma.zero_()
        tokens = torch.randn(crops, 17, 32)
        whole = block.eval()(tokens) - tokens
        found = block.train()(tokens) - tokens
        kept = [one for one in range(crops) if found[one].abs().max() > 0]
        assert len(kept) == max(1, round(0.6 * crops))
        assert torch.allclose(found[kept], whole[kept] * crops / len(kept), atol=1e-5)
        drawn = {tuple((block(tokens) - tokens).abs().amax((1, 2)) > 0) for _ in range(20)}
        assert len(drawn) > 1 or crops == 1

    @pytest.mark.parametrize("attend", ATTENDING)
    def test_forward__packed_batches_have_shares_of_their_own(self, attend: Any) -> None:
        block = _block(0.5)
        with torch.no_grad():
            block.ls2.gamma.zero_()
        batches = ((4, 17), (6, 5))
        row = torch.randn(1, 4 * 17 + 6 * 5, 32)
        parts = [
            part.unflatten(0, batch) for part, batch in zip(row[0].split([68, 30]), batches, strict=True)
        ]
        whole = [block.eval()(part) - part for part in parts]
        block.train().packing = Packing(batches, attend)
        found = (block(row) - row)[0].split([68, 30])
        for part, expected, batch in zip(found, whole, batches, strict=True):
            crops = part.unflatten(0, batch)
            kept = crops.abs().amax((1, 2)) > 0
            assert int(kept.sum()) == batch[0] // 2
            assert torch.allclose(crops[kept], 2 * expected[kept], atol=1e-5)

    def test_forward__the_mean_of_many_draws_is_the_whole(self) -> None:
        block = _block(0.3)
        with torch.no_grad():
            block.ls2.gamma.zero_()
            tokens = torch.randn(4, 5, 32)
            whole = block.eval()(tokens) - tokens
            block.train()
            drawn = torch.stack([block(tokens) - tokens for _ in range(2000)])
        # Kept in three of four, times 4/3: the standard deviation is 0.58 of the whole, that of the mean 0.013.
        assert torch.allclose(drawn.mean(0), whole, rtol=0.06, atol=1e-5)

    def test_forward__nothing_is_dropped_in_evaluation(self) -> None:
        block = _block(0.9)
        plain = _backbone().blocks[0].eval()
        tokens = torch.randn(2, 5, 32)
        assert torch.equal(block.eval()(tokens), plain(tokens))

    def test_forward__what_is_dropped_costs_no_arithmetic(self) -> None:
        block, tokens = _block(0.5), torch.randn(8, 17, 32)
        counts = []
        for mode in (False, True):
            block.train(mode)
            with FlopCounterMode(display=False) as counter:
                block(tokens)
            counts.append(counter.get_total_flops())
        assert counts[1] == pytest.approx(counts[0] / 2, rel=0.01)


class TestMakePackable:
    def test_make_packable__weights_stay(self) -> None:
        torch.manual_seed(0)
        plain = timm.create_model("vit_small_patch14_dinov2", img_size=56, **CREATED)
        before = {name: value.clone() for name, value in plain.state_dict().items()}
        make_packable(plain, 0.3)
        after = plain.state_dict()
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], value) for name, value in before.items())
        assert packable(plain)

    def test_packable__other_blocks_are_not(self) -> None:
        torch.manual_seed(0)
        parallel = timm.create_model("vit_small_patch16_36x1_224", depth=2)
        make_packable(parallel, 0.2)
        assert packable(parallel)
        parallel = timm.create_model("vit_small_patch16_18x2_224", depth=2)
        make_packable(parallel, 0.2)
        assert not packable(parallel)
        drops = [module.drop_prob for module in parallel.modules() if isinstance(module, DropPath)]
        assert drops == [0.2] * 8
