"""A small Hugging Face hub that runs here, for the real client: repositories in memory, over HTTP.

It answers what `huggingface_hub` asks to create a repository, to upload to it (small files in the commit, large ones by
git LFS) and to download from it, with the hub's status codes and headers. It knows neither Xet nor branches.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from tests.hub_requests import HubRequest, Repository


class HubServer:
    """A hub on a port of this machine, until `close`.

    Args:
        tokens: Who may write: a token, and the organisations that it may write to.

    Attributes:
        url: For `HF_ENDPOINT`.
        repositories: By kind (`models` or `datasets`) and name.
        requests: All it was asked, such as `GET /ORG/NAME/resolve/main/config.json`.
        broken: It answers every file with an error.
        stalled: It stops in the middle of a large file, until `close`.
        halfway: Set once it has stopped there.
    """

    def __init__(self, tokens: Mapping[str, set[str]] | None = None) -> None:
        self.tokens = dict(tokens or {})
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.broken = self.stalled = False
        self.halfway, self.closed = threading.Event(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (HubRequest,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, name: str, files: Path, *, kind: str = "models") -> Repository:
        """A repository with the files of a directory."""
        repository = Repository(
            {str(path.relative_to(files)): path.read_bytes() for path in files.rglob("*") if path.is_file()}
        )
        self.repositories[kind, name] = repository
        return repository

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Makes this process's client ask here."""
        use_hub(monkeypatch, self.url)

    def close(self) -> None:
        """Ends it."""
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


def use_hub(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What HF_ENDPOINT does, which huggingface_hub reads once, at import; no token, and git LFS instead of Xet."""
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", os.devnull)
    monkeypatch.delenv("HF_TOKEN", raising=False)
