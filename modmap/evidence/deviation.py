"""How far the surface of a new scan lies from the nominal one, in the new scan's own pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from modmap.alignment.motion import dot, inverse, length, moved
from modmap.alignment.surface import ViewSurface, eroded
from modmap.evidence.faces import without_offsets
from modmap.evidence.fixture import rim
from modmap.evidence.lookup import looked_past, looked_up, nearest_at, read_at
from modmap.evidence.nominal import SAME_FACE, SCALES, NominalSurface
from modmap.evidence.places import Places
from modmap.evidence.smoothing import sigmas, smoothed
from modmap.threads import in_order
from modmap.types import Array

FARTHER = 2.0  # multiples of what is expected beyond which other views are asked
SLIVER = 3  # pixels: what is nowhere so wide and far off isn't believed
HIDING = 2  # pixels beside a point, where what hid it from another view may stand
STANDS = 0.3  # of its distance from the point: so exactly it must stand where it stood
# What all but one pixel in a thousand, or in ten thousand, of good parts (an elbow and a pump housing of the simulated
# work split) show falls like this with the distance from where nothing is known.
BESIDE_EDGES = 0.5
EDGES_REACH = 8.0  # pixels of a view that is 1024 wide
EDGE_FOOTPRINTS = 2.0  # of a pixel: the edge of a place


@dataclass(frozen=True, eq=False)
class ViewDeviation:
    """What geometry says of one view of a new scan.

    Attributes:
        deviation: (H, W) float32 mm along the nominal normal, positive where material was added, but for what the
            part's tolerance lets a whole face lie off; NaN where nothing is said.
        score: (H, W) float32 multiples of what a good part shows at the place; NaN where nothing is said.
    """

    deviation: Array
    score: Array


def deviations(
    nominal: NominalSurface, new: Mapping[str, ViewSurface], motion: Array
) -> dict[str, ViewDeviation]:
    """Compares the surface of a new scan with the nominal one.

    Every pixel's deviation is smoothed at some scales and averaged over the views that show the place. The scale at
    which it is most improbable speaks.

    Args:
        nominal: The nominal surface.
        new: The new views' surfaces, by id, of the part alone; those that the nominal scan lacks are left out.
        motion: (4, 4) from the new scan's world to the nominal one's.
    """
    shared = {view_id: surface for view_id, surface in new.items() if view_id in nominal.views}
    raw, expected, points = {}, {}, {}
    compared = in_order(lambda view_id: _raw(nominal, view_id, shared[view_id], motion), shared)
    for (view_id, surface), (here, there) in zip(shared.items(), compared, strict=True):
        raw[view_id], expected[view_id] = here, there
        points[view_id] = surface.points[np.isfinite(here)]
    places = Places.hashed(list(points.values()), edge=place_edge(shared))
    masks = {view_id: np.isfinite(one) for view_id, one in raw.items()}
    weights = [shared[view_id].cosine[mask].astype(np.float64) ** 2 for view_id, mask in masks.items()]
    best = {view_id: np.zeros(int(mask.sum()), np.float32) for view_id, mask in masks.items()}
    finest: dict[str, Array] = {}
    for scale in range(len(SCALES)):

        def at_scale(view_id: str, scale: int = scale) -> Array:
            mask = masks[view_id]
            return np.asarray(smoothed(raw[view_id], sigmas(SCALES, mask.shape[1])[scale])[mask])

        fused = places.mean(list(in_order(at_scale, masks)), weights)
        for view_id, place in zip(masks, places.of, strict=True):
            here = fused[place].astype(np.float32)
            finest.setdefault(view_id, here)
            score = np.nan_to_num(np.abs(here) / expected[view_id][:, scale], nan=0.0)
            best[view_id] = np.maximum(best[view_id], score)
    found = {}
    for view_id, mask in masks.items():
        score = _filled(mask, best[view_id], finest[view_id])
        found[view_id] = ViewDeviation(
            _filled(mask, finest[view_id]), score / _beside_edges(np.isfinite(score))
        )
    return found


def _beside_edges(known: Array) -> Array:
    """(H, W) float32 how many times as much as elsewhere a good part shows at each of the known pixels.

    A narrow land between a bore and a rim is smoothed over few pixels, and where its edges lie is the part's tolerance.
    """
    away = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 3) * (1024 / known.shape[1])
    return np.asarray(1 + BESIDE_EDGES * np.exp(-away / EDGES_REACH), dtype=np.float32)


def _filled(mask: Array, values: Array, known: Array | None = None) -> Array:
    full = np.full(mask.shape, np.nan, dtype=np.float32)
    full[mask] = values if known is None else np.where(np.isfinite(known), values, np.nan)
    return full


def place_edge(views: Mapping[str, ViewSurface]) -> float:
    """Edge, mm, of the cubes in which views are taken together: about two pixels on the part."""
    sizes = [
        np.median(view.depth[view.depth > 0]) / view.camera.K[0, 0]
        for view in views.values()
        if (view.depth > 0).any()
    ]
    return EDGE_FOOTPRINTS * (float(np.median(sizes)) if sizes else 1.0)


def _raw(nominal: NominalSurface, view_id: str, surface: ViewSurface, motion: Array) -> tuple[Array, Array]:
    """(H, W) deviations of a view's pixels, NaN where nothing is known, and (M, S) what is expected of those known."""
    mask = eroded(surface.smooth, 1)
    points = moved(motion, surface.points[mask].astype(np.float64))
    normals = surface.normals[mask] @ motion[:3, :3].T.astype(np.float32)
    found = looked_up(nominal.views[view_id], points)
    expected = read_at(nominal.expected[view_id], found.place)
    deviation = found.deviation
    far = np.flatnonzero(np.abs(deviation) > FARTHER * expected[:, 0])
    for other, beside in nominal.views.items():
        if other == view_id or not len(far):
            continue
        seen = looked_up(beside, points[far])
        # What lies on the nominal surface as another view saw it was hidden from this one.
        on = np.abs(seen.deviation) <= FARTHER * expected[far, 0]
        on &= dot(seen.normals, normals[far]) > SAME_FACE
        deviation[far[on]] = seen.deviation[on]
        far = far[~on]
    deviation[far[_hidden(nominal.views[view_id], found.place[far], points[far], surface, motion)]] = np.nan
    face = np.zeros(mask.shape, dtype=np.int32)
    face[mask] = nearest_at(nominal.faces[view_id], found.place)
    full = np.full(mask.shape, np.nan, dtype=np.float32)
    full[mask] = deviation
    if nominal.supported:
        full[_specks(np.isfinite(full), width=rim(surface.depth.shape[1]))] = np.nan
    limit = np.full(mask.shape, np.inf, dtype=np.float32)
    limit[mask] = FARTHER * expected[:, 0]
    # Slivers beside an edge that compare one side of it with the other would count at every broader scale.
    full[_specks(np.abs(np.nan_to_num(full)) > limit, width=SLIVER)] = np.nan
    full[mask] = without_offsets(full[mask], normals, face[mask])
    return full, expected[np.isfinite(full[mask])]


def _hidden(nominal: ViewSurface, place: Array, points: Array, new: ViewSurface, motion: Array) -> Array:
    """(M,) bool: what hid a point from the nominal view still stands in front of it, and nothing is missing.

    Of a dent, the nominal surface in front isn't there any more.

    Args:
        nominal: The nominal view.
        place: (M, 2) pixels of it where the points would be seen.
        points: (M, 3) in the nominal scan's world, mm.
        new: The new view that sees the points.
        motion: (4, 4) from the new scan's world to the nominal one's.
    """
    before = read_at(nominal.points, place).astype(np.float64)
    apart = length(points - before)
    behind = length(points - nominal.camera.centre) > length(before - nominal.camera.centre)
    past = looked_past(new, moved(inverse(motion), before), around=HIDING)
    return np.asarray(behind & (np.abs(np.nan_to_num(past, nan=np.inf)) <= STANDS * apart))


def _specks(known: Array, *, width: int) -> Array:
    """(H, W) bool: pieces that are nowhere so many pixels wide."""
    kernel = np.ones((width, width), np.uint8)
    opened = cv2.dilate(cv2.erode(known.astype(np.uint8), kernel), kernel)
    # A piece that has a place for the kernel stays whole.
    count, piece = cv2.connectedComponents(known.astype(np.uint8), connectivity=8)
    wide = np.zeros(count, dtype=bool)
    wide[piece[opened > 0]] = True
    return np.asarray(known & ~wide[piece])
