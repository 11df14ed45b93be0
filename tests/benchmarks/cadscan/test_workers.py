"""Workers end with the run that began them, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.cadscan.workers import run_all

REPOSITORY = Path(__file__).parents[3]


def note(path: Path) -> None:
    """Leaves the process's number and stays for a minute."""
    (path.parent / f"{path.name}-{os.getpid()}").touch()
    time.sleep(60)


def touch(path: Path) -> None:
    path.touch()


def refuse(path: Path) -> None:
    raise ValueError(f"{path.name} can't be done")


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class TestRunAll:
    @pytest.mark.parametrize("workers", [1, 2])
    def test_run_all__does_every_job(self, tmp_path: Path, workers: int) -> None:
        jobs = [tmp_path / str(index) for index in range(5)]
        run_all(touch, jobs, workers=workers, title="jobs")
        assert all(job.exists() for job in jobs)

    @pytest.mark.parametrize("workers", [1, 2])
    def test_run_all__raises_the_first_error(self, tmp_path: Path, workers: int) -> None:
        with pytest.raises(ValueError, match="can't be done"):
            run_all(refuse, [tmp_path / "a", tmp_path / "b"], workers=workers, title="jobs")

    @pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
    def test_run_all__killed_leaves_no_worker(self, tmp_path: Path) -> None:
        code = (
            "from pathlib import Path; from benchmarks.cadscan.workers import run_all; "
            "from tests.benchmarks.cadscan.test_workers import note; "
            f"run_all(note, [Path({str(tmp_path)!r}) / 'a', Path({str(tmp_path)!r}) / 'b'], workers=2, title='notes')"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = [int(path.name.partition("-")[2]) for path in tmp_path.iterdir()]
        assert len(workers) == 2
        assert all(is_alive(worker) for worker in workers)
        process.send_signal(signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 20
        while any(is_alive(worker) for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(is_alive(worker) for worker in workers)
