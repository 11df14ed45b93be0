"""Commands that are killed before any of their file operations, and disks that fill at any: nothing is ever half."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import k3d  # type: ignore[import-untyped]  # noqa: F401  # what is imported here isn't in each run
import numpy as np
import pytest

import modmap.detector.fit
import modmap.report.write
from modmap.cli import main
from modmap.datasets import write_scan
from modmap.defects import read_defects
from modmap.detector.model import ModMap
from modmap.files.renewal import finish
from modmap.runs.map_files import read_maps
from modmap.runs.stored_results import read_summary
from modmap.runs.volume_files import load_volume
from modmap.scan import Scan
from tests.interrupted_runs import run
from tests.interrupted_verbs import Verb

FEW = {"kills": 3, "fulls": 1, "quotas": 1}
ALL = {"kills": None, "fulls": None, "quotas": 40}
OLD_PAGE = "an older report"
THEIRS = ("notes.txt", "photo.png", "sub/deep.txt")


class Bench:
    """Tiny scans and models, and each command's folder before it runs."""

    def __init__(
        self, root: Path, make_scan: Callable[..., Scan], image_encoder: Path, depth_encoder: Path
    ) -> None:
        self.root, self.place = root, root / "place"
        self.good, self.bad = root / "scans" / "good", root / "scans" / "bad"
        write_scan(make_scan(name="good", views=3), self.good)
        write_scan(make_scan(name="bad", views=3, change=("01",)), self.bad)
        self.words = ["--preset", "fast", "--size", "56", "--device", "cpu", "--voxel", "8"]
        self.words += [
            f"--image-encoder=local-dir:{image_encoder}",
            f"--depth-encoder=local-dir:{depth_encoder}",
        ]
        self.words += ["--set", "training.pairs_per_batch=4", "training.tokens_per_batch=50"]
        self.words += ["inference.jittered_scans=0"]
        self.model = self.made("models", self.fit("--epochs", "1", "--include-encoders"))
        self.made("models", lambda: main(["calibrate", str(self.place / "model"), str(self.good)]))
        self.with_theirs(self.model / "model")

    def made(self, name: str, do: Callable[[], object]) -> Path:
        """A folder in which a command has written, which another one begins with."""
        kept = self.root / name
        if kept.is_dir():
            kept.rename(self.place)
        self.place.mkdir(exist_ok=True)
        ended = run(do, self.place)
        assert ended.status == 0, ended.said
        self.place.rename(kept)
        return kept

    def with_theirs(self, folder: Path) -> None:
        """Puts what a user might into a folder."""
        for name in THEIRS:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(f"the user's {name}")

    def fit(self, *more: str) -> Callable[[], object]:
        def do() -> None:
            # As the command does, but that the state of the training is kept after every epoch.
            modmap.detector.fit.TrainingCheckpoint = functools.partial(  # type: ignore[misc, assignment]
                modmap.detector.fit.TrainingCheckpoint, every=0
            )
            main(["fit", str(self.good), "-o", str(self.place / "model"), *self.words, *more])

        return do

    def predict(self, *more: str) -> Callable[[], object]:
        model = self.root / "models" / "model"
        return lambda: main(
            ["predict", str(model), str(self.bad), "-o", str(self.place), "--device=cpu", *more]
        )


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
    make_scan: Callable[..., Scan],
    tiny_encoder: Path,
    tiny_depth_encoder: Path,
) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), make_scan, tiny_encoder, tiny_depth_encoder)


def _model(place: Path) -> str:
    """What is loaded of a model."""
    directory = place / "model"
    if not directory.exists():
        return "absent"
    model = ModMap.from_pretrained(directory, device="cpu")
    calibrations = {name: one.model_dump_json() for name, one in model.calibrations.items()}
    reference = model.config.image_encoder.reference
    return f"{model.fingerprint} {calibrations} {reference} {len(model.trained.losses)}"


def _result(place: Path) -> str:
    """What is read of a result."""
    directory = place / "bad"
    finish(directory)
    if not (directory / "summary.json").is_file():
        return "absent"
    maps, volume = read_maps(directory), load_volume(directory / "volume.npz")
    found = [read_summary(directory)["score"], len(read_defects(directory) or [])]
    digest = hashlib.sha256(np.ascontiguousarray(volume.scores).tobytes())
    for one in maps.values():
        digest.update(one.mask_bits.tobytes())
    return f"{found} {digest.hexdigest()}"


def _pages(place: Path) -> str:
    """Each page that is there is a whole one."""
    for page in (place / "bad" / "report.html", place / "index.html"):
        text = page.read_text() if page.is_file() else OLD_PAGE
        assert text == OLD_PAGE or text.rstrip().endswith("</html>")
    return "whole"


VERBS = ("fit", "refit", "calibrate", "predict", "predict_again", "report")


def _verb(bench: Bench, name: str) -> Verb:
    place, none = bench.place, bench.root / "none"
    none.mkdir(exist_ok=True)
    theirs = tuple(f"model/{one}" for one in THEIRS)
    if name == "fit":
        return Verb(place, none, bench.fit("--epochs", "2"), {"model": "config.json"}, _model)
    if name == "refit":
        fit = bench.fit("--epochs", "2")
        return Verb(place, bench.model, fit, {"model": "config.json"}, _model, theirs)
    if name == "calibrate":
        words = ["calibrate", str(place / "model"), str(bench.good), "--false-alarm-rate", "0.2"]
        return Verb(place, bench.model, lambda: main(words), {"model": "config.json"}, _model, theirs)
    if name == "predict":
        return Verb(place, none, bench.predict(), {"bad": "summary.json"}, _result)
    begin = bench.root / "results"
    if not begin.is_dir():
        bench.made("results", bench.predict("--formats", "npz", "ply"))
        bench.with_theirs(begin / "bad")
        (begin / "bad" / "report.html").write_text(OLD_PAGE)
    theirs = tuple(f"bad/{one}" for one in THEIRS)
    if name == "predict_again":
        again = bench.predict("--no-overlays", "--formats", "npz", "vti")
        return Verb(place, begin, again, {"bad": "summary.json"}, _result, theirs)
    return Verb(place, begin, lambda: main(["report", str(place)]), {}, _pages, theirs)


class TestInterrupted:
    @pytest.mark.parametrize("name", VERBS)
    def test_a_spread_of_points(self, bench: Bench, name: str) -> None:
        print(name, _verb(bench, name).try_all(**FEW))

    @pytest.mark.slow
    @pytest.mark.parametrize("name", VERBS)
    def test_every_point(self, bench: Bench, name: str) -> None:
        print(name, _verb(bench, name).try_all(**ALL))
