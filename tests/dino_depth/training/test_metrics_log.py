"""The lines of metrics: means over steps, and nothing past the checkpoint that a run resumes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dino_depth.training.metrics_log import MetricsLog


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


class TestMetricsLog:
    def test_add__means_since_the_last_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        log = MetricsLog(tmp_path, start=0, steps=5, every=2)
        written = [log.add(step, {"total": float(step)}, {"lr": 0.1}, maps=8) for step in range(1, 6)]
        means = (None, 1.5, None, 3.5, 5.0)
        assert written == [None if mean is None else {"total": mean, "lr": 0.1} for mean in means]
        assert lines(tmp_path) == [
            {"step": 2, "total": 1.5, "lr": 0.1},
            {"step": 4, "total": 3.5, "lr": 0.1},
            {"step": 5, "total": 5.0, "lr": 0.1},
        ]
        printed = capsys.readouterr().out
        assert "step 2/5  total 1.5000" in printed
        assert "maps/s" in printed

    def test_add__the_rate_is_that_since_the_last_line_without_pauses(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 100.0
        monkeypatch.setattr("dino_depth.training.metrics_log.time.perf_counter", lambda: now)
        log = MetricsLog(tmp_path, start=6, steps=20, every=2)
        for step, took in enumerate((50.0, 50.0, 1.0, 3.0), start=7):
            now += took
            log.add(step, {"total": 0.0}, {}, maps=8, waited=took / 4)
            if step == 8:
                now += 1000.0
                log.pause(1000.0)
        slow, fast = capsys.readouterr().out.splitlines()
        assert "0.2 maps/s  25% waiting for data" in slow
        assert "0:10:00 left" in slow
        assert "4.0 maps/s  25% waiting for data" in fast
        assert "0:00:20 left" in fast

    def test_init__goes_on_between_two_lines(self, tmp_path: Path) -> None:
        whole = MetricsLog(tmp_path / "whole", start=0, steps=7, every=3)
        stopped = MetricsLog(tmp_path / "stopped", start=0, steps=7, every=3)
        for step in range(1, 8):
            if step in (3, 6):
                state = json.loads(json.dumps(stopped.state))
                stopped = MetricsLog(tmp_path / "stopped", start=step - 1, steps=7, every=3, state=state)
            for log in (whole, stopped):
                log.add(step, {"total": 0.1 * step**2}, {}, maps=8)
        assert lines(tmp_path / "stopped") == lines(tmp_path / "whole")
        assert lines(tmp_path / "whole")[0]["total"] == pytest.approx(0.1 * (1 + 4 + 9) / 3)

    def test_add__a_step_that_was_left_out_has_no_losses(self, tmp_path: Path) -> None:
        log = MetricsLog(tmp_path, start=0, steps=6, every=2)
        for step, total in enumerate((1.0, None, None, None, 5.0, 6.0), start=1):
            log.add(step, None if total is None else {"total": total}, {"lr": 0.1}, maps=8)
        assert lines(tmp_path) == [
            {"step": 2, "total": 1.0, "lr": 0.1},
            {"step": 4, "lr": 0.1},
            {"step": 6, "total": 5.5, "lr": 0.1},
        ]

    def test_add__a_number_that_is_not_finite_is_null(self, tmp_path: Path) -> None:
        """Such as a gradient's norm where float16 overflowed."""
        (tmp_path / "metrics.jsonl").write_text('{"step": 1, "total": 1.0, "gradient_norm": Infinity}\n')
        log = MetricsLog(tmp_path, start=1, steps=9, every=1)
        log.add(2, {"total": 2.0}, {"gradient_norm": float("nan")}, maps=8)
        text = (tmp_path / "metrics.jsonl").read_text()
        assert text == (
            '{"step": 1, "total": 1.0, "gradient_norm": null}\n{"step": 2, "total": 2.0, "gradient_norm": null}\n'
        )

    def test_init__drops_what_is_past_the_checkpoint(self, tmp_path: Path) -> None:
        log = MetricsLog(tmp_path, start=0, steps=9, every=1)
        for step in range(1, 6):
            log.add(step, {"total": float(step)}, {}, maps=8)
        with (tmp_path / "metrics.jsonl").open("a") as file:
            file.write('{"step": 6, "tot')  # what a killed run leaves
        MetricsLog(tmp_path, start=3, steps=9, every=1)
        assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3]
