"""The N x N cross-view maps of a scan before the minimum, and the minimum (Figs. 9 and 10)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from modmap.detector.model import ModMap
from modmap.drawing.colours import BACKGROUND, as_rgb, colourise, colourise_depth
from modmap.drawing.legend import draw_legend
from modmap.drawing.picture import Picture
from modmap.drawing.reduction import as_8_bit, averaged, depth_range, measured_depth, reduced_size
from modmap.drawing.table import PLAIN, TALLEST_LEGEND, TableRow, picture_table
from modmap.encoding.square import Square
from modmap.encoding.window import Window
from modmap.errors import ModMapError
from modmap.mapping.anomaly_maps import pair_maps
from modmap.scan import Scan, View
from modmap.types import MODALITIES, Array, Modality

# The picture's width, less its words, is about this, as long as a map can still be seen.
PICTURE_WIDTH = 1500
SMALLEST_SIDE, LARGEST_SIDE = 72, 220
EXPLAINED = {
    "image": "image modality: image tokens predicted from the depth of a source view, compared with those observed",
    "depth": "depth modality: depth tokens predicted from the image of a source view, compared with those observed",
}


@dataclass(frozen=True, eq=False)
class _Target:
    """One target view, reduced.

    Attributes:
        observed: (h, w) uint8 image and (h, w) mm of depth, NaN where nothing was measured.
        refined: The smallest distances so far, (L,) by modality; infinite where no source shows the part.
    """

    observed: dict[Modality, Array]
    refined: dict[Modality, Tensor]

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w)."""
        return self.observed["image"].shape[0], self.observed["image"].shape[1]


def pair_pictures(
    model: ModMap,
    scan: Scan,
    *,
    category: str | None = None,
    top: float | None = None,
    progress: bool = False,
) -> dict[Modality, Picture]:
    """One picture per modality: a row per source view, a column per target view, and the minimum over the rows last.

    Tokens are drawn as they are, squares of one colour. A view in which nothing was measured is left out, and a note
    in the pictures says so. The pictures grow with the square of the views; of the maps themselves, one pair's and
    each view's minimum are in memory at a time.

    Args:
        model: A fitted model.
        scan: The scan, with the views to show.
        category: The class, for a multi-class model; None takes the scan's own.
        top: Distance of the last colour, in both pictures; the largest by default.
        progress: Show a bar on standard error.

    Raises:
        ModMapError: the model isn't fitted, has no mappings between views, or doesn't know a view or the class; or a
            view can't be read, or `top` isn't positive.
    """
    if top is not None and not (math.isfinite(top) and top > 0):
        raise ModMapError(f"pairs: expected a positive distance at the scale's top, found {top}")
    if not model.config.mapping.cross_view:
        raise ModMapError(
            "pairs: expected a model with mappings between views, found one with mapping.cross_view=false"
        )
    model.check(scan, category=category)
    if not model.config.evidence.mapping:
        raise ModMapError(
            "pairs: expected a model that maps features (preset fast or paper), found one that only compares"
        )
    fitted = model.fitted
    tokens = fitted.encode(scan, progress=progress)
    shown = scan.subset(tokens.view_ids)
    side = max(SMALLEST_SIDE, min(LARGEST_SIDE, PICTURE_WIDTH // len(tokens)))
    bank = fitted.bank(scan, tokens, category=category)
    places = bank.foreground.shape[1]
    targets = [
        _target(shown[view_id], window, side, places, bank.image.device)
        for view_id, window in zip(tokens.view_ids, tokens.windows, strict=True)
    ]
    count = len(targets)
    maps: dict[Modality, list[list[Array]]] = {
        modality: [[np.empty(0)] * count for _ in range(count)] for modality in MODALITIES
    }
    for source, target, *distances in pair_maps(fitted.require_mapper(), bank):
        one = targets[target]
        for modality, distance in zip(MODALITIES, distances, strict=True):
            maps[modality][source][target] = _tile(distance, one.shape)
            one.refined[modality] = torch.minimum(one.refined[modality], distance)
    for modality in MODALITIES:
        maps[modality].append([_tile(one.refined[modality], one.shape) for one in targets])
    last = top or max(_largest(row) for rows in maps.values() for row in rows) or 1.0
    return {
        modality: _picture(scan, tokens.view_ids, modality, targets, maps[modality], last)
        for modality in MODALITIES
    }


def _target(view: View, window: Window | None, side: int, places: int, device: torch.device) -> _Target:
    frame = view.load() if window is None else window.cut(view.load())
    size = reduced_size(frame.shape, side)
    return _Target(
        observed={
            "image": averaged(as_8_bit(frame.image), size),
            "depth": measured_depth(frame.depth, size),
        },
        refined={modality: torch.full((places,), torch.inf, device=device) for modality in MODALITIES},
    )


def _tile(distances: Tensor, shape: tuple[int, int]) -> Array:
    """(h, w) float32: every pixel's token's distance, NaN where there is none."""
    grid = math.isqrt(len(distances))
    values = distances.cpu().numpy().reshape(grid, grid)
    square = Square(*shape, grid=grid)
    full = cv2.resize(
        np.where(np.isfinite(values), values, np.nan).astype(np.float32),
        (square.side, square.side),
        interpolation=cv2.INTER_NEAREST_EXACT,
    )
    return np.array(full[square.top : square.top + square.height, square.left : square.left + square.width])


def _largest(row: Sequence[Array]) -> float:
    return max((float(np.nanmax(tile)) for tile in row if np.isfinite(tile).any()), default=0.0)


def _picture(
    scan: Scan,
    view_ids: Sequence[str],
    modality: Modality,
    targets: Sequence[_Target],
    maps: Sequence[Sequence[Array]],
    top: float,
) -> Picture:
    rows = [TableRow(["target"], _observed(targets, modality))]
    rows += [
        TableRow([f"from {view_id}"], [colourise(tile, top, background=BACKGROUND) for tile in row])
        for view_id, row in zip(view_ids, maps[:-1], strict=True)
    ]
    rows.append(TableRow(["minimum"], [colourise(tile, top, background=BACKGROUND) for tile in maps[-1]]))
    height = min(TALLEST_LEGEND, sum(max(len(cell) for cell in row.cells) for row in rows))
    notes = [
        EXPLAINED[modality],
        "rows: source views; columns: target views; last row: the minimum of the rows above; blank: the source or "
        "the target doesn't show the part there",
    ]
    left_out = [view_id for view_id in scan.view_ids if view_id not in view_ids]
    if left_out:
        notes.append(f"left out, as nothing was measured there: {', '.join(left_out)}")
    legend = draw_legend(height, top, lettering=PLAIN, over_gray=False, heading="distance")
    table = picture_table(
        scan.name, rows, columns=[f"to {view_id}" for view_id in view_ids], notes=notes, legend=legend
    )
    return Picture(table)


def _observed(targets: Sequence[_Target], modality: Modality) -> list[Array]:
    observed = [one.observed[modality] for one in targets]
    if modality == "image":
        return [as_rgb(gray) for gray in observed]
    near, far = depth_range(observed)
    return [colourise_depth(depth, near, far, background=BACKGROUND) for depth in observed]
