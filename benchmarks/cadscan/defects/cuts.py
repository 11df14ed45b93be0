"""Chipped edges, holes too many, features that are missing: the changes that booleans make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from manifold3d import Error, Manifold, Mesh64

from benchmarks.cadscan.defects.blows import Avoid
from benchmarks.cadscan.defects.changes import exchanged_points
from benchmarks.cadscan.defects.places import (
    DefectError,
    Surface,
    feature_of,
    place_on_edge,
    place_on_surface,
)
from benchmarks.cadscan.meshing import compact, join
from benchmarks.cadscan.part import Array, Defect, DefectivePart, Feature, Part


def chip(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A piece broken off an edge: `size` mm along it, 0.15 to 0.35 times as deep, faceted as a fracture."""
    before = Surface(part)
    place = place_on_edge(before, size, rng=rng, avoid=avoid)
    depth = size * float(rng.uniform(0.15, 0.35))
    directions = rng.normal(size=(60, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ends = np.array([[1, 0, 0], [-1, 0, 0], [0, 0, -1.0]])  # as long and as deep as was asked
    unit = np.concatenate([directions * rng.uniform(0.86, 1.0, size=(60, 1)), ends])
    axes = np.stack([place.tangent, place.binormal, place.normal])
    tool = Manifold.hull_points(place.centre + (unit * [size / 2, 1.5 * depth, depth]) @ axes)
    changed = _with_body(part, place.body, _solid(part, place.body) - tool)
    return _recorded(before, changed, "chip", place.centre, size, depth, reach=0.75 * size)


def extra_hole(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A hole of `size` mm where none belongs, 0.6 to 1.5 times as deep, or through the wall."""
    before = Surface(part)
    place = place_on_surface(before, 0.6 * size, rng=rng, avoid=avoid)
    depth = size * float(rng.uniform(0.6, 1.5))
    if depth > place.thickness - 1:
        depth = place.thickness + 0.5
    lift = 0.5 * size + 0.5
    tool = _cylinder(place.centre + lift * place.normal, -place.normal, radius=size / 2, height=depth + lift)
    changed = _with_body(part, place.body, _solid(part, place.body) - tool)
    return _recorded(before, changed, "extra_hole", place.centre, size, depth, reach=0.55 * size + depth)


def missing_feature(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A hole that was not drilled, a tooth broken off, a ball or a screw not there: the nearest in size."""
    before = Surface(part)
    feature = feature_of(before, ("hole", "tooth", "ball", "screw"), size, rng=rng, avoid=avoid)
    if feature.bodies:
        return _without_bodies(before, feature)
    body = _body_of(before, feature)
    if feature.kind == "hole":
        # Wider than the hole by more than its mesh is flatter than a circle.
        tool = _cylinder(
            feature.centre, -feature.axis, radius=feature.size / 2 + 0.03, height=max(feature.depth, 0.5)
        )
        changed = _with_body(part, body, _solid(part, body) + tool)
        extent, depth = feature.size, feature.depth
    else:
        changed = _with_body(part, body, _solid(part, body) - _tooth(feature, rng))
        extent, depth = max(feature.size, feature.depth), 0.8 * feature.size
    reach = float(np.hypot(feature.size, feature.depth)) + 1.0
    return _recorded(before, changed, "missing_feature", feature.centre, extent, depth, reach=reach)


def _without_bodies(before: Surface, feature: Feature) -> DefectivePart:
    """The part less the bodies of a feature, the others numbered as before."""
    part = before.part
    gone = np.isin(part.body, feature.bodies)
    vertices, faces = compact(part.vertices, part.faces[~gone])
    others = tuple(f for f in part.features if f is not feature)
    changed = replace(part, vertices=vertices, faces=faces, body=part.body[~gone], features=others)
    lost = part.vertices[part.faces[gone]].reshape(-1, 3)
    centre = (lost.min(axis=0) + lost.max(axis=0)) / 2
    reach = float(np.linalg.norm(lost - centre, axis=1).max()) + 0.5
    extent = feature.size if feature.kind == "ball" else float(np.ptp(lost, axis=0).max())
    return _recorded(before, changed, "missing_feature", centre, extent, feature.size, reach=reach)


def _tooth(feature: Feature, rng: np.random.Generator) -> Manifold:
    """A block around a tooth, its floor somewhat above the root and somewhat aslant."""
    assert feature.direction is not None
    slant = rng.uniform(-0.15, 0.15, size=2)
    side, along = feature.axis, np.cross(feature.direction, feature.axis)
    half, wide, stub = 0.66 * feature.size, feature.depth / 2 + 1.0, float(rng.uniform(0.2, 0.35))
    corners = []
    for u in (-half, half):
        for v in (-wide, wide):
            floor = (
                -(1 - stub) * feature.size + slant[0] * u + slant[1] * min(wide, feature.size) * np.sign(v)
            )
            corners += [feature.centre + u * side + v * along + w * feature.direction for w in (floor, 1.0)]
    return Manifold.hull_points(np.array(corners))


def _cylinder(base: Array, axis: Array, *, radius: float, height: float) -> Manifold:
    """A cylinder from the middle of its base along a unit axis."""
    side = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    frame = np.column_stack([side, np.cross(axis, side), axis, base])
    segments = int(np.clip(2 * np.pi * radius / 0.3, 32, 128))
    return Manifold.cylinder(height, radius, radius, segments).transform(frame)


def _body_of(surface: Surface, feature: Feature) -> int:
    """The body that the surface nearest to a feature belongs to."""
    return int(surface.part.body[surface.nearest(feature.centre[None])[1][0]])


def _solid(part: Part, body: int) -> Manifold:
    """One body as a solid.

    Raises:
        DefectError: Its mesh does not bound one.
    """
    vertices, faces = compact(part.vertices, part.faces[part.body == body])
    solid = Manifold(Mesh64(vertices, faces.astype(np.uint64)))
    if solid.status() != Error.NoError:
        raise DefectError(f"body {body} of {part.category} is no solid: {solid.status()}")
    return solid


def _with_body(part: Part, body: int, solid: Manifold) -> Part:
    """The part with one body exchanged.

    Raises:
        DefectError: Nothing is left of it.
    """
    mesh = solid.to_mesh64()
    new = np.asarray(mesh.vert_properties)[:, :3], np.asarray(mesh.tri_verts).astype(np.int32)
    if not len(new[1]):
        raise DefectError(f"nothing would be left of body {body} of {part.category}")
    numbers = np.unique(part.body)
    meshes = [new if n == body else compact(part.vertices, part.faces[part.body == n]) for n in numbers]
    vertices, faces, index = join(meshes)
    return replace(part, vertices=vertices, faces=faces, body=numbers[index].astype(np.int16))


def _recorded(
    before: Surface, changed: Part, kind: str, centre: Array, size: float, depth: float, *, reach: float
) -> DefectivePart:
    points = exchanged_points(before, Surface(changed), path=centre[None], reach=reach)
    return DefectivePart(changed, (), (Defect(kind, centre, size, depth, "both", points),))
