"""docs/sim3d.md runs: every command, on two categories of balls with random encoders, small enough for seconds."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tyro
from accelerate.commands.launch import launch_command_parser
from torch.distributed.run import get_args_parser as torchrun_parser

from benchmarks.cadscan.__main__ import Command, Dataset
from modmap.cli import main as modmap
from modmap.datasets import SiM3D
from tests.ball_data_set import write_ball_category
from tests.docs_blocks import DOCS, REPOSITORY, blocks, commands, made, without_assignments
from tests.fork_server import ranks, run_all
from tests.modmap.conftest import one_thread, write_encoder

PAGE = "sim3d.md"
LAUNCHERS = ("torchrun", "accelerate")
TINY = ("--size", "112", "--device", "cpu")
SHORT = ("training.epochs=4", "training.pairs_per_batch=4", "training.tokens_per_batch=200")

__all__ = ["one_thread"]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone's directory as the page has it: data, encoders, and a calibration in files of one's own."""
    root = tmp_path_factory.mktemp("sim3d")
    write_ball_category(root / "data" / "SiM3D", "container", radius=45.0, good=1, bad=1)
    write_ball_category(
        root / "data" / "sim3d-mini" / "work", "spur_gear", radius=60.0, good=1, bad=1, seed=1
    )
    write_encoder(root / "image_encoder")
    write_encoder(root / "encoder", channels=24, in_chans=1, seed=1)
    return root


def _small(module: str, words: Sequence[str]) -> list[str]:
    """The words of an evaluation, and encoders and settings that take a second."""
    if module == "benchmarks.baselines.table":
        return list(words)
    maps = module == "benchmarks.ablations" or "fast" in words
    if "--method" in words or not maps:
        return [*words, *TINY]
    encoders = ("--image-encoder", "local-dir:image_encoder", "--depth-encoder", "local-dir:encoder")
    settings = words[words.index("--set") + 1 :] if "--set" in words else ()
    kept = words[: words.index("--set")] if "--set" in words else words
    return [*kept, *encoders, *TINY, "--set", *settings, *SHORT]


def _run_python(words: Sequence[str]) -> None:
    """`python -m MODULE ...`, in this process."""
    assert words[:2] == ["python", "-m"], words
    module, arguments = words[2], list(words[3:])
    if module == "benchmarks.cadscan":
        # tests/benchmarks/cadscan makes data sets; here the command only has to be one.
        found = tyro.cli(Command, args=arguments)
        assert not isinstance(found, Dataset) or found.split == "work"
        return
    assert import_module(module).main(_small(module, arguments)) == 0, words


def _run_launched(words: Sequence[str]) -> None:
    """`torchrun ...`, on as many processes as it would begin; of `accelerate launch ...` what one of them would run.

    Both launchers' own parsers take the words; tests/benchmarks/evaluations/test_sim3d.py has one begin two processes.
    """
    module, arguments = words[words.index("-m") + 1], words[words.index("-m") + 2 :]
    if words[0] == "accelerate":
        parsed = launch_command_parser().parse_args(list(words[2:]))
        assert (parsed.module, parsed.training_script) == (True, module)
        _run_python(["python", "-m", module, *arguments])
        return
    asked = torchrun_parser().parse_args(list(words[1:]))
    assert (asked.module, asked.training_script) == (True, module)
    command = ["-m", module, *_small(module, arguments)]
    count = int(asked.nproc_per_node)
    environments = ranks(count, os.environ | {"PYTHONPATH": str(REPOSITORY)})
    ended = run_all([command] * count, envs=environments, cwds=[None] * count)
    assert [one.returncode for one in ended] == [0] * count, "".join(one.stderr for one in ended)
    assert f"{count} processes share the work" in "".join(one.stdout for one in ended)


def _run(words: Sequence[str]) -> None:
    if words[0] == "modmap":
        with pytest.raises(SystemExit) as stop:
            modmap(list(words[1:]))
        assert not stop.value.code, words
    elif words[0] == "make":
        expanded = made(words)
        assert expanded, words
        for one in expanded:
            _run_python(one)
    elif words[0] in LAUNCHERS:
        _run_launched(words)
    else:
        _run_python(words)


class TestSim3dPage:
    def test_commands__run_in_order(self, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(workplace)
        for line in commands(PAGE):
            variables, words = without_assignments(line)
            with monkeypatch.context() as patch:
                for name, value in variables.items():
                    patch.setenv(name, value)
                _run(words)
        rows = re.findall(r"^\| `([^`]+)` \|", (DOCS / PAGE).read_text(encoding="utf-8"), re.MULTILINE)
        assert len(rows) == 8
        for name in rows:
            assert (workplace / "results" / "real2real" / name).exists(), name
        table = (workplace / "results" / "real2real" / "table.md").read_text()
        assert "paper" in table
        roots = {
            name: Path(json.loads((workplace / "results" / name / "run.json").read_text())["root"]).name
            for name in ("real2real", "mini_real2real", "mini_synth2real", "mini_two")
        }
        assert roots == dict.fromkeys(roots, "work") | {"real2real": "SiM3D"}

    def test_python__overrules_the_guesses(
        self, workplace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (category := tmp_path / "data" / "SiM3D" / "container").parent.mkdir(parents=True)
        write_ball_category(category.parent, "container", radius=45.0, good=1, bad=1)
        nominal = SiM3D(category.parent).train("container")
        given = [view.camera for view in nominal.views if view.camera is not None]
        for file in category.glob("*/cameras.json"):
            file.unlink()
        (category / "container_01_bad" / "gt.npz").unlink()
        scan = SiM3D(category.parent).tests("container")[1]
        kinds = [finding.kind for finding in scan.findings]
        assert (kinds.count("guessed"), kinds.count("missed")) == (1, 2)

        (tmp_path / "mine").mkdir()
        np.save("mine/K.npy", given[0].K)
        np.save("mine/camera_to_world.npy", [np.linalg.inv(one.T_world_to_camera) for one in given])
        np.save("mine/defect_voxels.npy", np.ones((50, 50, 50), bool))
        (code,) = blocks(PAGE, "python")
        exec(compile(code, PAGE, "exec"), {})
        scan = SiM3D(category.parent).tests("container")[1]
        assert {finding.kind for finding in scan.findings} == {"found"}
        assert scan.ground_truth == category / "container_01_bad" / "gt.npz"
        for view, camera in zip(scan.views, given, strict=True):
            assert view.camera is not None
            np.testing.assert_allclose(view.camera.T_world_to_camera, camera.T_world_to_camera, atol=1e-9)
