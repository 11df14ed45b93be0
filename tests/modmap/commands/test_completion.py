"""`modmap completion`, whose script a real bash loads and completes with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

Run = Callable[..., int]

# What bash does at the key Tab: the words so far, and which of them is being typed; the answer is in COMPREPLY.
ASK = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
found=$(complete -p modmap)
found=${found#*-F }
"${found% modmap}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A file with the script for bash."""
    assert run("completion", "bash") == 0
    (tmp_path / "modmap.bash").write_text(capsys.readouterr().out)
    return tmp_path / "modmap.bash"


def _completed(script: Path, *words: str) -> list[str]:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    asked = [bash, "--noprofile", "--norc", "-c", ASK, "bash", str(script), "modmap", *words]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


class TestBash:
    def test_bash__completes_commands_options_and_choices(self, script: Path) -> None:
        for words, expected in (
            (("pre",), ["predict"]),
            (("fi",), ["figures", "fit"]),
            (("figures", "fe"), ["features"]),
            (("encoders", "p"), ["pull"]),
            (("figures", "pairs", "--to"), ["--top"]),
            (("fit", "--pre"), ["--preset"]),
            (("fit", "scan", "--preset", "in"), ["inspect"]),
            (("nothing_like_this",), [""]),
        ):
            assert sorted(_completed(script, *words)) == sorted(expected), words

    @pytest.mark.parametrize("command", ["fit", "calibrate", "predict", "pod"])
    def test_bash__offers_options_alone(self, script: Path, command: str) -> None:
        """Not the second line of what one's help says."""
        found = _completed(script, command, "--")
        assert {"--help", "--device"} <= set(found)
        assert [one for one in found if not one.startswith("--")] == []


class TestOtherShells:
    @pytest.mark.parametrize("shell", ["zsh", "fish"])
    def test_script__has_every_command(
        self, run: Run, shell: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("completion", shell) == 0
        out = capsys.readouterr().out
        assert all(f"'{name}'" in out for name in ("fit", "features", "pull", "--preset"))
        if (program := shutil.which(shell)) is not None:
            subprocess.run([program, "-n"], input=out, text=True, check=True)

    def test_script__of_tcsh_needs_a_package(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        code = run("completion", "tcsh")
        out, error = capsys.readouterr()
        if find_spec("shtab") is None:
            assert (code, out) == (1, "")
            assert error == (
                "modmap: error: completion: expected the package shtab for tcsh, found none: pip install shtab\n"
            )
        else:
            assert code == 0
            assert "complete modmap" in out

    def test_script__of_no_shell(self, run: Run) -> None:
        assert run("completion", "powershell") == 2
