"""ModMap's face for a method that looks at one view after the other; the volume takes the largest score."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.baselines.laid import LaidViews
from benchmarks.baselines.method import Method, ViewScores
from benchmarks.baselines.model_files import BaselineRecord, BaselineState, load, save, tensors_fingerprint
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader
from modmap.alignment.align import AlignmentError
from modmap.detector.reference import Reference, read_references, tensors_of, write_references
from modmap.detector.survey import survey
from modmap.detector.trained_state import of_category
from modmap.device import choose_device
from modmap.encoding.rim import spread_to_rim
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.files.validated_json import validate
from modmap.progress import stage
from modmap.result import Result, ViewMaps, build_volume, volume_refusal
from modmap.scan import Frame, Scan
from modmap.volume import AnomalyVolume, VoxelGrid

Array = npt.NDArray[np.float32]

ONLY = ""  # class of the nominal scan, as in a model of ModMap of one class


class Baseline:
    """A compared method as a detector: `fit`, `predict`, `save_pretrained`, as ModMap's.

    Every view is scored by itself; its map is smoothed within the part, reaches the rim as ModMap's does, and goes
    through the same upsampling and into the same volume.

    Args:
        name: As the command line calls the method.
        method: The method's class.
        config: Its settings.
        device: As in `ModMap`.
        token_cache: As in `ModMap`.
    """

    def __init__(
        self,
        name: str,
        method: type[Method],
        config: BaselineSettings,
        *,
        device: str = "auto",
        token_cache: TokenCache | None = None,
    ) -> None:
        self.name = name
        self.config = config
        self.device = choose_device(device)
        self.method: Method = method(config, device=self.device)
        self._cache = token_cache
        self._reader: ViewReader | None = None
        self._state: BaselineState | None = None
        self._reference: Reference | None = None
        self._fingerprint = ""

    @property
    def trained(self) -> BaselineState:
        """What training left behind.

        Raises:
            ModMapError: it hasn't been fitted.
        """
        if self._state is None:
            raise ModMapError(f"{self.name}: expected a fitted model: call fit")
        return self._state

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the method learnt."""
        if not self._fingerprint:
            nominal = {} if self._reference is None else tensors_of({ONLY: self._reference})
            self._fingerprint = tensors_fingerprint({**self.method.state(), **nominal})
        return self._fingerprint

    def fit(self, scans: Scan | Sequence[Scan], *, progress: bool = False) -> Baseline:
        """Learns from nominal scans.

        Raises:
            ModMapError: a scan can't be used, or something that the method needs isn't here.
        """
        scans = [scans] if isinstance(scans, Scan) else list(scans)
        if not scans:
            raise ModMapError("fit: expected at least one nominal scan, found none")
        started = time.perf_counter()
        reader = self._read()
        self.method.require(reader)
        grids = survey(scans, self.config.inference).grids
        if self.config.align:
            self._reference = Reference.of(scans[0], foreground=self.config.inference.foreground)
        with stage("views", total=sum(map(len, scans)), shown=progress) as bar:

            def seen() -> Iterator[SeenView]:
                for frame in self._training_frames(scans):
                    view = reader.read(frame)
                    bar.advance()
                    if view is not None:  # the survey has refused views without any depth
                        yield view

            training_score = self.method.fit(seen())
        self._fingerprint = ""
        self._state = BaselineState(
            scans=[scan.name for scan in scans],
            view_ids=list(dict.fromkeys(view_id for scan in scans for view_id in scan.view_ids)),
            fingerprints=reader.fingerprints,
            grids=grids,
            training_score=training_score,
            seconds={"training": time.perf_counter() - started},
        )
        return self

    def check(self, scan: Scan) -> None:
        """Checks, without reading pixels, that a scan's views are known and its files there.

        Raises:
            ModMapError: they aren't.
        """
        known = self.trained.view_ids
        for view in scan.views:
            if view.id not in known:
                raise ModMapError(
                    f"scan {scan.name}: expected views of the training scan, {', '.join(known)}, found {view.id}"
                )
            for file in (view.image, view.depth):
                if isinstance(file, Path) and not file.is_file():
                    raise ModMapError(f"{file}: expected a file of view {view.id}, found none")

    def predict(
        self, scan: Scan, *, volume: bool | None = None, grid: VoxelGrid | None = None, progress: bool = False
    ) -> Result:
        """Scores a scan view by view.

        Its score is the volume's largest, as SiM3D has it for every method; without a volume it is the largest of the
        views' own scores, as the method was published.

        Args:
            scan: A scan with some or all of the training scan's views.
            volume: True demands a volume, False leaves it out, None makes one if every view has a camera.
            grid: Where the voxels are; None takes the training scan's grid, grown to hold this scan.
            progress: Show a bar on standard error.

        Raises:
            ModMapError: it isn't fitted, a view is unknown or unreadable, or no view has any depth.
        """
        self.check(scan)
        refused = volume_refusal(scan, wanted=volume)
        reader = self._read()
        seconds = {"encoders": 0.0, "scoring": 0.0, "volume": 0.0}
        views: dict[str, ViewMaps] = {}
        scores: list[float] = []
        notes: list[str] = []
        started = time.perf_counter()
        laid = self._laid(scan, notes)
        seconds["alignment"] = time.perf_counter() - started
        with stage(f"scoring {scan.name}", total=len(scan), shown=progress) as bar:
            for frame in scan.frames() if laid is None else laid.frames.values():
                started = time.perf_counter()
                view = reader.read(frame)
                encoded = time.perf_counter()
                seconds["encoders"] += encoded - started
                bar.advance()
                if view is None:
                    notes.append(f"view {frame.id}: left out: no pixel of its depth map was measured")
                    continue
                found = self.method.score(view)
                maps = self._maps(view, found)
                views[frame.id] = maps if laid is None else laid.carried_back(maps)
                scores.append(found.score)
                notes += view.notes
                seconds["scoring"] += time.perf_counter() - encoded
        if not views:
            raise ModMapError(
                f"scan {scan.name}: expected measured depth, found only holes in all {len(scan)} views"
            )
        started = time.perf_counter()
        built: AnomalyVolume | None = None
        if refused is None:
            built, outside = build_volume(scan, views, grid or self._grid_for(scan), grow=grid is None)
            if outside:
                notes.append(
                    f"volume: {outside:,} points lie outside the grid that was given and were dropped"
                )
        seconds["volume"] = time.perf_counter() - started
        return Result(
            scan=scan.name,
            score=max(scores) if built is None else built.score,
            views=views,
            volume=built,
            volume_refused=refused,
            notes=tuple(notes),
            seconds=seconds,
        )

    def save_pretrained(self, directory: Path) -> Path:
        """Writes the model."""
        if self._reference is not None:
            write_references({ONLY: self._reference}, directory)
        record = BaselineRecord(
            method=self.name, settings=self.config.model_dump(mode="json"), trained=self.trained
        )
        return save(directory, record, self.method.state())

    @classmethod
    def from_pretrained(
        cls,
        directory: Path,
        *,
        name: str,
        method: type[Method],
        device: str = "auto",
        token_cache: TokenCache | None = None,
    ) -> Baseline:
        """Loads what `save_pretrained` wrote.

        Raises:
            ModMapError: a file is missing or damaged, or of another method.
        """
        record, tensors = load(directory, method=name)
        config = validate(method.settings_type, record.settings, where=str(directory))
        model = cls(name, method, config, device=device, token_cache=token_cache)
        model.method.restore({key: tensor.to(model.device) for key, tensor in tensors.items()})
        model._state = record.trained
        if config.align:
            model._reference = read_references(directory)[ONLY]
        return model

    def _read(self) -> ViewReader:
        if self._reader is None:
            reader = ViewReader(self.config, device=self.device, cache=self._cache, layers=self.method.layers)
            if self._state is not None and reader.fingerprints != self._state.fingerprints:
                raise ModMapError(
                    f"{self.name}: expected the encoders that it was trained with, found others "
                    f"({self.config.features})"
                )
            self._reader = reader
        return self._reader

    def _training_frames(self, scans: Sequence[Scan]) -> Iterator[Frame]:
        """The views of the nominal scans; where scans are to be aligned, all as the first one lies."""
        for place, scan in enumerate(scans):
            laid = self._laid(scan, []) if place else None
            yield from scan.frames() if laid is None else laid.frames.values()

    def _laid(self, scan: Scan, notes: list[str]) -> LaidViews | None:
        """A scan laid on the nominal one where that is asked; where it can't be, a note says why."""
        if self._reference is None:
            return None
        try:
            return LaidViews.of(scan, self._reference, foreground=self.config.inference.foreground)
        except AlignmentError as error:
            notes.append(f"compared as it lies: {error}")
            return None

    def _maps(self, view: SeenView, found: ViewScores) -> ViewMaps:
        scores = spread_to_rim(smoothed(found.map, self.config.smoothing), view.touched)
        return ViewMaps(
            id=view.frame.id,
            image_tokens=scores,
            depth_tokens=scores,
            aggregation="max",
            shape=view.frame.shape,
            mask_bits=np.packbits(view.mask),
        )

    def _grid_for(self, scan: Scan) -> VoxelGrid:
        inference = self.config.inference
        return of_category(self.trained.grids, scan.category) or VoxelGrid.around(
            [scan], inference.voxel, foreground=inference.foreground
        )


def smoothed(scores: Array, share: float) -> Array:
    """Blurs a map by a Gaussian, from the mapped tokens alone: the background has no weight.

    Args:
        scores: (grid, grid), infinite where a token isn't mapped.
        share: Standard deviation over the grid's side; 0 leaves the map as it is.
    """
    sigma = share * len(scores)
    if sigma == 0:
        return scores
    mapped = np.isfinite(scores)
    weight = cv2.GaussianBlur(mapped.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    total = cv2.GaussianBlur(
        np.where(mapped, scores, 0).astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT
    )
    blurred: Array = np.where(mapped, total / np.maximum(weight, np.finfo(np.float32).tiny), np.inf).astype(
        np.float32
    )
    return blurred
