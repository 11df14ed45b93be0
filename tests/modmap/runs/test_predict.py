"""Predicting directories, where that takes a model that has learnt more than a fraction of a second lets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.datasets import write_scan
from modmap.defects import read_defects
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.result import Result
from modmap.runs.predict import predict_directories, scale_top, write_result
from modmap.scan import Scan


class TestPredictDirectories:
    def test_predict__nominal_scan_gives_defects_a_depth(
        self, make_model: Callable[..., ModMap], make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        # The pixels lie 3 mm apart: voxels of 4 mm leave no gaps between them.
        model = make_model(training={"epochs": 40, "tokens_per_batch": None}, inference={"voxel": 4.0})
        brighter = [
            replace(view, image=np.clip(np.array(view.image, int) + 3, 0, 255).astype(np.uint8))
            for view in make_scan().views
        ]
        model.calibrate(replace(make_scan(name="good"), views=tuple(brighter)))
        model.save_pretrained(tmp_path / "model")
        write_scan(make_scan(), tmp_path / "nominal")
        write_scan(make_scan(name="bad", change=("01",)), tmp_path / "bad")
        status = predict_directories(
            str(tmp_path / "model"),
            [tmp_path / "bad"],
            output=tmp_path / "out",
            formats=("npz",),
            overlays=False,
            device="cpu",
            fail_on_defect=True,
            nominal=tmp_path / "nominal",
        )
        assert status == 3
        # The middle of the view was pushed in by 20 mm.
        depths = [one.depth_mm for one in read_defects(tmp_path / "out" / "bad") if one.depth_mm is not None]
        assert min(depths) == pytest.approx(-20, rel=0.2)

    def test_predict__resume_after_a_file_changed_during_predicting(
        self,
        make_model: Callable[..., ModMap],
        make_scan: Callable[..., Scan],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        make_model().save_pretrained(tmp_path / "model")
        write_scan(make_scan(name="part"), tmp_path / "part")
        predict = ModMap.predict

        def predict_meanwhile(*words: Any, **more: Any) -> Result:
            result = predict(*words, **more)
            next((tmp_path / "part").rglob("*.png")).touch()
            return result

        def run() -> str:
            predict_directories(
                str(tmp_path / "model"),
                [tmp_path / "part"],
                output=tmp_path / "out",
                formats=("npz",),
                overlays=False,
                device="cpu",
                resume=True,
            )
            return capsys.readouterr().out

        with monkeypatch.context() as patched:
            patched.setattr(ModMap, "predict", predict_meanwhile)
            assert "part: score" in run()
        assert "part: score" in run()
        assert run() == "part: already done\n"


class TestWriteResult:
    def test_write_result__what_a_user_put_beside_it_stays(
        self, make_model: Callable[..., ModMap], make_scan: Callable[..., Scan], tmp_path: Path
    ) -> None:
        """And of the first result, and of its report, nothing does."""
        model, scan, place = make_model(training={"epochs": 1}), make_scan(), tmp_path / "ball"
        write_result(model.predict(scan), scan, place, model=model)
        (place / "report.html").touch()
        theirs = {place / "notes.txt", place / "overlay_mine.png", place / "photographs" / "a.png"}
        for file in theirs:
            file.parent.mkdir(exist_ok=True)
            file.touch()
        write_result(model.predict(scan), scan, place, model=model, formats=("ply",), overlays=False)
        ours = {place / name for name in ("summary.json", "maps.npz", "volume.ply")}
        assert {one for one in place.rglob("*") if one.is_file()} == ours | theirs

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (None, "other files"),
            ('{"theirs": 1}', "another summary.json"),
            ("[]", "another summary.json"),
            ("{", "another summary.json"),
        ],
    )
    def test_write_result__never_over_other_files(
        self,
        make_model: Callable[..., ModMap],
        make_scan: Callable[..., Scan],
        tmp_path: Path,
        content: str | None,
        found: str,
    ) -> None:
        model, scan = make_model(training={"epochs": 1}), make_scan()
        (tmp_path / "precious").touch()
        if content is not None:
            (tmp_path / "summary.json").write_text(content)
        with pytest.raises(ModMapError, match=f"one with a summary.json .*, found one with {found}"):
            write_result(model.predict(scan), scan, tmp_path, model=model)
        assert (tmp_path / "precious").is_file()
        assert len(list(tmp_path.iterdir())) == 1 + (content is not None)


class TestScaleTop:
    @pytest.mark.parametrize(
        ("score", "training_score", "threshold", "top"),
        [(2.0, 0.4, None, 2.0), (0.5, 0.4, None, 0.6), (0.5, 0.4, 0.9, 0.9), (2.0, 0.4, 0.9, 2.0)],
    )
    def test_scale_top__holds_all_that_a_reader_compares(
        self, score: float, training_score: float, threshold: float | None, top: float
    ) -> None:
        assert scale_top(score, training_score, threshold) == pytest.approx(top)
