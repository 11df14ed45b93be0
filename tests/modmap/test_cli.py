"""The command line as a whole, as a user types it."""

from __future__ import annotations

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
