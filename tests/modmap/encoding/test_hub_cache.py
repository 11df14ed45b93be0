"""Encoders in the cache of the hub's own client, fetched by it from a small hub that runs here."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download

from modmap.encoding import hub_cache
from modmap.encoding.hub_cache import cached_encoder, download, require_on_hub
from modmap.encoding.store import list_encoders
from modmap.errors import ModMapError
from tests.hub_server import HubServer, use_hub
from tests.modmap.encoding.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_store")

FILES = ("config.json", "model.safetensors")
LONG_S = 60.0


class TestCachedEncoder:
    def test_cached_encoder__whole_or_in_part(self, hub: HubServer, snapshot: Path) -> None:
        assert cached_encoder(TINY.hub_id, whole=False) is None
        hf_hub_download(TINY.hub_id, "config.json")
        assert cached_encoder(TINY.hub_id) is None
        assert cached_encoder(TINY.hub_id, whole=False) == snapshot
        hf_hub_download(TINY.hub_id, "model.safetensors")
        asked = len(hub.requests)
        assert cached_encoder(TINY.hub_id) == snapshot
        assert cached_encoder(TINY.hub_id, snapshot.name) == snapshot
        assert cached_encoder(TINY.hub_id, "v1.0") is None
        assert len(hub.requests) == asked


class TestDownload:
    def test_download__what_the_hub_has(self, hub: HubServer, hub_files: Path, snapshot: Path) -> None:
        assert download(TINY.hub_id) == snapshot
        assert all((snapshot / name).read_bytes() == (hub_files / name).read_bytes() for name in FILES)

    def test_download__what_is_cached_is_not_asked_for(
        self, hub: HubServer, snapshot: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        download(TINY.hub_id)
        asked = len(hub.requests)
        assert download(TINY.hub_id) == snapshot
        assert len(hub.requests) == asked
        use_hub(monkeypatch, "http://127.0.0.1:9")
        assert download(TINY.hub_id) == snapshot

    def test_download__force_replaces_a_damaged_copy(
        self, hub: HubServer, hub_files: Path, snapshot: Path
    ) -> None:
        download(TINY.hub_id)
        (snapshot / "model.safetensors").write_bytes(b"broken")
        assert download(TINY.hub_id, force=True) == snapshot
        assert (snapshot / "model.safetensors").read_bytes() == (hub_files / "model.safetensors").read_bytes()

    def test_download__killed_on_the_way(
        self, hub: HubServer, hub_files: Path, snapshot: Path, tmp_path: Path
    ) -> None:
        """By a real process, in the middle of the weights: what is there is told from a whole encoder."""
        hub.stalled = True
        script = f"from modmap.encoding.hub_cache import download; download({TINY.hub_id!r})"
        environment = os.environ | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
        }
        with subprocess.Popen([sys.executable, "-c", script], env=environment) as process:
            stopped = hub.halfway.wait(LONG_S)
            process.kill()
        assert stopped
        assert list((snapshot.parents[1] / "blobs").glob("*.incomplete"))
        assert cached_encoder(TINY.hub_id) is None
        (listed,) = list_encoders()
        assert (listed.name, listed.broken) == ("tiny", "expected a file model.safetensors")
        hub.stalled = False
        assert download(TINY.hub_id) == snapshot
        assert (snapshot / "model.safetensors").read_bytes() == (hub_files / "model.safetensors").read_bytes()
        assert list_encoders()[0].broken is None

    def test_download__repository_that_changes_on_the_way(
        self, hub: HubServer, snapshot: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The config's commit is kept to; where the hub has it no more, nothing is mixed."""

        def then_change(*arguments: str, **options: object) -> str:
            path = hf_hub_download(*arguments, **options)  # type: ignore[call-overload]
            hub.repositories["models", TINY.hub_id].files["README.md"] = b"new"
            return str(path)

        monkeypatch.setattr(hub_cache, "hf_hub_download", then_change)
        with pytest.raises(ModMapError, match="is out of reach"):
            download(TINY.hub_id)
        assert f"HEAD /{TINY.hub_id}/resolve/{snapshot.name}/model.safetensors" in hub.requests

    @pytest.mark.parametrize("trickle", [b"", b"x"])
    def test_download__gives_up_on_a_hub_that_does_not_finish_an_answer(
        self, trickle: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Silent, or sending one byte of a header at a time, which no timeout of a single read notices."""
        monkeypatch.setattr(hub_cache, "_TIMEOUT_S", 0.5)
        given_up, finished = threading.Event(), threading.Event()

        def answer(server: socket.socket) -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: "[: 1000 * len(trickle)])
                for _ in range(int(LONG_S / 0.1)):
                    connection.sendall(trickle)
                    if given_up.wait(0.1):
                        return
                finished.set()

        with socket.create_server(("127.0.0.1", 0)) as server:
            use_hub(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
            threading.Thread(target=answer, args=(server,), daemon=True).start()
            with pytest.raises(ModMapError, match=r"out of reach .*(timed out|no answer)"):
                download(TINY.hub_id)
            assert not finished.is_set()
            given_up.set()


class TestRequireOnHub:
    def test_require_on_hub__cached_or_answering(
        self, hub: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        require_on_hub(TINY.hub_id)
        download(TINY.hub_id)
        use_hub(monkeypatch, "http://127.0.0.1:9")
        require_on_hub(TINY.hub_id)

    def test_require_on_hub__half_of_it_is_cached(
        self, hub: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hf_hub_download(TINY.hub_id, "config.json")
        require_on_hub(TINY.hub_id)
        use_hub(monkeypatch, "http://127.0.0.1:9")
        with pytest.raises(ModMapError, match=r"encoder hf-hub:timm/test_vit.* out of reach .*refused"):
            require_on_hub(TINY.hub_id)

    @pytest.mark.parametrize("hub_id", ["someone/else", "-not/a-name"])
    def test_require_on_hub__no_such_repository(self, hub: HubServer, hub_id: str) -> None:
        with pytest.raises(ModMapError, match=rf"encoder hf-hub:{hub_id}: out of reach \(") as caught:
            require_on_hub(hub_id)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400
