"""Triangle meshes that stay closed: of CAD solids, refined near a place, of several bodies."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from benchmarks.cadscan.part import Array

_WELD = 2e-4  # mm; single precision at 350 mm resolves 3e-5


class MeshError(ValueError):
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
    from OCP.BRepMesh import BRepMesh_IncrementalMesh
    from OCP.BRepTools import BRepTools
    from OCP.StlAPI import StlAPI_Writer

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
