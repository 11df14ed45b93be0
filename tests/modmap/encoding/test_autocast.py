"""bfloat16: near float32's tokens, kept apart from them, and a warning where a machine only emulates it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from modmap import ModMap
from modmap.encoding import autocast
from modmap.encoding.autocast import computing_in, emulates_bfloat16, settled
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.scan import Scan
from tests.modmap.frozen_encoders import frozen

BFLOAT16 = {f"{modality}_encoder": {"precision": "bfloat16"} for modality in ("image", "depth")}


@pytest.fixture(autouse=True)
def untold() -> Iterator[None]:
    """Every test hears the warning as a new process would."""
    autocast._tell_if_emulated.cache_clear()
    yield
    autocast._tell_if_emulated.cache_clear()


def _machine(monkeypatch: pytest.MonkeyPatch, **capabilities: Any) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


class TestComputingIn:
    def test_computing_in__products_alone(self) -> None:
        a, b = torch.randn(2, 64, 64, generator=torch.Generator().manual_seed(0))
        device = torch.device("cpu")
        with computing_in("float32", device):
            exact = a @ b
        assert torch.equal(exact, a @ b)
        with computing_in("bfloat16", device):
            rough = a @ b
        assert rough.dtype == torch.bfloat16
        expected = (a.bfloat16().double() @ b.bfloat16().double()).bfloat16()
        torch.testing.assert_close(rough, expected, atol=0.0, rtol=2**-7)

    def test_computing_in__steps_of_a_training_share_a_context(self) -> None:
        """Each step must see the weights that the last one left: the weight is halved at every one."""
        weight = torch.full((1, 1), 4.0, requires_grad=True)
        with computing_in("bfloat16", torch.device("cpu")):
            for _ in range(20):
                (slope,) = torch.autograd.grad(F.linear(torch.ones(1, 1), weight).square().sum(), weight)
                with torch.no_grad():
                    weight -= 0.25 * slope
        torch.testing.assert_close(weight.detach(), torch.full((1, 1), 4.0 / 2**20))

    def test_computing_in__a_device_that_has_float32_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As mps in older releases of torch, which refuse an autocast there even where it is off."""
        monkeypatch.setattr(torch.amp, "is_autocast_available", lambda device_type: device_type != "mps")
        with computing_in("float32", torch.device("mps")):
            assert not torch.is_autocast_enabled("cpu")
        with pytest.raises(ModMapError, match=r"expected float32, all that torch .* on mps, found bfloat16"):
            computing_in("bfloat16", torch.device("mps"))

    @pytest.mark.parametrize(
        ("capabilities", "emulated"),
        [
            ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, True),
            ({"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, False),
            ({"avx512_bf16": False, "amx_bf16": True}, False),
        ],
    )
    def test_emulates_bfloat16__as_the_processor_says(
        self, monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], emulated: bool
    ) -> None:
        _machine(monkeypatch, **capabilities)
        assert emulates_bfloat16("cpu") == emulated

    def test_emulates_bfloat16__older_torch_cannot_tell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
        assert not emulates_bfloat16("cpu")

    def test_settled__auto_is_what_the_machine_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cpu = torch.device("cpu")
        _machine(monkeypatch, avx512_bf16=True)
        assert settled("auto", cpu) == "bfloat16"
        _machine(monkeypatch, avx512_bf16=False)
        assert settled("auto", cpu) == "float32"
        assert settled("bfloat16", cpu) == "bfloat16"
        assert settled("auto", torch.device("mps")) == "float32"
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
        assert settled("auto", cpu) == "float32"

    def test_computing_in__warns_once_where_it_is_emulated(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        _machine(monkeypatch, avx512_bf16=False)
        with caplog.at_level(logging.WARNING, logger="modmap"):
            computing_in("float32", torch.device("cpu"))
            assert not caplog.messages
            for _ in range(2):
                computing_in("bfloat16", torch.device("cpu"))
        assert len(caplog.messages) == 1
        assert "this machine (cpu) has no bfloat16 and emulates it" in caplog.messages[0]


class TestFrozenEncoder:
    def test_forward__near_float32_and_float32_itself(
        self, tiny_encoder: Path, make_scan: Callable[..., Scan]
    ) -> None:
        encoder, rough = frozen(tiny_encoder), frozen(tiny_encoder, precision="bfloat16")
        pixels = encoder.prepare(make_scan(views=1).views[0].load())[None]
        exact, found = encoder(pixels), rough(pixels)
        assert found.dtype == torch.float32
        assert not torch.equal(found, exact)
        assert F.cosine_similarity(found, exact, dim=-1).min() > 0.995

    @pytest.mark.parametrize(("has", "precision"), [(True, "bfloat16"), (False, "float32")])
    def test_tokens__auto_shares_those_of_what_it_is_settled_as(
        self,
        tiny_encoder: Path,
        make_scan: Callable[..., Scan],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        has: bool,
        precision: str,
    ) -> None:
        _machine(monkeypatch, amx_bf16=has)
        frame = make_scan(views=1).views[0].load()
        cache = TokenCache(tmp_path)
        kept = [frozen(tiny_encoder, precision=one).tokens(frame, cache=cache) for one in (precision, "auto")]
        assert torch.equal(*kept)
        assert len(list(tmp_path.glob("??/*.npy"))) == 1

    def test_tokens__are_not_float32s_kept_ones(
        self, tiny_encoder: Path, make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        frame = make_scan(views=1).views[0].load()
        cache = TokenCache(tmp_path)

        def tokens(encoder: FrozenEncoder) -> torch.Tensor:
            return encoder.tokens(frame, device=torch.device("cpu"), cache=cache)

        exact = tokens(frozen(tiny_encoder))
        found = tokens(frozen(tiny_encoder, precision="bfloat16"))
        assert not torch.equal(found, exact)
        assert len(list(tmp_path.glob("??/*.npy"))) == 2
        assert torch.equal(tokens(frozen(tiny_encoder, precision="bfloat16")), found)
        assert torch.equal(tokens(frozen(tiny_encoder)), exact)


class TestModMap:
    def test_fit__a_model_keeps_its_precision(
        self, make_model: Callable[..., ModMap], make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        plain, model = make_model(), make_model(**BFLOAT16)
        assert model.fingerprint != plain.fingerprint
        again = ModMap.from_pretrained(model.save_pretrained(tmp_path / "model"), device="cpu")
        assert again.config.image_encoder.precision == again.config.depth_encoder.precision == "bfloat16"
        scan = make_scan(change=("00",))
        found = model.predict(scan)
        np.testing.assert_array_equal(again.predict(scan).map("00"), found.map("00"))
        exact = plain.predict(scan).map("00")
        known = np.isfinite(exact)
        assert np.corrcoef(found.map("00")[known], exact[known])[0, 1] > 0.95

    def test_init__unknown_precision(self) -> None:
        with pytest.raises(ModMapError, match=r"image_encoder.precision: .*float32.*bfloat16.*float16"):
            ModMap("fast", settings={"image_encoder": {"precision": "float16"}})
