"""`modmap watch`, as a line runs it: a process of its own, and scans that arrive."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from tests.fork_server import Forked

Run = Callable[..., int]
SOON = 120.0  # seconds


@contextmanager
def watching(model: Path, arriving: Path, out: Path, *words: str) -> Iterator[tuple[Forked, TextIO]]:
    """A process that watches, quick to take a scan, and what it says; ended if the test doesn't."""
    command = ["-m", "modmap.cli", "watch", str(model), str(arriving), "-o", str(out)]
    given = ["--settled", "0.5", "--every", "0.1", "--no-overlays", "--formats", "npz", "--device", "cpu"]
    pipe = arriving.parent / f"{secrets.token_hex(4)}.pipe"
    os.mkfifo(pipe)
    process = Forked([*command, *given, *words], output=(str(pipe), str(pipe)))
    try:
        with pipe.open() as said:
            yield process, said
    finally:
        process.kill()
        process.wait()


def line_of(said: TextIO, beginning: str) -> str:
    """The next line that begins so."""
    for line in said:
        if line.startswith(beginning):
            return line
    raise AssertionError(f"ended without a line that begins with {beginning!r}")


def arrive(scan: Path, arriving: Path, name: str) -> Path:
    """A copy of a scan, under a name of its own."""
    place = arriving / name
    shutil.copytree(scan, place)
    record = json.loads((place / "scan.json").read_text())
    (place / "scan.json").write_text(json.dumps(record | {"name": name}))
    return place


class TestWatch:
    def test_watch__scores_what_arrives_until_it_is_told_to_stop(
        self, run: Run, model: Path, scans: Path, tmp_path: Path
    ) -> None:
        arriving, out = tmp_path / "in", tmp_path / "out"
        arriving.mkdir()
        arrive(scans / "good", arriving, "first")
        with watching(model, arriving, out) as (process, said):
            line_of(said, "watching")
            assert "score" in line_of(said, "first: score")
            broken = arrive(scans / "bad", arriving, "second")
            (broken / "depth" / "00.npy").write_bytes(b"not depth")
            assert "00.npy" in line_of(said, "modmap: error:")
            shutil.rmtree(broken)
            arrive(scans / "bad", arriving, "second")
            bad = line_of(said, "second: score")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=SOON) == 0
        assert {path.name for path in out.iterdir()} == {"first", "second"}
        # As `modmap predict` has it.
        assert run("predict", model, arriving / "second", "-o", tmp_path / "one", "--no-overlays") == 0
        one, other = (
            json.loads((place / "second" / "summary.json").read_text()) for place in (tmp_path / "one", out)
        )
        assert one["score"] == other["score"]
        assert f"score {one['score']:.4f}" in bad

    def test_watch__begun_again_does_nothing_anew_and_ends_when_idle(
        self, model: Path, scans: Path, tmp_path: Path
    ) -> None:
        arriving, out = tmp_path / "in", tmp_path / "out"
        arriving.mkdir()
        arrive(scans / "good", arriving, "first")
        for expected in ("first: score", "first: already done"):
            with watching(model, arriving, out, "--idle", "1") as (process, said):
                assert line_of(said, expected)
                assert process.wait(timeout=SOON) == 0
        before = (out / "first" / "summary.json").stat().st_mtime_ns
        time.sleep(0.01)
        os.utime(arriving / "first" / "depth" / "00.npy")
        with watching(model, arriving, out, "--idle", "1") as (process, said):
            assert line_of(said, "first: score")
            assert process.wait(timeout=SOON) == 0
        assert (out / "first" / "summary.json").stat().st_mtime_ns > before

    def test_watch__two_scans_of_one_name(self, model: Path, scans: Path, tmp_path: Path) -> None:
        arriving = tmp_path / "in"
        for shift in ("early", "late"):
            shutil.copytree(scans / "good", arriving / shift / "part")
        with watching(model, arriving, tmp_path / "out", "--idle", "1") as (process, said):
            line_of(said, "good: score")
            assert "would both write to good: rename one of them" in line_of(said, "modmap: error:")
            assert process.wait(timeout=SOON) == 0

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--settled", "0"], "watch: settled: expected more than 0 seconds, at most 1e+06, found 0"),
            (["--every", "-1"], "watch: every: expected more than 0 seconds, at most 1e+06, found -1"),
            (["--idle", "nan"], "watch: idle: expected more than 0 seconds, at most 1e+06, found nan"),
        ],
    )
    def test_watch__times_that_make_no_sense(
        self,
        run: Run,
        model: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        words: list[str],
        said: str,
    ) -> None:
        assert run("watch", model, tmp_path, "-o", tmp_path / "out", *words) == 2
        assert said in capsys.readouterr().err

    def test_watch__places_that_make_no_sense(
        self, run: Run, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("watch", model, tmp_path / "nowhere", "-o", tmp_path / "out") == 2
        assert "expected a directory that scans arrive in, found none" in capsys.readouterr().err
        (tmp_path / "in").mkdir()
        assert run("watch", model, tmp_path / "in", "-o", tmp_path / "in" / "out") == 2
        assert "expected an output outside" in capsys.readouterr().err
