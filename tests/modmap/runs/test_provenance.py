"""What counts as done: a result that predicting anew, as asked, would give again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from modmap.datasets import load_scan, write_scan
from modmap.detector.model import ModMap
from modmap.runs.predict import write_result
from modmap.runs.provenance import is_done, origin_of
from modmap.scan import Scan

ASKED: dict[str, Any] = {"formats": ("npz", "ply"), "overlays": False}


@dataclass(frozen=True)
class Predicted:
    """Attributes: model: with its encoders included; scans: part and nominal; out: the part's result."""

    model: Path
    scans: Path
    out: Path

    def scan(self, name: str = "part") -> Scan:
        """One of the scans."""
        return load_scan(self.scans / name)


@pytest.fixture(scope="module")
def predicted(
    tmp_path_factory: pytest.TempPathFactory,
    make_model: Callable[..., ModMap],
    make_scan: Callable[..., Scan],
) -> Predicted:
    root = tmp_path_factory.mktemp("predicted")
    made = Predicted(root / "model", root / "scans", root / "out" / "part")
    for name in ("part", "nominal"):
        write_scan(make_scan(name=name), root / "scans" / name)
    make_model().save_pretrained(made.model, include_encoders=True)
    model = ModMap.from_pretrained(made.model, device="cpu")
    scan = made.scan()
    write_result(model.predict(scan), scan, made.out, model=model, nominal=made.scan("nominal"), **ASKED)
    return made


class TestIsDone:
    @pytest.mark.parametrize(
        ("other", "done"),
        [
            ({}, True),
            ({"formats": ("ply", "npz")}, True),
            ({"formats": None, "overlays": None}, True),
            ({"formats": ("npz", "ply", "vti")}, False),
            ({"formats": ("npz",)}, False),
            ({"overlays": True}, False),
            ({"nominal": None}, False),
            ({"category": "other"}, False),
        ],
    )
    def test_is_done__as_asked(self, predicted: Predicted, other: dict[str, Any], done: bool) -> None:
        model = ModMap.from_pretrained(predicted.model, device="cpu")
        asked = {**ASKED, "nominal": predicted.scan("nominal"), **other}
        assert is_done(predicted.out, model, predicted.scan(), **asked) is done

    def test_is_done__another_label(self, predicted: Predicted) -> None:
        model = ModMap.from_pretrained(predicted.model, device="cpu")
        scan = replace(predicted.scan(), anomalous=True)
        assert not is_done(predicted.out, model, scan, nominal=predicted.scan("nominal"))

    def test_is_done__nominal_scan_made_anew(
        self, predicted: Predicted, make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        model = ModMap.from_pretrained(predicted.model, device="cpu")
        write_scan(make_scan(name="nominal"), tmp_path / "nominal")
        assert not is_done(
            predicted.out, model, predicted.scan(), nominal=load_scan(tmp_path / "nominal"), **ASKED
        )

    def test_is_done__included_encoders_reached_by_another_path(
        self, predicted: Predicted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(predicted.model.parent)
        model = ModMap.from_pretrained("model", device="cpu")
        assert model.config.image_encoder.reference == "local-dir:model/encoders/image"
        assert is_done(predicted.out, model, predicted.scan(), nominal=predicted.scan("nominal"), **ASKED)

    def test_is_done__other_encoders(self, predicted: Predicted) -> None:
        model = ModMap.from_pretrained(predicted.model, device="cpu")
        other = {"fingerprints": model.trained.fingerprints | {"depth": "0"}}
        model._fitted = replace(model.fitted, trained=model.trained.model_copy(update=other))
        assert not is_done(predicted.out, model, predicted.scan(), nominal=predicted.scan("nominal"), **ASKED)


class TestOriginOf:
    def test_origin_of__taken_before_a_file_changes(
        self, predicted: Predicted, make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        model = ModMap.from_pretrained(predicted.model, device="cpu")
        write_scan(make_scan(name="part"), tmp_path / "part")
        scan = load_scan(tmp_path / "part")
        origin = origin_of(model, scan, **ASKED)
        result = model.predict(scan)
        next((tmp_path / "part").rglob("*.png")).touch()
        write_result(result, scan, tmp_path / "out", model=model, origin=origin, **ASKED)
        assert not is_done(tmp_path / "out", model, scan, **ASKED)
