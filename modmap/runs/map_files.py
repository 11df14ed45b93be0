"""A prediction's maps on disk, at token resolution: maps.npz, to look at or work with later."""

from __future__ import annotations

import typing
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from modmap.encoding.window import Window
from modmap.errors import ModMapError, one_line
from modmap.files.archives import opened_npz
from modmap.files.atomic import atomic_file
from modmap.result import ViewMaps
from modmap.types import EVIDENCE, Aggregation, Array

MOST_BYTES = 2**32
MAPS_NAME = "maps.npz"
FAST = 1  # of zlib's levels: two thirds of the time of the usual one, for a twentieth more of bytes


def write_maps(views: dict[str, ViewMaps], directory: str | Path) -> Path:
    """Writes the maps of every view of a scan.

    The file holds `ids` (N,), `shapes` (N, 2), `aggregation`, and for the view at place i `mask_i`, its foreground
    pixels packed to bits; as far as they were asked, `image_i` and `depth_i` (grid, grid) float32, infinite in the
    background, and `geometry_i`, `appearance_i`, `texture_i`, `memory_i` and `deviation_i` (h, w) float32, NaN where
    they say nothing; `nominal_i` (h, w), the nominal image's gray levels; `not_inspected_i` (h, w) uint8, 1 where
    nominal surface would lie that wasn't measured, 2 where it wasn't compared; and, where tokens are of a part of the
    view, `window_i` (4,): its top, left, bottom and right, in shares of the view's sides.
    """
    arrays: dict[str, Array] = {
        "ids": np.array(list(views), dtype=np.str_),
        "shapes": np.array([maps.shape for maps in views.values()], dtype=np.int64),
        "aggregation": np.array(next(iter(views.values())).aggregation, dtype=np.str_),
    }
    for place, maps in enumerate(views.values()):
        arrays[f"mask_{place}"] = maps.mask_bits
        asked: dict[str, Array | None] = {
            "image": maps.image_tokens,
            "depth": maps.depth_tokens,
            **{str(kind): scores for kind, scores in maps.evidence.items()},
            "deviation": maps.deviation_pixels,
            "nominal": maps.nominal_pixels,
            "not_inspected": maps.not_inspected_pixels,
        }
        arrays |= {f"{name}_{place}": scores for name, scores in asked.items() if scores is not None}
        if maps.window is not None:
            arrays[f"window_{place}"] = np.array(list(maps.window.model_dump().values()))
    path = Path(directory) / MAPS_NAME
    with atomic_file(path) as partial, ZipFile(partial, "w", ZIP_DEFLATED, compresslevel=FAST) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)
    return path


def read_maps(directory: str | Path) -> dict[str, ViewMaps]:
    """The maps that `write_maps` wrote into a directory, by view id.

    Raises:
        ModMapError: the file is missing or damaged.
    """
    path = Path(directory) / MAPS_NAME
    if not path.is_file():
        raise ModMapError(f"{path}: expected the maps of a prediction, found none: predict the scan again")
    try:
        with opened_npz(path, most_bytes=MOST_BYTES) as stored:
            aggregation = str(stored["aggregation"])
            if aggregation not in typing.get_args(Aggregation):
                raise ValueError(f"aggregation {aggregation!r}")
            found = {
                str(view_id): ViewMaps(
                    id=str(view_id),
                    image_tokens=stored.get(f"image_{place}"),
                    depth_tokens=stored.get(f"depth_{place}"),
                    aggregation=typing.cast(Aggregation, aggregation),
                    shape=(int(stored["shapes"][place][0]), int(stored["shapes"][place][1])),
                    mask_bits=stored[f"mask_{place}"],
                    evidence={
                        kind: stored[f"{kind}_{place}"] for kind in EVIDENCE if f"{kind}_{place}" in stored
                    },
                    deviation_pixels=stored.get(f"deviation_{place}"),
                    nominal_pixels=stored.get(f"nominal_{place}"),
                    not_inspected_pixels=stored.get(f"not_inspected_{place}"),
                    window=_window(stored.get(f"window_{place}")),
                )
                for place, view_id in enumerate(stored["ids"])
            }
            if not found:
                raise ValueError("no view")
            for maps in found.values():
                _require_whole(maps)
            return found
    except Exception as error:
        reason = one_line(error)
        raise ModMapError(
            f"{path}: expected the maps of a prediction, found a damaged file ({reason})"
        ) from None


def _require_whole(maps: ViewMaps) -> None:
    """Checks that what is kept of a view can be spread over its pixels.

    Raises:
        ValueError: it can't.
    """
    height, width = maps.shape
    if min(height, width) < 1 or len(maps.mask_bits) != -(-height * width // 8):
        raise ValueError(f"view {maps.id}: a mask of {len(maps.mask_bits)} bytes of {width}x{height} pixels")
    for tokens in (maps.image_tokens, maps.depth_tokens):
        if tokens is not None and (tokens.ndim != 2 or tokens.shape[0] != tokens.shape[1] or not tokens.size):
            raise ValueError(f"view {maps.id}: tokens of shape {tokens.shape}")
    kept = (maps.deviation_pixels, maps.nominal_pixels, maps.not_inspected_pixels)
    for pixels in (*maps.evidence.values(), *kept):
        if pixels is not None and (pixels.ndim != 2 or not 0 < max(pixels.shape) <= max(height, width)):
            raise ValueError(f"view {maps.id}: evidence of shape {pixels.shape}")


def _window(ends: Array | None) -> Window | None:
    if ends is None:
        return None
    top, left, bottom, right = (float(one) for one in ends)
    return Window(top=top, left=left, bottom=bottom, right=right)
