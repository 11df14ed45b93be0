"""Where on a part a defect can be: outside, seen by a scanner above the table, on surface enough to carry it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import open3d as o3d
from trimesh.triangles import closest_point

from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.normals import face_normals
from benchmarks.cadscan.part import Array, Feature, Part
from benchmarks.cadscan.vectors import cross, lengths

_CANDIDATES = 1500
_TRIALS = 200
_LOWEST_NORMAL = -0.2
_ABOVE_TABLE = 0.5  # mm
_CREASE = 0.77  # cosine of 40 degrees between the faces of a sharp edge
_FEWEST_VIEWS = 2
_ENOUGH_SUPPORT = 0.95
_EXACT, _DOUBTFUL = 1e-4, 0.08  # mm


class DefectError(CadscanError):
    """A defect that was asked for cannot be made on the part."""


@dataclass(frozen=True)
class Place:
    """A point of the surface.

    Attributes:
        centre: (3,) mm.
        normal: (3,) unit, outward.
        tangent: (3,) unit, along the surface; along the edge for a place on an edge.
        body: Which body it is on.
        thickness: mm of material under it, along the normal.
    """

    centre: Array
    normal: Array
    tangent: Array
    body: int
    thickness: float

    @property
    def binormal(self) -> Array:
        """(3,) unit, across the tangent."""
        across: Array = cross(self.normal, self.tangent)
        return across


class Surface:
    """A part's surface as rays and nearest points see it."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.normals = face_normals(part.vertices, part.faces)
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            o3d.core.Tensor.from_numpy(part.vertices.astype(np.float32)),
            o3d.core.Tensor.from_numpy(part.faces.astype(np.uint32)),
        )

    def cast(self, origins: Array, directions: Array) -> tuple[Array, Array]:
        """(N,) distance to the first surface (inf: none) and (N,) its face, of (N, 3) rays."""
        rays = np.concatenate([origins, directions], axis=1).astype(np.float32)
        hit = self._scene.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=1)
        face = hit["primitive_ids"].numpy().astype(np.int64)
        return hit["t_hit"].numpy().astype(np.float64), np.where(face < len(self.part.faces), face, 0)

    def nearest(self, points: Array) -> tuple[Array, Array]:
        """(N, 3) the nearest points of the surface, and (N,) their faces."""
        found = self._scene.compute_closest_points(
            o3d.core.Tensor.from_numpy(points.astype(np.float32)), nthreads=1
        )
        return found["points"].numpy().astype(np.float64), found["primitive_ids"].numpy().astype(np.int64)

    def distance(self, points: Array) -> Array:
        """(N,) mm to the surface.

        Single-precision rays err by some 0.03 mm on faces much longer than they are wide, so that whatever comes
        out below `_DOUBTFUL` is measured again in double precision.
        """
        return self._distance(points, _EXACT)

    def farther(self, points: Array, limit: float) -> Array:
        """(N,) whether points are farther than `limit` mm from the surface; faster than their distances."""
        farther: Array = self._distance(points, limit) > limit
        return farther

    def _distance(self, points: Array, enough: float) -> Array:
        """(N,) mm to the surface; of points within `enough` of a face, to a face that is so near."""
        faces = self.part.faces[self.nearest(points)[1]]
        distance: Array = lengths(points - _closest(self.part.vertices[faces], points))
        doubtful = np.flatnonzero((distance > enough) & (distance < _DOUBTFUL))
        if not len(doubtful):
            return distance
        low, high = self._boxes
        for chunk in np.array_split(doubtful, len(doubtful) // 200 + 1):
            near = np.flatnonzero(
                (low <= points[chunk].max(axis=0)).all(axis=1)
                & (high >= points[chunk].min(axis=0)).all(axis=1)
            )
            inside = (points[chunk, None] >= low[near]).all(axis=2) & (points[chunk, None] <= high[near]).all(
                axis=2
            )
            which, face = np.nonzero(inside)
            there = points[chunk[which]]
            corners = self.part.vertices[self.part.faces[near[face]]]
            exact = lengths(there - _closest(corners, there))
            np.minimum.at(distance, chunk[which], exact)
        return distance

    @cached_property
    def _boxes(self) -> tuple[Array, Array]:
        """(F, 3) lowest and (F, 3) highest corners of the boxes around the faces, `_DOUBTFUL` mm wider than they."""
        corners = self.part.vertices[self.part.faces]
        return corners.min(axis=1) - _DOUBTFUL, corners.max(axis=1) + _DOUBTFUL

    def views(self, points: Array, normals: Array, *, grazing: float = 0.3) -> Array:
        """(N,) of twelve directions above the table, how many see a point at more than a grazing angle."""
        count = np.zeros(len(points), int)
        start = points + 0.05 * normals
        for direction in view_directions():
            rays = np.broadcast_to(direction, points.shape)
            count += (normals @ direction > grazing) & ~np.isfinite(self.cast(start, rays)[0])
        return count

    def thinnest(self, place: Place, radius: float) -> float:
        """The least mm of material under a place and the ring of `radius` mm around it, along its normal."""
        angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        ring = np.cos(angles)[:, None] * place.tangent + np.sin(angles)[:, None] * place.binormal
        start = (
            place.centre + 0.5 * radius * place.normal + np.concatenate([0.5 * radius * ring, radius * ring])
        )
        inward = np.broadcast_to(-place.normal, start.shape)
        above, _ = self.cast(start, inward)
        start, inward, above = (array[above < radius] for array in (start, inward, above))
        within, _ = self.cast(start + (above + 0.02)[:, None] * inward, inward)
        return float(min([place.thickness, *within.tolist()]))

    def place(self, centre: Array, face: int, tangent: Array) -> Place:
        """The place at a point of a face; its tangent is laid into the surface."""
        normal = self.normals[face]
        tangent = tangent - (tangent @ normal) * normal
        if np.linalg.norm(tangent) < 1e-6:
            tangent = np.cross(normal, np.roll(normal, 1) + np.array((0.1, 0.2, 0.3)))
        distance, _ = self.cast((centre - 0.01 * normal)[None], -normal[None])
        thickness = float(distance[0]) if np.isfinite(distance[0]) else 1.0
        return Place(centre, normal, tangent / np.linalg.norm(tangent), int(self.part.body[face]), thickness)


def view_directions() -> Array:
    """(12, 3) unit directions towards a scanner: four around at each of three elevations."""
    directions = []
    for i, elevation in enumerate(np.radians([25.0, 45.0, 68.0])):
        for azimuth in np.radians(30.0 * i + 90.0 * np.arange(4)):
            c = np.cos(elevation)
            directions.append((c * np.cos(azimuth), c * np.sin(azimuth), np.sin(elevation)))
    return np.array(directions)


def _closest(corners: Array, points: Array) -> Array:
    """(N, 3) the nearest point of each of (N, 3, 3) triangles to each of (N, 3) points."""
    nearest: Array = closest_point(corners, points)  # type: ignore[no-untyped-call]
    return nearest


def clear_of(points: Array, avoid: Sequence[tuple[Array, float]], radius: float) -> Array:
    """(N,) whether a point is `radius` + 2 mm or more outside all the balls (centre, radius) to be avoided."""
    clear = np.ones(len(points), bool)
    for centre, taken in avoid:
        clear &= lengths(points - centre) > taken + radius + 2.0
    return clear


def place_on_surface(
    surface: Surface, radius: float, *, rng: np.random.Generator, avoid: Sequence[tuple[Array, float]] = ()
) -> Place:
    """A random visible place with smooth surface for `radius` mm around it, or the best there is.

    Raises:
        DefectError: The part has no surface that a scanner sees, outside what is to be avoided.
    """
    points, faces = _candidates(surface, rng)
    clear = clear_of(points, avoid, radius)
    points, faces = points[clear][:_TRIALS], faces[clear][:_TRIALS]
    if not len(points):
        raise DefectError(f"no free place for a defect of radius {radius:.1f} mm on {surface.part.category}")
    best, most = 0, -1.0
    for trial, (point, face) in enumerate(zip(points, faces, strict=True)):
        support = _support(surface, point, surface.normals[face], radius)
        if support > most:
            best, most = trial, support
        if support >= _ENOUGH_SUPPORT:
            break
    return surface.place(points[best], int(faces[best]), rng.normal(size=3))


def place_on_edge(
    surface: Surface, length: float, *, rng: np.random.Generator, avoid: Sequence[tuple[Array, float]] = ()
) -> Place:
    """A random visible place on a sharp convex edge; its normal halves the angle outside.

    Raises:
        DefectError: The part has no such edge, outside what is to be avoided.
    """
    part, normals = surface.part, surface.normals
    pairs, left, right = _sharp_edges(part.vertices, part.faces, normals)
    if not len(pairs):
        raise DefectError(f"no sharp edge on {part.category}")
    start, stop = part.vertices[pairs[:, 0]], part.vertices[pairs[:, 1]]
    reach = lengths(stop - start)
    chosen = rng.choice(len(pairs), size=_TRIALS, p=reach / reach.sum())
    t = rng.uniform(size=(_TRIALS, 1))
    points = start[chosen] * (1 - t) + stop[chosen] * t
    outward = normals[left[chosen]] + normals[right[chosen]]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    seen = surface.views(points, outward) >= _FEWEST_VIEWS
    seen &= (points[:, 2] > _ABOVE_TABLE + 0.5 * length) & (outward[:, 2] > _LOWEST_NORMAL)
    seen &= clear_of(points, avoid, length / 2)
    if not seen.any():
        raise DefectError(f"no free edge that a scanner sees on {part.category}")
    i = int(np.flatnonzero(seen)[0])
    along = stop[chosen[i]] - start[chosen[i]]
    body = int(part.body[left[chosen[i]]])
    return Place(points[i], outward[i], along / np.linalg.norm(along), body, length)


def feature_of(
    surface: Surface,
    kinds: Sequence[str],
    size: float,
    *,
    rng: np.random.Generator,
    avoid: Sequence[tuple[Array, float]] = (),
) -> Feature:
    """A visible feature of one of the kinds, of about the size (any of those within a quarter of the nearest).

    Raises:
        DefectError: The part has none, outside what is to be avoided.
    """
    features = [f for f in surface.part.features if f.kind in kinds]
    if features:
        points = np.array(
            [f.centre + 0.3 * (f.axis if f.direction is None else f.direction) for f in features]
        )
        axes = np.array([f.axis if f.direction is None else f.direction for f in features])
        lifted = np.where(axes[:, 2:] < 0.3, axes + np.array((0.0, 0.0, 0.5)), axes)
        lifted /= np.linalg.norm(lifted, axis=1, keepdims=True)
        seen = (surface.views(points, lifted, grazing=0.1) >= 1) & clear_of(points, avoid, 0.0)
        features = [f for f, s in zip(features, seen, strict=True) if s]
    if not features:
        raise DefectError(f"no {' or '.join(kinds)} that a scanner sees on {surface.part.category}")
    misfit = np.array([abs(np.log(f.size / size)) for f in features])
    fitting = np.flatnonzero(misfit <= misfit.min() + np.log(1.25))
    return features[int(rng.choice(fitting))]


def _candidates(surface: Surface, rng: np.random.Generator) -> tuple[Array, Array]:
    """Visible points of the surface, evenly spread over its area, and their faces."""
    part = surface.part
    corners = part.vertices[part.faces]
    area = lengths(cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    area[surface.normals[:, 2] <= _LOWEST_NORMAL] = 0
    faces = rng.choice(len(area), size=_CANDIDATES, p=area / area.sum())
    points = (corners[faces] * rng.dirichlet(np.ones(3), size=_CANDIDATES)[:, :, None]).sum(axis=1)
    seen = surface.views(points, surface.normals[faces]) >= _FEWEST_VIEWS
    seen &= points[:, 2] > _ABOVE_TABLE
    return points[seen], faces[seen]


def _support(surface: Surface, centre: Array, normal: Array, radius: float) -> float:
    """The share of two rings around a point under which the surface goes on without a step or a bend."""
    side = cross(normal, np.array([0.0, 0.0, 1.0] if abs(normal[2]) < 0.9 else [1.0, 0.0, 0.0]))
    side /= np.linalg.norm(side)
    across = cross(normal, side)
    angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    ring = np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * across
    lift = max(0.5 * radius, 0.3)
    start = np.concatenate([centre + r * radius * ring + lift * normal for r in (0.5, 1.0)])
    distance, face = surface.cast(start, np.broadcast_to(-normal, start.shape))
    level = np.abs(distance - lift) < max(0.4 * radius, 0.2)
    return float((level & (surface.normals[face] @ normal > 0.75)).mean())


def _sharp_edges(vertices: Array, faces: Array, normals: Array) -> tuple[Array, Array, Array]:
    """(E, 2) vertices of the convex edges sharper than 40 degrees, and the face on either side of each."""
    pairs = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64)
    owner = np.repeat(np.arange(len(faces)), 3)
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    order = np.lexsort((owner, high, low))
    first, second = order[0::2], order[1::2]
    left, right = owner[first], owner[second]
    sharp = (normals[left] * normals[right]).sum(axis=1) < _CREASE
    first, left, right = first[sharp], left[sharp], right[sharp]
    beyond = vertices[faces[right]].mean(axis=1) - vertices[pairs[first, 0]]
    convex = (beyond * normals[left]).sum(axis=1) < -1e-9
    return pairs[first][convex], left[convex], right[convex]
