"""docs/walk_through.ipynb runs from top to bottom, as somebody would run it in a fresh clone.

It is kept without outputs: their last digits differ from machine to machine, so none could be compared with the
run, and each change of a colour would store all pictures anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs_blocks import DOCS, REPOSITORY

NOTEBOOK = "walk_through.ipynb"


def _outputs(notebook: Any, kind: str) -> list[str]:
    """What the cells show, of one MIME type; `text/plain` has what is printed too."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output["data"][kind] for output in found if kind in output.get("data", {})]
    printed = [output["text"] for output in found if output["output_type"] == "stream"]
    return [*shown, *(printed if kind == "text/plain" else ())]


class TestNotebook:
    def test_stored__has_no_outputs(self) -> None:
        notebook = nbformat.read(DOCS / NOTEBOOK, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert code
        assert all(cell.outputs == [] and cell.execution_count is None for cell in code)

    @pytest.mark.network
    def test_run__every_cell(
        self, dinov2_vits14: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("k3d")
        clone = tmp_path / "clone"
        (clone / "docs").mkdir(parents=True)
        (clone / "benchmarks").symlink_to(REPOSITORY / "benchmarks")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        notebook = nbformat.read(DOCS / NOTEBOOK, as_version=4)
        NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": clone / "docs"}}
        ).execute()
        html = " ".join(_outputs(notebook, "text/html"))
        assert "belt_pulley_real" in html  # the scan's card
        assert "final map of view 11" in html  # the result's
        assert len(_outputs(notebook, "image/png")) == 3
        text = "\n".join(_outputs(notebook, "text/plain"))
        assert "neighbouring views agree to" in text
        assert "an estimate, not a guarantee" in text
        verdicts = dict(re.findall(r"^(belt_pulley_\w+): score .*, (pass|fail)$", text, re.MULTILINE))
        assert set(verdicts) == {"belt_pulley_00", "belt_pulley_01_bad"}
        found = re.search(r"^1: at ", text, re.MULTILINE) is not None
        assert found == (verdicts["belt_pulley_01_bad"] == "fail")
        assert (clone / "out" / "walk_through" / "parts" / "belt_pulley_01_bad" / "report.html").is_file()
        assert (clone / "out" / "walk_through" / "model" / "config.json").is_file()
