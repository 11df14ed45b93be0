"""Numbers and places that a command can't use: one line, before any work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., int]


class TestOutOfRange:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("fit GOOD -o OUT --size -5", "size: expected greater than or equal to 28, found -5"),
            ("fit GOOD -o OUT --epochs 0", "training.epochs: expected greater than or equal to 1, found 0"),
            ("fit GOOD -o OUT --voxel nan", "inference.voxel: "),
            ("fit GOOD -o OUT --voxel -1", "inference.voxel: expected greater than 0, found -1"),
            ("fit GOOD -o OUT --seed -1", "training.seed: expected greater than or equal to 0, found -1"),
            ("fit GOOD -o OUT --set evidence.least_inspected=2", "evidence.least_inspected: "),
            ("evaluate GOOD -o OUT --cache CACHE --cache-gb nan", "expected a positive limit in gigabytes"),
            ("evaluate GOOD -o OUT --cache CACHE --cache-gb inf", "expected a positive limit in gigabytes"),
            ("figures features GOOD --encoders local-dir:X -o OUT --size -5", "--size: expected at least 28"),
            ("figures pairs MODEL GOOD -o OUT --top nan", "--top: expected more than 0"),
            ("figures evidence GOOD -o OUT --top nan", "--top: expected more than 0"),
            ("figures evidence GOOD -o OUT --top inf", "--top: expected more than 0"),
            ("figures qualitative GOOD -o OUT --count 0", "--count: expected at least 1"),
            (
                "calibrate MODEL GOOD --false-alarm-rate nan",
                "false-alarm rate: expected a number between 0 and 1",
            ),
            ("calibrate MODEL GOOD --surface-share nan", "expected"),
            ("watch MODEL GOOD -o OUT --every nan", "every: expected more than 0 seconds"),
            ("watch MODEL GOOD -o OUT --settled inf", "settled: expected more than 0 seconds"),
        ],
    )
    def test_numbers__one_line(
        self,
        run: Run,
        model: Path,
        scans: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        words: str,
        said: str,
    ) -> None:
        places = {
            "GOOD": scans / "good",
            "MODEL": model,
            "OUT": tmp_path / "out",
            "CACHE": tmp_path / "cache",
        }
        assert run(*(places.get(word, word) for word in words.split())) in (1, 2)
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("command", ["fit", "evaluate", "predict", "features", "watch"])
    @pytest.mark.parametrize("kind", ["dangling", "file", "below a file"])
    def test_output__what_can_be_no_directory(
        self,
        run: Run,
        model: Path,
        scans: Path,
        tiny_depth_encoder: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        command: str,
        kind: str,
    ) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
        out = tmp_path / "file" / "out" if kind == "below a file" else tmp_path / kind
        shutil.copytree(scans / "good", tmp_path / "parts" / "train")
        shutil.copytree(scans / "bad", tmp_path / "parts" / "bad")
        words = {
            "fit": ("fit", scans / "good", "-o", out),
            "evaluate": ("evaluate", tmp_path / "parts", "-o", out),
            "predict": ("predict", model, scans / "good", "-o", out),
            "features": (
                "figures",
                "features",
                scans / "good",
                "--encoders",
                f"local-dir:{tiny_depth_encoder}",
                "-o",
                out,
            ),
            "watch": ("watch", model, scans, "-o", out, "--idle", "0.1"),
        }[command]
        assert run(*words) in (1, 2)
        printed, error = capsys.readouterr()
        assert not printed
        assert f"{out}: expected a directory to write " in error
        assert {"dangling": "a link that leads nowhere", "file": "found a file"}.get(
            kind, "which is none"
        ) in error
        assert error.count("\n") == 1
        assert not (tmp_path / "nowhere").exists()

    def test_output__the_root_of_all_files(
        self, run: Run, scans: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("fit", scans / "good", "-o", "/") == 1
        assert (
            "/: expected a directory to write a model to, found the root of all files"
            in capsys.readouterr().err
        )
