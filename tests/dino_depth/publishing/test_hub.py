"""Uploads by the real client to a hub that runs here, and what a user is told when one fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from dino_depth.errors import DinoDepthError
from dino_depth.publish import main
from dino_depth.publishing.hub import push
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.errors import ModMapError
from modmap.scan import Frame
from tests.dino_depth.runs import write_run
from tests.hub_server import HubServer, use_hub

TOKEN, NAME = "hf_writer", "org/depth-vit"
FILES = {"README.md", "config.json", "model.safetensors"}

LOAD = """
import sys
import numpy as np
import timm
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.scan import Frame

timm.create_model("hf-hub:org/depth-vit", pretrained=True)
encoder = FrozenEncoder(EncoderSettings(reference="hf-hub:org/depth-vit"), "depth", size=112)
depth = np.linspace(300, 400, 4800, dtype=np.float32).reshape(60, 80)
np.save(sys.argv[1], encoder.tokens(Frame("00", np.zeros((60, 80), np.uint8), depth)).numpy())
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    hub = HubServer({TOKEN: {"org"}, "hf_reader": set()})
    hub.use(monkeypatch)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("published")
    write_run(directory / "run")
    assert main([str(directory / "run"), "--out", str(directory / "encoder")]) == 0
    return directory / "encoder"


class TestPush:
    def test_push__by_command_then_loaded_by_timm_and_modmap(self, hub: HubServer, tmp_path: Path) -> None:
        """Processes of their own, told by HF_ENDPOINT alone."""
        write_run(tmp_path / "run")
        environment = os.environ | {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",  # by git LFS, which the server here knows
            "HF_HOME": str(tmp_path / "hf"),
        }
        out = tmp_path / "encoder"
        words = [str(tmp_path / "run"), "--out", str(out), "--push", NAME]
        done = subprocess.run(
            [sys.executable, "-m", "dino_depth.publish", *words],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [str(out), f"{hub.url}/{NAME}"]
        repository = hub.repositories["models", NAME]
        assert repository.files.keys() == FILES
        assert repository.commits == ["Publish the depth encoder"]
        assert repository.files["model.safetensors"] == (out / "model.safetensors").read_bytes()
        assert b'"hf-hub:org/depth-vit"' in repository.files["README.md"]

        del environment["HF_TOKEN"]
        loaded = tmp_path / "tokens.npy"
        subprocess.run([sys.executable, "-c", LOAD, str(loaded)], env=environment, check=True)
        assert f"HEAD /{NAME}/resolve/main/model.safetensors" in hub.requests
        assert any(request.startswith("GET /large/") for request in hub.requests)
        local = FrozenEncoder(EncoderSettings(reference=f"local-dir:{out}"), "depth", size=112)
        depth = np.linspace(300, 400, 4800, dtype=np.float32).reshape(60, 80)
        expected = local.tokens(Frame("00", np.zeros((60, 80), np.uint8), depth)).numpy()
        np.testing.assert_array_equal(np.load(loaded), expected)

    def test_push__strict_when_loaded(self, hub: HubServer, published: Path) -> None:
        push(published, NAME)
        repository = hub.repositories["models", NAME]
        content = repository.files["model.safetensors"]
        repository.files["model.safetensors"] = content.replace(b'"norm.weight"', b'"norm.wright"')
        with pytest.raises(ModMapError, match=r"norm\.weight"):
            FrozenEncoder(EncoderSettings(reference=f"hf-hub:{NAME}"), "depth", size=112)
        with pytest.raises(RuntimeError, match=r"norm\.weight"):
            timm.create_model(f"hf-hub:{NAME}", pretrained=True)

    def test_push__again_to_a_repo_that_is_there(self, hub: HubServer, published: Path) -> None:
        push(published, NAME)
        first = hub.repositories["models", NAME].revision
        hub.repositories["models", NAME].files["config.json"] = b"{}"
        assert push(published, NAME) == f"{hub.url}/{NAME}"
        repository = hub.repositories["models", NAME]
        assert len(repository.commits) == 2
        assert repository.revision != first
        assert repository.files["config.json"] == (published / "config.json").read_bytes()

    def test_push__private(self, hub: HubServer, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        push(published, NAME, private=True)
        assert hub.repositories["models", NAME].private
        expected = timm.create_model(f"local-dir:{published}", pretrained=True)
        found = timm.create_model(f"hf-hub:{NAME}", pretrained=True)
        for one, other in zip(found.parameters(), expected.parameters(), strict=True):
            assert torch.equal(one, other)


class TestPushMistakes:
    """Each is one line, and what was published stays to be pushed again."""

    def mistake(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
        capsys.readouterr()
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert error.startswith("dino_depth.publish: error: ")
        return error

    def test_push__no_token(
        self,
        hub: HubServer,
        published: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("HF_TOKEN")
        error = self.mistake([str(published), "--push", NAME], capsys)
        assert (
            "org/depth-vit: expected a token that may write to the hub, found none; `hf auth login`" in error
        )
        assert hub.requests == []

    @pytest.mark.parametrize(
        ("token", "expected"),
        [
            ("hf_nobody", "expected a token that the hub knows, found another (Invalid credentials"),
            ("hf_reader", "expected a token that may write there, found one that may not (You don't have"),
        ],
    )
    def test_push__a_token_that_may_not(
        self,
        hub: HubServer,
        published: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        token: str,
        expected: str,
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", token)
        error = self.mistake([str(published), "--push", NAME], capsys)
        assert f"org/depth-vit: {expected}" in error
        assert f"try again with `python -m dino_depth.publish {published} --push org/depth-vit`" in error
        assert hub.repositories == {}

    def test_push__a_repo_that_is_gone_in_between(
        self,
        hub: HubServer,
        published: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        push(published, NAME)
        monkeypatch.setattr("huggingface_hub.HfApi.create_repo", lambda *_, **__: "nowhere")
        hub.repositories.clear()
        error = self.mistake([str(published), "--push", NAME], capsys)
        assert "expected a repo that the token may see, found none (Repository not found)" in error

    def test_push__hub_out_of_reach_then_again(
        self,
        hub: HubServer,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        write_run(tmp_path / "run")
        use_hub(monkeypatch, "http://127.0.0.1:9")
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        out = tmp_path / "encoder"
        error = self.mistake([str(tmp_path / "run"), "--out", str(out), "--push", NAME], capsys)
        assert "org/depth-vit: the hub at http://127.0.0.1:9 is out of reach (" in error
        assert "Connection refused" in error
        assert f"try again with `python -m dino_depth.publish {out} --push org/depth-vit`" in error
        hub.use(monkeypatch)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        assert main([str(out), "--push", NAME]) == 0
        assert hub.repositories["models", NAME].files.keys() == FILES

    @pytest.mark.parametrize("name", sorted(FILES))
    def test_push__a_directory_that_is_not_whole(
        self, hub: HubServer, published: Path, tmp_path: Path, name: str
    ) -> None:
        for file in FILES - {name}:
            (tmp_path / file).write_bytes((published / file).read_bytes())
        with pytest.raises(DinoDepthError, match=f"expected a published encoder, found no {name} in it"):
            push(tmp_path, NAME)
        assert hub.requests == []

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("config.json", "expected an encoder's settings, found a damaged file"),
            ("model.safetensors", "expected a whole safetensors file, found a damaged one"),
        ],
    )
    def test_push__a_file_that_was_cut_off(
        self, hub: HubServer, published: Path, tmp_path: Path, name: str, expected: str
    ) -> None:
        for file in FILES:
            content = (published / file).read_bytes()
            (tmp_path / file).write_bytes(content[: len(content) // 2] if file == name else content)
        with pytest.raises(DinoDepthError, match=f"{name}: {expected}"):
            push(tmp_path, NAME)
        assert hub.requests == []

    @pytest.mark.parametrize("name", ["encoder", "a/b/c", "org/", "örg/name"])
    def test_push__no_name_of_a_repo(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        error = self.mistake([str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--push", name], capsys)
        assert f"--push {name}: expected ORG/NAME" in error
        assert not (tmp_path / "out").exists()
