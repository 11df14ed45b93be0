"""What a prediction holds: maps for every view and modality, the volume, the score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from modmap.calibration import Calibration, Verdict
from modmap.encoding.square import Square
from modmap.encoding.window import Window
from modmap.errors import ModMapError
from modmap.joining import aggregate, joined
from modmap.not_inspected import NotInspected
from modmap.scan import Frame, Scan
from modmap.types import EVIDENCE, Aggregation, Array, Evidence
from modmap.volume import AnomalyVolume, VolumeBuilder, VoxelGrid

if TYPE_CHECKING:
    from modmap.drawing.picture import Picture

MapName = Literal["image", "depth", "geometry", "appearance", "texture", "memory", "combined"]


@dataclass(frozen=True, eq=False)
class ViewMaps:
    """The anomaly maps of one view, kept at token resolution so that 36 views of 12 Mpx stay small.

    Attributes:
        id: The view's name.
        image_tokens: (grid, grid) float32 distances in the image modality, infinite in the background (Eq. 12); None
            where nothing was mapped.
        depth_tokens: (grid, grid) float32 distances in the depth modality; None where nothing was mapped.
        aggregation: How `combined` joins them.
        shape: (H, W) of the view.
        mask_bits: Its foreground pixels in row order, packed to bits.
        evidence: By kind, as far as it was asked, (h, w) float32 scores, each of a square of pixels, NaN where it says
            nothing.
        deviation_pixels: (h, w) float32 mm by which the surface lies off the nominal one, positive where material was
            added, NaN where that isn't known; None where geometry wasn't asked.
        window: What of the view the tokens are of; None for all of it.
        nominal_pixels: (h, w) gray levels of the nominal view's image, laid on this one to look at beside it; None
            where the scan isn't laid on the nominal one.
        not_inspected_pixels: (h, w) uint8 where nominal surface would lie that the scan says nothing of: 0, or as
            `NotInspected.reasons`; None where that isn't known.
    """

    id: str
    image_tokens: Array | None
    depth_tokens: Array | None
    aggregation: Aggregation
    shape: tuple[int, int]
    mask_bits: Array
    evidence: Mapping[Evidence, Array] = field(default_factory=dict)
    deviation_pixels: Array | None = None
    nominal_pixels: Array | None = None
    window: Window | None = None
    not_inspected_pixels: Array | None = None

    @property
    def foreground(self) -> Array:
        """(H, W) bool: the pixels of the part."""
        height, width = self.shape
        return np.unpackbits(self.mask_bits, count=height * width).reshape(height, width).astype(bool)

    def image(self) -> Array:
        """(H, W) float32 map of the image modality; NaN in the background, and everywhere if nothing was mapped."""
        return self._of_tokens(self.image_tokens)

    def depth(self) -> Array:
        """(H, W) float32 map of the depth modality; NaN in the background, and everywhere if nothing was mapped."""
        return self._of_tokens(self.depth_tokens)

    def of_evidence(self, kind: Evidence) -> Array:
        """(H, W) float32 map of a kind of evidence; NaN in the background and where it says nothing."""
        return self._of_pixels(self.evidence.get(kind))

    def deviation(self) -> Array:
        """(H, W) float32 mm off the nominal surface, positive where material was added; NaN where that isn't known."""
        return self._of_pixels(self.deviation_pixels)

    def not_inspected(self) -> Array:
        """(H, W) uint8: 1 where nominal surface would lie that wasn't measured, 2 where it wasn't compared, else 0."""
        full = np.zeros(self.shape, dtype=np.uint8)
        if self.not_inspected_pixels is not None:
            self._enlarge(self.not_inspected_pixels, full)
        return full

    def combined(self) -> Array:
        """(H, W) float32 of all that was asked together; NaN in the background, 0 where nothing is said of a part.

        The two modalities of the mapping speak by `aggregation`, and the kinds of evidence by their norm
        (`modmap.joining.joined`); the larger of the two counts.
        """
        combined = np.where(self.foreground, np.float32(0), np.float32(np.nan))
        if self.image_tokens is not None:
            mapped = aggregate(self.image(), self.depth(), self.aggregation)
            combined = mapped if self.window is None else np.fmax(combined, mapped)
        if not self.evidence:
            return combined
        return np.fmax(combined, self._of_pixels(joined(list(self.evidence.values()))))

    def reduced(self, shape: tuple[int, int]) -> Array:
        """(h, w) float32 of all kinds of evidence together, at their own resolution; 0 where nothing is said."""
        if not self.evidence:  # as of a view that shows nothing but a table
            return np.zeros(shape, dtype=np.float32)
        return np.nan_to_num(joined(list(self.evidence.values())))

    def _of_tokens(self, tokens: Array | None) -> Array:
        if tokens is None:
            return np.full(self.shape, np.nan, dtype=np.float32)
        full = np.full(self.shape, np.nan, dtype=np.float32)
        within = full if self.window is None else full[self.window.of(self.shape)]
        square = Square(within.shape[0], within.shape[1], grid=len(tokens))
        within[...] = square.upsample(tokens, np.isfinite(tokens))
        full[~self.foreground] = np.nan
        return full

    def _of_pixels(self, pixels: Array | None) -> Array:
        full = np.full(self.shape, np.nan, dtype=np.float32)
        if pixels is not None:
            self._enlarge(pixels, full)
            full[~self.foreground] = np.nan
        return full

    def _enlarge(self, pixels: Array, full: Array) -> None:
        # Rows and columns that didn't fill a pixel at the end have none.
        factor = max(self.shape) // max(pixels.shape)
        large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
        full[: large.shape[0], : large.shape[1]] = large[: self.shape[0], : self.shape[1]]


@dataclass(frozen=True, eq=False)
class Result:
    """The prediction for one scan.

    Attributes:
        scan: The scan's name.
        score: The instance's anomaly score: the largest of the volume, or of the maps where there is no volume.
        views: The maps, by view id.
        volume: The anomaly volume, or None.
        volume_refused: Why there is no volume.
        notes: What was guessed, repaired or left out, one line each.
        seconds: Wall time by step, as far as it was asked: `encoders` and `mapping`; `reading`, `nominal` (what is
            taken from the nominal views, once for all scans), `alignment` and the kinds of evidence; `volume`.
        calibration: The thresholds that the verdict is by, or None.
        inspected: Share of the nominal part's surface that the views show, in [0, 1]; None where that wasn't asked.
        least_inspected: How much of it a scan must show to pass.
        omitted: The nominal surface that nothing is said of, where it would lie; None where the model doesn't lay scans
            on the nominal one, or this one can't be laid.
    """

    scan: str
    score: float
    views: dict[str, ViewMaps]
    volume: AnomalyVolume | None
    volume_refused: str | None = None
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    calibration: Calibration | None = None
    inspected: float | None = None
    least_inspected: float = 0.0
    omitted: NotInspected | None = None

    @property
    def verdict(self) -> Verdict | None:
        """`fail` if the score is over the scan's threshold, else `pass`, or `not inspected` where too little was seen.

        None where the model isn't calibrated.
        """
        if self.calibration is None:
            return None
        verdict = self.calibration.verdict(self.score)
        unseen = self.inspected is not None and self.inspected < self.least_inspected
        return "not inspected" if verdict == "pass" and unseen else verdict

    @property
    def p_value(self) -> float | None:
        """How probable so large a score is for a good scan, in [0, 1]; None where the model isn't calibrated."""
        return None if self.calibration is None else self.calibration.p_value(self.score)

    def voxel_p_values(self) -> Array:
        """(X, Y, Z) float64: how probable it is that a good scan shows so much anywhere, for each voxel of the volume.

        NaN where a voxel was never seen. A scan's p-value is its volume's smallest.

        Raises:
            ModMapError: there is no volume, or no calibration that tells.
        """
        scores = self.require_volume().scores
        found = None if self.calibration is None else self.calibration.p_values(scores)
        if found is None:
            raise ModMapError(
                f"result of {self.scan}: expected a calibration for p-values, found "
                f"{'none' if self.calibration is None else 'one that no good scans are behind'}"
            )
        return found

    @property
    def margin(self) -> float | None:
        """The scan's threshold less the score, negative for `fail`; None where the model isn't calibrated."""
        return None if self.calibration is None else self.calibration.margin(self.score)

    def map(self, view_id: str, modality: MapName = "combined") -> Array:
        """(H, W) float32 anomaly map of a view at its image's size; NaN in the background.

        What wasn't asked is NaN everywhere; a kind of evidence is NaN too where it says nothing.

        Raises:
            ModMapError: the scan has no such view, or it was left out.
        """
        if view_id not in self.views:
            raise ModMapError(f"result of {self.scan}: no view {view_id!r}; it has {', '.join(self.views)}")
        maps = self.views[view_id]
        by_name: dict[MapName, Callable[[], Array]] = {
            "image": maps.image,
            "depth": maps.depth,
            **{kind: partial(maps.of_evidence, kind) for kind in EVIDENCE},
            "combined": maps.combined,
        }
        return by_name[modality]()

    def plot(
        self,
        view: str | None = None,
        *,
        scan: Scan | None = None,
        modality: MapName = "combined",
        top: float | None = None,
    ) -> Picture:
        """Draws the anomaly map of one view, or a sheet with those of all, and the colour scale.

        Args:
            view: The view's id; None draws all.
            scan: The scan that was predicted: its images are then drawn under the maps.
            modality: Which map.
            top: Score of the last colour; the scan's own by default.

        Returns:
            A picture that a notebook shows, `save` writes as a PNG, and `numpy.asarray` turns into pixels.

        Raises:
            ModMapError: there is no such view or modality, `top` isn't positive, or the scan is another one.
        """
        from modmap.drawing.result_plot import plot_result

        return plot_result(self, view, scan=scan, modality=modality, top=top)

    def _repr_html_(self) -> str:
        # A notebook calls this; what draws it is imported then, and not by those who only want the numbers.
        from modmap.report.result_card import result_card

        return result_card(self)

    def require_volume(self) -> AnomalyVolume:
        """The volume.

        Raises:
            ModMapError: there is none; says why.
        """
        if self.volume is None:
            raise ModMapError(f"result of {self.scan}: no volume: {self.volume_refused}")
        return self.volume


def build_volume(
    scan: Scan,
    views: Mapping[str, ViewMaps],
    grid: VoxelGrid,
    *,
    grow: bool,
    absent: tuple[Array, Array] | None = None,
    reduced: Mapping[str, Frame] | None = None,
) -> tuple[AnomalyVolume, int]:
    """Carries every foreground pixel's score into its voxel, the maximum kept (Sec. 3.2.4).

    Args:
        scan: The scan, every view with a camera; its views are loaded one at a time.
        views: The maps, by view id.
        grid: Where the voxels are.
        grow: Extend the grid to pixels outside it; else they are dropped.
        absent: (M, 3) world points, mm, of nominal surface that is missing, and (M,) their scores.
        reduced: The views at the resolution of the evidence, by id, each with its part alone, where nothing else
            speaks: their pixels are carried then, and no view is loaded again.

    Returns:
        The volume, and how many points were dropped.
    """
    builder = VolumeBuilder(grid, grow=grow)
    for view_id, maps in views.items():
        if reduced is None:
            mask = maps.foreground
            builder.add(scan[view_id].load().points(mask), maps.combined()[mask])
        else:
            mask = reduced[view_id].depth > 0
            builder.add(reduced[view_id].points(mask), maps.reduced(mask.shape)[mask])
    if absent is not None and len(absent[0]):
        builder.add(*absent)
    return builder.build(), builder.outside


def volume_refusal(scan: Scan, *, wanted: bool | None) -> str | None:
    """Why a scan gets no volume, or None where it gets one.

    Args:
        scan: The scan.
        wanted: True demands a volume, False leaves it out, None makes one if every view has a camera.

    Raises:
        ModMapError: one is demanded and a view has no camera.
    """
    if wanted is False:
        return "not asked for"
    try:
        scan.require_cameras()
    except ModMapError as error:
        if wanted:
            raise
        return str(error)
    return None
