"""`modmap evaluate` on a user's own directory: what is the nominal scan, what is measured, what is not done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from modmap.datasets import write_scan
from modmap.errors import ModMapError, UsageError
from modmap.runs.evaluate import training_and_tests
from modmap.scan import Scan
from tests.ball_data_set import write_ball_category

Run = Callable[..., int]


@pytest.fixture(scope="module")
def quick(tiny_encoder: Path, tiny_depth_encoder: Path) -> Sequence[str]:
    return (
        *(
            "--image-encoder",
            f"local-dir:{tiny_encoder}",
            "--depth-encoder",
            f"local-dir:{tiny_depth_encoder}",
        ),
        *("--preset", "fast", "--size", "112", "--device", "cpu"),
        *("--set", "training.epochs=40", "training.pairs_per_batch=4", "training.tokens_per_batch=200"),
    )


@pytest.fixture(scope="module")
def category(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A category in SiM3D's layout."""
    return write_ball_category(tmp_path_factory.mktemp("set"), "ball", radius=55.0)


@pytest.fixture
def plain(tmp_path: Path, make_scan: Callable[..., Scan]) -> Path:
    """Scans of a user: one in train, two others without labels."""
    write_scan(make_scan(name="first"), tmp_path / "mine" / "train" / "first")
    for name, change in (("second", ()), ("third", ("00", "01"))):
        write_scan(replace(make_scan(name=name, change=change), anomalous=None), tmp_path / "mine" / name)
    return tmp_path / "mine"


class TestTrainingAndTests:
    def test_training_and_tests__sim3d(self, category: Path) -> None:
        train, tests = training_and_tests(category)
        assert train.name == "ball_real"
        assert [scan.name for scan in tests] == ["ball_00", "ball_01", "ball_02_bad", "ball_03_bad"]

    def test_training_and_tests__folder_called_train(self, plain: Path) -> None:
        train, tests = training_and_tests(plain)
        assert train.name == "first"
        assert [scan.name for scan in tests] == ["second", "third"]

    def test_training_and_tests__named(self, plain: Path) -> None:
        for place in (Path("second"), plain / "second"):
            train, tests = training_and_tests(plain, train=place)
            assert train.name == "second"
            assert [scan.name for scan in tests] == ["third", "first"]

    def test_training_and_tests__scans_that_share_a_name_are_told_apart(
        self, tmp_path: Path, make_scan: Callable[..., Scan]
    ) -> None:
        for place in ("train/nominal", "good/000", "good/001", "bad/000", "bad/last"):
            write_scan(make_scan(name=Path(place).name), tmp_path / "mine" / place)
        _, tests = training_and_tests(tmp_path / "mine")
        assert [scan.name for scan in tests] == ["bad_000", "last", "good_000", "001"]
        write_scan(make_scan(name="bad_000"), tmp_path / "mine" / "bad_000")
        with pytest.raises(UsageError, match=r"evaluate: .* would both write to bad_000: rename"):
            training_and_tests(tmp_path / "mine")

    def test_training_and_tests__plain_scans_called_as_sim3ds(
        self, tmp_path: Path, make_scan: Callable[..., Scan]
    ) -> None:
        """Also where their files lie in folders called as SiM3D's."""
        for place in ("train/nominal", "cups_01", "cups_02", "cups_real"):
            write_scan(make_scan(name=Path(place).name), tmp_path / "cups" / place)
            for folder in ("depth", "rgb"):
                (tmp_path / "cups" / place / folder).mkdir(exist_ok=True)
        train, tests = training_and_tests(tmp_path / "cups")
        assert train.name == "nominal"
        assert [scan.name for scan in tests] == ["cups_01", "cups_02", "cups_real"]

    def test_training_and_tests__cannot_tell(self, plain: Path) -> None:
        with pytest.raises(
            UsageError, match=r"expected one scan in a folder called train, .* found 0 such of 1"
        ):
            training_and_tests(plain / "second")
        shutil.copytree(plain / "second", plain / "train" / "more")
        with pytest.raises(UsageError, match="found 2 such of 4"):
            training_and_tests(plain)
        with pytest.raises(UsageError, match="expected test scans beside"):
            training_and_tests(plain / "third", train=plain / "third")
        with pytest.raises(ModMapError, match="nowhere: expected the directory of a scan, found none"):
            training_and_tests(plain, train=Path("nowhere"))


class TestEvaluate:
    def test_evaluate__labels_and_ground_truth(
        self,
        category: Path,
        tmp_path: Path,
        quick: Sequence[str],
        run: Run,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        out = tmp_path / "out"
        assert run("evaluate", category, "-o", out, *quick, "--no-overlays") == 0
        printed = capsys.readouterr().out
        assert "i_auroc: 1.0000" in printed
        results = json.loads((out / "results.json").read_text())
        assert results["v_aupro_30pct"] > 0.5
        assert (results["scans"], results["anomalous"], results["defects"]) == (4, 2, 2)
        lines = [json.loads(line) for line in (out / "scans.jsonl").read_text().splitlines()]
        assert [line["scan"] for line in lines] == ["ball_00", "ball_01", "ball_02_bad", "ball_03_bad"]
        before = {path: path.stat().st_mtime_ns for path in out.glob("scans/*/*")}
        assert run("evaluate", category, "-o", out, *quick, "--no-overlays") == 0
        assert {path: path.stat().st_mtime_ns for path in out.glob("scans/*/*")} == before
        capsys.readouterr()
        assert run("evaluate", category, "-o", out, *quick, "inference.voxel=3") == 2
        assert "expected a new directory or a run with these settings" in capsys.readouterr().err

    def test_evaluate__a_ground_truth_that_came_later(
        self, category: Path, tmp_path: Path, quick: Sequence[str], run: Run
    ) -> None:
        """Its scan is predicted again in its grid, and no other but those that lie in the first one's grid."""
        own, out = shutil.copytree(category, tmp_path / category.name), tmp_path / "out"
        truths = {path.parent.name: path.read_bytes() for path in own.glob("*/gt.npz")}
        for name in truths:
            (own / name / "gt.npz").unlink()
        assert run("evaluate", own, "-o", out, *quick, "--no-overlays") == 0
        assert "v_aupro_30pct" not in json.loads((out / "results.json").read_text())
        for name, truth in truths.items():
            (own / name / "gt.npz").write_bytes(truth)
        assert run("evaluate", own, "-o", out, *quick, "--no-overlays") == 0
        assert json.loads((out / "results.json").read_text())["v_aupro_30pct"] > 0.5

    def test_evaluate__never_by_another_scans_model(
        self, plain: Path, tmp_path: Path, quick: Sequence[str], run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Another part's nominal scan of the same name, and the same one scanned again."""
        out, other = tmp_path / "out", shutil.copytree(plain, tmp_path / "other")
        assert run("evaluate", plain, "-o", out, *quick, "--no-overlays") == 0
        capsys.readouterr()
        assert run("evaluate", other, "-o", out, *quick, "--no-overlays") == 2
        expected = f"run with these settings on {other}/train/first, found a model of {plain}/train/first"
        assert expected in capsys.readouterr().err
        image = next((plain / "train" / "first").rglob("*.png"))
        image.touch()
        assert run("evaluate", plain, "-o", out, *quick, "--no-overlays") == 2
        assert "found a model of that scan before one of its files changed" in capsys.readouterr().err

    def test_evaluate__without_labels(
        self, plain: Path, tmp_path: Path, quick: Sequence[str], run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "out"
        assert run("evaluate", plain, "-o", out, "--cache", tmp_path / "cache", *quick) == 0
        printed = capsys.readouterr().out
        assert "no I-AUROC" in printed
        assert "no V-AUPRO" in printed
        scores = {
            scan["scan"]: scan["score"]
            for scan in map(json.loads, (out / "scans.jsonl").read_text().splitlines())
        }
        assert scores["third"] > scores["second"]
        sheet = out / "scans" / "third" / "contact_sheet.png"
        assert sheet.is_file()
        assert list((tmp_path / "cache").glob("??/*.npy"))
        assert run("evaluate", plain, "-o", out, "--cache", tmp_path / "cache", *quick, "--no-overlays") == 0
        assert not sheet.exists()

    def test_evaluate__into_a_place_that_cannot_be_written_to(
        self, plain: Path, tmp_path: Path, quick: Sequence[str], run: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert run("evaluate", plain, "-o", tmp_path / "file" / "out", *quick) == 2
        assert (
            f"{tmp_path / 'file' / 'out'}: expected a directory to write results to"
            in capsys.readouterr().err
        )
