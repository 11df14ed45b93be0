"""`modmap figures`, as a user types it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import pytest

from modmap.datasets import write_scan
from modmap.detector.model import ModMap
from modmap.runs.predict import write_result
from modmap.scan import Scan

Run = Callable[..., int]


@pytest.fixture
def run(run: Run) -> Run:
    """Runs `modmap figures` in this process; its exit code."""
    return partial(run, "figures")


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory,
    make_model: Callable[..., ModMap],
    make_scan: Callable[..., Scan],
) -> Path:
    """A scan, a model of it and the model's prediction."""
    root = tmp_path_factory.mktemp("figures")
    write_scan(make_scan(name="good"), root / "good")
    scan = Scan.load(root / "good")
    model = make_model(scan)
    model.save_pretrained(root / "model")
    write_result(
        model.predict(scan, volume=False),
        scan,
        root / "out" / "good",
        model=model,
        formats=(),
        overlays=False,
    )
    return root


def png(path: Path) -> bool:
    return cv2.imread(str(path)) is not None


class TestFeatures:
    def test_features__writes_what_it_prints(
        self,
        run: Run,
        place: Path,
        tiny_encoder: Path,
        tiny_depth_encoder: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        references = [f"local-dir:{tiny_encoder}", f"local-dir:{tiny_depth_encoder}"]
        words = ["--encoders", *references, "--labels", "A", "B", "--image-encoder", references[0]]
        assert (
            run("features", place / "good", *words, "--views", "00", "02", "--size", "112", "-o", tmp_path)
            == 0
        )
        assert capsys.readouterr().out == f"{tmp_path / 'features.png'}\n"
        assert png(tmp_path / "features.png")

    def test_features__errors(
        self, run: Run, place: Path, tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        reference = f"local-dir:{tiny_encoder}"
        scan, out = place / "good", ("-o", tmp_path)
        assert run("features", scan, "--encoders", reference, "--labels", "A", "B", *out) == 2
        assert "expected one for each of the 1 encoders, found 2" in capsys.readouterr().err
        assert run("features", scan, "--encoders", reference, "--views", "09", *out) == 1
        assert "no view '09'; it has 00, 01, 02, 03" in capsys.readouterr().err
        assert run("features", scan, "--encoders", "dinov2", *out) == 1
        assert "encoder 'dinov2': expected local-dir:PATH" in capsys.readouterr().err
        assert run("features", tmp_path / "none", "--encoders", reference, *out) == 1
        error = capsys.readouterr().err
        assert error.startswith("modmap figures: error: ")
        assert error.count("\n") == 1
        assert not list(tmp_path.iterdir())


class TestPairs:
    def test_pairs__writes_what_it_prints(
        self, run: Run, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("pairs", place / "model", place / "good", "--views", "00", "03", "-o", tmp_path) == 0
        assert capsys.readouterr().out.split() == [
            str(tmp_path / f"pairs_{name}.png") for name in ("image", "depth")
        ]
        assert png(tmp_path / "pairs_image.png")
        assert png(tmp_path / "pairs_depth.png")

    def test_pairs__errors(
        self, run: Run, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("pairs", place / "model", place / "good", "--views", "09", "-o", tmp_path) == 1
        assert "no view '09'" in capsys.readouterr().err
        assert run("pairs", place / "none", place / "good", "-o", tmp_path) == 1
        assert f"{place / 'none'}: expected a model's directory" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())


class TestQualitative:
    def test_qualitative__says_what_is_missing(
        self, run: Run, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("qualitative", place / "out", "-o", tmp_path) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == str(tmp_path / "qualitative.png")
        assert "good: no ground truth" in lines
        assert "good: no volume: not asked for" in lines
        assert png(tmp_path / "qualitative.png")

    def test_qualitative__errors(
        self, run: Run, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("qualitative", place / "good", "-o", tmp_path) == 2
        assert "expected results of modmap predict or modmap evaluate, found none" in capsys.readouterr().err
        assert run("qualitative", place / "out", "--only", "x", "-o", tmp_path) == 1
        assert "no scan 'x' was predicted; there are good" in capsys.readouterr().err


class TestEvidence:
    def test_evidence__writes_what_it_prints(
        self, run: Run, make_scan: Callable[..., Scan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_scan(make_scan(name="new"), tmp_path / "new")
        scan = Scan.load(tmp_path / "new")
        model = ModMap("inspect", device="cpu", settings={"evidence": {"texture": False}}).fit(make_scan())
        result = model.predict(scan, volume=False)
        write_result(result, scan, tmp_path / "out", model=model, formats=(), overlays=False)
        assert (
            run("evidence", tmp_path / "out", "--views", "00", "--top", "2", "-o", tmp_path / "figure") == 0
        )
        assert capsys.readouterr().out.splitlines() == [str(tmp_path / "figure" / "evidence.png")]
        assert png(tmp_path / "figure" / "evidence.png")

    def test_evidence__errors(
        self, run: Run, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("evidence", place / "out" / "good", "-o", tmp_path) == 2
        assert "found a prediction by the mapping alone" in capsys.readouterr().err
        assert run("evidence", place / "out" / "good", "--top", "0", "-o", tmp_path) == 2
        assert "evidence: --top: expected more than 0, found 0" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())


class TestFigures:
    @pytest.mark.parametrize("words", [(), ("--help",), ("features", "--help"), ("pairs", "--help")])
    def test_figures__help(
        self, run: Run, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(*words) == 0
        assert "modmap figures" in capsys.readouterr().out

    def test_figures__unknown(self, run: Run) -> None:
        assert run("figure_6") == 2
