"""Agreement as evidence: surface that looks otherwise than the rest of its face in the views that show it.

A stain in a bore, a rough patch or a fine crack may stand out of no single image as much as the grain of a good part
does somewhere. But reflections differ from view to view, and a defect is where it is in all of them. So what the views
show at a place is taken together: their median, which no single view's glare moves, and their root mean square, which
tells a defect that shines in some views and is dull in others.

The unit is what the same scan shows elsewhere: of each view's change the median of the face, and of all places taken
together what nine of ten stay below. A whole face may be darker, and all of a part's faces grainier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from modmap.alignment.surface import ViewSurface
from modmap.evidence.deviation import footprint
from modmap.evidence.faces import medians
from modmap.evidence.places import Places
from modmap.types import Array

FINE = (0, 1)  # the first of the scales of `modmap.evidence.appearance` are asked
PLACE = 7.0  # pixels of a view that is 1024 wide: the edge of a place
ENOUGH = 3  # pixels of a view that tell of a place
LEAST_FACE = 400  # pixels that tell what a face usually shows; smaller ones are taken together
LEAST = 0.02  # relative change that light and camera can make
NORMAL = 1.4826  # times the median of its size, a normal change is its standard deviation
MEDIAN_OF, SQUARE_OF = 3, 2  # views at least, that a median, or a mean square, is taken of
NEARLY_ALL = 0.9  # of the places


def of_faces(face: Array) -> Array:
    """(M,) int64 faces' numbers in which those of few pixels are 0.

    Args:
        face: (M,) the numbers, 0 for what is of no face.
    """
    large = np.bincount(face) >= LEAST_FACE
    large[0] = False
    numbers = np.zeros(len(large), dtype=np.int64)
    numbers[large] = 1 + np.arange(int(large.sum()))
    return np.asarray(numbers[face])


def in_faces_units(changes: Array, face: Array, shifted: Array) -> Array:
    """(M, S) float32 changes of one view in multiples of what its faces show.

    Args:
        changes: (M, S) float32 relative changes by scale.
        face: (M,) faces' numbers, as `of_faces`.
        shifted: (M, S) float32: what an alignment that is a little off makes.
    """
    size = np.abs(changes)
    usual = NORMAL * medians(size, face)
    usual[0] = NORMAL * np.median(size, axis=0)
    return np.asarray(changes / np.sqrt(usual[face] ** 2 + shifted**2 + LEAST**2), dtype=np.float32)


def place_edge(views: Mapping[str, ViewSurface]) -> float:
    """Edge, mm, of the cubes in which images are taken together.

    Args:
        views: By id, at least one.
    """
    width = max(view.depth.shape[1] for view in views.values())
    return float(PLACE * width / 1024 * footprint(views))


def agreed(points: Sequence[Array], changes: Sequence[Array], *, edge: float) -> list[list[Array]]:
    """What the views say together.

    Args:
        points: For each view (M, 3) mm, where its pixels lie on the part.
        changes: For each view (M, 2) float32, as `in_faces_units`, of the finest scale and the next.
        edge: Of a place, mm.

    Returns:
        For each view (M,) float32 multiples of what nine of ten places stay below, NaN where too few views show the
        place: of the median at the broader scale, then of the root mean square at the finest.
    """
    if not points:
        return []
    places = Places.hashed(points, edge=edge)
    fine, broad = (_of_places(places, [one[:, scale] for one in changes]) for scale in range(2))
    told = [_in_own_units(one) for one in (np.abs(_median(broad)), _root_mean_square(fine))]
    return [[one[place] for one in told] for place in places.of]


def shown_together(maps: Mapping[str, Array], surfaces: Mapping[str, ViewSurface]) -> dict[str, Array]:
    """The root mean square of what the views show at each place.

    Args:
        maps: By view id (H, W) float32, NaN where nothing is said.
        surfaces: What the views measured, by id.

    Returns:
        By view id (H, W) float32 multiples of what nine of ten places stay below, NaN where nothing is said, or by too
        few views.
    """
    if not maps:
        return {}
    masks = {view_id: np.isfinite(one) for view_id, one in maps.items()}
    points = [surfaces[view_id].points[mask] for view_id, mask in masks.items()]
    places = Places.hashed(points, edge=place_edge(surfaces))
    fused = _in_own_units(
        _root_mean_square(_of_places(places, [maps[one][mask] for one, mask in masks.items()]))
    )
    found = {}
    for (view_id, mask), place in zip(masks.items(), places.of, strict=True):
        found[view_id] = np.full(mask.shape, np.nan, dtype=np.float32)
        found[view_id][mask] = fused[place]
    return found


def _of_places(places: Places, changes: Sequence[Array]) -> Array:
    """(V, P) float32 mean over each view's pixels (M,) in each place, NaN of too few."""
    shown = np.full((len(changes), places.count), np.nan, dtype=np.float32)
    for view, place, change in zip(shown, places.of, changes, strict=True):
        pixels = np.bincount(place, minlength=places.count)
        told = pixels >= ENOUGH
        view[told] = np.bincount(place, change, places.count)[told] / pixels[told]
    return shown


def _median(shown: Array) -> Array:
    """(P,) medians over the views (V, P), of those that aren't NaN; NaN of too few."""
    ordered = np.sort(shown, axis=0)  # NaN come last
    count = np.isfinite(shown).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    low, high = (np.minimum(one, len(shown) - 1) for one in (low, high))
    middle = [np.take_along_axis(ordered, one[None], axis=0)[0] for one in (low, high)]
    return np.where(count >= MEDIAN_OF, (middle[0] + middle[1]) / 2, np.float32(np.nan))


def _root_mean_square(shown: Array) -> Array:
    count = np.isfinite(shown).sum(axis=0)
    total = np.square(np.nan_to_num(shown)).sum(axis=0)
    return np.where(count >= SQUARE_OF, np.sqrt(total / np.maximum(count, 1)), np.float32(np.nan))


def _in_own_units(values: Array) -> Array:
    known = values[np.isfinite(values)]
    if not len(known):
        return values
    return np.asarray(values / max(float(np.quantile(known, NEARLY_ALL)), 1e-6), dtype=np.float32)
