"""What is found out about this machine, against what can be known of it otherwise."""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modmap.doctor.computing import computing_with
from modmap.doctor.examination import examine, in_words
from modmap.doctor.places import encoders, places
from modmap.doctor.speed import measured_speed

CPU = torch.device("cpu")


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which everything takes half a second."""
    ticks = itertools.count()
    monkeypatch.setattr("modmap.doctor.speed.time.perf_counter", lambda: 0.5 * next(ticks))


class TestSpeed:
    def test_speed__in_operations_a_second(self, slow_clock: None) -> None:
        """A product of two matrices of N x N is N^3 multiplications and as many additions."""
        found = measured_speed(CPU)
        assert found.gflops["float32"] == pytest.approx(2 * 1024**3 / 0.5 / 1e9)
        assert found.view_seconds == 0.5


class TestComputing:
    def test_computing__on_the_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        found = computing_with(CPU)
        assert found.threads == torch.get_num_threads()
        assert 1 <= found.cores <= (os.cpu_count() or 1)
        assert "OMP_NUM_THREADS=3" in found.threads_by
        assert found.devices[0].startswith("cpu: ")

    @pytest.mark.parametrize(
        ("capabilities", "precision", "because"),
        [
            ({"avx512_bf16": True, "amx_bf16": True}, "bfloat16", "cpu has bfloat16 (avx512_bf16, amx_bf16)"),
            ({"avx512_bf16": False, "avx2": True}, "float32", "cpu has no bfloat16 of its own"),
        ],
    )
    def test_precision__and_why(
        self, capabilities: dict[str, bool], precision: str, because: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("torch.cpu.get_capabilities", lambda: capabilities)
        found = computing_with(CPU)
        assert found.precision == precision
        assert found.because.startswith(because)


class TestPlaces:
    def test_places__one_that_is_not_there_yet(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path / "none" / "yet"))
        store = next(one for one in places() if one.path == str(tmp_path / "none" / "yet"))
        assert not store.there
        assert store.megabytes is None
        assert store.free_gb == pytest.approx(shutil.disk_usage(tmp_path).free / 1e9, rel=0.05)

    def test_places__the_packages_own_weights(self) -> None:
        first = places()[0]
        assert first.there
        assert first.megabytes == pytest.approx(Path(first.path).stat().st_size / 1e6)

    def test_encoders__of_presets_and_ones_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "mine").mkdir()
        monkeypatch.setenv("MODMAP_ENCODERS", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        found = {one.name: one for one in encoders()}
        assert (found["dinov2_vits14"].presets, found["dinov2_vits14"].there) == (("fast",), False)
        assert found["dinov2_vitb14"].presets == ("paper",)
        assert found["mine"].presets == ()
        assert found["mine"].broken


class TestExamine:
    def test_examine__a_device_that_is_not_here(self, slow_clock: None) -> None:
        found = examine("cuda:99")
        assert (found.computing, found.speed) == (None, None)
        assert len(found.problems) == 1
        assert found.problems[0].startswith("device: expected one that torch can use here, found 'cuda:99'")

    def test_in_words__has_all(self, slow_clock: None) -> None:
        found = examine("cpu")
        assert found.problems == ()
        text = "\n".join(in_words(found))
        for said in (
            *(one.name for one in found.packages),
            *(one.name for one in found.extras),
            *(one.path for one in found.places),
            *(one.name for one in found.encoders),
            "4 GFLOP/s in float32",
            "500 ms at 448 px",
        ):
            assert said in text

    def test_in_words__an_extra_that_is_missing(self, slow_clock: None) -> None:
        found = examine("cpu")
        without = replace(found.extras[0].packages[0], problem="x: found none")
        lacking = replace(found, extras=(replace(found.extras[0], packages=(without,)),))
        text = "\n".join(in_words(lacking))
        assert f"pip install 'modmap[{lacking.extras[0].name}]'" in text
        assert lacking.extras[0].without in text
