"""docs/pretraining.md runs: every command, on miniatures of the data sets and at the size of the smoke recipe."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import timm
import tyro
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser

from benchmarks.cadscan.__main__ import Command, Corpus
from dino_depth import pretrain
from dino_depth.config import load_config
from dino_depth.data.sources.catalogue import SPLITS
from modmap.cli import main as modmap
from modmap.datasets import write_scan
from modmap.scan import Scan
from tests.dino_depth.data.sources.miniatures import write_image, write_mvtec, write_real_iad_d3, write_visa
from tests.dino_depth.data.tiny_depth_model import write_depth_model
from tests.dino_depth.tiny_corpus import write_tiny_corpus
from tests.docs_blocks import REPOSITORY, commands
from tests.hub_server import HubServer
from tests.modmap.conftest import make_scan, one_thread, write_encoder
from tests.single_view_sets import write_eyecandies, write_mvtec3d

PAGE = "pretraining.md"
IMAGES = 8
SMOKE = ("--config", "smoke", "--optim.epochs", "1")

__all__ = ["make_scan", "one_thread"]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, make_scan: Callable[..., Scan]) -> Path:
    """A clone's directory as the page has it, with a miniature of every data set in raw/."""
    root = tmp_path_factory.mktemp("pretraining")
    (root / "dino_depth").symlink_to(REPOSITORY / "dino_depth")
    raw = root / "raw"
    for name in SPLITS["C"]:
        (raw / name).mkdir(parents=True)
    write_mvtec3d(raw / "mvtec_3d_ad")
    write_eyecandies(raw / "eyecandies")
    write_real_iad_d3(raw / "real_iad_d3")
    seed = 1000
    for name, file in (("mvtec_ad", "{}.png"), ("mvtec_loco", "{}.png"), ("mvtec_ad_2", "{}_regular.png")):
        files = tuple(f"train/good/{file.format(f'{number:03d}')}" for number in range(IMAGES))
        write_mvtec(raw / name, files, category=name)
        for one in files:
            seed += 1
            write_image(raw / name / name / one, seed)
    write_visa(raw / "visa")
    write_tiny_corpus(raw / "cadscan")
    (raw / "depth_maps").mkdir()
    for number in range(2):
        depth = np.random.default_rng(number).uniform(0.4, 0.6, (40, 40)).astype(np.float32)
        np.save(raw / "depth_maps" / f"{number}.npy", depth)
    write_depth_model(root / "depth_model")
    write_encoder(root / "image_encoder")
    write_scan(make_scan(name="train"), root / "scans" / "train")
    return root


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    server = HubServer({"hf_writer": {"ORG"}})
    server.use(monkeypatch)
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    yield server
    server.close()


def _launch(words: Sequence[str]) -> None:
    """`accelerate launch ...`: carried out where it is for CPUs; else it and its configuration are read, and the script
    runs here, without the GPUs."""
    parsed = launch_command_parser().parse_args(list(words[2:]))
    assert parsed.training_script == "dino_depth/pretrain.py"
    if parsed.config_file is not None and load_config_from_file(parsed.config_file).use_cpu:
        _launch_on_cpus(words)
        return
    recipe = parsed.training_script_args
    load_config(recipe[recipe.index("--config") + 1])
    assert pretrain.main([*recipe, *SMOKE]) == 0


def _launch_on_cpus(words: Sequence[str]) -> None:
    free_port = ["--main_process_port", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *free_port, *words[2:], *SMOKE],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def _run(words: Sequence[str]) -> None:
    if "--run.probe_every" in words or "dino_depth.probe" in words:
        # The maps of the miniatures are too small for a probe; those of the shapes are not.
        words = ["corpus_of_parts" if word == "corpus" else word for word in words]
    if words[:2] == ["accelerate", "launch"]:
        _launch(words)
    elif words[0] == "modmap":
        tiny = ("--image-encoder", "local-dir:image_encoder", "--size", "112", "--epochs", "2")
        with pytest.raises(SystemExit) as stop:
            modmap([*words[1:], *tiny])
        assert not stop.value.code, words
    elif words[2] == "benchmarks.cadscan":
        # tests/benchmarks/cadscan makes corpora; here the command only has to be one.
        assert isinstance(tyro.cli(Command, args=list(words[3:])), Corpus)
    else:
        assert words[:2] == ["python", "-m"], words
        more = ("--pseudo-model", "depth_model", "--device", "cpu", "--workers", "1")
        chosen = more if words[2] == "dino_depth.prepare" else ()
        assert importlib.import_module(words[2]).main([*words[3:], *chosen]) == 0, words


def _lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class TestPretrainingPage:
    def test_commands__run_in_order(
        self, workplace: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(workplace)
        for words in commands(PAGE):
            _run(words)
        runs = {
            path.name: _lines(path / "metrics.jsonl")[-1]["step"] for path in (workplace / "runs").iterdir()
        }
        names = ("smoke", "first", "one_gpu", "eight_gpus", "sharded", "two_nodes", "probed")
        assert runs == dict.fromkeys(names, 4)
        (record,) = (workplace / "runs" / "first" / "checkpoints").glob("step_00000004/checkpoint.json")
        assert json.loads(record.read_text())["total_batch"] == 8  # 4 of each of two processes
        assert [line["step"] for line in _lines(workplace / "runs" / "probed" / "probes.jsonl")] == [0, 4]
        timm.create_model(f"local-dir:{workplace / 'encoder'}", pretrained=True)
        assert (workplace / "probe" / "pca.png").is_file()
        assert ("models", "ORG/NAME") in hub.repositories
        config = json.loads((workplace / "model" / "config.json").read_text())
        assert config["trained"]["depth_channels"] == 32
