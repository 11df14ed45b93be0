"""`modmap encoders`, as a user types it, with a small hub that runs here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modmap.encoding.known_encoders import KNOWN, KnownEncoder
from tests.hub_server import HubServer

Run = Callable[..., int]

TINY = KnownEncoder("org/tiny", "vit_tiny_patch16_224", "MIT")


@pytest.fixture
def hub(tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    hub = HubServer()
    hub.add(TINY.hub_id, tiny_encoder)
    hub.use(monkeypatch)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path / "store"))
    monkeypatch.setitem(KNOWN, "tiny", TINY)
    yield hub
    hub.close()


class TestEncoders:
    def test_pull_and_list__of_the_hub(
        self, hub: HubServer, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("encoders", "list") == 0
        assert capsys.readouterr().out.endswith("dinov3_vitb16, tiny\n")
        assert run("encoders", "pull", "tiny") == 0
        revision = hub.repositories["models", TINY.hub_id].revision
        path = tmp_path / "hub" / "models--org--tiny" / "snapshots" / revision
        assert capsys.readouterr().out == f"{path}\n"
        assert run("encoders", "list") == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{tmp_path / 'store'} and {tmp_path / 'hub'}: 1 encoder(s)\n")
        assert f"\ntiny\n  vit_tiny_patch16_224, 0.0 M weights, {_megabytes(path):.0f} MB\n" in out
        assert f"  licence: MIT\n  source: Hugging Face hub, org/tiny, revision {revision}\n" in out
        assert out.endswith("dinov3_vitb16\n")

    def test_list__of_the_store(
        self, hub: HubServer, run: Run, tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(tiny_encoder, tmp_path / "store" / "mine")
        assert run("encoders", "list") == 0
        assert "\nmine\n  vit_tiny_patch16_224, 0.0 M weights" in capsys.readouterr().out

    def test_list__a_broken_one_can_be_fetched_again(
        self, hub: HubServer, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("encoders", "pull", "tiny") == 0
        path = Path(capsys.readouterr().out.strip())
        (path / "model.safetensors").unlink()
        assert run("encoders", "list") == 0
        out = capsys.readouterr().out
        assert f"\ntiny\n  broken: expected a file model.safetensors\n  {path}, 0 MB\n" in out
        assert "  to fetch it again: modmap encoders pull tiny --force\n" in out
        assert run("encoders", "pull", "tiny", "--force") == 0
        capsys.readouterr()
        assert run("encoders", "list") == 0
        assert "broken:" not in capsys.readouterr().out


def _megabytes(path: Path) -> float:
    return sum(file.stat().st_size for file in path.iterdir()) / 1e6
