"""Factors of the learning rate and the weight decay, worked out by hand for named parameters."""

from __future__ import annotations

import pytest
import torch

from dino_depth.objective.parameter_groups import layer_of, parameter_groups, set_rates
from dino_depth.objective.schedules import ScheduleValues
from dino_depth.objective.student_teacher import Branch, StudentTeacher
from tests.dino_depth.objective.tiny import tiny_config

DEPTH = 12


@pytest.fixture(scope="module")
def student() -> Branch:
    """A dozen blocks, as the published model has, with registers."""
    torch.manual_seed(0)
    options = {"depth": DEPTH, "embed_dim": 32, "num_heads": 2}
    config = tiny_config(model={"architecture": "vit_small_patch14_reg4_dinov2", "options": options})
    return StudentTeacher(config).student


@pytest.fixture(scope="module")
def factors(student: Branch) -> dict[str, tuple[float, float, bool]]:
    """Each parameter's factors of learning rate and weight decay, and whether it is a last layer's."""
    names = {id(parameter): name for name, parameter in student.named_parameters()}
    return {
        names[id(parameter)]: (
            group["lr_multiplier"],
            group["weight_decay_multiplier"],
            group["is_last_layer"],
        )
        for group in parameter_groups(student, layer_decay=0.9, patch_embedding_lr=0.2)
        for parameter in group["params"]
    }


class TestLayerOf:
    @pytest.mark.parametrize(
        ("name", "layer"),
        [
            ("mask_token", 0),
            ("backbone.cls_token", 0),
            ("backbone.reg_token", 0),
            ("backbone.pos_embed", 0),
            ("backbone.patch_embed.proj.bias", 0),
            ("backbone.norm_pre.weight", 0),
            ("backbone.blocks.0.norm1.weight", 1),
            ("backbone.blocks.10.mlp.fc1.bias", 11),
            ("backbone.blocks.11.mlp.fc1.bias", 12),
            ("backbone.norm.weight", 13),
            ("dino_head.mlp.0.weight", 13),
            ("ibot_head.last_layer.weight", 13),
        ],
    )
    def test_layer_of__by_name(self, name: str, layer: int) -> None:
        assert layer_of(name, DEPTH) == layer


class TestParameterGroups:
    def test_parameter_groups__every_parameter_once(self, student: Branch) -> None:
        found = [id(p) for group in parameter_groups(student) for p in group["params"]]
        assert sorted(found) == sorted(id(p) for p in student.parameters())

    @pytest.mark.parametrize(
        ("name", "lr"),
        [
            ("backbone.patch_embed.proj.weight", 0.2 * 0.9**13),
            ("backbone.patch_embed.proj.bias", 0.2 * 0.9**13),
            ("mask_token", 0.9**13),
            ("backbone.cls_token", 0.9**13),
            ("backbone.reg_token", 0.9**13),
            ("backbone.pos_embed", 0.9**13),
            ("backbone.blocks.0.attn.qkv.weight", 0.9**12),
            ("backbone.blocks.5.ls1.gamma", 0.9**7),
            ("backbone.blocks.11.mlp.fc2.weight", 0.9),
            ("backbone.norm.weight", 1),
            ("dino_head.mlp.0.weight", 1),
            ("ibot_head.last_layer.weight", 1),
        ],
    )
    def test_parameter_groups__learning_rate_falls_with_depth(
        self, factors: dict[str, tuple[float, float, bool]], name: str, lr: float
    ) -> None:
        assert factors[name][0] == pytest.approx(lr)

    def test_parameter_groups__no_decay_for_biases_norms_and_layer_scale(
        self, factors: dict[str, tuple[float, float, bool]]
    ) -> None:
        spared = {name for name, (_, decay, _) in factors.items() if decay == 0}
        assert spared == {name for name in factors if name.endswith((".bias", ".gamma")) or "norm" in name}
        assert {decay for _, decay, _ in factors.values()} == {0, 1}

    def test_parameter_groups__last_layers_are_marked(
        self, factors: dict[str, tuple[float, float, bool]]
    ) -> None:
        marked = {name for name, (_, _, last) in factors.items() if last}
        assert marked == {"dino_head.last_layer.weight", "ibot_head.last_layer.weight"}

    def test_parameter_groups__few(self, student: Branch) -> None:
        # Two for each of 12 blocks, the patch embedding and what follows the blocks; the tokens' and last layers'.
        assert len(parameter_groups(student)) == 2 * 14 + 2


class TestSetRates:
    def test_set_rates__frozen_last_layer_does_not_move_and_the_rest_does(self, student: Branch) -> None:
        optimizer = torch.optim.AdamW(parameter_groups(student))
        set_rates(optimizer, ScheduleValues(1e-2, 0.0, 0.1, 0.99, 0.04))
        before = {name: parameter.detach().clone() for name, parameter in student.named_parameters()}
        for parameter in student.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        moved = {
            name for name, parameter in student.named_parameters() if not torch.equal(parameter, before[name])
        }
        assert moved == {name for name in before if ".last_layer." not in name}

    def test_set_rates__value_times_factor(self, student: Branch) -> None:
        optimizer = torch.optim.AdamW(parameter_groups(student))
        set_rates(optimizer, ScheduleValues(0.5, 0.25, 0.4, 0.99, 0.04))
        for group in optimizer.param_groups:
            assert group["lr"] == (0.25 if group["is_last_layer"] else 0.5) * group["lr_multiplier"]
            assert group["weight_decay"] == 0.4 * group["weight_decay_multiplier"]

    def test_set_rates__factors_outlive_the_optimisers_state(self, student: Branch) -> None:
        optimizer = torch.optim.AdamW(parameter_groups(student))
        again = torch.optim.AdamW(parameter_groups(student, layer_decay=0.5))
        again.load_state_dict(optimizer.state_dict())
        set_rates(again, ScheduleValues(1.0, 1.0, 0.4, 0.99, 0.04))
        assert min(group["lr"] for group in again.param_groups) == pytest.approx(0.2 * 0.9**13)
