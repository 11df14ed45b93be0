"""Scratches and cracks: thin lines that follow the surface and reflect otherwise than it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from benchmarks.cadscan.defects.blows import Avoid
from benchmarks.cadscan.defects.changes import moved_points, patched_points
from benchmarks.cadscan.defects.displacement import refined
from benchmarks.cadscan.defects.places import Place, Surface, place_on_surface
from benchmarks.cadscan.normals import face_normals
from benchmarks.cadscan.part import Array, Defect, DefectivePart, Part, ReflectancePatch
from benchmarks.cadscan.vectors import cross

_TURN_AT_MOST = 0.8  # cosine between the normals of neighbouring steps; a line ends at a sharper edge
_PATCH_POINTS = 40


def scratch(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A groove with raised sides and a bright core, up to `size` mm long, 0.02 to 0.12 mm deep."""
    surface = Surface(part)
    width, depth = float(rng.uniform(0.1, 0.22)), float(rng.uniform(0.03, 0.12))
    place = place_on_surface(surface, min(size / 2, 5.0), rng=rng, avoid=avoid)
    path, normals = _longest_walk(surface, place, size, rng, bend=0.02, kink=0.0)
    patch = ReflectancePatch(
        "scratch",
        _thinned(path),
        radius=0.7 * width,
        softness=0.8 * width,
        albedo_factor=float(rng.uniform(1.4, 2.2)),
        roughness_offset=float(rng.uniform(-0.15, 0.1)),
        seed=int(rng.integers(1 << 31)),
    )

    def profile(distance: Array) -> Array:
        groove = -depth * np.exp(-((distance / width) ** 2))
        return groove + 0.35 * depth * np.exp(-(((distance - 1.9 * width) / (0.6 * width)) ** 2))

    return _line(surface, "scratch", (path, normals), profile, patch, width=width)


def crack(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A jagged dark line, up to `size` mm long, 0.1 to 0.4 mm deep and about as wide."""
    surface = Surface(part)
    width, depth = float(rng.uniform(0.06, 0.14)), float(rng.uniform(0.1, 0.4))
    place = place_on_surface(surface, min(size / 2, 5.0), rng=rng, avoid=avoid)
    path, normals = _longest_walk(surface, place, size, rng, bend=0.01, kink=0.75)
    patch = ReflectancePatch(
        "crack",
        _thinned(path),
        radius=width,
        softness=0.7 * width,
        albedo_factor=float(rng.uniform(0.15, 0.4)),
        roughness_offset=0.3,
        seed=int(rng.integers(1 << 31)),
    )

    def profile(distance: Array) -> Array:
        groove: Array = -depth * np.exp(-((distance / width) ** 2))
        return groove

    return _line(surface, "crack", (path, normals), profile, patch, width=width)


def _line(
    surface: Surface,
    kind: str,
    line: tuple[Array, Array],
    profile: Callable[[Array], Array],
    patch: ReflectancePatch,
    *,
    width: float,
) -> DefectivePart:
    """The part with a profile (mm over the distance from the line) pressed along a line's own normals."""
    path, _ = line

    def change(part: Part) -> tuple[Part, Array]:
        return _grooved(part, line, profile, width=width)

    changed, amount = change(surface.part)
    points = np.concatenate([moved_points(surface, changed, amount), patched_points(Surface(changed), patch)])
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    middle, depth = path[len(path) // 2], float(amount.max())
    defect = Defect(kind, middle, length, depth, "both", points, again=lambda part: change(part)[0])
    return DefectivePart(changed, (patch,), (defect,))


def _grooved(
    part: Part, line: tuple[Array, Array], profile: Callable[[Array], Array], *, width: float
) -> tuple[Part, Array]:
    """A part with a profile pressed along a line, and (V,) mm that each vertex moved."""
    path, normals = line
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    reach, sparse = 3.5 * width, path[:: max(1, int(len(path) / (length / (1.5 * width) + 2)))]
    sparse = np.concatenate([sparse, path[-1:]])
    fine = refined(part, path=sparse, reach=reach, edge=0.9 * width)
    distance, nearest = cKDTree(path).query(fine.vertices, distance_upper_bound=reach)
    near = np.flatnonzero(np.isfinite(distance))
    near = near[_facing(fine, near, normals[nearest[near]])]
    along = np.linspace(0, 1, len(path))[nearest[near]]
    taper = np.clip(6 * np.minimum(along, 1 - along) + 0.15, 0, 1)
    amount = np.zeros(len(fine.vertices))
    amount[near] = profile(distance[near]) * taper
    moved = fine.vertices.copy()
    moved[near] += amount[near, None] * normals[nearest[near]]
    return replace(fine, vertices=moved), np.abs(amount)


def _facing(part: Part, near: Array, normals: Array) -> Array:
    """(N,) whether a vertex has a face that looks as the line's surface does there."""
    touched = np.zeros((len(part.vertices), 3))
    face_normal = face_normals(part.vertices, part.faces)
    wanted = np.zeros(len(part.vertices), bool)
    wanted[near] = True
    faces = np.flatnonzero(wanted[part.faces].any(axis=1))
    for corner in range(3):
        np.add.at(touched, part.faces[faces, corner], face_normal[faces])
    mean = touched[near]
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    facing: Array = (mean * normals).sum(axis=1) > 0.4
    return facing


def _longest_walk(
    surface: Surface, place: Place, length: float, rng: np.random.Generator, *, bend: float, kink: float
) -> tuple[Array, Array]:
    """The longest of some walks over the surface through a place: (P, 3) points and (P, 3) normals."""
    step = float(np.clip(length / 60, 0.05, 0.2))
    best: tuple[Array, Array] | None = None
    for _ in range(6):
        angle = float(rng.uniform(0, np.pi))
        heading = np.cos(angle) * place.tangent + np.sin(angle) * place.binormal
        turn = float(rng.normal(0, bend))
        halves = [
            _walk(surface, place, sign * heading, length / 2, step, rng, turn=sign * turn, kink=kink)
            for sign in (1, -1)
        ]
        path = np.concatenate([halves[1][0][:0:-1], halves[0][0]])
        normals = np.concatenate([halves[1][1][:0:-1], halves[0][1]])
        if best is None or len(path) > len(best[0]):
            best = path, normals
        if len(path) * step >= 0.95 * length:
            break
    assert best is not None
    return best


def _walk(
    surface: Surface,
    place: Place,
    heading: Array,
    length: float,
    step: float,
    rng: np.random.Generator,
    *,
    turn: float,
    kink: float,
) -> tuple[Array, Array]:
    """Steps over the surface from a place until `length`, or a sharp edge."""
    points, normals = [place.centre], [place.normal]
    offset, stride = 0.0, 0
    for i in range(int(np.ceil(length / step))):
        normal = normals[-1]
        if kink > 0 and stride == 0:  # a crack runs straight from grain to grain
            offset, stride = float(rng.uniform(-kink, kink)), int(rng.integers(3, 9))
        stride -= 1
        heading = heading - (heading @ normal) * normal
        heading = heading / np.linalg.norm(heading)
        sideways = cross(normal, heading)
        heading = heading + turn * step * sideways
        direction = np.cos(offset) * heading + np.sin(offset) * sideways
        found, face = surface.nearest((points[-1] + step * direction)[None])
        beyond = surface.normals[face[0]]
        moved = float(np.linalg.norm(found[0] - points[-1]))
        if beyond @ normal < _TURN_AT_MOST or moved < 0.5 * step or i > 10_000:
            break
        points.append(found[0])
        normals.append(beyond)
    return np.array(points), np.array(normals)


def _thinned(path: Array) -> Array:
    """At most forty of a path's points, its ends among them."""
    index = np.unique(np.linspace(0, len(path) - 1, min(len(path), _PATCH_POINTS)).round().astype(int))
    kept: Array = path[index]
    return kept
