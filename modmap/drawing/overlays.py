"""A picture for every view, the anomaly over the image, and one sheet with all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modmap.drawing.colours import BACKGROUND, as_rgb, blend, colourise
from modmap.drawing.layout import framed, in_column, in_row, padded
from modmap.drawing.legend import draw_legend
from modmap.drawing.lettering import Lettering
from modmap.drawing.picture import Picture
from modmap.drawing.reduction import as_8_bit, averaged, nearest, reduced_size
from modmap.errors import ModMapError
from modmap.result import MapName, Result
from modmap.scan import Frame, Scan, file_name
from modmap.threads import in_order
from modmap.types import Array

CONTACT_SHEET = "contact_sheet.png"
LONGEST_SIDE = 1024
# Width over height of the contact sheet, and its side over that of a view's picture.
SHEET_ASPECT = 4 / 3
SHEET_SHARE = 2.0
SMALLEST_TEXT = 15
# Pixels of a picture's side for each pixel of its text.
SIDE_PER_TEXT = 34
# Tiles are small: their text is larger in proportion than a page's.
TILE_TEXT = 2.0
FEWEST_LETTERS = 6


@dataclass(frozen=True, eq=False)
class ViewOverlay:
    """One view, reduced.

    Attributes:
        view: Its name.
        gray: (h, w) uint8 image, None where the scan wasn't given.
        overlay: (h, w, 3) uint8, the anomaly over the image, or alone without one.
        maximum: The view's largest score, NaN if the part isn't in it.
    """

    view: str
    gray: Array | None
    overlay: Array
    maximum: float


def write_overlays(
    result: Result,
    scan: Scan,
    directory: str | Path,
    *,
    top: float | None = None,
    longest_side: int = LONGEST_SIDE,
) -> list[Path]:
    """Writes one PNG for every view of a result, `overlay_<view>.png`, and `contact_sheet.png` with all of them.

    A view's PNG has the gray image at the left and at the right the image under the combined anomaly map, more
    opaque the higher the score; all share one colour scale, drawn beside them. As many views are in memory at a time
    as there are threads.

    Args:
        result: The prediction.
        scan: The scan it was made for.
        directory: Made where it is missing.
        top: Score of the last colour; the scan's own by default.
        longest_side: Pixels along the longest side of a view's pictures; smaller views keep their size.

    Returns:
        The files: the views' in the result's order, then the contact sheet.

    Raises:
        ModMapError: `top` isn't a positive number, or the scan isn't the result's.
    """
    directory = Path(directory)
    top = top_of_scale(result, top)

    def written(view_id: str) -> tuple[Path, Array]:
        one = overlay_over(scan[view_id].load(), result, top=top, longest_side=longest_side)
        path = directory / overlay_name(view_id)
        Picture(view_page(one, result, top=top)).save(path)
        return path, tile(one, result, longest_side=longest_side)

    pages = list(in_order(written, result.views))
    files, tiles = [path for path, _ in pages], [one for _, one in pages]
    if tiles:
        files.append(directory / CONTACT_SHEET)
        Picture(sheet(tiles, result, top=top, longest_side=longest_side)).save(files[-1])
    return files


def top_of_scale(result: Result, top: float | None) -> float:
    """The last score of a result's colours: `top`, or the scan's own score.

    Raises:
        ModMapError: `top` isn't a positive number.
    """
    if top is None:
        # A scan that scores nothing anywhere still needs a scale to be drawn on.
        return result.score if result.score > 0 and math.isfinite(result.score) else 1.0
    if not (math.isfinite(top) and top > 0):
        raise ModMapError(
            f"overlays of {result.scan}: expected a positive score at the scale's top, found {top}"
        )
    return float(top)


def overlay_over(
    frame: Frame, result: Result, *, top: float, longest_side: int, modality: MapName = "combined"
) -> ViewOverlay:
    """A view's anomaly map over its image.

    Raises:
        ModMapError: the frame isn't a view of the result.
    """
    scores = result.map(frame.id, modality)
    if scores.shape != frame.shape:
        raise ModMapError(
            f"overlays of {result.scan}: expected view {frame.id} of the result's size "
            f"{scores.shape[1]}x{scores.shape[0]}, found {frame.shape[1]}x{frame.shape[0]}: another scan?"
        )
    known = ~np.isnan(scores)
    size = reduced_size(frame.shape, longest_side)
    gray = averaged(as_8_bit(frame.image), size)
    # Where scores end inside a reduced pixel, their mean is over the scored part of it alone.
    coverage = averaged(known.astype(np.float32), size)
    total = averaged(np.where(known, scores, 0).astype(np.float32), size)
    mean = np.divide(total, coverage, out=np.full_like(total, np.nan), where=coverage > 0)
    return ViewOverlay(frame.id, gray, blend(gray, mean, top, coverage=coverage), _maximum(scores))


def map_alone(
    view_id: str, result: Result, *, top: float, longest_side: int, modality: MapName = "combined"
) -> ViewOverlay:
    """A view's anomaly map without its image.

    Raises:
        ModMapError: the result has no such view.
    """
    scores = result.map(view_id, modality)
    reduced = nearest(scores, reduced_size(scores.shape, longest_side))
    return ViewOverlay(view_id, None, colourise(reduced, top, background=BACKGROUND), _maximum(scores))


def view_page(one: ViewOverlay, result: Result, *, top: float) -> Array:
    """(H, W, 3) uint8: a view's image, where there is one, its overlay, and the scale."""
    text = _lettering(max(one.overlay.shape))
    gap = text.line_height // 2
    images = [] if one.gray is None else [as_rgb(one.gray)]
    bar = draw_legend(len(one.overlay), top, lettering=text, over_gray=one.gray is not None)
    body = in_row([*images, one.overlay, bar], gap)
    heading = _heading(
        f"{result.scan}   view {one.view}",
        f"view maximum {_number(one.maximum)}   scan score {_number(result.score)}",
        width=body.shape[1],
        text=text,
    )
    return framed(in_column([heading, body], gap), gap)


def tile(one: ViewOverlay, result: Result, *, longest_side: int) -> Array:
    """(h, w, 3) uint8: a view in the contact sheet of a result."""
    side = max(1, round(SHEET_SHARE * longest_side / math.ceil(math.sqrt(max(len(result.views), 1)))))
    overlay = averaged(one.overlay, reduced_size(one.overlay.shape, side))
    text = _lettering(min(max(one.overlay.shape), TILE_TEXT * side))
    number = text.line(_number(one.maximum))
    gap = text.line_height
    room = max(overlay.shape[1] - number.shape[1] - gap, text.width("m") * FEWEST_LETTERS)
    name = text.line(one.view, most=room)
    return in_column([in_row([name, number], gap), overlay], 2)


def sheet(
    tiles: Sequence[Array], result: Result, *, top: float, longest_side: int, over_gray: bool = True
) -> Array:
    """(H, W, 3) uint8: the tiles of all views of a result and the scale, which is over gray where they are."""
    cell_height = max(len(one) for one in tiles)
    cell_width = max(one.shape[1] for one in tiles)
    columns = math.ceil(math.sqrt(len(tiles) * SHEET_ASPECT * cell_height / cell_width))
    rows = math.ceil(len(tiles) / min(columns, len(tiles)))
    columns = math.ceil(len(tiles) / rows)
    cells = [padded(one, cell_height, cell_width) for one in tiles]
    gap = max(4, cell_width // 32)
    grid = in_column([in_row(cells[n : n + columns], gap) for n in range(0, len(cells), columns)], gap)
    text = _lettering(min(max(grid.shape), longest_side))
    body = in_row([grid, draw_legend(len(grid), top, lettering=text, over_gray=over_gray)], gap)
    views = f"{len(tiles)} view" + "s" * (len(tiles) > 1)
    heading = _heading(
        result.scan, f"{views}   scan score {_number(result.score)}", width=body.shape[1], text=text
    )
    return framed(in_column([heading, body], gap), gap)


def _heading(name: str, numbers: str, *, width: int, text: Lettering) -> Array:
    below = text.line(numbers)
    bold = Lettering(text.size, bold=True)
    return in_column([bold.line(name, most=max(width, below.shape[1])), below], 0)


def _lettering(side: float) -> Lettering:
    return Lettering(max(SMALLEST_TEXT, round(side / SIDE_PER_TEXT)))


def _maximum(scores: Array) -> float:
    known = scores[~np.isnan(scores)]
    return float(known.max()) if len(known) else math.nan


def _number(score: float) -> str:
    return "none" if math.isnan(score) else f"{score:#.3g}"


def overlay_name(view_id: str) -> str:
    """The name of a view's PNG; no two views share one, and each is allowed on every system."""
    return f"overlay_{file_name(view_id)}.png"
