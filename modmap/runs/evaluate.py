"""One evaluation on disk: a model, a result a test scan, and what is left to do of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from modmap.datasets import SiM3D, find_scans, load_scan
from modmap.datasets.sim3d import is_category
from modmap.detector.model import ModMap
from modmap.detector.protocol import Detector
from modmap.encoding.token_cache import TokenCache
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError, UsageError
from modmap.files.atomic import atomic_file, held, remove_leftovers
from modmap.files.places import require_directory, require_writable
from modmap.files.renewal import finish
from modmap.files.validated_json import read_json
from modmap.runs.evaluation_metrics import EvaluationMetrics, common_grid, metrics_of, scan_grid
from modmap.runs.fit import fit_and_save
from modmap.runs.predict import require_distinct, write_result
from modmap.runs.provenance import is_done, origin_of
from modmap.runs.scan_state import scan_state
from modmap.scan import Scan
from modmap.types import VolumeFormat
from modmap.volume import VoxelGrid

MODEL, SCANS = "model", "scans"
TRAIN = "train"
NOMINAL = "nominal.json"  # which scan the model was fitted on, as it was then


@dataclass(frozen=True)
class EvaluationRun:
    """A model fitted on one nominal scan and the predictions of test scans, in a directory.

    Each step looks at what is on disk and does what is missing, so that a run that was killed resumes where it
    stopped, and its scans can be shared out over processes.

    Attributes:
        out: Where it lives: `model/` and `scans/<scan>/`.
        device: As in `ModMap`.
        token_cache: Tokens kept between runs, or None.
        pictures: Write overlays and the volume for viewers too.
        model: The model's directory, where it isn't `model/`: that of a multi-class model that several runs share.
        depth_features: As in `ModMap`.
        open_model: Loads another method's model from its directory; None loads a ModMap.
    """

    out: Path
    device: str = "auto"
    token_cache: TokenCache | None = None
    pictures: bool = False
    model: Path | None = None
    depth_features: Callable[[int], TokenEncoder] | None = None
    open_model: Callable[[Path], Detector] | None = None

    @property
    def model_directory(self) -> Path:
        """Where the model is, or will be."""
        return self.model or self.out / MODEL

    @property
    def fitted(self) -> bool:
        """Whether the model is there; its config is written last."""
        finish(self.model_directory)
        return (self.model_directory / "config.json").is_file()

    def fit(self, model: Detector, train: Scan | Sequence[Scan], *, progress: bool = False) -> None:
        """Fits a model and saves it; one of ModMap's that was killed on the way resumes where it was.

        Raises:
            ModMapError: as `Detector.fit`.
        """
        if not isinstance(model, ModMap):
            model.fit(train, progress=progress).save_pretrained(self.model_directory)
            return
        fit_and_save(model, train, self.model_directory, progress=progress)

    def predict(
        self,
        scans: Sequence[Scan],
        *,
        grid: VoxelGrid | None,
        said: Callable[[str], None],
        progress: bool = False,
        failed: Callable[[str], None] | None = None,
    ) -> list[Scan]:
        """Predicts those scans that haven't been.

        Args:
            scans: Some or all of the test scans.
            grid: Where scans without ground truth are scored; None: in the model's own grid.
            said: Called with a line on each scan that was done.
            progress: Show bars on standard error.
            failed: Called with a line on each scan that can't be used, and the others are predicted; None: it is an
                error.

        Returns:
            The scans that are predicted now.

        Raises:
            ModMapError: the model can't be used, or, without `failed`, a scan; what was done before it stays.
        """
        model = self.opened()
        formats: tuple[VolumeFormat, ...] = ("npz", "ply", "vti") if self.pictures else ("npz",)
        if failed is None:
            for scan in scans:
                model.check(scan)
        done = []
        for scan in scans:
            try:
                self._predict_one(model, scan, scan_grid(scan, grid), formats, said, progress)
            except (ModMapError, OSError) as error:
                if failed is None:
                    raise
                failed(str(error))
            else:
                done.append(scan)
        return done

    def _predict_one(
        self,
        model: Detector,
        scan: Scan,
        grid: VoxelGrid | None,
        formats: Sequence[VolumeFormat],
        said: Callable[[str], None],
        progress: bool,
    ) -> None:
        model.check(scan)
        place = self.out / SCANS / scan.name
        if is_done(place, model, scan, grid=grid, formats=formats, overlays=self.pictures):
            return
        origin = origin_of(model, scan, formats=formats, overlays=self.pictures)
        result = model.predict(scan, grid=grid, progress=progress)
        write_result(result, scan, place, model=model, formats=formats, overlays=self.pictures, origin=origin)
        said(f"{scan.name}: score {result.score:.4f}, {sum(result.seconds.values()):.1f} s")

    def metrics(self, scans: Sequence[Scan]) -> EvaluationMetrics:
        """The metrics of all test scans, once they are predicted.

        Raises:
            ModMapError: as `modmap.runs.evaluation_metrics.metrics_of`.
        """
        return metrics_of(scans, self.out / SCANS)

    def opened(self) -> Detector:
        """The fitted model.

        Raises:
            ModMapError: a file of it is missing or damaged.
        """
        if self.open_model is not None:
            return self.open_model(self.model_directory)
        return ModMap.from_pretrained(
            self.model_directory,
            device=self.device,
            token_cache=self.token_cache,
            depth_features=self.depth_features,
        )


def training_and_tests(
    directory: Path, *, train: Path | None = None, failed: Callable[[str], None] | None = None
) -> tuple[Scan, list[Scan]]:
    """The nominal scan and the test scans of a directory.

    The nominal scan is the one that `train` names; else that of SiM3D's layout, `<category>_real`; else the one in a
    folder called `train`. All others are test scans; where two share a name, those are named by their path from here.

    Args:
        directory: A category of SiM3D, or any directory of scans.
        train: The nominal scan's directory, from `directory` or from here.
        failed: Called with a line on each scan that can't be opened, which is left out; None: it is an error.

    Raises:
        UsageError: it can't be told which scan is the nominal one, or there is no other.
        ModMapError: the nominal scan can't be opened, or, without `failed`, another.
    """
    if train is None and is_category(directory):
        dataset = SiM3D(directory.resolve().parent)
        name = directory.resolve().name
        nominal, tests = dataset.train(name), dataset.tests(name, failed=failed)
        if not tests:
            raise UsageError(f"{directory}: expected test scans beside {nominal.root}, found none")
        return nominal, tests
    scans = find_scans(directory, failed=failed)
    if train is not None:
        place = directory / train if (directory / train).is_dir() else train
        nominal = load_scan(place)
    else:
        found = [scan for scan in scans if scan.root and TRAIN in scan.root.relative_to(directory).parts]
        if len(found) != 1:
            raise UsageError(
                f"{directory}: expected one scan in a folder called {TRAIN}, or --train to name the nominal scan, "
                f"found {len(found)} such of {len(scans)}"
            )
        nominal = found[0]
    assert nominal.root is not None
    root = nominal.root.resolve()
    tests = [scan for scan in scans if scan.root and scan.root.resolve() != root]
    if not tests:
        raise UsageError(f"{directory}: expected test scans beside {nominal.root}, found none")
    tests = _named_apart(tests, directory)
    require_distinct(tests, command="evaluate")
    return nominal, tests


def _named_apart(scans: Sequence[Scan], directory: Path) -> list[Scan]:
    """The scans, those that share a name called as good/000 would be: good_000."""
    names = [scan.name for scan in scans]
    apart = []
    for scan in scans:
        if names.count(scan.name) > 1 and scan.root is not None:
            scan = replace(scan, name="_".join(scan.root.relative_to(directory).parts))
        apart.append(scan)
    return apart


def evaluate_directory(
    directory: Path,
    out: Path,
    *,
    make_model: Callable[[], ModMap],
    train: Path | None = None,
    pictures: bool = True,
    progress: bool = False,
    failed: Callable[[str], None] | None = None,
) -> EvaluationMetrics:
    """Fits on a directory's nominal scan, predicts its test scans, and prints and writes their metrics.

    What an earlier run with the same settings has done in `out` is not done again. Writes `results.json` and, one line
    a scan, `scans.jsonl`. With `failed`, that is called with a line on each test scan that can't be used, and the
    metrics are those of the others, as a note says.

    Raises:
        ModMapError: the nominal scan can't be used, or, without `failed`, a test scan; `out` was begun with other
            settings, or can't be written to.
        BusyError: another process is evaluating into `out`.
    """
    left_out: list[str] = []

    def told(reason: str) -> None:
        left_out.append(reason)
        assert failed is not None
        failed(reason)

    tell = None if failed is None else told
    require_directory(out, what="results")
    model = make_model()
    nominal, tests = training_and_tests(directory, train=train, failed=tell)
    grid = common_grid(tests)
    require_writable(out)
    run = EvaluationRun(out, device=str(model.device), token_cache=model.token_cache, pictures=pictures)
    with held(out, wait=0):
        remove_leftovers(out / SCANS)
        _fit(run, model, nominal, progress=progress)
        done = run.predict(tests, grid=grid, said=_say, progress=progress, failed=tell)
        if not done:
            raise ModMapError(
                f"{directory}: expected a test scan that can be used, found none of {len(tests)}"
            )
        found = run.metrics(done)
        if left_out:
            note = f"{len(left_out)} test scans that can't be used are left out of all figures"
            found = replace(found, notes=(*found.notes, note))
        lines = "".join(json.dumps(asdict(scan)) + "\n" for scan in found.scans)
        for name, text in (
            ("results.json", json.dumps(found.row(), indent=2) + "\n"),
            ("scans.jsonl", lines),
        ):
            with atomic_file(out / name) as partial:
                partial.write_text(text, encoding="utf-8")
    return found


def _fit(run: EvaluationRun, model: ModMap, nominal: Scan, *, progress: bool) -> None:
    """Fits the run's model, or checks that the one that is there is what fitting would give."""
    learnt_from = {"scan": str(nominal.root and nominal.root.resolve()), "state": scan_state(nominal)}
    if run.fitted:
        _require_same(run.out, model, nominal, learnt_from)
        return
    with atomic_file(run.out / NOMINAL) as partial:
        partial.write_text(json.dumps(learnt_from, indent=2) + "\n", encoding="utf-8")
    run.fit(model, nominal, progress=progress)
    print(f"{nominal.name}: fitted", flush=True)


def _require_same(out: Path, model: ModMap, nominal: Scan, learnt_from: Mapping[str, str]) -> None:
    """Checks that the model in a run's directory is the one that fitting anew would give.

    Raises:
        UsageError: it has other settings, or is of another nominal scan, or of this one before a file of it changed.
    """
    begun = ModMap.from_pretrained(out / MODEL, device=str(model.device))
    record = read_json(out / NOMINAL) if (out / NOMINAL).is_file() else {}
    place = record.get("scan") if isinstance(record, dict) else None
    if begun.config != model.config:
        found = "with others"
    elif place != learnt_from["scan"]:
        found = f"of {place or 'a scan that it does not tell'}"
    elif record != learnt_from:
        found = "of that scan before one of its files changed"
    else:
        return
    raise UsageError(
        f"{out}: expected a new directory or a run with these settings on {nominal.root}, found a model {found}"
    )


def _say(line: str) -> None:
    print(line, flush=True)
