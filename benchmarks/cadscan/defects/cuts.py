"""Chipped edges, holes too many, features that are missing: the changes that booleans make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from manifold3d import Error, Manifold, Mesh64, OpType

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
from benchmarks.cadscan.normals import shaded_as_before
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
    again = partial(_cut, body=place.body, tool=tool)
    return _recorded(before, again, "chip", place.centre, size, depth, reach=0.75 * size)


def extra_hole(part: Part, *, size: float, rng: np.random.Generator, avoid: Avoid = ()) -> DefectivePart:
    """A hole of `size` mm where none belongs, 0.6 to 1.5 times as deep, or through the wall."""
    before = Surface(part)
    place = place_on_surface(before, 0.6 * size, rng=rng, avoid=avoid)
    depth = size * float(rng.uniform(0.6, 1.5))
    if depth > place.thickness - 1:
        depth = place.thickness + 0.5
    lift = 0.5 * size + 0.5
    tool = _cylinder(place.centre + lift * place.normal, -place.normal, radius=size / 2, height=depth + lift)
    again = partial(_cut, body=place.body, tool=tool)
    return _recorded(before, again, "extra_hole", place.centre, size, depth, reach=0.55 * size + depth)


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
        again = partial(_cut, body=body, tool=tool, operation=OpType.Add)
        extent, depth = feature.size, feature.depth
    else:
        again = partial(_cut, body=body, tool=_tooth(feature, rng))
        extent, depth = max(feature.size, feature.depth), 0.8 * feature.size
    reach = float(np.hypot(feature.size, feature.depth)) + 1.0
    return _recorded(before, again, "missing_feature", feature.centre, extent, depth, reach=reach)


def _without_bodies(before: Surface, feature: Feature) -> DefectivePart:
    """The part less the bodies of a feature."""
    part = before.part
    lost = part.vertices[part.faces[np.isin(part.body, feature.bodies)]].reshape(-1, 3)
    centre = (lost.min(axis=0) + lost.max(axis=0)) / 2
    reach = float(np.linalg.norm(lost - centre, axis=1).max()) + 0.5
    extent = feature.size if feature.kind == "ball" else float(np.ptp(lost, axis=0).max())
    again = partial(_less, bodies=feature.bodies)
    return _recorded(before, again, "missing_feature", centre, extent, feature.size, reach=reach)


def _less(part: Part, bodies: tuple[int, ...]) -> Part:
    """The part less some bodies, the others numbered as before."""
    kept = ~np.isin(part.body, bodies)
    vertices, faces = compact(part.vertices, part.faces[kept])
    features = tuple(feature for feature in part.features if feature.bodies != bodies)
    tilt = None if part.tilt is None else part.tilt[kept]
    return replace(part, vertices=vertices, faces=faces, body=part.body[kept], features=features, tilt=tilt)


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


def _cut(part: Part, body: int, tool: Manifold, *, operation: OpType = OpType.Subtract) -> Part:
    """The part with a tool taken from one of its bodies, or added to it; the rest is shaded as before.

    Raises:
        DefectError: The body is no solid, or nothing is left of it.
    """
    numbers, index = np.unique(part.body, return_inverse=True)
    own = int(Manifold.reserve_ids(1))
    meshes, origins = [], []
    for place, number in enumerate(numbers):
        faces = np.flatnonzero(index == place)
        mesh = compact(part.vertices, part.faces[faces])
        if number == body:
            mesh, piece_of = _carved(mesh, tool, operation, own, name=f"body {body} of {part.category}")
            faces = np.where(piece_of >= 0, faces[piece_of], -1)
        meshes.append(mesh)
        origins.append(faces)
    vertices, faces, place_of = join(meshes)
    changed = replace(
        part, vertices=vertices, faces=faces, body=numbers[place_of].astype(np.int16), tilt=None
    )
    return shaded_as_before(part, changed, np.concatenate(origins))


def _carved(
    mesh: tuple[Array, Array], tool: Manifold, operation: OpType, own: int, *, name: str
) -> tuple[tuple[Array, Array], Array]:
    """A closed mesh less or with a tool, and the face of it that each new one is a piece of, or -1."""
    vertices, faces = mesh
    count = len(faces)
    solid = Manifold(
        Mesh64(
            vertices,
            faces.astype(np.uint64),
            run_index=np.array([0, 3 * count], np.uint64),
            run_original_id=np.array([own], np.uint32),
            face_id=np.arange(count, dtype=np.uint64),
        )
    )
    if solid.status() != Error.NoError:
        raise DefectError(f"{name} is no solid: {solid.status()}")
    made = Manifold.batch_boolean([solid, tool], operation).to_mesh64()
    pieces = np.asarray(made.tri_verts).astype(np.int32)
    if not len(pieces):
        raise DefectError(f"nothing would be left of {name}")
    ends = np.asarray(made.run_index).astype(np.int64) // 3
    is_own = np.repeat(np.asarray(made.run_original_id) == own, ends[1:] - ends[:-1])
    piece_of = np.where(is_own, np.asarray(made.face_id).astype(np.int64), -1)
    return (np.asarray(made.vert_properties)[:, :3], pieces), piece_of


def _recorded(
    before: Surface,
    again: Callable[[Part], Part],
    kind: str,
    centre: Array,
    size: float,
    depth: float,
    *,
    reach: float,
) -> DefectivePart:
    changed = again(before.part)
    points = exchanged_points(before, Surface(changed), path=centre[None], reach=reach)
    return DefectivePart(changed, (), (Defect(kind, centre, size, depth, "both", points, again=again),))
