"""What a directory says of the encoder it holds, and what is said of one that holds none."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from modmap.encoding.stored_encoder import describe, require_intact
from modmap.errors import ModMapError

CONFIG = {"architecture": "test_vit", "source": "here", "licence": "MIT", "pretrained_cfg": {}}
WEIGHTS = save({"scale": np.zeros((), np.float32), "matrix": np.zeros((3, 5), np.float32)})


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "model.safetensors").write_bytes(WEIGHTS)
    return path


class TestDescribe:
    def test_describe__reads_the_config_and_the_header(self, directory: Path) -> None:
        (directory / "README.md").write_bytes(b"x" * 2_000_000)
        stored = describe(directory)
        assert (stored.name, stored.path) == ("mine", directory)
        assert (stored.architecture, stored.source, stored.licence) == ("test_vit", "here", "MIT")
        assert stored.parameters == 1 + 3 * 5
        assert stored.megabytes == pytest.approx(2.0 + (len(json.dumps(CONFIG)) + len(WEIGHTS)) / 1e6)
        assert stored.broken is None
        assert require_intact(directory) == directory

    def test_describe__leaves_open_what_the_config_does_not_say(self, directory: Path) -> None:
        (directory / "config.json").write_text('{"architecture": "test_vit"}')
        stored = describe(directory)
        assert (stored.source, stored.licence, stored.broken) == (None, None, None)

    @pytest.mark.parametrize(
        ("file", "content", "reason"),
        [
            ("config.json", None, "expected a file config.json"),
            ("config.json", b"{", "config.json: broken JSON"),
            ("config.json", b"\xff\xfe", "config.json is not JSON"),
            ("config.json", b'{"num_classes": 0}', "config.json: expected a key 'architecture'"),
            ("config.json", b"[]", "config.json: expected a key 'architecture'"),
            ("model.safetensors", None, "expected a file model.safetensors"),
            ("model.safetensors", b"", "model.safetensors is no readable safetensors file"),
            ("model.safetensors", WEIGHTS[:-1], "model.safetensors is no readable safetensors file"),
        ],
    )
    def test_describe__gives_the_reason_of_a_broken_one(
        self, directory: Path, file: str, content: bytes | None, reason: str
    ) -> None:
        if content is None:
            (directory / file).unlink()
        else:
            (directory / file).write_bytes(content)
        stored = describe(directory)
        assert stored.broken is not None
        assert stored.broken.startswith(reason)
        with pytest.raises(ModMapError) as caught:
            require_intact(directory)
        assert str(caught.value) == f"{directory}: not a usable encoder: {stored.broken}"

    def test_describe__of_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        stored = describe(tmp_path / "absent")
        assert stored.broken is not None
        assert (stored.parameters, stored.megabytes) == (0, 0.0)
