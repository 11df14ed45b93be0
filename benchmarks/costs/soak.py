"""Does a process that lives long grow? `python -m benchmarks.soak --out soak` scores small scans, loads a model and
writes reports, again and again in one process, and looks at its memory after each.

Memory is flat where the median of the last tenth is less than 5%, or 16 MB, above that of the second tenth: in the
first, libraries are still loaded and pools filled. The exit status is 1 where it isn't.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown
from modmap import ModMap, Scan
from modmap.camera import Camera
from modmap.datasets import write_scan
from modmap.report.write import write_reports
from modmap.runs.predict import write_result
from modmap.scan import View

STATUS = Path("/proc/self/status")
SHARE, LEAST_MB = 0.05, 16.0
WIDTH, HEIGHT, DISTANCE, RADIUS = 64, 48, 300.0, 60.0


@dataclass(frozen=True)
class Arguments:
    """Look at the memory of a process that scores, loads and reports for long."""

    out: Path
    """Where the figures go, and what is written on the way."""
    scans: int = 2000
    """Small scans scored, each with its result written."""
    loads: int = 200
    """Times a model is loaded."""
    reports: int = 200
    """Reports written of one result."""


@dataclass(frozen=True)
class Growth:
    """The memory of a process over equal steps.

    Attributes:
        what: The step.
        steps: How many.
        early_mb: Median resident memory of the second tenth of them.
        late_mb: Of the last tenth.
        most_mb: The most.
        seconds: For all.
    """

    what: str
    steps: int
    early_mb: float
    late_mb: float
    most_mb: float
    seconds: float

    @property
    def flat(self) -> bool:
        """Whether it didn't grow."""
        return self.late_mb - self.early_mb < max(SHARE * self.early_mb, LEAST_MB)


def resident_mb() -> float:
    """Resident memory of this process, in MB (10^6 bytes); Linux alone tells it so."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def growth(what: str, step: Callable[[int], object], count: int) -> Growth:
    """Takes a step so many times, and looks at the memory after each."""
    sizes, begun = [], time.perf_counter()
    gc.collect()
    gc.freeze()  # or each collection would go through all that is imported
    for index in track(range(count), description=what, console=Console(stderr=True)):
        step(index)
        gc.collect()
        sizes.append(resident_mb())
    gc.unfreeze()
    tenth = max(1, count // 10)
    early = sizes[tenth : 2 * tenth] or sizes
    return Growth(
        what,
        count,
        statistics.median(early),
        statistics.median(sizes[-tenth:]),
        max(sizes),
        time.perf_counter() - begun,
    )


def ball(seed: int, *, views: int = 3) -> Scan:
    """A scan of a ball with some noise, in memory, seen from a ring of cameras."""
    rng = np.random.default_rng(seed)
    K = np.array([[WIDTH, 0, (WIDTH - 1) / 2], [0, WIDTH, (HEIGHT - 1) / 2], [0, 0, 1.0]])
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    x, y = (u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]
    # Along the ray (x, y, 1) t the ball is met where |t (x, y, 1) - (0, 0, d)| = r.
    a, b, c = x**2 + y**2 + 1, np.full_like(x, DISTANCE), DISTANCE**2 - RADIUS**2
    inside = b**2 - a * c
    met = np.where(inside > 0, (b - np.sqrt(np.maximum(inside, 0))) / a, 0)
    shade = np.where(met > 0, 255 * (DISTANCE - met) / RADIUS, 20)
    ring = []
    for index in range(views):
        angle = 2 * np.pi * index / views
        pose = np.eye(4)
        pose[:3, :3] = [
            [np.cos(angle), 0, np.sin(angle)],
            [0, 1, 0],
            [-np.sin(angle), 0, np.cos(angle)],
        ]
        pose[2, 3] = DISTANCE
        depth = np.where(met > 0, met + rng.normal(0, 0.05, met.shape), 0).astype(np.float32)
        image = (shade + rng.normal(0, 2, met.shape)).clip(0, 255).astype(np.uint8)
        camera = Camera(K, pose, size=(WIDTH, HEIGHT))
        ring.append(View(f"{index:02d}", image=image, depth=depth, camera=camera))
    return Scan("ball", views=ring)


def soak(arguments: Arguments) -> list[Growth]:
    """Takes all the steps."""
    out = arguments.out
    model = ModMap(device="cpu", settings={"inference": {"voxel": 8}}).fit(ball(0))
    place = model.save_pretrained(out / "model")
    if not (out / "scan").exists():
        write_scan(ball(1), out / "scan")
    scan = Scan.load(out / "scan")

    def score(index: int) -> None:
        one = ball(index)
        write_result(model.predict(one), one, out / "scored", model=model)

    found = [growth("scans scored", score, arguments.scans)]
    found.append(growth("from_pretrained", lambda _: ModMap.from_pretrained(place), arguments.loads))
    write_result(model.predict(scan), scan, out / "results" / "ball", model=model)
    found.append(growth("reports", lambda _: write_reports(out / "results"), arguments.reports))
    return found


def _run(arguments: Arguments) -> int:
    found = soak(arguments)
    header = ["what", "times", "MB, second tenth", "MB, last tenth", "MB at most", "s", "flat"]
    rows = [
        [
            one.what,
            str(one.steps),
            *(f"{value:.0f}" for value in (one.early_mb, one.late_mb, one.most_mb, one.seconds)),
            "yes" if one.flat else "no",
        ]
        for one in found
    ]
    write_report(arguments.out, [asdict(one) for one in found], markdown(header, rows))
    return 0 if all(one.flat for one in found) else 1


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, _run, prog="python -m benchmarks.soak", words=words)
