"""The memory of a process that lives long: a leak is seen, and a short soak has none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.costs.soak import Growth, main, resident_mb
from tests.fork_server import REPOSITORY, run

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells a process's memory so"
)


LEAKING_AND_NOT = """
import dataclasses, json
from benchmarks.costs.soak import growth
kept = []
leaking = growth("leak", lambda _: kept.append(bytearray(b"1" * 4_000_000)), 30)
steady = growth("none", lambda _: bytearray(b"1" * 4_000_000), 30)
print(json.dumps([dataclasses.asdict(one) for one in (leaking, steady)]))
"""


class TestGrowth:
    def test_growth__a_leak_is_seen(self) -> None:
        """In a process of its own: one that ran other tests has freed memory enough to hide it in."""
        ended = run(["-c", LEAKING_AND_NOT], cwd=REPOSITORY)
        assert ended.returncode == 0, ended.stderr
        leaking, steady = (Growth(**one) for one in json.loads(ended.stdout))
        assert not leaking.flat
        assert leaking.late_mb - leaking.early_mb > 60
        assert steady.flat

    def test_flat__up_to_a_share(self) -> None:
        assert Growth("a", 10, 1000.0, 1040.0, 1100.0, 1.0).flat
        assert not Growth("a", 10, 1000.0, 1060.0, 1100.0, 1.0).flat

    def test_resident_mb__is_the_process_s(self) -> None:
        assert 10 < resident_mb() < 100_000


class TestMain:
    def test_main__a_short_one(self, tmp_path: Path) -> None:
        words = ["--out", str(tmp_path), "--scans", "3", "--loads", "3", "--reports", "3"]
        assert main(words) in (0, 1)  # of three steps nothing is known yet
        found = json.loads((tmp_path / "results.json").read_text())
        assert [(one["what"], one["steps"]) for one in found] == [
            ("scans scored", 3),
            ("from_pretrained", 3),
            ("reports", 3),
        ]
