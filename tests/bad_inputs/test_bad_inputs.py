"""Every row of the table: what is said, in one line, and how the command ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch

from tests.bad_inputs.all_subjects import ROWS
from tests.bad_inputs.running import Outcome, expected_line, run_here, says
from tests.bad_inputs.table import Row
from tests.bad_inputs.workspace import Pristine, Workspace
from tests.bad_inputs.write_errors_page import PAGE, errors_page

PROGRESS = re.compile(r"\s*|.* \d+/\d+ [-:\d]+")  # lines of how far the work is


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    """Good things, each made once."""
    return Pristine(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def workspace(tmp_path: Path, pristine: Pristine) -> Workspace:
    """Copies of them, one row's own."""
    return Workspace(tmp_path, pristine)


@pytest.fixture(autouse=True, scope="module")
def _quietly_on_one_thread() -> Iterator[None]:
    threads, level = torch.get_num_threads(), cv2.utils.logging.getLogLevel()
    torch.set_num_threads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    yield
    torch.set_num_threads(threads)
    cv2.utils.logging.setLogLevel(level)


def _check(row: Row, outcome: Outcome, workspace: Workspace) -> None:
    said = "\n".join(outcome.lines)
    assert "Traceback" not in said
    assert outcome.status == row.status, said
    if row.says:
        assert says(row, outcome, workspace), f"{expected_line(row, workspace).pattern}\nnot in\n{said}"
    if row.status and (row.says or row.status != 2):
        lines = [line for line in outcome.errors.splitlines() if not PROGRESS.fullmatch(line)]
        assert len(lines) <= 1, outcome.errors
    assert row.holds is None or row.holds(workspace)


class TestRows:
    @pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
    def test_row__says_what_is_wrong(
        self, row: Row, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("COLUMNS", "200")
        _check(row, run_here(row, workspace), workspace)


class TestTable:
    def test_rows__have_names_of_their_own(self) -> None:
        names = [row.name for row in ROWS]
        assert len(set(names)) == len(names)

    def test_rows__are_many(self) -> None:
        assert len(ROWS) >= 300


class TestErrorsPage:
    def test_page__is_what_the_table_says(self) -> None:
        assert PAGE.read_text(encoding="utf-8") == errors_page(), (
            "python -m tests.bad_inputs.write_errors_page"
        )
