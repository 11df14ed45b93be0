"""The demonstration, whole but small: one part, small images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import demo
from modmap.runs.volume_files import load_volume


class TestDemo:
    def test_run__says_what_to_open(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(demo, "CATEGORIES", ("weld_neck_flange",))
        monkeypatch.setattr(demo, "SIZE", (80, 60))
        monkeypatch.setattr(demo, "GOOD", 1)
        monkeypatch.setattr(demo, "BAD", 1)
        arguments = demo.Arguments(data=tmp_path / "data", out=tmp_path / "results", workers=1)
        assert demo.run(arguments) == 0
        printed = capsys.readouterr().out
        assert "| weld_neck_flange | 2 | 1 |" in printed
        named = [
            word.rstrip(",")
            for word in printed.split("To look at:")[1].split()
            if word.startswith(str(tmp_path))
        ]
        assert [Path(word).name for word in named] == ["contact_sheet.png", "volume.ply", "defects.json"][
            : len(named)
        ]
        assert all(Path(word).is_file() for word in named)
        scans = tmp_path / "results" / "weld_neck_flange" / "scans"
        scores = {
            path.parent.name: json.loads(path.read_text())["score"] for path in scans.glob("*/summary.json")
        }
        assert set(scores) == {"weld_neck_flange_00", "weld_neck_flange_01_bad"}
        for name in scores:
            assert load_volume(scans / name / "volume.npz").score == pytest.approx(scores[name])
