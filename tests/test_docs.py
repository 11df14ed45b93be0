"""The pages of docs/: what is in their blocks runs, what they say of a check is so, their links lead somewhere.

docs/sim3d.md, docs/pretraining.md and the notebook have test files of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from modmap.camera import Camera
from modmap.check.check import check_directory, check_scan
from modmap.cli import main
from modmap.datasets import load_scan, write_scan
from modmap.scan import Scan, View
from tests.docs_blocks import DOCS, REPOSITORY, blocks, commands
from tests.modmap.conftest import make_scan, one_thread, write_encoder
from tests.synthetic_scans import ball_depth, ball_scan, intrinsics, look_at, rays

Array = npt.NDArray[Any]

VIEWS = 6
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("*.ipynb"), REPOSITORY / "README.md"])
FEWEST_PAGES = 8

__all__ = ["make_scan", "one_thread"]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, make_scan: Callable[..., Scan]) -> Path:
    """A directory with the scans and the encoders that the pages speak of."""
    root = tmp_path_factory.mktemp("docs")
    write_scan(make_scan(name="train", views=VIEWS), root / "scans" / "train")
    for number in range(3):
        scan = make_scan(name=f"good_{number}", views=VIEWS)
        write_scan(scan, root / "scans" / "good" / scan.name)
    write_scan(make_scan(name="part_7", views=VIEWS, change=("01",)), root / "scans" / "new" / "part_7")
    write_encoder(root / "image_encoder")
    write_encoder(root / "depth_encoder", channels=24, in_chans=1, seed=1)
    return root


def _run(words: list[str]) -> int:
    assert words[0] == "modmap"
    with pytest.raises(SystemExit) as stop:
        main(words[1:])
    assert stop.value.code is None or isinstance(stop.value.code, int)
    return stop.value.code or 0


class TestPages:
    def test_commands__run_in_order(self, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("k3d")
        monkeypatch.chdir(workplace)
        for page in ("quick_start.md", "verdicts.md"):
            found = commands(page)
            assert found
            for words in found:
                expected = (0, 3) if "--fail-on-defect" in words else (0,)
                assert _run(words) in expected, words
            if page == "quick_start.md":
                assert (workplace / "out" / "part_7" / "report.html").is_file()
                assert (workplace / "out" / "index.html").is_file()
        for block in blocks("quick_start.md", "python"):
            exec(compile(block, "quick_start.md", "exec"), {})

    def test_scan_json__is_read(self, tmp_path: Path, make_scan: Callable[..., Scan]) -> None:
        (text,) = blocks("quick_start.md", "json")
        view = make_scan(views=1).views[0]
        write_scan(replace(make_scan(views=1), views=(replace(view, id="00"),)), tmp_path / "scan")
        stored = json.loads((tmp_path / "scan" / "scan.json").read_text())
        record = json.loads(text)
        for name in ("image", "depth"):
            record["views"][0][name] = stored["views"][0][name]
        record["views"][0]["K_size"] = [640, 480]
        (tmp_path / "scan" / "scan.json").write_text(json.dumps(record))
        loaded = load_scan(tmp_path / "scan")
        assert loaded.view_ids == ("00",)
        assert loaded.views[0].camera is not None

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_links__lead_somewhere(self, page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        if page.suffix == ".ipynb":
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith(("http://", "https://")):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            assert file.exists(), target
            assert not anchor or anchor in _anchors(file), target

    def test_links__every_page_is_led_to(self) -> None:
        assert len(PAGES) >= FEWEST_PAGES
        readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
        assert [
            page.name for page in PAGES if page.parent == DOCS and f"](docs/{page.name})" not in readme
        ] == []


def _anchors(page: Path) -> set[str]:
    """The names that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _ray_lengths(view: View) -> View:
    assert view.camera is not None
    depth = np.asarray(view.depth)
    _, directions = rays(view.camera, depth.shape[1], depth.shape[0])
    return replace(view, depth=(depth * np.linalg.norm(directions, axis=-1)).astype(np.float32))


def _posed(view: View, change: Callable[[Array], Array]) -> View:
    assert view.camera is not None
    pose = change(view.camera.T_world_to_camera)
    return replace(view, camera=Camera(view.camera.K, pose, size=view.camera.size))


def _in_metres(pose: Array) -> Array:
    pose = pose.copy()
    pose[:3, 3] /= 1000
    return pose


MISTAKES: dict[str, list[Callable[[View], View]]] = {
    "a pose the wrong way round": [lambda view: _posed(view, np.linalg.inv)],
    "axes of OpenGL": [lambda view: _posed(view, lambda pose: np.diag([1, -1, -1, 1]) @ pose)],
    "a wrong depth unit, or a wrong pose unit": [
        lambda view: replace(view, depth=np.asarray(view.depth) / 10),
        lambda view: _posed(view, _in_metres),
    ],
    "ray lengths for depth": [_ray_lengths],
}


@pytest.fixture(scope="module")
def askew() -> Scan:
    """A ball beside the point that all cameras look at: turning a camera about its axis moves it in the picture."""
    scan, centre = ball_scan(views=8, width=80, height=60), np.array([25.0, 10.0, -8.0])
    views = []
    for view in scan.views:
        assert view.camera is not None
        views.append(replace(view, depth=ball_depth(view.camera, 80, 60, centre=centre, radius=60.0)))
    return replace(scan, views=tuple(views))


class TestCheckAsTold:
    def test_output__is_the_pages(self, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(workplace)
        written = StringIO()
        assert check_directory("scans/train", console=Console(file=written, width=110))
        found = [line.rstrip() for line in written.getvalue().splitlines() if line.strip()]
        (told,) = blocks("quick_start.md", "text")
        assert found == told.splitlines()

    def test_mistakes__are_all_in_the_page(self) -> None:
        rows = re.findall(
            r"^\| (?!a mistake|---)(.+?) \|", (DOCS / "quick_start.md").read_text(), re.MULTILINE
        )
        assert rows == list(MISTAKES)

    @pytest.mark.parametrize("mistake", MISTAKES)
    def test_mistake__is_told_as_the_page_says(self, askew: Scan, mistake: str) -> None:
        right = check_scan(askew)
        assert right.warnings == ()
        row = next(
            line
            for line in (DOCS / "quick_start.md").read_text().splitlines()
            if line.startswith(f"| {mistake}")
        )
        told = re.findall(r"`([^`]+)`", row.split("|")[2])
        for make in MISTAKES[mistake]:
            report = check_scan(replace(askew, views=tuple(make(view) for view in askew.views)))
            assert report.usable
            assert all(any(words in warning for warning in report.warnings) for words in told), (
                report.warnings
            )
            assert not report.median_to_surface < 2 * right.median_to_surface

    def test_planar_depth__of_a_plate_is_flat(self) -> None:
        (code, *_) = blocks("quick_start.md", "python")
        names: dict[str, Any] = {}
        exec(compile(code, "quick_start.md", "exec"), names)
        camera = Camera(intrinsics(64, 48, focal=40.0), look_at(np.array([0.0, -300.0, 0.0]), np.zeros(3)))
        _, directions = rays(camera, 64, 48)
        planar = names["planar_depth"](300 * np.linalg.norm(directions, axis=-1), camera.K)
        np.testing.assert_allclose(planar, 300, rtol=1e-9)
