"""Finding SiM3D, and fetching it by the real client from a local server that answers as the hub does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.evaluations.sim3d_root import HUB_NAME, find_root
from modmap.datasets import SiM3D
from modmap.errors import ModMapError
from tests.hub_server import HubServer, use_hub
from tests.sim3d_directories import write_category


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    write_category(tmp_path / "hub", "container")
    hub = HubServer()
    hub.add(HUB_NAME, tmp_path / "hub", kind="datasets")
    hub.use(monkeypatch)
    monkeypatch.delenv("SIM3D_ROOT", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield hub
    hub.close()


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

    def test_find_root__downloads_when_told_to(self, hub: HubServer) -> None:
        root = find_root(None, download=True)
        assert root == Path("data/SiM3D")
        dataset = SiM3D(root)
        assert dataset.categories == ("container",)
        assert len(dataset.tests("container")) == 4

    def test_find_root__asks_with_the_size_first(
        self, hub: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
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
        self, hub: HubServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)
        with pytest.raises(ModMapError, match="expected a directory in SiM3D's layout"):
            find_root(None)
        assert "--download fetches it" in capsys.readouterr().err

    def test_find_root__broken_download_leaves_no_root(self, hub: HubServer) -> None:
        hub.broken = True
        with pytest.raises(ModMapError, match="the download broke off"):
            find_root(None, download=True)
        assert not Path("data/SiM3D").exists()
        hub.broken = False
        assert find_root(None, download=True).is_dir()

    def test_find_root__hub_out_of_reach(self, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        use_hub(monkeypatch, "http://127.0.0.1:9")
        with pytest.raises(ModMapError, match=r"`make sim3d-mini`"):
            find_root(None)
        with pytest.raises(ModMapError, match="cannot be fetched from the hub"):
            find_root(None, download=True)
