"""Student and teacher: who learns, how the teacher follows, what the losses are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from dino_depth.config import PretrainConfig
from dino_depth.errors import ConfigError, DinoDepthError
from dino_depth.objective.centering import SinkhornKnopp, SoftmaxCentering
from dino_depth.objective.student_teacher import StudentTeacher
from tests.dino_depth.objective import slow_objective as slow
from tests.dino_depth.objective.processes import in_processes
from tests.dino_depth.objective.tiny import random_batch, tiny_config, tiny_student_teacher


def _shuffle(module: nn.Module, seed: int) -> None:
    """Random weights everywhere, of a size that keeps the activations in range."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))


def _train_in_step(rank: int) -> dict[str, Any]:
    """Two steps on two processes, of which the second has nothing masked in the first step."""
    model = tiny_student_teacher(seed=rank)
    parallel = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.student.parameters(), lr=0.01)
    totals = []
    for step in range(2):
        crops, local, masks = random_batch(seed=10 * step + rank)
        if step == 0 and rank == 1:
            masks = torch.zeros_like(masks)
        losses = parallel(crops, local, masks, teacher_temperature=0.05)
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        model.update_teacher(0.9)
        totals.append(losses["total"].item())
    weights = {f"{name}": value.detach().clone() for name, value in model.state_dict().items()}
    return {"totals": totals, "weights": weights}


def _gradient_of_a_share(rank: int) -> dict[str, Any]:
    """The student's gradient, of a batch of four maps that the processes share, with all losses on."""
    count = distributed.get_world_size() if distributed.is_initialized() else 1
    model = tiny_student_teacher(tiny_config(losses={"koleo": 0.5}), seed=7)
    _shuffle(model.student, 7)
    model.update_teacher(0.0)
    crops, local, masks = random_batch(4, seed=3)
    # Crops are ordered crop by crop, the maps of each shared out.
    own = [one.unflatten(0, (-1, 4)).chunk(count, dim=1)[rank].flatten(0, 1) for one in (crops, local, masks)]
    parallel = DistributedDataParallel(model) if count > 1 else model
    losses = parallel(*own, teacher_temperature=0.05)
    losses["total"].backward()
    return {name: one.grad.clone() for name, one in model.student.named_parameters() if one.grad is not None}


class TestStudentTeacher:
    def test_init__teacher_is_the_students_copy(self) -> None:
        model = tiny_student_teacher()
        student, teacher = model.student.state_dict(), model.teacher.state_dict()
        assert student.keys() == teacher.keys()
        assert all(torch.equal(student[name], teacher[name]) for name in student)
        assert not model.student.mask_token.any()

    def test_init__published_recipe_is_a_vit_of_timm(self) -> None:
        torch.manual_seed(0)
        config = PretrainConfig.model_validate({"heads": {"prototypes": 8, "bottleneck": 4, "hidden": 4}})
        model = StudentTeacher(config)
        backbone = model.student.backbone
        # DINO-v2's ViT-S/14 has 22,056,576 with its mask token, 37 x 37 patches and three channels.
        expected = 22_056_576 - 384 - (37 * 37 - 16 * 16) * 384 - 2 * 14 * 14 * 384
        assert sum(parameter.numel() for parameter in backbone.parameters()) == expected
        assert {block.drop_rate for block in backbone.blocks} == {0.3}
        assert {block.drop_rate for block in model.teacher.backbone.blocks} == {0.0}
        assert backbone.blocks[0].ls1.gamma.detach().numpy() == pytest.approx(1e-5)
        assert isinstance(model.dino_centering, SinkhornKnopp)

    def test_train__teacher_stays_in_evaluation(self) -> None:
        model = tiny_student_teacher().eval().train()
        assert all(module.training for module in model.student.modules())
        assert not any(module.training for module in model.teacher.modules())

    @pytest.mark.parametrize("local", [0, 2])
    @pytest.mark.parametrize("masked", [True, False])
    def test_forward__all_of_the_student_learns_and_nothing_of_the_teacher(
        self, local: int, masked: bool
    ) -> None:
        model = tiny_student_teacher()
        crops, local_crops, masks = random_batch(local=local)
        losses = model(
            crops,
            local_crops if local else None,
            masks if masked else masks & False,
            teacher_temperature=0.05,
        )
        losses["total"].backward()
        assert all(parameter.grad is not None for parameter in model.student.parameters())
        assert all(parameter.grad is None for parameter in model.teacher.parameters())
        assert (losses["ibot"].item() > 0) == masked
        assert (losses["dino_local"].item() > 0) == bool(local)

    def test_forward__a_batch_of_one_map(self) -> None:
        losses = tiny_student_teacher()(*random_batch(1), teacher_temperature=0.05)
        assert losses["koleo"].item() == 0
        assert losses["total"].isfinite()

    @pytest.mark.parametrize("centering", ["sinkhorn_knopp", "softmax"])
    def test_forward__as_composed_crop_by_crop(self, centering: str) -> None:
        """Against timm's own forward of each crop, by itself, and the slow losses.

        The patch embedding has no bias and the mask token is 0, so that blanked pixels are masked patches.
        """
        config = tiny_config(losses={"centering": centering, "dino": 0.7, "ibot": 1.3, "koleo": 0.2})
        model = tiny_student_teacher(config)
        for seed, branch in enumerate((model.student, model.teacher)):
            _shuffle(branch, seed)
            nn.init.zeros_(branch.backbone.patch_embed.proj.bias)
            nn.init.zeros_(branch.mask_token)
        crops, local_crops, masks = random_batch(3)
        found = model(crops, local_crops, masks, teacher_temperature=0.06)

        blank = masks.view(6, 1, 4, 4).repeat_interleave(14, dim=2).repeat_interleave(14, dim=3)
        student, teacher = model.student, model.teacher
        with torch.no_grad():
            seen = [student.backbone.forward_features(crop[None])[0] for crop in crops * ~blank]
            small = [student.backbone.forward_features(crop[None])[0] for crop in local_crops]
            target = [teacher.backbone.forward_features(crop[None])[0] for crop in crops]
            at = [(crop, 1 + patch) for crop, patch in masks.nonzero().tolist()]
            class_targets = teacher.dino_head(torch.stack([tokens[0] for tokens in target]))
            patch_targets = teacher.ibot_head(torch.stack([target[crop][token] for crop, token in at]))
            if centering == "sinkhorn_knopp":
                class_targets, patch_targets = (
                    slow.sinkhorn_knopp(logits, 0.06) for logits in (class_targets, patch_targets)
                )
            else:  # The centre starts at 0.
                class_targets, patch_targets = (
                    (logits / 0.06).softmax(dim=1) for logits in (class_targets, patch_targets)
                )
            dino = slow.dino(
                student.dino_head(torch.stack([tokens[0] for tokens in seen])).view(2, 3, -1),
                student.dino_head(torch.stack([tokens[0] for tokens in small])).view(2, 3, -1),
                class_targets.view(2, 3, -1),
            )
            patches = student.ibot_head(torch.stack([seen[crop][token] for crop, token in at]))
            ibot = slow.ibot(patches, patch_targets, masks)
        first, second = (torch.stack([tokens[0] for tokens in part]) for part in (seen[:3], seen[3:]))
        koleo = slow.koleo(first) + slow.koleo(second)
        expected = {
            "total": 0.7 * sum(dino) + 1.3 * ibot + 0.2 * koleo,
            "dino_global": dino[0],
            "dino_local": dino[1],
            "ibot": ibot,
            "koleo": koleo,
        }
        assert {name: loss.item() for name, loss in found.items()} == pytest.approx(expected, rel=2e-4)

    def test_forward__bfloat16_autocast_is_near_float32(self) -> None:
        model = tiny_student_teacher(tiny_config(losses={"centering": "softmax"})).eval()
        batch = random_batch()
        exact = model(*batch, teacher_temperature=0.07)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model(*batch, teacher_temperature=0.07)
        assert rough["total"].dtype == torch.float32
        assert rough["total"].item() == pytest.approx(exact["total"].item(), rel=0.02)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda crops, local, masks: (crops[:5], local, masks[:5]), "global_crops: .* found 5"),
            (lambda crops, local, masks: (crops[:0], local, masks[:0]), "global_crops: .* found 0"),
            (lambda crops, local, masks: (crops, local[:4], masks), "local_crops: .* 3 depth maps, found 4"),
            (lambda crops, local, masks: (crops, local, masks[:, :9]), r"masks: .*\(6, 16\).*\(6, 9\) bool"),
            (lambda crops, local, masks: (crops, local, masks.float()), "masks: .* float32"),
        ],
    )
    def test_forward__batch_that_does_not_fit_is_one_line(self, change: Any, message: str) -> None:
        with pytest.raises(DinoDepthError, match=message) as error:
            tiny_student_teacher()(*change(*random_batch()), teacher_temperature=0.05)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"model": {"architecture": "resnet18"}}, "model.architecture: .* found resnet18"),
            ({"model": {"architecture": "vit_small"}}, "model.architecture: .* found vit_small"),
            (
                {"model": {"architecture": "vit_medium_patch16_gap_256"}, "crops": {"global_size": 64}},
                "model.architecture: expected a ViT with a class token, found vit_medium_patch16_gap_256",
            ),
            ({"crops": {"global_size": 60}}, "crops.global_size: .* patch size 14, found 60"),
            ({"crops": {"local_size": 30}}, "crops.local_size: .* patch size 14, found 30"),
        ],
    )
    def test_init__recipe_that_can_not_be_is_one_line(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message) as error:
            StudentTeacher(tiny_config(**changes))
        assert "\n" not in str(error.value)

    def test_init__local_size_is_free_without_local_crops(self) -> None:
        StudentTeacher(tiny_config(crops={"local_size": 30, "local_count": 0}))


class TestUpdateTeacher:
    def test_update_teacher__closed_form_after_many_steps(self) -> None:
        """theta_k = m^k theta_0 + (1 - m) sum_i m^(k - i) student_i, for every parameter."""
        model, momentum, steps = tiny_student_teacher(), 0.8, 5
        expected = {
            name: momentum**steps * value.double() for name, value in model.teacher.state_dict().items()
        }
        for step in range(1, steps + 1):
            _shuffle(model.student, step)
            model.update_teacher(momentum)
            for name, value in model.student.state_dict().items():
                expected[name] += (1 - momentum) * momentum ** (steps - step) * value.double()
        found = model.teacher.state_dict()
        assert {"mask_token", "dino_head.last_layer.weight", "backbone.pos_embed"} <= found.keys()
        for name, value in expected.items():
            assert torch.allclose(found[name].double(), value, atol=1e-6), name

    def test_update_teacher__momentum_1_leaves_it_and_0_copies(self) -> None:
        model = tiny_student_teacher()
        before = model.teacher.backbone.pos_embed.clone()
        _shuffle(model.student, 1)
        model.update_teacher(1.0)
        assert torch.equal(model.teacher.backbone.pos_embed, before)
        model.update_teacher(0.0)
        assert torch.equal(model.teacher.backbone.pos_embed, model.student.backbone.pos_embed)

    def test_update_teacher__in_place_and_the_student_is_left(self) -> None:
        model = tiny_student_teacher()
        _shuffle(model.student, 1)
        student, teacher = model.student.mask_token.clone(), model.teacher.mask_token.data_ptr()
        model.update_teacher(0.5)
        assert torch.equal(model.student.mask_token, student)
        assert model.teacher.mask_token.data_ptr() == teacher


class TestTwoProcesses:
    @pytest.mark.parametrize("count", [2, 4])
    def test_forward__gradient_is_the_same_on_any_number_of_processes(
        self, count: int, tmp_path: Path
    ) -> None:
        expected = _gradient_of_a_share(0)
        for found in in_processes(_gradient_of_a_share, tmp_path, count=count):
            assert found.keys() == expected.keys()
            for name, gradient in found.items():
                torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-6, msg=name)

    def test_forward__processes_stay_equal_though_one_masks_nothing(self, tmp_path: Path) -> None:
        first, second = in_processes(_train_in_step, tmp_path)
        assert all(torch.tensor(result["totals"]).isfinite().all() for result in (first, second))
        assert first["weights"].keys() == second["weights"].keys()
        for name, value in first["weights"].items():
            assert torch.equal(value, second["weights"][name]), name
        moved = tiny_student_teacher().state_dict()["student.mask_token"]
        assert not torch.equal(first["weights"]["student.mask_token"], moved)


class TestStateDict:
    def test_state_dict__holds_the_centres(self) -> None:
        config = tiny_config(losses={"centering": "softmax"})
        model, again = tiny_student_teacher(config), tiny_student_teacher(config, seed=1)
        model(*random_batch(), teacher_temperature=0.05)
        again.load_state_dict(model.state_dict())
        assert isinstance(again.ibot_centering, SoftmaxCentering)
        assert again.ibot_centering.centre.any()
        losses = [
            each.eval()(*random_batch(seed=2), teacher_temperature=0.05)["total"] for each in (model, again)
        ]
        assert torch.equal(losses[0], losses[1])
