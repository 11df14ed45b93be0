"""Dents, bumps, warps and bent features: surface that moved, smoothly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.cadscan.defects.changes import DISPLACED, moved_points
from benchmarks.cadscan.defects.displacement import Field, displaced, displaced_along, refined
from benchmarks.cadscan.defects.places import Place, Surface, feature_of, place_on_surface
from benchmarks.cadscan.part import Array, Defect, DefectivePart, Modality, Part

Avoid = tuple[tuple[Array, float], ...]
Change = Callable[[Part], tuple[Part, Array]]  # the changed part, and (V,) mm that each vertex moved

_RIM = 1.3  # outer radius of a dent's raised rim, in radii of its hollow
WARP_SHARE = 0.2  # of a warp's peak; surface displaced by less does not count as changed


def dent(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A hollow with a raised rim, `size` mm across with the rim, 0.03 to 0.15 times as deep."""
    surface = Surface(part)
    place = place_on_surface(surface, size / 2, rng=rng, avoid=avoid)
    depth = max(size * float(np.exp(rng.uniform(np.log(0.03), np.log(0.15)))), 0.06)
    depth = min(depth, 0.4 * surface.thinnest(place, 0.35 * size))
    return _pressed(surface, "dent", place, size, _dent_field(place, size / 2, depth, rng))


def bump(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A drop of weld spatter, `size` mm across, 0.12 to 0.35 times as high, 4 mm at most."""
    surface = Surface(part)
    place = place_on_surface(surface, size / 2, rng=rng, avoid=avoid)
    height = min(size * float(rng.uniform(0.12, 0.35)), 4.0)
    outline = _outline(place, size / 2, rng, lobes=0.12)

    def field(points: Array) -> Array:
        rho = outline(points)
        drop: Array = height * np.clip(1 - rho**2, 0, None)
        return drop

    return _pressed(surface, "bump", place, size, field)


def warp(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A piece of the part, `size` mm across, bulged by 0.006 to 0.02 of that without an edge.

    All that lies within moves together, so that no wall grows thinner; nothing reflects otherwise.
    """
    surface = Surface(part)
    place = place_on_surface(surface, min(size / 4, 8.0), rng=rng, avoid=avoid)
    peak = size * float(np.exp(rng.uniform(np.log(0.006), np.log(0.02))))
    peak *= 1.0 if rng.random() < 0.5 else -1.0
    reach, path = size / 2, place.centre[None]
    edge = float(np.clip(size / 30, 0.8, 2.5))

    def field(points: Array) -> Array:
        rho = np.linalg.norm(points - place.centre, axis=1) / reach
        bulge: Array = peak * (np.clip(1 - rho**2, 0, None) ** 2)[:, None] * place.normal
        return bulge

    return _moved(
        surface,
        "warp",
        place.centre,
        size,
        _along(field, path=path, reach=reach, edge=edge),
        least=max(WARP_SHARE * abs(peak), DISPLACED),
        modality="depth",
        carried=lambda points: points + field(points),
    )


def bent_feature(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A tooth, a corner or a rim bent by 6 to 20 degrees; of the feature nearest in size, at most its length."""
    surface = Surface(part)
    feature = feature_of(surface, ("tooth", "tab"), size, rng=rng, avoid=avoid)
    assert feature.direction is not None
    length = feature.size if feature.kind == "tooth" else min(size, feature.size)
    half = feature.depth / 2 if feature.kind == "tooth" else min(feature.depth / 2, 1.2 * length)
    amount = length * float(np.tan(np.radians(rng.uniform(6, 20)))) * (1.0 if rng.random() < 0.5 else -1.0)
    outward, axis = feature.direction, feature.axis
    across = np.cross(outward, axis)
    # A tooth is as wide as it is high, and its neighbours must stay; a tab is bent through its whole thickness.
    thick = 0.62 * length if feature.kind == "tooth" else 3 * length

    def field(points: Array) -> Array:
        offset = points - feature.centre
        along = np.clip((offset @ outward + length) / length, 0, 1.3)
        side = np.abs(offset @ across) / half
        window = (
            np.ones(len(points)) if feature.kind == "tooth" else np.cos(np.pi / 2 * np.clip(side, 0, 1)) ** 2
        )
        window = window * (np.abs(offset @ axis) < thick)
        bend: Array = amount * (along**2 * window)[:, None] * axis
        return bend

    reach = float(np.hypot(length, half)) + 1.0
    path = feature.centre[None]
    if feature.kind == "tooth":
        steps = np.linspace(-half, half, max(int(half / 2), 2))
        path, reach = feature.centre + steps[:, None] * across, 1.25 * length
    edge = float(np.clip(length / 12, 0.3, 1.0))

    change = _along(field, path=path, reach=reach, edge=edge)
    return _moved(surface, "bent_feature", feature.centre, max(length, 2 * half), change)


def _pressed(surface: Surface, kind: str, place: Place, size: float, field: Field) -> DefectivePart:
    """The part with a field of radius `size` / 2 pressed into or out of a place."""
    path, reach = place.centre[None], size / 2
    edge = float(np.clip(size / 32, 0.08, 0.5))

    def change(part: Part) -> tuple[Part, Array]:
        fine = refined(part, path=path, reach=1.05 * reach, edge=edge)
        # Surface that falls away from the place (a step, a curve) is still within reach of the blow.
        return displaced(fine, place=place, path=path, reach=1.2 * reach, field=field)

    return _moved(surface, kind, place.centre, size, change)


def _along(field: Field, *, path: Array, reach: float, edge: float) -> Change:
    """A change that takes everything within reach of a path along with a field of (N, 3) vectors, mm."""

    def change(part: Part) -> tuple[Part, Array]:
        fine = refined(part, path=path, reach=reach, edge=edge)
        return displaced_along(fine, path=path, reach=reach, field=field)

    return change


def _moved(
    surface: Surface,
    kind: str,
    centre: Array,
    size: float,
    change: Change,
    *,
    least: float = DISPLACED,
    modality: Modality = "both",
    carried: Callable[[Array], Array] | None = None,
) -> DefectivePart:
    """The part with its surface moved by a change; what moved by less than `least` mm does not count."""
    changed, amount = change(surface.part)
    defect = Defect(
        kind,
        centre,
        size,
        float(amount.max()),
        modality,
        changed_points=moved_points(surface, changed, amount, least=least),
        again=lambda part: change(part)[0],
        carried=carried,
    )
    return DefectivePart(changed, (), (defect,))


def _dent_field(place: Place, radius: float, depth: float, rng: np.random.Generator) -> Field:
    """A hollow of `depth` with a rim of an eighth of it."""
    outline = _outline(place, radius / _RIM, rng, lobes=0.06)

    def field(points: Array) -> Array:
        rho = outline(points)
        hollow = -depth * np.clip(1 - rho**2, 0, None) ** 1.5
        fade = np.clip((_RIM - rho) / (_RIM - 1.1), 0, 1)
        rim = 0.125 * depth * np.exp(-(((rho - 1.05) / 0.12) ** 2)) * fade
        shape: Array = hollow + rim
        return shape

    return field


def _outline(place: Place, radius: float, rng: np.random.Generator, *, lobes: float) -> Field:
    """Distance from the place in radii of a slightly irregular outline, its longest radius as asked."""
    phases = rng.uniform(0, 2 * np.pi, 2)
    weights = lobes * rng.uniform(0.3, 1, 2)

    def rho(points: Array) -> Array:
        offset = points - place.centre
        u, v = offset @ place.tangent, offset @ place.binormal
        angle = np.arctan2(v, u)
        shape = 1 - weights[0] * (1 - np.cos(2 * angle + phases[0])) / 2
        shape -= weights[1] * (1 - np.cos(3 * angle + phases[1])) / 2
        distance: Array = np.hypot(u, v) / (radius * shape)
        return distance

    return rho
