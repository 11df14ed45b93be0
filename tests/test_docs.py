"""Every command and every line of Python in docs/ runs, on scans so small that it takes seconds."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modmap.cli import main
from modmap.datasets import load_scan, write_scan
from modmap.scan import Scan
from tests.modmap.conftest import make_scan, one_thread, write_encoder

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

__all__ = ["make_scan", "one_thread"]


def _blocks(page: str, language: str) -> list[str]:
    return [
        text for kind, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")) if kind == language
    ]


def _commands(page: str) -> list[list[str]]:
    return [
        shlex.split(line, comments=True)
        for block in _blocks(page, "sh")
        for line in block.splitlines()
        if line
    ]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, make_scan: Callable[..., Scan]) -> Path:
    """A directory with the scans and the encoders that the pages speak of."""
    root = tmp_path_factory.mktemp("docs")
    write_scan(make_scan(name="train"), root / "scans" / "train")
    for number in range(3):
        write_scan(make_scan(name=f"good_{number}"), root / "scans" / "good" / f"good_{number}")
    write_scan(make_scan(name="part_7", change=("01",)), root / "scans" / "new" / "part_7")
    write_encoder(root / "image_encoder")
    write_encoder(root / "depth_encoder", channels=24, in_chans=1, seed=1)
    return root


def _run(words: list[str]) -> int:
    assert words[0] == "modmap"
    # As it stands in the page, but with encoders and settings that take a second.
    small = "--image-encoder local-dir:image_encoder --depth-encoder local-dir:depth_encoder --size 112 --epochs 4"
    arguments = words[1:] + (small.split() if words[1] == "fit" else [])
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code is None or isinstance(stop.value.code, int)
    return stop.value.code or 0


class TestDocs:
    def test_commands__run_in_order(self, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("k3d")
        monkeypatch.chdir(workplace)
        for page in ("quick_start.md", "verdicts.md"):
            commands = _commands(page)
            assert commands
            for words in commands:
                expected = (0, 3) if "--fail-on-defect" in words else (0,)
                assert _run(words) in expected, words
            if page == "quick_start.md":
                assert (workplace / "out" / "part_7" / "report.html").is_file()
                assert (workplace / "out" / "index.html").is_file()
        for block in _blocks("quick_start.md", "python"):
            exec(compile(block, "quick_start.md", "exec"), {})

    def test_scan_json__is_read(self, tmp_path: Path, make_scan: Callable[..., Scan]) -> None:
        (text,) = _blocks("quick_start.md", "json")
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

    @pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
    def test_links__lead_somewhere(self, page: str) -> None:
        for target in re.findall(r"\]\(([^)#]+)\)", (DOCS / page).read_text(encoding="utf-8")):
            assert target.startswith("http") or (DOCS / target).exists(), target
