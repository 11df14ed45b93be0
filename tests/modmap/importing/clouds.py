"""Organised clouds with a closed form, and files of them by writers that modmap doesn't read with.

PCD files are written here, from the format's description, and read back by open3d beside modmap; PLY by plyfile; ZDF by
netCDF4, with which Zivid's own examples read; E57 by libE57, by way of pye57, the one such package: what is read is
compared with what was written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.camera import Camera
from modmap.scan import Scan, View

Array = npt.NDArray[Any]
HEIGHT, WIDTH = 48, 64
K = np.array([[80.0, 0, 30.5], [0, 82.0, 25.25], [0, 0, 1]])
TYPES = {"f": "F", "u": "U", "i": "I"}


def depth_map() -> Array:
    """(H, W) float32 mm: a wavy sheet with holes, far from flat."""
    v, u = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    depth = 400 + 40 * np.sin(u / 9) * np.cos(v / 7) + u
    depth[::5, ::6] = 0
    depth[:, -2:] = 0
    return depth.astype(np.float32)


def image() -> Array:
    """(H, W) uint8."""
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    return ((3 * u + 2 * v) % 200 + 20).astype(np.uint8)


def points(depth: Array | None = None) -> Array:
    """(H, W, 3) in the camera's frame, mm; NaN in holes."""
    depth = depth_map() if depth is None else depth
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    x, y = (u - K[0, 2]) / K[0, 0] * depth, (v - K[1, 2]) / K[1, 1] * depth
    return np.where((depth > 0)[..., None], np.stack([x, y, depth], axis=-1), np.nan)


def moved(cloud: Array, pose: Array) -> Array:
    """The points carried by a rigid motion."""
    return cloud @ pose[:3, :3].T + pose[:3, 3]


def turned(degrees: float, place: tuple[float, float, float] = (0, 0, 0)) -> Array:
    """(4, 4) a turn about the y axis, and a place, mm."""
    a = np.deg2rad(degrees)
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]
    pose[:3, 3] = place
    return pose


def scan_of(poses: list[Array]) -> Scan:
    """The same sheet seen from several poses (camera to world): what is to be found again."""
    views = [
        View(
            f"{index:02d}",
            image=image(),
            depth=depth_map(),
            camera=Camera.from_camera_to_world(K, pose, size=(WIDTH, HEIGHT)),
        )
        for index, pose in enumerate(poses)
    ]
    return Scan("sheet", views)


def fields(cloud: Array, *, grey: Array | None = None, rgb: Array | None = None) -> dict[str, Array]:
    """The columns of a cloud (H, W, 3): x, y, z, and intensity or PCL's packed colour."""
    found = {name: cloud[..., axis].astype(np.float32).ravel() for axis, name in enumerate("xyz")}
    if grey is not None:
        found["intensity"] = grey.astype(np.float32).ravel()
    if rgb is not None:
        packed = (rgb[..., 0].astype(np.uint32) << 16) | (rgb[..., 1].astype(np.uint32) << 8) | rgb[..., 2]
        found["rgb"] = packed.ravel().view(np.float32)
    return found


def pcd_header(columns: dict[str, Array], kind: str, **changed: Any) -> str:
    """The header of a PCD file, version 0.7; any entry may be another, or none where it is None."""
    entries: dict[str, Any] = {
        "VERSION": "0.7",
        "FIELDS": " ".join(columns),
        "SIZE": " ".join(str(one.dtype.itemsize) for one in columns.values()),
        "TYPE": " ".join(TYPES[one.dtype.kind] for one in columns.values()),
        "COUNT": " ".join("1" for _ in columns),
        "WIDTH": WIDTH,
        "HEIGHT": HEIGHT,
        "VIEWPOINT": "0 0 0 1 0 0 0",
        "POINTS": len(next(iter(columns.values()))),
        "DATA": kind,
    } | changed
    lines = [f"{name} {value}" for name, value in entries.items() if value is not None]
    return "\n".join(["# .PCD v0.7 - Point Cloud Data file format", *lines]) + "\n"


def pcd(columns: dict[str, Array], kind: str = "binary", **changed: Any) -> bytes:
    """A PCD file; of the compressed kind one whose LZF blocks are all literal, which any LZF decoder takes."""
    header = pcd_header(columns, kind, **changed).encode()
    if kind == "ascii":
        rows = zip(*(one.tolist() for one in columns.values()), strict=True)
        return header + "\n".join(" ".join(f"{value:.9g}" for value in row) for row in rows).encode() + b"\n"
    if kind == "binary":
        data = np.rec.fromarrays(list(columns.values()), names=",".join(columns))
        return header + data.tobytes()
    whole = b"".join(one.tobytes() for one in columns.values())
    blocks = [whole[at : at + 32] for at in range(0, len(whole), 32)]
    packed = b"".join(bytes([len(block) - 1]) + block for block in blocks)
    sizes = np.array([len(packed), len(whole)], dtype="<u4").tobytes()
    return header + sizes + packed


def write_zdf(path: Path, cloud: Array, *, rgb: Array | None = None) -> Path:
    """A Zivid frame, in millimetres."""
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        group = file.createGroup("data")
        for name, size in (("rows", cloud.shape[0]), ("cols", cloud.shape[1]), ("xyz", 3), ("rgba", 4)):
            group.createDimension(name, size)
        group.createVariable("pointcloud", "f4", ("rows", "cols", "xyz"), zlib=True)[:] = cloud.astype(
            np.float32
        )
        if rgb is not None:
            colours = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
            group.createVariable("rgba_image", "u1", ("rows", "cols", "rgba"))[:] = colours
    return path


def write_e57(path: Path, clouds: list[Array], poses: list[Array], *, grey: Array | None = None) -> Path:
    """An E57 file with a structured scan for each cloud (H, W, 3) in mm, whose pose carries it into the world."""
    import pye57
    from scipy.spatial.transform import Rotation

    with pye57.E57(str(path), mode="w") as file:
        for cloud, pose in zip(clouds, poses, strict=True):
            there = np.isfinite(cloud).all(axis=2)
            rows, columns = np.nonzero(there)
            data: dict[str, Array] = {
                f"cartesian{axis}": cloud[there][:, index] / 1000 for index, axis in enumerate("XYZ")
            }
            data |= {"rowIndex": rows.astype(np.uint16), "columnIndex": columns.astype(np.uint16)}
            if grey is not None:
                data["intensity"] = grey[there].astype(np.float32)
            quaternion = np.roll(Rotation.from_matrix(pose[:3, :3]).as_quat(), 1)
            file.write_scan_raw(data, rotation=quaternion, translation=pose[:3, 3] / 1000)
    return path
