"""A picture for every view, the anomaly over the image, and one sheet with all of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from modmap.datasets.atomic import atomic_file
from modmap.errors import ModMapError
from modmap.report.colours import blend
from modmap.report.legend import draw_legend
from modmap.report.lettering import PAPER, Lettering
from modmap.result import Result
from modmap.scan import Frame, Scan

Array = npt.NDArray[Any]

CONTACT_SHEET = "contact_sheet.png"
# Width over height of the contact sheet, and its side over that of a view's picture.
SHEET_ASPECT = 4 / 3
SHEET_SHARE = 2.0
SMALLEST_TEXT = 0.5
# Tiles are small: their text is larger, against the picture, than a page's.
TILE_TEXT = 2.0
FEWEST_LETTERS = 6


@dataclass(frozen=True, eq=False)
class _Picture:
    """One view, reduced.

    Attributes:
        view: Its name.
        gray: (h, w) uint8 image.
        overlay: (h, w, 3) uint8, the anomaly over the image.
        maximum: The view's largest score, NaN if the part isn't in it.
    """

    view: str
    gray: Array
    overlay: Array
    maximum: float


def write_overlays(
    result: Result, scan: Scan, directory: str | Path, *, top: float | None = None, longest_side: int = 1024
) -> list[Path]:
    """Writes one PNG for every view of a result, `overlay_<view>.png`, and `contact_sheet.png` with all of them.

    A view's PNG has the gray image at the left and at the right the image under the combined anomaly map, more
    opaque the higher the score; all share one colour scale, drawn beside them. One view is in memory at a time.

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
    top = _scale_top(result, top)
    tile_side = max(1, round(SHEET_SHARE * longest_side / math.ceil(math.sqrt(max(len(result.views), 1)))))
    files, tiles = [], []
    for view_id in result.views:
        picture = _view_picture(scan[view_id].load(), result, top=top, longest_side=longest_side)
        files.append(directory / f"overlay_{_file_name(view_id)}.png")
        _write_png(_view_page(picture, result, top=top), files[-1])
        tiles.append(_tile(picture, tile_side))
    if tiles:
        files.append(directory / CONTACT_SHEET)
        _write_png(_sheet(tiles, result, top=top, longest_side=longest_side), files[-1])
    return files


def _scale_top(result: Result, top: float | None) -> float:
    if top is None:
        # A scan that scores nothing anywhere still needs a scale to be drawn on.
        return result.score if result.score > 0 and math.isfinite(result.score) else 1.0
    if not (math.isfinite(top) and top > 0):
        raise ModMapError(
            f"overlays of {result.scan}: expected a positive score at the scale's top, found {top}"
        )
    return float(top)


def _view_picture(frame: Frame, result: Result, *, top: float, longest_side: int) -> _Picture:
    scores = result.map(frame.id)
    if scores.shape != frame.shape:
        raise ModMapError(
            f"overlays of {result.scan}: expected view {frame.id} of the result's size "
            f"{scores.shape[1]}x{scores.shape[0]}, found {frame.shape[1]}x{frame.shape[0]}: another scan?"
        )
    known = ~np.isnan(scores)
    size = _reduced_size(frame.shape, longest_side)
    gray = _reduced(_as_8_bit(frame.image), size)
    # Where scores end inside a reduced pixel, their mean is over the scored part of it alone.
    coverage = _reduced(known.astype(np.float32), size)
    total = _reduced(np.where(known, scores, 0).astype(np.float32), size)
    mean = np.divide(total, coverage, out=np.full_like(total, np.nan), where=coverage > 0)
    overlay = blend(gray, mean, top, coverage=coverage)
    return _Picture(frame.id, gray, overlay, float(scores[known].max()) if known.any() else math.nan)


def _view_page(picture: _Picture, result: Result, *, top: float) -> Array:
    text = _lettering(max(picture.gray.shape))
    gap = text.line_height // 2
    gray = cv2.cvtColor(picture.gray, cv2.COLOR_GRAY2RGB)
    body = _in_row([gray, picture.overlay, draw_legend(len(gray), top, lettering=text)], gap)
    heading = _heading(
        f"{result.scan}   view {picture.view}",
        f"view maximum {_number(picture.maximum)}   scan score {_number(result.score)}",
        width=body.shape[1],
        text=text,
    )
    return _framed(_in_column([heading, body], gap), gap)


def _tile(picture: _Picture, side: int) -> Array:
    overlay = _reduced(picture.overlay, _reduced_size(picture.gray.shape, side))
    text = _lettering(min(max(picture.gray.shape), TILE_TEXT * side))
    number = text.line(_number(picture.maximum))
    gap = text.line_height // 2
    room = max(overlay.shape[1] - number.shape[1] - gap, text.width("m") * FEWEST_LETTERS)
    name = text.line(picture.view, most=room)
    return _in_column([_in_row([name, number], gap), overlay], 2)


def _sheet(tiles: list[Array], result: Result, *, top: float, longest_side: int) -> Array:
    cell_height = max(len(tile) for tile in tiles)
    cell_width = max(tile.shape[1] for tile in tiles)
    columns = math.ceil(math.sqrt(len(tiles) * SHEET_ASPECT * cell_height / cell_width))
    rows = math.ceil(len(tiles) / min(columns, len(tiles)))
    columns = math.ceil(len(tiles) / rows)
    cells = [_padded(tile, cell_height, cell_width) for tile in tiles]
    gap = max(4, cell_width // 32)
    grid = _in_column([_in_row(cells[n : n + columns], gap) for n in range(0, len(cells), columns)], gap)
    text = _lettering(min(max(grid.shape), longest_side))
    body = _in_row([grid, draw_legend(len(grid), top, lettering=text)], gap)
    views = f"{len(tiles)} view" + "s" * (len(tiles) > 1)
    heading = _heading(
        result.scan, f"{views}   scan score {_number(result.score)}", width=body.shape[1], text=text
    )
    return _framed(_in_column([heading, body], gap), gap)


def _heading(name: str, numbers: str, *, width: int, text: Lettering) -> Array:
    bold = Lettering(text.scale, bold=True)
    figures = text.line(numbers)
    return _in_column([bold.line(name, most=max(width, figures.shape[1])), figures], 0)


def _lettering(side: float) -> Lettering:
    return Lettering(max(SMALLEST_TEXT, side / 1024))


def _number(score: float) -> str:
    return "none" if math.isnan(score) else f"{score:#.3g}"


def _as_8_bit(image: Array) -> Array:
    if image.dtype == np.uint8:
        return image
    return np.asarray(cv2.convertScaleAbs(image, alpha=255 / max(float(image.max()), 1.0)))


def _reduced_size(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """(width, height), as OpenCV wants it."""
    share = min(1.0, longest / max(shape[:2]))
    return max(1, round(shape[1] * share)), max(1, round(shape[0] * share))


def _reduced(pixels: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _in_row(pictures: list[Array], gap: int) -> Array:
    height = max(len(picture) for picture in pictures)
    spaced = [_padded(picture, height, picture.shape[1] + gap) for picture in pictures]
    return np.concatenate(spaced, axis=1)[:, :-gap] if gap else np.concatenate(spaced, axis=1)


def _in_column(pictures: list[Array], gap: int) -> Array:
    width = max(picture.shape[1] for picture in pictures)
    spaced = [_padded(picture, len(picture) + gap, width) for picture in pictures]
    return np.concatenate(spaced)[:-gap] if gap else np.concatenate(spaced)


def _padded(picture: Array, height: int, width: int) -> Array:
    page = np.full((height, width, 3), PAPER, dtype=np.uint8)
    page[: len(picture), : picture.shape[1]] = picture
    return page


def _framed(picture: Array, edge: int) -> Array:
    return np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), constant_values=PAPER)


def _file_name(view_id: str) -> str:
    """Injective, so that no two views share a file, and allowed on every system."""
    return re.sub(r'[%/\\:*?"<>|\x00-\x1f]', lambda found: f"%{ord(found[0]):02X}", view_id)


def _write_png(picture: Array, path: Path) -> None:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise ModMapError(f"{path}: expected OpenCV to encode a PNG of {picture.shape}, found it refused")
    with atomic_file(path) as partial:
        partial.write_bytes(data.tobytes())
