"""The demonstration, whole but small: one part, small images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import demo
from benchmarks.evaluations.defects import TrueDefect
from modmap.runs.volume_files import load_volume


class TestDemo:
    def test_run__verdicts_defects_and_the_page_to_open(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(demo, "CATEGORIES", ("weld_neck_flange",))
        monkeypatch.setattr(demo, "SIZE", (160, 120))
        monkeypatch.setattr(demo, "GOOD", 1)
        monkeypatch.setattr(demo, "BAD", 1)
        opened: list[str] = []
        monkeypatch.setattr(demo.webbrowser, "open", opened.append)
        arguments = demo.Arguments(data=tmp_path / "data", out=tmp_path / "results", workers=1, open=True)
        assert demo.run(arguments) == 0
        printed = capsys.readouterr().out
        scans = tmp_path / "results" / "scans"
        summaries = {path.parent.name: json.loads(path.read_text()) for path in scans.glob("*/summary.json")}
        assert set(summaries) == {"weld_neck_flange_00", "weld_neck_flange_01_bad"}
        planted = json.loads(
            (tmp_path / "data" / "weld_neck_flange" / "weld_neck_flange_01_bad" / "defects.json").read_text()
        )
        fails = [summaries[name]["verdict"] == "fail" for name in sorted(summaries)]
        assert "parts: 1 good, 1 with planted defects" in printed
        assert (
            f"verdicts: {int(fails[1])} of 1 defective parts fail, {int(fails[0])} of 1 good ones" in printed
        )
        assert f" of {len(planted)} planted are reported" in printed
        page = Path(printed.split("To open in a browser:")[1].strip())
        assert page == scans / "index.html"
        assert opened == [page.as_uri()]
        assert "weld_neck_flange_01_bad" in page.read_text()
        for name, summary in summaries.items():
            assert f"{name}: score" in printed
            assert load_volume(scans / name / "volume.npz").score == pytest.approx(summary["score"])
            assert (scans / name / "contact_sheet.png").is_file()
        assert demo.run(arguments) == 0
        assert capsys.readouterr().out.count("already done") == 2

    def test_tally__three_lines(self) -> None:
        tally = demo.Tally(good=[6, 1], bad=[8, 7])
        missed = [TrueDefect(kind, np.zeros((1, 3))) for kind in ("stain", "scratch")]
        tally.defects += demo.Matches(reported=9, right=7, true=10, found=8, missed=missed)
        assert tally.lines().splitlines() == [
            "parts: 6 good, 8 with planted defects",
            "verdicts: 7 of 8 defective parts fail, 1 of 6 good ones",
            "defects: 8 of 10 planted are reported (missed: stain, scratch), 2 reported where none is",
        ]
