"""Clipping by module: each against torch's own clipping of it alone."""

from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from dino_depth.training.clipping import clip_by_module
from tests.dino_depth.objective.tiny import random_batch, tiny_student_teacher


def gradients(module: nn.Module) -> list[Tensor]:
    return [one.grad for one in module.parameters() if one.grad is not None]


class TestClipByModule:
    def test_clip_by_module__a_long_gradient_of_a_head_leaves_the_vit_alone(self) -> None:
        model = tiny_student_teacher()
        model(*random_batch(), teacher_temperature=0.05)["total"].backward()
        student = model.student
        assert student.mask_token.grad is not None
        for gradient in gradients(student.dino_head):
            gradient *= 1000
        whole = [gradient.clone() for gradient in gradients(student)]
        modules = [
            [*gradients(student.backbone), student.mask_token.grad],
            gradients(student.dino_head),
            gradients(student.ibot_head),
        ]
        before = [torch.cat([one.flatten() for one in module]) for module in modules]
        assert sum(map(len, modules)) == len(whole)
        most = 0.5 * float(before[2].norm())
        assert before[0].norm() != before[2].norm()

        found = clip_by_module(student, most, Accelerator(cpu=True))
        assert float(found) == pytest.approx(float(torch.cat([one.flatten() for one in whole]).norm()))
        for module, old in zip(modules, before, strict=True):
            expected = old * min(1.0, most / float(old.norm()))
            assert torch.allclose(torch.cat([one.flatten() for one in module]), expected, rtol=1e-4)
