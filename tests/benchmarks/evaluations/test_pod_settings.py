"""Settings compared by what they would find."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pod_settings import main
from modmap.datasets import write_scan
from tests.modmap.pod.plates import plate_scan


class TestMain:
    def test_main__without_geometry_no_dent_is_found(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name, seed in (("nominal", 0), ("good", 1)):
            write_scan(plate_scan(name, seed=seed, width=120), tmp_path / name)
        words = ["--nominal", tmp_path / "nominal", "--good", tmp_path / "good", "--out", tmp_path / "out"]
        words += ["--kinds", "dent", "--sizes", "20", "30", "--count", "4", "--variants"]
        words += ["geometry:evidence.appearance=false,evidence.texture=false,evidence.memory=false"]
        words += ["appearance:evidence.geometry=false,evidence.texture=false,evidence.memory=false"]
        assert main([str(word) for word in words]) == 0
        shown = capsys.readouterr().out
        found = {
            line.split("|")[1].strip(): int(line.split("|")[3].split(" of ")[0])
            for line in shown.splitlines()
            if " of 4" in line
        }
        assert set(found) == {"geometry", "appearance"}
        assert found["geometry"] > found["appearance"]
