"""Triangle meshes that stay closed: of CAD solids, refined near a place, of several bodies."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.part import Array
from benchmarks.cadscan.vectors import cross, dot, lengths

_WELD = 2e-4  # mm; single precision at 350 mm resolves 3e-5


class MeshError(CadscanError):
    """A mesh that was to be closed is not, or cannot be made so."""


def tessellate(solid: object, *, deflection: float = 0.02, angle: float = 0.1) -> tuple[Array, Array]:
    """A closed mesh of a CAD solid.

    Args:
        solid: A build123d solid.
        deflection: Largest distance between the surface and its triangles, mm.
        angle: Largest turn of the surface within a triangle, radians.

    Returns:
        (V, 3) float64 vertices in mm and (F, 3) int32 faces, outward by the right hand.

    Raises:
        MeshError: The triangles of the solid's faces do not meet.
    """
    from OCP.BRepMesh import BRepMesh_IncrementalMesh  # type: ignore[import-untyped]
    from OCP.BRepTools import BRepTools  # type: ignore[import-untyped]
    from OCP.StlAPI import StlAPI_Writer  # type: ignore[import-untyped]

    shape = solid.wrapped  # type: ignore[attr-defined]
    BRepTools.Clean_s(shape)
    BRepMesh_IncrementalMesh(shape, deflection, False, angle, False)
    writer = StlAPI_Writer()
    writer.ASCIIMode = False
    # A file, because reading the triangles one by one through the bindings takes a hundred times as long.
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "solid.stl"
        writer.Write(shape, str(path))
        record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
        triangles = np.fromfile(path, dtype=record, offset=84)["corners"]
    vertices, faces = weld(triangles)
    if not is_closed(faces):
        raise MeshError(
            f"the mesh of a CAD solid was to be closed, and {_open_edges(faces)} of its edges are not"
        )
    return vertices, faces


def carved(
    joined: Sequence[tuple[Array, Array]], tools: Sequence[tuple[Array, Array]]
) -> tuple[Array, Array]:
    """One closed mesh of several that overlap, less others.

    Args:
        joined: Closed meshes, one at least.
        tools: Closed meshes to take away.

    Raises:
        MeshError: One isn't closed, or nothing is left.
    """
    from manifold3d import Manifold, Mesh, OpType

    def solid(mesh: tuple[Array, Array]) -> Manifold:
        vertices, faces = mesh
        return Manifold(Mesh(vertices.astype(np.float32), faces.astype(np.uint32)))

    whole = Manifold.batch_boolean([solid(mesh) for mesh in joined], OpType.Add)
    if tools:
        whole = whole - Manifold.batch_boolean([solid(mesh) for mesh in tools], OpType.Add)
    if whole.is_empty():
        raise MeshError(
            "meshes were to be joined and cut, and left nothing: one of them isn't closed, or it was cut away"
        )
    result = whole.to_mesh()
    return np.asarray(result.vert_properties[:, :3], np.float64), np.asarray(result.tri_verts, np.int32)


def weld(triangles: Array) -> tuple[Array, Array]:
    """Shared float64 vertices for (F, 3, 3) float32 loose triangles; those that shrink to a line are dropped."""
    corners = np.ascontiguousarray(triangles, np.float32).reshape(-1, 3)
    # One hash per corner: sorting whole rows takes ten times as long.
    bits = (corners + np.float32(0.0)).view(np.uint32).astype(np.uint64)
    keys = bits @ np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    _, once, index = np.unique(keys, return_index=True, return_inverse=True)
    points = corners[once].astype(np.float64)
    pairs = cKDTree(points).query_pairs(_WELD, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, label = connected_components(links, directed=False)
    _, first = np.unique(label, return_index=True)
    faces = label[index.reshape(-1)].reshape(-1, 3)
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return points[first], faces[distinct].astype(np.int32)


def is_closed(faces: Array) -> bool:
    """Whether every edge is shared by exactly two (F, 3) faces that run along it in opposite directions."""
    return _open_edges(faces) == 0


def _open_edges(faces: Array) -> int:
    base = int(faces.max()) + 1
    a = faces[:, [0, 1, 2]].reshape(-1).astype(np.int64)
    b = faces[:, [1, 2, 0]].reshape(-1).astype(np.int64)
    forward, backward = np.sort(a * base + b), np.sort(b * base + a)
    repeated = int((np.diff(forward) == 0).sum())
    return repeated + int((forward != backward).sum())


def join(meshes: Sequence[tuple[Array, Array]]) -> tuple[Array, Array, Array]:
    """One mesh of several bodies: (V, 3) vertices, (F, 3) int32 faces, (F,) int16 body of each face."""
    offsets = np.cumsum([0] + [len(vertices) for vertices, _ in meshes])
    faces = [f + offset for (_, f), offset in zip(meshes, offsets[:-1], strict=True)]
    body = [np.full(len(f), i, np.int16) for i, (_, f) in enumerate(meshes)]
    return (
        np.concatenate([vertices for vertices, _ in meshes]),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(body),
    )


def refine(
    vertices: Array, faces: Array, *, path: Array, reach: float, edge: float, most: int = 400_000
) -> tuple[Array, Array, Array]:
    """Halves every edge longer than `edge` that comes within `reach` of a path, until none is left.

    Both faces of an edge see it halved, so that a closed mesh stays closed; the surface stays where it was.

    Args:
        vertices: (V, 3 + K) float64: places in mm and K values that go with them, interpolated along.
        faces: (F, 3) int.
        path: (P, 3) mm, points close to one another compared with `reach`, or one point.
        reach: mm.
        edge: mm.
        most: Faces more than there were, at which to give up.

    Returns:
        (V', 3 + K) vertices, the old ones first; (F', 3) int32 faces; (F',) the old face each is a piece of.

    Raises:
        MeshError: More than `most` faces would be added.
    """
    origin, limit = np.arange(len(faces)), len(faces) + most
    fresh = faces  # of which alone it isn't known whether an edge is to be halved: nothing moves
    while True:
        ends = _long_edges(vertices[:, :3], fresh, path=path, reach=reach, edge=edge)
        if not len(ends):
            return vertices, faces.astype(np.int32), origin
        marked = np.zeros(len(vertices), np.int8)
        marked[ends] = 1
        touched = np.flatnonzero(marked[faces[:, 0]] + marked[faces[:, 1]] + marked[faces[:, 2]] >= 2)
        middle = _middles(faces[touched], ends, len(vertices))
        if len(faces) + (middle >= 0).sum() > limit:
            raise MeshError(
                f"edges of {edge:.2g} mm within {reach:.3g} mm of a place would need over {most} faces more"
            )
        vertices = np.concatenate([vertices, vertices[ends].mean(axis=1)])
        pieces, parent = _halved(faces[touched], middle, vertices[:, :3])
        halved = np.asarray((middle >= 0).any(axis=1))
        fresh = pieces[halved[parent]]
        keep = np.ones(len(faces), bool)
        keep[touched] = False
        faces = np.concatenate([faces[keep], pieces])
        origin = np.concatenate([origin[keep], origin[touched][parent]])


def _long_edges(places: Array, faces: Array, *, path: Array, reach: float, edge: float) -> Array:
    """(E, 2) ends, the lower first, of the edges longer than `edge` that come within `reach` of a path."""
    local = faces[_boxes_near(places, faces, path, reach)]
    pairs = np.sort(local[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1).astype(np.int64)
    keys, index = np.unique(pairs[:, 0] * len(places) + pairs[:, 1], return_inverse=True)
    ends = np.stack([keys // len(places), keys % len(places)], axis=1)
    start, stop = places[ends[:, 0]], places[ends[:, 1]]
    length = lengths(stop - start)
    long = np.flatnonzero(length > edge)
    long = long[_distance_to_segments(path, start[long], stop[long]) < reach]
    # A face may hold the whole place, its edges all far away.
    sides = index.reshape(-1, 3)
    around = np.flatnonzero((length[sides].max(axis=1) > edge) & ~np.isin(sides, long).any(axis=1))
    around = around[_over_faces(path, places[local[around]], reach)]
    longest = np.take_along_axis(sides[around], length[sides[around]].argmax(axis=1)[:, None], axis=1)
    chosen: Array = ends[np.union1d(long, longest.reshape(-1))]
    return chosen


def _middles(faces: Array, ends: Array, count: int) -> Array:
    """(F, 3) the new vertex on each edge 01, 12, 20: `count` on, in the order of (E, 2) `ends`; or -1."""
    pairs = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1).astype(np.int64)
    wanted, known = pairs[:, 0] * count + pairs[:, 1], ends[:, 0] * count + ends[:, 1]  # known is sorted
    place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return np.where(known[place] == wanted, count + place, -1).reshape(-1, 3)


def _boxes_near(places: Array, faces: Array, path: Array, reach: float) -> Array:
    """Indices of the faces whose bounding box comes within `reach` of the path's."""
    a, b, c = places[faces[:, 0]], places[faces[:, 1]], places[faces[:, 2]]
    low, high = path.min(axis=0) - reach, path.max(axis=0) + reach
    near = np.ones(len(faces), bool)
    for axis in range(3):
        x, y, z = a[:, axis], b[:, axis], c[:, axis]
        near &= (x >= low[axis]) | (y >= low[axis]) | (z >= low[axis])
        near &= (x <= high[axis]) | (y <= high[axis]) | (z <= high[axis])
    return np.flatnonzero(near)


def _distance_to_segments(path: Array, start: Array, stop: Array) -> Array:
    """(E,) distance from each segment to the nearest point of the path."""
    along = stop - start
    length = np.maximum(dot(along, along), 1e-18)
    nearest = np.full(len(start), np.inf)
    for point in path:
        t = np.clip(dot(point - start, along) / length, 0, 1)
        nearest = np.minimum(nearest, lengths(start + t[:, None] * along - point))
    return nearest


def _over_faces(path: Array, corners: Array, reach: float) -> Array:
    """(F,) whether a point of the path lies over a face (of (F, 3, 3) corners), less than `reach` from it."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = cross(ab, ac)
    double = np.maximum(dot(normal, normal), 1e-24)
    over = np.zeros(len(corners), bool)
    for point in path:
        offset = point - a
        height = dot(offset, normal) / np.sqrt(double)
        v = dot(cross(ab, offset), normal) / double
        u = dot(cross(offset, ac), normal) / double
        over |= (np.abs(height) < reach) & (u >= 0) & (v >= 0) & (u + v <= 1)
    return over


def _halved(faces: Array, middle: Array, places: Array) -> tuple[Array, Array]:
    """Faces cut at the middles of their edges 01, 12, 20 (-1: not halved), and the face each piece is of."""
    count = (middle >= 0).sum(axis=1)
    # Turned so that the one halved edge is 01, or the one that is not is 20.
    turn = np.zeros(len(faces), int)
    turn[count == 1] = np.argmax(middle[count == 1] >= 0, axis=1)
    turn[count == 2] = (np.argmax(middle[count == 2] < 0, axis=1) + 1) % 3
    order = (turn[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(faces, order, axis=1).T
    ab, bc, ca = np.take_along_axis(middle, order, axis=1).T
    one, two, three = count == 1, count == 2, count == 3
    shorter = lengths(places[a] - places[bc]) < lengths(places[ab] - places[c])
    first, second = two & shorter, two & ~shorter
    pieces = [
        (count == 0, (a, b, c)),
        (one, (a, ab, c)),
        (one, (ab, b, c)),
        (two, (ab, b, bc)),
        (first, (a, ab, bc)),
        (first, (a, bc, c)),
        (second, (a, ab, c)),
        (second, (ab, bc, c)),
        (three, (a, ab, ca)),
        (three, (ab, b, bc)),
        (three, (ca, bc, c)),
        (three, (ab, bc, ca)),
    ]
    cut = np.concatenate([np.stack(corners, axis=1)[where] for where, corners in pieces])
    parent = np.concatenate([np.flatnonzero(where) for where, _ in pieces])
    return cut, parent


def surface_samples(vertices: Array, faces: Array, spacing: float) -> tuple[Array, Array]:
    """Points of every face on a grid of its own, corners and edges among them, at most `spacing` mm apart.

    Args:
        vertices: (V, 3 + K) float64: places in mm and K values that go with them, interpolated along.
        faces: (F, 3) int.
        spacing: mm.

    Returns:
        (N, 3 + K) samples and (N,) the face of each.
    """
    places = vertices[:, :3][faces]
    sides = lengths(np.roll(places, -1, axis=1) - places)
    order = (sides.argmax(axis=1)[:, None] + np.arange(3)) % 3  # the longest side from the first corner on
    a, b, c = (vertices[corner] for corner in np.take_along_axis(faces, order, axis=1).T)
    base = sides.max(axis=1)
    double_area = lengths(cross(b[:, :3] - a[:, :3], c[:, :3] - a[:, :3]))
    step = spacing / 2  # near the ends of slanting rows the next row may be the nearest
    along = np.ceil(base / step).astype(np.int64).clip(1)
    rows = np.ceil(double_area / np.maximum(base, 1e-12) / step).astype(np.int64).clip(1)
    count = (along + 1) * (rows + 1)
    face = np.repeat(np.arange(len(faces)), count)
    number = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    t = (number // (along[face] + 1) / rows[face])[:, None]
    s = (number % (along[face] + 1) / along[face])[:, None]
    return a[face] + s * (1 - t) * (b - a)[face] + t * (c - a)[face], face


def thinned(points: Array, cell: float) -> Array:
    """One of the (N, 3) points in each cube of `cell` mm, of those that stand on multiples of it."""
    if not len(points):
        return points
    place = np.floor(points / cell).astype(np.int64)
    place -= place.min(axis=0)
    # One number per cube: sorting whole rows takes several times as long.
    _, first = np.unique(
        np.ravel_multi_index(tuple(place.T), tuple(place.max(axis=0) + 1)), return_index=True
    )
    kept: Array = points[np.sort(first)]
    return kept


def compact(vertices: Array, faces: Array) -> tuple[Array, Array]:
    """The mesh without the vertices that no face uses."""
    used, index = np.unique(faces, return_inverse=True)
    return vertices[used], index.reshape(-1, 3).astype(np.int32)
