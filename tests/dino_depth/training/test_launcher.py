"""What accelerate was asked for, read from its command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dino_depth.training.launcher import asked_of, processes_asked
from tests.dino_depth.launches import ENVIRONMENT, SCRIPT, words

LAUNCH = ["/usr/bin/python", "/somewhere/bin/accelerate", "launch"]


class TestAskedOf:
    @pytest.mark.parametrize(
        ("command", "expected"),
        [
            ([*LAUNCH, "--cpu", "--num_processes", "2", "train.py"], 2),
            ([*LAUNCH, "--num-processes=8", "-m", "train"], 8),
            (["python", "-m", "accelerate.commands.launch", "--num_processes=3", "train.py"], 3),
            ([*LAUNCH, "--cpu", "train.py", "--num_processes", "5"], None),  # the script's own word
            ([*LAUNCH, "--num_processes", "many", "train.py"], None),
            ([*LAUNCH, "--num_processes"], None),
            (["torchrun", "--nproc_per_node", "2", "train.py"], None),
            (["python", "train.py"], None),
            ([], None),
        ],
    )
    def test_asked_of__a_command(self, command: list[str], expected: int | None) -> None:
        assert asked_of(command) == expected

    @pytest.mark.parametrize(
        ("content", "expected"),
        [("num_processes: 4\n", 4), ("other: 1\n", None), ("[", None), ("- 1\n", None)],
    )
    def test_asked_of__a_configuration_file(self, tmp_path: Path, content: str, expected: int | None) -> None:
        (tmp_path / "a.yaml").write_text(content)
        assert asked_of([*LAUNCH, "--config_file", str(tmp_path / "a.yaml"), "train.py"]) == expected
        assert asked_of([*LAUNCH, "--config_file", str(tmp_path / "b.yaml"), "train.py"]) is None


def test_processes_asked__of_one_that_accelerate_did_not_begin() -> None:
    assert processes_asked() is None


@pytest.mark.skipif(sys.platform != "linux", reason="a process sees how another was begun on Linux alone")
def test_launch__two_processes_that_accelerate_begins_one_of(tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", SCRIPT]
    done = subprocess.run(
        [*launch, *words(tmp_path / "corpus", tmp_path / "run")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode != 0
    assert "accelerate launch: expected 2 processes, as it was asked for, found 1" in done.stderr
    assert "torchrun --nproc_per_node 2" in done.stderr
