"""Reports of a directory: which pages, and what is said where something is missing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from modmap.errors import ModMapError, UsageError
from modmap.report.write import write_reports
from tests.modmap.report.conftest import Reported


@pytest.fixture
def out(reported: Reported, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reported.out, tmp_path / "out"))


class TestWriteReports:
    def test_write__what_the_page_says(self, reported: Reported) -> None:
        summary = json.loads((reported.out / "bad" / "summary.json").read_text())
        page = (reported.out / "bad" / "report.html").read_text(encoding="utf-8")
        assert f"<b>{summary['score']:.4g}</b>" in page
        assert page.count('<div class="view" ') == len(summary["views"])
        pictures = 5 * len(summary["views"]) + 3  # of the part, from three sides
        assert len(re.findall(r'<img src="data:image/webp;base64,', page)) == pictures
        assert page.count('<tr class="defect"') == summary["defects"]
        assert summary["model"] in page
        assert "from 3 good scans" in page

    def test_write__one_scan_alone(self, out: Path) -> None:
        assert write_reports(out / "good") == [out / "good" / "report.html"]

    def test_write__moved_scans(self, out: Path, reported: Reported, tmp_path: Path) -> None:
        for path in out.glob("*/summary.json"):
            path.write_text(json.dumps(json.loads(path.read_text()) | {"source": str(tmp_path / "gone")}))
        with pytest.raises(
            ModMapError, match=r"bad: expected the scan where it was predicted from .*--scans"
        ):
            write_reports(out)
        assert len(write_reports(out, scans=reported.scans)) == 3

    def test_write__moved_scans_that_share_a_name(
        self, out: Path, reported: Reported, tmp_path: Path
    ) -> None:
        for place in ("new", "other"):
            shutil.copytree(reported.scans / "bad", tmp_path / place / "bad")
        assert write_reports(out / "bad", scans=tmp_path / "new") == [out / "bad" / "report.html"]
        with pytest.raises(ModMapError, match=r"bad: expected one scan called bad <b>&"):
            write_reports(out / "bad", scans=tmp_path)

    def test_write__not_calibrated_and_no_volume(self, out: Path) -> None:
        path = out / "good" / "summary.json"
        nothing = {
            "verdict": None,
            "calibration": None,
            "p_value": None,
            "margin": None,
            "volume_refused": "no pose",
        }
        path.write_text(json.dumps(json.loads(path.read_text()) | nothing))
        (out / "good" / "volume.npz").unlink()
        (out / "good" / "defects.json").unlink()
        page = write_reports(out / "good")[0].read_text(encoding="utf-8")
        assert "NO VERDICT" in page
        assert "No volume: no pose." in page
        assert "Not looked for" in page
        assert "<iframe" not in page

    def test_write__nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="expected results of modmap predict, found none"):
            write_reports(tmp_path)

    def test_write__half_written_results_are_left_out(self, tmp_path: Path) -> None:
        (tmp_path / ".partial-abc-part").mkdir()
        (tmp_path / ".partial-abc-part" / "summary.json").write_text("{}")
        with pytest.raises(UsageError, match="expected results of modmap predict, found none"):
            write_reports(tmp_path)

    @pytest.mark.parametrize("name", ["maps.npz", "volume.npz", "not_inspected.npz"])
    def test_write__damaged(self, out: Path, name: str) -> None:
        path = out / "bad" / name
        path.write_bytes(path.read_bytes()[:100] if path.is_file() else b"PK")
        with pytest.raises(ModMapError, match=re.escape(str(path))):
            write_reports(out)

    def test_write__summary_of_something_else(self, out: Path) -> None:
        (out / "bad" / "summary.json").write_text("{}")
        with pytest.raises(
            ModMapError, match=r"summary\.json: expected the summary of a prediction, found no"
        ):
            write_reports(out)
