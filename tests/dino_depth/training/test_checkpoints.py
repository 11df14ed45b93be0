"""Checkpoints: what is loaded is what was saved, the last few stay, and nothing half is taken for whole."""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.debug import CommDebugMode

from dino_depth.errors import DinoDepthError
from dino_depth.objective.parameter_groups import parameter_groups, set_rates
from dino_depth.objective.schedules import Schedules
from dino_depth.objective.student_teacher import StudentTeacher
from dino_depth.training.checkpoints import Checkpoints, read_record, seed_of_step
from tests.dino_depth.objective.processes import in_processes
from tests.dino_depth.objective.tiny import random_batch, tiny_config, tiny_student_teacher

Trained = tuple[StudentTeacher, torch.optim.Optimizer]


def begun(seed: int, **changes: dict[str, object]) -> Trained:
    model = tiny_student_teacher(tiny_config(**changes), seed=seed)
    return model, torch.optim.AdamW(parameter_groups(model.student))


def sharded(seed: int) -> Trained:
    """With moments, shared out over the processes."""
    model, optimizer = begun(seed)
    fully_shard(model, mesh=init_device_mesh("cpu", (distributed.get_world_size(),)))
    optimizer = torch.optim.AdamW(parameter_groups(model.student))
    for parameter in model.student.parameters():
        parameter.grad = torch.full_like(parameter, 1.0 + seed)
    optimizer.step()
    return model, optimizer


def shards(model: StudentTeacher, optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    moments = [state["exp_avg"] for state in optimizer.state.values()]
    return [one.to_local().detach().clone() for one in [*model.parameters(), *moments]]


def whole_tensors(shape: torch.Size) -> int:
    found = [one for one in gc.get_objects() if issubclass(type(one), torch.Tensor)]
    return sum(1 for one in found if not isinstance(one, DTensor) and one.shape == shape)


def save_and_load_sharded(rank: int) -> dict[str, Any]:
    """How many whole tensors a process holds while another writes, what loading gathers, and what it puts back."""
    model, optimizer = sharded(0)
    expected = shards(model, optimizer)
    shape = model.student.dino_head.last_layer.weight.shape
    names = [tempfile.mkdtemp() if rank == 0 else ""]
    distributed.broadcast_object_list(names)
    directory = Path(names[0])
    checkpoints = Checkpoints(directory, keep=1)
    held = []
    barrier = distributed.barrier

    def counting_barrier() -> None:
        # The threads of gloo let go of what they received a moment after the call.
        for _ in range(500 if rank else 0):
            if whole_tensors(shape) == 0:
                break
            gc.collect()
            time.sleep(0.01)
        held.append(whole_tensors(shape))
        barrier()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "barrier", counting_barrier)
        checkpoints.save(model, optimizer, step=1, record={})
    other, other_optimizer = sharded(7)
    differ = sum(not torch.equal(a, b) for a, b in zip(shards(other, other_optimizer), expected, strict=True))
    with CommDebugMode() as traffic:
        checkpoints.load(directory / "step_00000001", other, other_optimizer)
    gathers = sum(number for name, number in traffic.get_comm_counts().items() if "gather" in str(name))
    same = all(torch.equal(a, b) for a, b in zip(shards(other, other_optimizer), expected, strict=True))
    barrier()
    if rank == 0:
        shutil.rmtree(directory)
    return {"held": held, "gathers": gathers, "same": same, "differ": differ}


def go_on(model: StudentTeacher, optimizer: torch.optim.Optimizer, steps: range) -> list[float]:
    losses = []
    for step in steps:
        torch.manual_seed(step)
        set_rates(optimizer, Schedules(model.config, steps_per_epoch=10, total_batch=8).at(step))
        loss = model(*random_batch(seed=step), teacher_temperature=0.05)["total"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.update_teacher(0.9)
        losses.append(loss.item())
    return losses


class TestCheckpoints:
    @pytest.mark.parametrize("centering", ["sinkhorn_knopp", "softmax"])
    def test_load__goes_on_as_if_never_stopped(self, tmp_path: Path, centering: str) -> None:
        model, optimizer = begun(0, losses={"centering": centering})
        go_on(model, optimizer, range(3))
        checkpoints = Checkpoints(tmp_path, keep=2)
        checkpoints.save(model, optimizer, step=3, record={"recipe": "tiny"})
        expected = go_on(model, optimizer, range(3, 6))
        other, other_optimizer = begun(7, losses={"centering": centering})
        latest = checkpoints.latest()
        assert latest == tmp_path / "step_00000003"
        assert checkpoints.load(latest, other, other_optimizer) == {"recipe": "tiny", "step": 3}
        assert go_on(other, other_optimizer, range(3, 6)) == expected

    def test_save__sharded_weights_are_whole_in_the_first_process_only(self, tmp_path: Path) -> None:
        first, second = in_processes(save_and_load_sharded, tmp_path)
        assert first["differ"] > 10
        assert first["same"]
        assert second["same"]
        assert first["gathers"] == second["gathers"] == 0
        assert second["held"] == [0]

    def test_save__the_last_ones_stay(self, tmp_path: Path) -> None:
        model, optimizer = begun(0)
        go_on(model, optimizer, range(1))
        checkpoints = Checkpoints(tmp_path, keep=2)
        assert checkpoints.latest() is None
        (tmp_path / ".partial-0123456789ab-step_00000009").mkdir()  # what a killed run leaves
        (tmp_path / "step_00000001").mkdir()
        (tmp_path / "step_00000001" / "model.safetensors").touch()
        checkpoints.tidy()
        assert list(tmp_path.iterdir()) == []
        for step in (1, 2, 10):
            checkpoints.save(model, optimizer, step=step, record={})
        assert sorted(path.name for path in tmp_path.iterdir()) == ["step_00000002", "step_00000010"]
        assert checkpoints.latest() == tmp_path / "step_00000010"

    def test_prune__a_run_killed_once_a_checkpoint_was_whole(self, tmp_path: Path) -> None:
        model, optimizer = begun(0)
        for step in (2, 4, 6):
            Checkpoints(tmp_path, keep=3).save(model, optimizer, step=step, record={})
        checkpoints = Checkpoints(tmp_path, keep=1)
        checkpoints.mark_best(4)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "step_00000004", "step_00000006"]
        checkpoints.mark_best(6)
        checkpoints.prune()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "step_00000006"]

    def test_save__what_a_user_put_into_an_old_one_stays(self, tmp_path: Path) -> None:
        model, optimizer = begun(0)
        checkpoints = Checkpoints(tmp_path, keep=1)
        checkpoints.save(model, optimizer, step=1, record={})
        (tmp_path / "step_00000001" / "notes.txt").touch()
        checkpoints.save(model, optimizer, step=2, record={})
        assert [path.name for path in (tmp_path / "step_00000001").iterdir()] == ["notes.txt"]
        assert checkpoints.latest() == tmp_path / "step_00000002"
        checkpoints.save(model, optimizer, step=1, record={"again": True})
        assert (tmp_path / "step_00000001" / "notes.txt").is_file()
        assert checkpoints.latest() == tmp_path / "step_00000002"

    def test_save__some_of_the_old_ones_stay_too(self, tmp_path: Path) -> None:
        model, optimizer = begun(0)
        checkpoints = Checkpoints(tmp_path, keep=1, keep_every=4)
        for step in range(2, 15, 2):
            checkpoints.save(model, optimizer, step=step, record={})
        assert sorted(int(path.name[5:]) for path in tmp_path.iterdir()) == [4, 8, 12, 14]

    @pytest.mark.parametrize("where", ["model", "moments"])
    def test_save__nothing_that_is_not_finite(self, tmp_path: Path, where: str) -> None:
        model, optimizer = begun(0)
        go_on(model, optimizer, range(1))
        checkpoints = Checkpoints(tmp_path, keep=2)
        checkpoints.save(model, optimizer, step=1, record={})
        parameter = model.student.mask_token
        spoilt = parameter.data if where == "model" else optimizer.state[parameter]["exp_avg"]
        spoilt[0, 3] = torch.inf
        name = "student.mask_token" if where == "model" else "student.mask_token.exp_avg"
        with pytest.raises(
            DinoDepthError, match=rf"step_00000002: expected finite numbers, found 1 of 32 of {name} that"
        ):
            checkpoints.save(model, optimizer, step=2, record={})
        assert [path.name for path in tmp_path.iterdir()] == ["step_00000001"]

    def test_load__nothing_that_is_not_finite(self, tmp_path: Path) -> None:
        model, optimizer = begun(0)
        go_on(model, optimizer, range(1))
        checkpoints = Checkpoints(tmp_path, keep=2)
        checkpoints.save(model, optimizer, step=1, record={})
        path = tmp_path / "step_00000001"
        weights = safetensors.torch.load_file(path / "model.safetensors")
        weights["teacher.mask_token"][0, :2] = torch.nan
        safetensors.torch.save_file(weights, path / "model.safetensors")
        with pytest.raises(
            DinoDepthError, match=r"model.safetensors: expected finite .* 2 of 32 of teacher.mask_token"
        ):
            checkpoints.load(path, model, optimizer)

    def test_latest__half_a_checkpoint_does_not_count(self, tmp_path: Path) -> None:
        (tmp_path / ".step_00000004").mkdir()
        (tmp_path / "step_4").mkdir()
        assert Checkpoints(tmp_path, keep=2).latest() is None

    def test_load__damaged_or_of_another_recipe(self, tmp_path: Path) -> None:
        model, optimizer = begun(0)
        go_on(model, optimizer, range(1))
        checkpoints = Checkpoints(tmp_path, keep=2)
        checkpoints.save(model, optimizer, step=1, record={})
        path = tmp_path / "step_00000001"
        other, other_optimizer = begun(0, heads={"prototypes": 32})
        with pytest.raises(DinoDepthError, match="step_00000001: expected the weights of this recipe"):
            checkpoints.load(path, other, other_optimizer)
        whole = (path / "model.safetensors").read_bytes()
        (path / "model.safetensors").write_bytes(whole[:-100])
        with pytest.raises(DinoDepthError, match=r"model.safetensors: expected a whole safetensors file"):
            checkpoints.load(path, model, optimizer)
        (path / "model.safetensors").unlink()
        with pytest.raises(DinoDepthError, match=r"model.safetensors: .* found no file"):
            checkpoints.load(path, model, optimizer)

    def test_load__the_scaler_goes_on_where_it_was(self, tmp_path: Path) -> None:
        model, optimizer = begun(0)
        go_on(model, optimizer, range(1))
        checkpoints = Checkpoints(tmp_path, keep=2)
        checkpoints.save(model, optimizer, step=1, record={})
        scaler = torch.amp.GradScaler("cpu", growth_interval=3)
        for step in range(5):  # grows once, and is two thirds of the way to the next time
            scaler.scale(model(*random_batch(seed=step), teacher_temperature=0.05)["total"]).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        checkpoints.save(model, optimizer, step=6, record={}, scaler=scaler)
        others = [torch.amp.GradScaler("cpu", growth_interval=3) for _ in range(2)]
        others[1].scale(torch.ones(()))  # what it was made with is on the device already
        for other in others:
            checkpoints.load(tmp_path / "step_00000001", model, optimizer, scaler=other)
            assert other.get_scale() == 2.0**16
            checkpoints.load(tmp_path / "step_00000006", model, optimizer, scaler=other)
            assert other.get_scale() == 2.0**17
            assert other.state_dict() == scaler.state_dict()

    def test_read_record__damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint.json"
        for content in (None, b"", b'{"step": 1, "con', b"\xff\xfe", b"[]", b'{"config": {}, "step": 1}'):
            if content is not None:
                path.write_bytes(content)
            with pytest.raises(DinoDepthError, match=r"checkpoint\.json: expected") as error:
                read_record(tmp_path)
            assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        "change",
        [
            {"step": -1},
            {"step": "1"},
            {"steps": 0},
            {"total_batch": 1.5},
            {"config": []},
            {"sources": {"a": -1}},
        ],
    )
    def test_read_record__what_no_run_remembers(self, tmp_path: Path, change: dict[str, Any]) -> None:
        record = {"config": {}, "step": 1, "steps": 2, "total_batch": 4, "sources": {"a": 3}}
        (tmp_path / "checkpoint.json").write_text(json.dumps(record))
        assert read_record(tmp_path) == record
        (tmp_path / "checkpoint.json").write_text(json.dumps(record | change))
        with pytest.raises(
            DinoDepthError, match=r"checkpoint.json: expected a checkpoint's record, found .+: "
        ) as error:
            read_record(tmp_path)
        assert next(iter(change)) in str(error.value)

    def test_seed_of_step__differs(self) -> None:
        seeds = {
            seed_of_step(seed, step, rank) for seed in range(3) for step in range(300) for rank in range(4)
        }
        assert len(seeds) == 3 * 300 * 4
        assert all(0 <= seed < 1 << 63 for seed in seeds)
