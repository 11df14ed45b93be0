"""A small package into an empty environment: what it takes, and one that can't be installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.costs.install import Installed, _run, main, table
from modmap.errors import ModMapError

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tiny-package"
version = "1"
dependencies = ["docstring-parser"]
"""


class TestMain:
    @pytest.mark.network
    def test_main__says_what_was_pulled_in(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "tiny_package").mkdir()
        (tmp_path / "tiny_package" / "__init__.py").write_text("# " + "x" * 2_000_000)
        (tmp_path / "pyproject.toml").write_text(PROJECT)
        assert main(["--package", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
        found = json.loads((tmp_path / "out" / "results.json").read_text())
        assert set(found["megabytes"]) == {"tiny-package", "docstring_parser"} or set(found["megabytes"]) == {
            "tiny-package",
            "docstring-parser",
        }
        assert found["megabytes"]["tiny-package"] == pytest.approx(2, abs=0.1)
        assert found["seconds"] > 0
        assert "| tiny-package | 2 |" in capsys.readouterr().out

    def test_main__no_package(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--package", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
        assert "nowhere: expected a package's directory or wheel, found nothing" in capsys.readouterr().err

    def test_run__a_command_that_fails(self) -> None:
        with pytest.raises(ModMapError, match=r"expected it to succeed, found no room$"):
            _run([sys.executable, "-c", "import sys; sys.exit('no room')"])


def test_table__the_largest_first_and_all() -> None:
    sizes = {f"p{number}": float(number) for number in range(15)}
    lines = table(Installed("a", "3.11", 12.3, sizes)).splitlines()
    assert lines[2] == "| p14 | 14 |"
    assert lines[-2] == "| 3 others | 3 |"
    assert lines[-1] == "| **all 15, 12 s** | **105** |"
