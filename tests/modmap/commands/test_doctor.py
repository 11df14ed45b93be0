"""`modmap doctor`, as a user types it, and any command where a package is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

Run = Callable[..., int]


class TestDoctor:
    def test_doctor__as_json(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("doctor", "--json", "--device", "cpu") == 0
        out, error = capsys.readouterr()
        found = json.loads(out)
        assert error == ""
        assert found["problems"] == []
        assert found["speed"]["gflops"]["float32"] > 0
        assert found["speed"]["view_seconds"] > 0

    def test_doctor__says_what_is_broken(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyevtk", None)
        assert run("doctor", "--device", "cpu") == 1
        out, error = capsys.readouterr()
        assert error.startswith("modmap doctor: error: pyevtk ")
        assert error.count("\n") == 1
        assert "GFLOP/s" in out

    @pytest.mark.parametrize("broken", [True, False])
    def test_any_command__without_a_package_that_it_needs(
        self, run: Run, broken: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The package is named, where one can't be imported; else what was said."""

        def command() -> int:
            raise ImportError("libsomething.so: not found")

        monkeypatch.setattr("modmap.cli.every_command", lambda: ({"one": command, "two": command}, {}))
        if broken:
            monkeypatch.setitem(sys.modules, "pyevtk", None)
        assert run("one") == 1
        out, error = capsys.readouterr()
        assert out == ""
        assert error.count("\n") == 1
        assert error.startswith(
            "modmap: error: pyevtk " if broken else "modmap: error: libsomething.so: not found"
        )

    @pytest.mark.parametrize("command", ["doctor", "check"])
    def test_any_command__without_a_package_that_all_need(
        self, run: Run, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "tyro", None)
        assert run(command) == 1
        out, error = capsys.readouterr()
        assert out == ""
        assert error.startswith("modmap: error: tyro ")
        assert error.count("\n") == 1
