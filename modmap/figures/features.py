"""What encoders make of the same views: principal components of their tokens as colours (Figs. 6 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from modmap.config import EncoderSettings
from modmap.drawing.colours import BACKGROUND, as_rgb, colourise_depth
from modmap.drawing.picture import Picture
from modmap.drawing.reduction import as_8_bit, averaged, depth_range, measured_depth, nearest, reduced_size
from modmap.drawing.table import TableRow, picture_table
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.square import Square
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError
from modmap.figures.components import component_colours
from modmap.foreground import foreground_mask
from modmap.scan import Frame, Scan
from modmap.types import Array, Modality

LONGEST_SIDE = 280
# Depth is what the encoders compared are for.
MODALITIES_IN_ORDER: tuple[Modality, ...] = ("depth", "image")


@dataclass(frozen=True, eq=False)
class NamedEncoder:
    """An encoder and what it is called in the figure."""

    name: str
    encoder: TokenEncoder


def named_encoders(
    references: Sequence[str],
    names: Sequence[str],
    image_reference: str | None,
    *,
    size: int,
    device: torch.device,
) -> list[NamedEncoder]:
    """Loads depth encoders, and an image encoder if there is a reference, all with the grid of the first.

    Args:
        references: Of the depth encoders.
        names: What they are called; empty takes the last part of their references.
        image_reference: Of the image encoder.
        size: Side of the first encoder's square input, pixels.
        device: Where they are to live.

    Raises:
        ModMapError: one can't be loaded.
    """
    short = [_short(reference) for reference in references]
    # Two copies of an encoder may lie in folders of one name.
    own = short if len(set(short)) == len(short) else references
    wanted: list[tuple[str, str, Modality]] = [
        (reference, name, "depth") for reference, name in zip(references, names or own, strict=True)
    ]
    if image_reference is not None:
        wanted.append((image_reference, _short(image_reference), "image"))
    loaded: list[NamedEncoder] = []
    for reference, name, modality in wanted:
        grid = loaded[0].encoder.grid if loaded else None
        encoder = FrozenEncoder(EncoderSettings(reference=reference), modality, size=size, grid=grid)
        loaded.append(NamedEncoder(name, encoder.to(device)))
    return loaded


def _short(reference: str) -> str:
    return (
        reference.partition(":")[2].rstrip("/").rpartition("/")[2]
        if ":" in reference
        else Path(reference).name
    )


@dataclass(frozen=True, eq=False)
class _SeenView:
    """One view, reduced, and what the encoders say of it.

    Attributes:
        view: Its name.
        gray: (h, w) uint8 image.
        depth: (h, w) mm, NaN where nothing was measured.
        mask: (h, w) bool, the part.
        touched: For each encoder (grid, grid) bool, the tokens that hold a pixel of the part.
        tokens: For each encoder (M, C) float32, those tokens.
    """

    view: str
    gray: Array
    depth: Array
    mask: Array
    touched: list[Array]
    tokens: list[Array]


def feature_picture(
    scan: Scan, encoders: Sequence[NamedEncoder], *, device: torch.device | None = None
) -> Picture:
    """One row per view: the depth map and what each depth encoder makes of it, then the same of the image.

    Colours are comparable down a column, not across: each encoder has principal components of its own, those of its
    tokens of the part in all views. The background is blank.

    Args:
        scan: The scan, with the views to show; they are loaded one at a time.
        encoders: Depth and image encoders; the image is shown if there is one of the latter.
        device: Where the encoders live.

    Raises:
        ModMapError: a view can't be loaded, or nothing was measured in any.
    """
    views = [_seen(frame, encoders, device=device) for frame in scan.frames()]
    if not any(view.mask.any() for view in views):
        raise ModMapError(f"features of {scan.name}: expected measured depth, found only holes in every view")
    colours = [component_colours([view.tokens[n] for view in views]) for n in range(len(encoders))]
    depths = depth_range([np.where(view.mask, view.depth, np.nan) for view in views])
    columns: list[str] = []
    cells: list[list[Array]] = [[] for _ in views]
    for modality in MODALITIES_IN_ORDER:
        places = [n for n, one in enumerate(encoders) if one.encoder.modality == modality]
        if not places:
            continue
        columns += [modality, *(encoders[n].name for n in places)]
        for number, view in enumerate(views):
            cells[number].append(_observed(view, modality, depths))
            cells[number] += [_painted(colours[n][number], view.touched[n], view.mask) for n in places]
    grid = encoders[0].encoder.grid
    note = (
        f"{grid} x {grid} patch tokens: the first three principal components over all views as red, green and blue, "
        "for each encoder its own"
    )
    rows = [TableRow([f"view {view.view}"], line) for view, line in zip(views, cells, strict=True)]
    return Picture(picture_table(scan.name, rows, columns=columns, notes=[note]))


def _seen(frame: Frame, encoders: Sequence[NamedEncoder], *, device: torch.device | None) -> _SeenView:
    mask = foreground_mask(frame.depth)[0]
    size = reduced_size(frame.shape, LONGEST_SIDE)
    touched = [Square(*frame.shape, grid=one.encoder.grid).tokens_touched(mask) for one in encoders]
    tokens = []
    for one, held in zip(encoders, touched, strict=True):
        all_tokens = one.encoder.tokens(frame, device=device).cpu().numpy()
        tokens.append(all_tokens[held.ravel()])
    return _SeenView(
        view=frame.id,
        gray=averaged(as_8_bit(frame.image), size),
        depth=measured_depth(frame.depth, size),
        mask=nearest(mask.astype(np.uint8), size).astype(bool),
        touched=touched,
        tokens=tokens,
    )


def _observed(view: _SeenView, modality: Modality, depths: tuple[float, float]) -> Array:
    if modality == "image":
        return as_rgb(view.gray)
    return colourise_depth(view.depth, *depths, background=BACKGROUND)


def _painted(colours: Array, touched: Array, mask: Array) -> Array:
    """(h, w, 3) uint8: every pixel of the part in the colour of its token."""
    grid = np.full((*touched.shape, 3), BACKGROUND, dtype=np.uint8)
    grid[touched] = colours
    square = Square(mask.shape[0], mask.shape[1], grid=len(touched))
    # The token that a pixel's centre lies in, as when the tokens of the part are looked for.
    full = cv2.resize(grid, (square.side, square.side), interpolation=cv2.INTER_NEAREST_EXACT)
    picture = full[square.top : square.top + square.height, square.left : square.left + square.width].copy()
    picture[~mask] = BACKGROUND
    return np.asarray(picture)
