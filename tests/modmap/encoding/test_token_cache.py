"""The token cache: a second run takes what the first computed, and nothing that belongs to another input."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modmap import ModMap, Scan
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.scan_tokens import encode_scan
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError


@pytest.fixture(scope="module")
def encoders(tiny_encoder: Path, tiny_depth_encoder: Path) -> tuple[FrozenEncoder, FrozenEncoder]:
    image = FrozenEncoder(EncoderSettings(reference=f"local-dir:{tiny_encoder}"), "image", size=112)
    reference = f"local-dir:{tiny_depth_encoder}"
    return image, FrozenEncoder(EncoderSettings(reference=reference), "depth", size=112, grid=image.grid)


class TestTokenCache:
    def test_encode_scan__second_run_encodes_nothing(
        self,
        tmp_path: Path,
        make_scan: Callable[..., Scan],
        encoders: tuple[FrozenEncoder, FrozenEncoder],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        scan = make_scan(change=("02",))
        plain = encode_scan(scan, *encoders)
        first = encode_scan(scan, *encoders, cache=TokenCache(tmp_path))

        def refuse(*_: object) -> None:
            raise AssertionError("encoded again")

        monkeypatch.setattr(FrozenEncoder, "forward", refuse)
        second = encode_scan(scan, *encoders, cache=TokenCache(tmp_path))
        for tokens in (first, second):
            assert torch.equal(tokens.image, plain.image)
            assert torch.equal(tokens.depth, plain.depth)
            assert torch.equal(tokens.foreground, plain.foreground)
        # All views of a ball are the same but for the one that was changed: an input seen before is found again.
        assert len(list(tmp_path.glob("??/*.npy"))) == 4

    def test_key__of_weights_and_of_every_pixel(self) -> None:
        pixels = torch.rand(1, 28, 28)
        other = pixels.clone()
        other[0, 27, 27] += 1e-6
        keys = {
            TokenCache.key("a", pixels),
            TokenCache.key("b", pixels),
            TokenCache.key("a", other),
            TokenCache.key("a", pixels.expand(3, -1, -1)),
            TokenCache.key("a", pixels.reshape(1, 14, 56)),
        }
        assert len(keys) == 5
        assert TokenCache.key("a", pixels.clone()) == TokenCache.key("a", pixels)

    def test_read__damaged_file_counts_as_none(self, tmp_path: Path) -> None:
        cache = TokenCache(tmp_path)
        tokens = torch.rand(2, 2, 8)
        cache.write("abcd", tokens)
        found = cache.read("abcd")
        assert found is not None
        assert torch.equal(found, tokens)
        (file,) = tmp_path.glob("??/*.npy")
        whole = file.read_bytes()
        for content in (b"", whole[:20], whole[:-4], b"no tokens at all"):
            file.write_bytes(content)
            assert cache.read("abcd") is None
        assert cache.read("none such") is None

    def test_write__what_was_used_longest_ago_goes_first(self, tmp_path: Path) -> None:
        tokens = torch.zeros(1, 1, 1000)  # 4128 bytes a file
        cache = TokenCache(tmp_path, limit_gb=5 * 4128e-9)
        for index, name in enumerate(("aa1", "bb2", "cc3", "dd4", "ee5")):
            cache.write(name, tokens)
            os.utime(next(tmp_path.glob(f"{name[:2]}/*")), (index, index))
        assert cache.read("aa1") is not None  # used again just now
        cache.write("ff6", tokens)
        left = {path.parent.name for path in tmp_path.glob("??/*.npy")}
        assert left == {"aa", "dd", "ee", "ff"}
        again = TokenCache(tmp_path, limit_gb=5 * 4128e-9)
        again.write("gg7", tokens)
        assert len(list(tmp_path.glob("??/*.npy"))) == 5

    def test_init__unusable(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected a positive limit in gigabytes, found 0"):
            TokenCache(tmp_path, limit_gb=0)
        (tmp_path / "file").write_text("")
        with pytest.raises(ModMapError, match="file: expected a directory to keep tokens in"):
            TokenCache(tmp_path / "file")

    def test_modmap__same_model_and_result_with_it(
        self, tmp_path: Path, make_model: Callable[..., ModMap], make_scan: Callable[..., Scan]
    ) -> None:
        scan = make_scan()
        plain = make_model()
        cached = ModMap(
            "fast", device="cpu", settings=plain.config.model_dump(), token_cache=TokenCache(tmp_path)
        ).fit(scan)
        assert cached.fingerprint == plain.fingerprint
        assert cached.predict(scan).score == plain.predict(scan).score


class TestWhatNoEncoderGives:
    @pytest.mark.parametrize(
        "kept",
        [
            np.ones((3, 3, 8), np.float32),
            np.full((4, 4, 8), np.nan, np.float32),
            np.ones((4, 4, 8)),
            np.array(["a"]),
        ],
    )
    def test_read__counts_as_none(self, tmp_path: Path, kept: np.ndarray[Any, Any]) -> None:
        cache = TokenCache(tmp_path)
        key = TokenCache.key("weights", torch.zeros(1, 2, 2))
        cache.write(key, torch.ones(4, 4, 8))
        assert cache.read(key, shape=(4, 4, 8)) is not None
        (file,) = tmp_path.rglob("*.npy")
        np.save(file, kept)
        assert cache.read(key, shape=(4, 4, 8)) is None

    @pytest.mark.parametrize("limit", [float("nan"), float("inf"), 0.0])
    def test_init__a_limit_that_is_none(self, tmp_path: Path, limit: float) -> None:
        with pytest.raises(ModMapError, match="expected a positive limit in gigabytes"):
            TokenCache(tmp_path, limit_gb=limit)
