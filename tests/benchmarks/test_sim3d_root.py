"""Finding SiM3D, and fetching it by the real client from a local server that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from benchmarks.sim3d_root import HUB_NAME, find_root
from modmap.datasets import SiM3D
from modmap.errors import ModMapError
from tests.sim3d_directories import write_category

REVISION = "0" * 39 + "1"


class Hub:
    """A server with one data set repository; `broken` answers its files with an error."""

    def __init__(self, files: Path) -> None:
        self.broken = False
        hub = self
        names = sorted(str(path.relative_to(files)) for path in files.rglob("*") if path.is_file())
        siblings = [{"rfilename": name, "size": (files / name).stat().st_size} for name in names]
        tree = [
            {"type": "file", "path": entry["rfilename"], "size": entry["size"], "oid": REVISION}
            for entry in siblings
        ]
        info = {"id": HUB_NAME, "sha": REVISION, "siblings": siblings, "private": False, "tags": []}

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                path = self.path.partition("?")[0]
                if path.startswith(f"/api/datasets/{HUB_NAME}/tree/"):
                    self.send(json.dumps(tree).encode(), body=body, kind="application/json")
                elif path.startswith(f"/api/datasets/{HUB_NAME}"):
                    self.send(json.dumps(info).encode(), body=body, kind="application/json")
                elif path.startswith(f"/datasets/{HUB_NAME}/resolve/") and not hub.broken:
                    name = path.split("/resolve/")[1].partition("/")[2]
                    self.send(
                        (files / name).read_bytes(), body=body, kind="application/octet-stream", name=name
                    )
                else:
                    self.send_error(404)

            def send(self, content: bytes, *, body: bool, kind: str, name: str = "info") -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("ETag", f'"{hashlib.sha1(name.encode()).hexdigest()}"')
                self.send_header("X-Repo-Commit", REVISION)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                """Keeps the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    write_category(tmp_path / "hub", "container")
    hub = Hub(tmp_path / "hub")
    # What HF_ENDPOINT does, which huggingface_hub reads once, at import.
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.delenv("SIM3D_ROOT", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


class TestFindRoot:
    def test_find_root__missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIM3D_ROOT", str(tmp_path / "nowhere"))
        with pytest.raises(ModMapError, match=r"nowhere: expected .* SIM3D_ROOT .* `make sim3d-mini`"):
            find_root(None)

    def test_find_root__variable_or_argument(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIM3D_ROOT", str(tmp_path))
        assert find_root(None) == tmp_path
        (tmp_path / "other").mkdir()
        assert find_root(tmp_path / "other") == tmp_path / "other"

    def test_find_root__downloads_when_told_to(self, hub: Hub) -> None:
        root = find_root(None, download=True)
        assert root == Path("data/SiM3D")
        dataset = SiM3D(root)
        assert dataset.categories == ("container",)
        assert len(dataset.tests("container")) == 4

    def test_find_root__asks_with_the_size_first(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []

        def answer(text: str) -> str:
            asked.append(text)
            return "no" if len(asked) == 1 else "y"

        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("builtins.input", answer)
        with pytest.raises(
            ModMapError, match="data/SiM3D: expected a directory in SiM3D's layout, found none"
        ):
            find_root(None)
        assert "Download arcanoXIII/SiM3D, 0.0 GB, to data/SiM3D?" in asked[0]
        assert find_root(None).is_dir()

    def test_find_root__without_a_terminal_names_the_option(
        self, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)
        with pytest.raises(ModMapError, match="expected a directory in SiM3D's layout"):
            find_root(None)
        assert "--download fetches it" in capsys.readouterr().err

    def test_find_root__broken_download_leaves_no_root(self, hub: Hub) -> None:
        hub.broken = True
        with pytest.raises(ModMapError, match="the download broke off"):
            find_root(None, download=True)
        assert not Path("data/SiM3D").exists()
        hub.broken = False
        assert find_root(None, download=True).is_dir()

    def test_find_root__hub_out_of_reach(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(ModMapError, match=r"`make sim3d-mini`"):
            find_root(None)
        with pytest.raises(ModMapError, match="cannot be fetched from the hub"):
            find_root(None, download=True)
