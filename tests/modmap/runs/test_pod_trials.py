"""The lines that a study keeps: half a line doesn't count, and one of something else is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modmap.errors import ModMapError
from modmap.runs.pod_trials import TRIALS, Done

OUTCOME = {
    "index": 0,
    "kind": "dent",
    "size_mm": 4.0,
    "depth_mm": 1.0,
    "scan": "good",
    "copy_of_scan": 0,
    "place_mm": [0, 0, 0],
    "normal": [0, 0, 1],
    "hit": True,
    "peak": 1.5,
}
LINES = ({"scan": "good", "false_calls": 1}, {"scan": "good", "copy": 0, "outcomes": [OUTCOME]})


class TestDone:
    def test_read__half_a_line_does_not_count(self, tmp_path: Path) -> None:
        kept = "".join(f"{json.dumps(line)}\n" for line in LINES)
        (tmp_path / TRIALS).write_text(kept + '{"scan": "good", "co')
        done = Done.read(tmp_path)
        assert done.false_calls == {"good": 1}
        assert [one.size_mm for one in done.outcomes] == [4.0]
        assert done.has("good", 0)
        assert not done.has("good", 1)
        done.add({"scan": "good", "copy": 1, "outcomes": []})
        assert len((tmp_path / TRIALS).read_text().splitlines()) == 3

    @pytest.mark.parametrize(
        "line",
        ["[1]", '{"scan": "good", "copy": -1, "outcomes": []}', '{"copy": 0}', '{"scan": "a", "more": 1}'],
    )
    def test_read__a_line_of_something_else(self, tmp_path: Path, line: str) -> None:
        (tmp_path / TRIALS).write_text(line + "\n")
        with pytest.raises(ModMapError, match=TRIALS.replace(".", r"\.")) as refused:
            Done.read(tmp_path)
        assert "\n" not in str(refused.value)
        assert (tmp_path / TRIALS).read_text() == line + "\n"
