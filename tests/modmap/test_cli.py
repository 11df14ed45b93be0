"""The command line as a whole, as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., int]


class TestMain:
    def test_main__version(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--version") == 0
        assert capsys.readouterr().out.startswith("modmap 0.")

    @pytest.mark.parametrize(
        "words", [("--help",), ("fit", "--help"), ("predict", "--help"), ("encoders", "--help")]
    )
    def test_main__help(self, run: Run, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
        assert run(*words) == 0
        assert capsys.readouterr().out

    def test_main__help_is_an_overview(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        """Of each command what it does, in a line or two; the rest is in its own help."""
        for words in ((), ("--help",), ("-h",)):
            assert run(*words) == 0
            out = capsys.readouterr().out
            assert all(f" {name} " in out for name in ("fit", "predict", "nominal", "doctor", "completion"))
            assert out.count("Example:") == 1
            assert len(out.splitlines()) < 60

    @pytest.mark.parametrize(
        "words", [("fitt",), ("fit", "--sizes", "3"), ("fit", "x", "-o", "m", "--size", "big")]
    )
    def test_main__wrong_words_exit_with_2(self, run: Run, words: tuple[str, ...]) -> None:
        assert run(*words) == 2

    def test_main__encoders_list(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        assert run("encoders", "list") == 0
        assert "can be pulled: dinov2_vits14" in capsys.readouterr().out

    def test_main__encoders_pull_of_an_unknown_name(
        self, run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("encoders", "pull", "dinov2_vits15") == 1
        assert "did you mean 'dinov2_vits14'" in capsys.readouterr().err


class TestInterrupted:
    @pytest.mark.parametrize("module", ["tyro", "modmap_imports_this"])
    def test_main__ctrl_c_while_modules_are_imported(self, tmp_path: Path, module: str) -> None:
        """In a module that the command line needs, and in one that a command needs; imports take longest."""
        stop = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
        (tmp_path / f"{module}.py").write_text(stop)
        script = "import sys; import modmap.cli as cli\n"
        if module != "tyro":
            script += f"def command() -> int:\n    import {module}\n    return 0\n"
            script += "cli.every_command = lambda: ({'command': command, 'other': command}, {})\n"
        script += "cli.main(['command'])"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        # Whoever runs the tests in the background may have it ignored.
        script = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {script}"
        ended = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "modmap: interrupted\n")
