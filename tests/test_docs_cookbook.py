"""docs/cookbook.md runs: every command in the page's order, on parts of four balls, and prints what the page shows.

A part is so small that a prediction takes a fraction of a second; each has a grain and a noise of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import numpy.typing as npt
import pytest
from plyfile import PlyData
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLImageDataReader

from modmap.datasets import write_scan
from modmap.scan import Scan, View
from tests.docs_blocks import BLOCK, DOCS
from tests.fork_server import Forked
from tests.modmap.cad.parts import BALLS, HEIGHT, WIDTH, balls_depth, cameras, write_balls
from tests.modmap.conftest import one_thread, run

Array = npt.NDArray[Any]
Ball = tuple[tuple[float, float, float], float]
Run = Callable[..., int]

PAGE = "cookbook.md"
TOP, BESIDE, FAR_SIDE = (0.3, 0.35, 1.0), (0.6, 0.6, 0.55), (-0.9, -0.5, 0.3)
VARIANT: tuple[Ball, ...] = (*BALLS[:3], ((5.0, -26.0, 36.0), 14.0))

__all__ = ["one_thread", "run"]


def cap(height: float, radius: float, towards: tuple[float, float, float] = TOP) -> Ball:
    """A ball that stands out of the part's first one by so many mm."""
    middle, large = BALLS[0]
    direction = np.array(towards) / np.linalg.norm(towards)
    x, y, z = np.array(middle) + direction * (large + height - radius)
    return (float(x), float(y), float(z)), radius


def write_part(
    place: Path,
    seed: int,
    *more: Ball,
    balls: tuple[Ball, ...] = BALLS,
    views: int = 2,
    anomalous: bool | None = None,
) -> None:
    """A scan of one part, from the first views of a ring of four, named as its directory."""
    rng = np.random.default_rng(seed)
    made = []
    for index, camera in enumerate(cameras(4)[:views]):
        depth = balls_depth(camera, (*balls, *more))
        slope = np.hypot(*np.gradient(depth)) * (depth > 0)
        grain = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH)), (0, 0), 1.0)
        image = np.where(depth > 0, 170 / (1 + np.minimum(slope, 5)), 0) * (1 + 0.04 * grain / grain.std())
        noisy = np.where(depth > 0, depth + 0.03 * rng.standard_normal(depth.shape), 0).astype(np.float32)
        made.append(
            View(f"{index:02d}", image=image.clip(0, 255).astype(np.uint8), depth=noisy, camera=camera)
        )
    write_scan(Scan(place.name, made, anomalous=anomalous), place)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the scans that the page speaks of."""
    root = tmp_path_factory.mktemp("cookbook")
    scans, label, bump = root / "scans", cap(0.8, 20.0), cap(2.0, 10.0)
    write_part(scans / "train", 0)
    for number in range(1, 10):
        write_part(scans / "good" / f"part_{number:02d}", number)
    for number in (21, 22):
        write_part(scans / "more" / f"part_{number}", number)
    write_part(scans / "monday" / "part_11", 11)
    write_part(scans / "monday" / "part_12", 12, cap(2.0, 10.0, BESIDE))
    write_part(scans / "monday" / "part_13", 13, label)
    write_part(scans / "labelled" / "part_14", 14, cap(1.0, 20.0))
    write_part(scans / "tuesday" / "part_15", 15, label)
    write_part(scans / "tuesday" / "part_16", 16, cap(0.6, 15.0, BESIDE))
    write_part(scans / "tuesday" / "part_17", 71, cap(2.0, 10.0, FAR_SIDE))
    write_part(scans / "wednesday" / "part_18", 18, views=1)
    write_part(scans / "wednesday" / "part_19", 19)
    (scans / "wednesday" / "part_19" / "depth" / "00.npy").write_bytes(b"cut off")
    write_part(scans / "three_views" / "train", 0, views=3)
    write_part(scans / "three_views" / "part_17", 71, cap(2.0, 10.0, FAR_SIDE), views=3)
    write_part(root / "housing" / "scans" / "train", 30, balls=VARIANT)
    write_part(root / "housing" / "scans" / "part_31", 31, balls=VARIANT)
    write_part(root / "arriving" / "part_41", 41)
    write_part(root / "arriving" / "part_42", 42, bump)
    write_part(root / "labelled" / "train", 50)
    write_part(root / "labelled" / "part_51", 51, anomalous=False)
    write_part(root / "labelled" / "part_52", 52, bump, anomalous=True)
    write_balls(root / "part.stl")
    return root


def masked(text: str) -> list[str]:
    """The lines, their decimals left out: the last digits differ from machine to machine."""
    return [re.sub(r"\d+\.\d+", "#", line.rstrip()) for line in text.splitlines() if line.strip()]


def words_of(line: str) -> list[str]:
    """As a shell has them, without its comment; names with a `*` are looked up."""
    found = [sorted(glob(word)) if "*" in word else [word] for word in re.split(r"\s#", line)[0].split()]
    assert all(found), line
    return [word for some in found for word in some]


class Page:
    """The page's blocks, run in order; `said` is what the last block of commands printed."""

    def __init__(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        self.run, self.capsys = run, capsys
        self.said = ""
        self.begun: list[Forked] = []

    def shell(self, line: str) -> None:
        words = words_of(line)
        if words == ["wait"]:
            assert [one.wait() for one in self.begun] == [0] * len(self.begun)
            return
        if words[-1] == "&":
            assert words[:2] == ["OMP_NUM_THREADS=1", "modmap"], line
            self.begun.append(Forked(["-m", "modmap.cli", *words[2:-1]]))
            return
        assert words.pop(0) == "modmap", line
        to = None if ">" not in words else Path(words[words.index(">") + 1])
        words = words[: words.index(">")] if to else words
        if words[0] == "pod":
            # As few defects as a curve takes, in one of the scans.
            words = [words[0], words[1], "scans/good/part_01", *words[3:], "--count", "40"]
        expected = re.search(r"# exits with (\d)", line)
        code = self.run(*words)
        out, error = self.capsys.readouterr()
        assert code == (int(expected[1]) if expected else 0), (line, error)
        if to is None:
            self.said += out + error
        else:
            to.write_text(out)

    def block(self, kind: str, content: str) -> None:
        if kind == "text":
            told, said = masked(content), masked(self.said)
            assert [line for line in said if line in told] == told, self.said
        elif kind == "python":
            exec(compile(content, PAGE, "exec"), {})
            self.said = self.capsys.readouterr().out
        else:
            assert kind == "sh", kind
            self.said = ""
            for line in content.splitlines():
                self.shell(line)


@pytest.fixture(scope="module")
def page() -> list[tuple[str, str]]:
    """Its blocks, but for the first, which shows the folders."""
    found = BLOCK.findall((DOCS / PAGE).read_text(encoding="utf-8"))
    assert found[0][0] == "text"
    assert "scans/train" in found[0][1]
    return found[1:]


class TestCookbook:
    def test_commands__run_in_order_and_print_what_is_shown(
        self,
        workplace: Path,
        page: list[tuple[str, str]],
        run: Run,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pytest.importorskip("k3d")
        monkeypatch.chdir(workplace)
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        running = Page(run, capsys)
        for kind, content in page:
            running.block(kind, content)
        for name in ("evidence.png", "defects.png"):
            picture = cv2.imread(str(workplace / "figures" / "part_13" / name))
            assert picture is not None
            assert picture.std() > 10
        for name in ("monday", "tuesday"):
            for scan in (workplace / "scans" / name).iterdir():
                assert (workplace / "out_all" / scan.name / "summary.json").is_file()
        assert (workplace / "pod" / "report.html").is_file()

        self._other_programs_read(workplace)

    def _other_programs_read(self, workplace: Path) -> None:
        """What the page hands on, by readers that know nothing of the package."""
        place = workplace / "out" / "part_12"
        summary = json.loads((place / "summary.json").read_text())
        assert summary["verdict"] == "fail"
        for name in ("summary", "defects"):
            schema = json.loads((workplace / f"{name}.schema.json").read_text())
            jsonschema.validate(json.loads((place / f"{name}.json").read_text()), schema)

        points = PlyData.read(str(place / "volume.ply"))["vertex"]
        assert {"x", "y", "z", "red", "green", "blue", "score", "p_value"} == set(points.data.dtype.names)
        reader = vtkXMLImageDataReader()
        reader.SetFileName(str(place / "volume.vti"))
        reader.Update()
        cells = reader.GetOutput().GetCellData()
        seen = vtk_to_numpy(cells.GetArray("observed")) == 1  # type: ignore[no-untyped-call]
        scores = vtk_to_numpy(cells.GetArray("score"))  # type: ignore[no-untyped-call]
        assert seen.sum() == len(points)
        assert np.isnan(scores[~seen]).all()
        assert scores[seen].max() == points["score"].max() == pytest.approx(summary["score"])

        # The worst point lies on the bump.
        middle, radius = cap(2.0, 10.0, BESIDE)
        worst = points.data[np.argmax(points["score"])]
        assert abs(np.linalg.norm([worst[axis] for axis in "xyz"] - np.array(middle)) - radius) < 3
        rows = (place / "defects.csv").read_text().splitlines()
        assert len(rows) == 1 + summary["defects"] == 2
        assert (workplace / "out" / "part_11" / "defects.csv").read_text().splitlines() == rows[:1]
