"""The surface of a CAD part, read from its file as triangles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modmap.errors import ModMapError, one_line
from modmap.types import Array

MESHES = (".stl", ".ply", ".obj")
STEP = (".step", ".stp")
CLOUDS = (".pcd", ".e57", ".zdf", ".xyz", ".las", ".laz", ".pts")
NO_SURFACE = (
    "points without faces, through which everything is seen: make triangles of them (MeshLab and CloudCompare do, by a "
    "screened Poisson reconstruction) and save those as PLY; of organised scans, modmap import makes a training scan"
)
UNITS = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}
DEVIATION = 0.05  # mm by which triangles may lie off the surface of a STEP file


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in a frame of their own.

    Attributes:
        vertices: (V, 3) float64, mm.
        faces: (F, 3) int64 indices of vertices.
        notes: What a person should know, one line each.
    """

    vertices: Array
    faces: Array
    notes: tuple[str, ...] = ()

    @property
    def low(self) -> Array:
        """(3,) the lowest corner of the box around it, mm."""
        return np.asarray(self.vertices.min(axis=0))

    @property
    def size(self) -> Array:
        """(3,) edges of the box around it, mm."""
        return np.asarray(np.ptp(self.vertices, axis=0))

    @property
    def centre(self) -> Array:
        """(3,) middle of the box around it, mm."""
        return self.low + self.size / 2


def read_mesh(path: Path, *, unit: str) -> Mesh:
    """Reads a part from STL, PLY or OBJ, or from STEP where build123d is installed.

    Args:
        path: The file.
        unit: Of its lengths: mm, cm, m or inch. A STEP file says its own, and is in millimetres once it is read.

    Raises:
        ModMapError: the file is missing, of another kind, damaged or without triangles (as a point cloud is); its unit
            is none, or isn't a STEP file's; or what reads it isn't installed.
    """
    if unit not in UNITS:
        raise ModMapError(f"unit: expected {', '.join(UNITS)}, found {unit!r}")
    kind = path.suffix.lower()
    if kind in CLOUDS:
        raise ModMapError(f"{path}: expected a surface, found {NO_SURFACE}")
    if kind not in (*MESHES, *STEP):
        raise ModMapError(
            f"{path}: expected a part in {', '.join((*MESHES, *STEP))}, found {kind or 'no suffix'}"
        )
    if not path.is_file():
        raise ModMapError(f"{path}: expected a file, found {'a directory' if path.is_dir() else 'none'}")
    if kind in STEP:
        if unit != "mm":
            raise ModMapError(f"unit: expected mm, as a STEP file says its own unit, found {unit!r}")
        vertices, faces = _read_step(path)
    else:
        vertices, faces = _read_triangles(path)
    if not len(faces) and len(vertices):
        raise ModMapError(f"{path}: expected triangles, found {len(vertices)} {NO_SURFACE}")
    if not len(faces):
        raise ModMapError(f"{path}: expected a whole file of triangles, found none")
    if not np.isfinite(vertices).all():
        raise ModMapError(f"{path}: expected corners at finite places, found NaN or infinity")
    if not np.ptp(vertices[faces].reshape(-1, 3), axis=0).any():
        raise ModMapError(f"{path}: expected triangles, found one point")
    return _tidy(vertices * UNITS[unit], faces, where=path)


def open3d() -> Any:
    """The package that reads meshes and casts rays; it takes a second to import.

    Raises:
        ModMapError: it isn't installed, or lacks a library of the system's.
    """
    try:
        import open3d as package
    except ImportError as error:
        reason = "none" if isinstance(error, ModuleNotFoundError) else one_line(error)
        raise ModMapError(
            f"nominal: expected the package open3d, found {reason}: pip install 'modmap[cad]'"
        ) from None
    return package


def _read_triangles(path: Path) -> tuple[Array, Array]:
    package = open3d()
    with package.utility.VerbosityContextManager(package.utility.VerbosityLevel.Error):
        try:
            mesh = package.io.read_triangle_mesh(str(path))
        except RuntimeError as error:  # of a damaged file some readers are told by, others give nothing
            raise ModMapError(
                f"{path}: expected a whole file of triangles, found {one_line(error)}"
            ) from None
    return np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.triangles, dtype=np.int64)


def _read_step(path: Path) -> tuple[Array, Array]:
    try:
        from build123d import import_step
    except ImportError:
        raise ModMapError(
            f"{path}: expected the package build123d for STEP files, found none: pip install build123d, or save the "
            "part as STL"
        ) from None
    try:
        corners, triangles = import_step(path).tessellate(DEVIATION)
    except Exception as error:  # the modeller's own, of many kinds
        raise ModMapError(f"{path}: expected a STEP file, found {one_line(error)}") from None
    points = [(corner.X, corner.Y, corner.Z) for corner in corners]
    return np.array(points, dtype=np.float64).reshape(-1, 3), np.array(triangles, dtype=np.int64).reshape(
        -1, 3
    )


def _tidy(vertices: Array, faces: Array, *, where: Path) -> Mesh:
    """One vertex at each place, of which an STL file has one for every triangle, and what is open then."""
    places, which = np.unique(vertices, axis=0, return_inverse=True)
    joined = which.reshape(-1)[faces]
    joined = joined[(joined != np.roll(joined, 1, axis=1)).all(axis=1)]
    edges = np.sort(np.concatenate([joined[:, [0, 1]], joined[:, [1, 2]], joined[:, [2, 0]]]), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    open_edges = int(np.count_nonzero(count == 1))
    notes: tuple[str, ...] = ()
    if open_edges:
        notes = (
            f"{where}: the part isn't watertight ({open_edges} open edge{'s' * (open_edges > 1)}): through a gap, what "
            "lies behind it is seen",
        )
    return Mesh(places, joined, notes)
