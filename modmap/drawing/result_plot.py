"""What `Result.plot` draws: one view, or a sheet of all."""

from __future__ import annotations

import typing

from modmap.drawing.overlays import (
    LONGEST_SIDE,
    ViewOverlay,
    map_alone,
    overlay_over,
    sheet,
    tile,
    top_of_scale,
    view_page,
)
from modmap.drawing.picture import Picture
from modmap.errors import ModMapError
from modmap.result import MapName, Result
from modmap.scan import Scan


def plot_result(
    result: Result, view: str | None, *, scan: Scan | None, modality: MapName, top: float | None
) -> Picture:
    """`Result.plot` says what the arguments are; one view is in memory at a time."""
    names = typing.get_args(MapName)
    if modality not in names:
        raise ModMapError(
            f"result of {result.scan}: expected a modality of {', '.join(names)}, found {modality!r}"
        )
    if view is not None and view not in result.views:
        raise ModMapError(f"result of {result.scan}: no view {view!r}; it has {', '.join(result.views)}")
    last = top_of_scale(result, top)

    def drawn(view_id: str) -> ViewOverlay:
        if scan is None:
            return map_alone(view_id, result, top=last, longest_side=LONGEST_SIDE, modality=modality)
        frame = scan[view_id].load()
        return overlay_over(frame, result, top=last, longest_side=LONGEST_SIDE, modality=modality)

    if view is not None:
        return Picture(view_page(drawn(view), result, top=last))
    if not result.views:
        raise ModMapError(f"result of {result.scan}: expected at least one view to draw, found none")
    tiles = [tile(drawn(view_id), result, longest_side=LONGEST_SIDE) for view_id in result.views]
    return Picture(sheet(tiles, result, top=last, longest_side=LONGEST_SIDE, over_gray=scan is not None))
