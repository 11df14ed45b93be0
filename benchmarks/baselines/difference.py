"""The floor: what a subtraction of the registered nominal scan finds, view by view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from benchmarks.baselines.method import ViewScores
from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader
from benchmarks.cadscan.floor import difference_maps
from benchmarks.features.cnn import Layers
from modmap.errors import ModMapError
from modmap.scan import Frame

Array = npt.NDArray[Any]


class DifferenceSettings(BaselineSettings):
    """Of the subtraction.

    Attributes:
        detector: Which difference: of depth, mm, or of the gray image, as a share of white; each smoothed or not.
        smoothing: None of its own; a smoothed detector smooths.
    """

    detector: Literal["depth", "depth, smoothed", "image", "image, smoothed"] = "depth, smoothed"
    smoothing: float = Field(0.0, ge=0, le=1)


class Difference:
    """The nominal view, kept at `size` pixels, is subtracted from the view of the same id.

    Of several nominal parts, the one whose measured pixels overlap the view's most: the part that lies most like it.

    Args:
        settings: Which difference.
        device: Where the nominal views live.
    """

    title: ClassVar[str] = "Registered difference"
    layers: ClassVar[Layers] = "middle"
    settings_type: ClassVar[type[BaselineSettings]] = DifferenceSettings

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        self.settings: DifferenceSettings = settings
        self._device = device
        self.nominal: dict[str, list[Frame]] = {}

    def require(self, reader: ViewReader) -> None:
        """Checks that no features are asked for.

        Raises:
            ModMapError: there are some.
        """
        if reader.modalities:
            raise ModMapError(f"difference: expected no encoder, found {self.settings.features}")

    def fit(self, views: Iterable[SeenView]) -> float:
        """Keeps the nominal views.

        Raises:
            ModMapError: two of one id differ in size.
        """
        self.nominal = {}
        for view in views:
            kept, new = self.nominal.setdefault(view.frame.id, []), squared(view)
            if kept and kept[0].shape != new.shape:
                raise ModMapError(
                    f"view {new.id}: expected {len(kept[0].depth)} pixels along a side, as in the first nominal part, "
                    f"found {len(new.depth)}"
                )
            kept.append(new)
        return 0.0

    def score(self, view: SeenView) -> ViewScores:
        """The difference to the nominal view of the same id that overlaps the view most."""
        shown, nominals = squared(view), self.nominal[view.frame.id]
        if nominals[0].shape != shown.shape:
            raise ModMapError(
                f"view {view.frame.id}: expected {len(nominals[0].depth)} pixels along a side, as its nominal view "
                f"has, found {view.square.grid}"
            )
        nominal = max(nominals, key=lambda one: _overlap(one, shown))
        found = difference_maps(shown, nominal)[self.settings.detector]
        scores = np.where(view.mapped, found, np.inf).astype(np.float32)
        return ViewScores(scores, float(found[view.mapped].max()))

    def state(self) -> dict[str, Tensor]:
        """The nominal views."""
        kept: dict[str, Tensor] = {}
        for name, frames in self.nominal.items():
            kept[f"{name}.images"] = torch.from_numpy(np.stack([frame.image for frame in frames]))
            kept[f"{name}.depths"] = torch.from_numpy(np.stack([frame.depth for frame in frames]))
        return kept

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes nominal views."""
        names = [key.removesuffix(".images") for key in state if key.endswith(".images")]
        self.nominal = {
            name: [
                Frame(name, image.cpu().numpy(), depth.cpu().numpy())
                for image, depth in zip(state[f"{name}.images"], state[f"{name}.depths"], strict=True)
            ]
            for name in names
        }


def _overlap(one: Frame, other: Frame) -> float:
    """Intersection over union of what was measured in two views of one size."""
    measured = one.depth > 0, other.depth > 0
    return float(np.count_nonzero(measured[0] & measured[1]) / np.count_nonzero(measured[0] | measured[1]))


def squared(view: SeenView) -> Frame:
    """The view's pixels in its square, resized to its grid: 8-bit image by areas, depth by the nearest pixel."""
    square, frame = view.square, view.frame
    size = (square.grid, square.grid)
    image = frame.image if frame.image.dtype == np.uint8 else (frame.image / 257.0).astype(np.uint8)
    return Frame(
        frame.id,
        cv2.resize(square.pad(image), size, interpolation=cv2.INTER_AREA),
        cv2.resize(square.pad(frame.depth), size, interpolation=cv2.INTER_NEAREST_EXACT),
    )
