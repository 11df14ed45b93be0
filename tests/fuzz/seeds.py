"""Files that the parsers read, which fuzzing begins from."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (12, 16), dtype=np.uint8)
DEPTH = RNG.random((12, 16), dtype=np.float32)
CLOUD = RNG.random((6, 8, 3))
CALIB = """<?xml version="1.0"?>
<opencv_storage>
<mtxL type_id="opencv-matrix"><rows>3</rows><cols>3</cols><dt>d</dt><data>
  100. 0. 8. 0. 100. 6. 0. 0. 1.</data></mtxL>
<distL type_id="opencv-matrix"><rows>1</rows><cols>5</cols><dt>d</dt><data>0. 0. 0. 0. 0.</data></distL>
<wL>16.</wL><hL>12.</hL>
</opencv_storage>
"""
COLMAP_CAMERAS = b"# cameras\n1 OPENCV 80 60 70 70 40 30 0.1 0 0 0\n2 SIMPLE_PINHOLE 80 60 70 40 30\n"
COLMAP_IMAGES = b"# images\n1 1 0 0 0 0 0 5 1 a.png\n3.5 4.5 7 1 2 -1\n2 0 1 0 0 1 2 3 2 b c.png\n\n"
EYE = np.eye(4).tolist()
VIEW = {"id": "00", "image": "a.png", "depth": "a.npy", "K": [[9, 0, 8], [0, 9, 6], [0, 0, 1]]}
SCAN = {
    "name": "a",
    "depth_unit": "mm",
    "views": [{**VIEW, "T_world_to_camera": EYE, "distortion": [0, 0, 0, 0]}],
}
TRANSFORMS = {
    **{
        "fl_x": 9.0,
        "cx": 8.5,
        "cy": 6.5,
        "w": 16,
        "h": 12,
        "k1": 0.01,
        "applied_transform": EYE[:3],
        "depth_unit": 1,
    },
    "frames": [{"file_path": "a.png", "depth_file_path": "a.npy", "transform_matrix": EYE}],
}
CAMERAS = {"depth_unit": "mm", "views": {"00": {"K": VIEW["K"], "size": [16, 12], "T_world_to_camera": EYE}}}
BOX = {"centre_mm": [0, 0, 0], "size_mm": [3, 2, 1], "axes": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
DEFECT = {
    **{
        "index": 1,
        "centre_mm": [0, 0, 0],
        "box": BOX,
        "area_mm2": 1,
        "depth_mm": None,
        "voxels": 1,
        "peak": 1,
    },
    **{"mean": 1, "modality": "image", "image_peak": 1, "depth_peak": None},
    "views": [{"view": "00", "box": [1, 1, 2, 2], "seen": 1, "peak": 1}],
}
SUMMARY = {
    **{"scan": "a", "score": 1.0, "training_score": 0.5, "seconds": {"all": 1.0}, "defects": 1},
    **{"views": {"00": {"score": 1.0, "inspected": None}}, "notes": ["n"], "verdict": "fail", "p_value": 0.5},
    "provenance": {"training_scans": ["t"], "encoders": {"image": {"reference": "r", "sha256": "0"}}},
}
CALIBRATION = {
    **{
        "basis": "conformal",
        "false_alarm_rate": 0.5,
        "surface_share": 0.001,
        "scans": ["a"],
        "views": ["00"],
    },
    **{"scores": [1.0], "scan_threshold": 1.0, "pixel_threshold": 1.0, "voxel_threshold": 1.0},
}


def pcd(kind: str) -> bytes:
    """A cloud of 8 x 6 points with colours and intensities."""
    from tests.modmap.importing.clouds import fields, pcd

    columns = fields(CLOUD, grey=CLOUD[..., 0] * 100, rgb=np.full((6, 8, 3), 7, np.uint8))
    return pcd(columns, kind, WIDTH=8, HEIGHT=6)


def ply(*, text: bool) -> bytes:
    from plyfile import PlyData, PlyElement

    vertices = np.zeros(40, [("x", "f4"), ("y", "f4"), ("z", "f4"), ("intensity", "f4")])
    vertices["z"] = CLOUD[..., 2].ravel()[:40]
    grid = np.empty(48, [("vertex_indices", "O")])
    grid["vertex_indices"] = [np.arange(one, one + (one < 40), dtype="i4") for one in range(48)]
    elements = [
        PlyElement.describe(vertices, "vertex"),
        PlyElement.describe(grid, "range_grid", val_types={"vertex_indices": "i4"}),
    ]
    stream = io.BytesIO()
    PlyData(elements, text=text, obj_info=["num_cols 8", "num_rows 6"]).write(stream)
    return stream.getvalue()


def zdf() -> bytes:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["data/pointcloud"] = CLOUD.astype(np.float32)
        file["data/rgba_image"] = np.zeros((6, 8, 4), np.uint8)
    return stream.getvalue()


def as_json(content: Any) -> bytes:
    return json.dumps(content).encode()


def picture(kind: str, pixels: Any = GRAY, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=kind, **options)
    return stream.getvalue()


def tiff(pixels: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(pixels, metadata=None, **options)
    return stream.getvalue()


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def exr() -> bytes:
    import OpenEXR

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.exr"
        head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        with OpenEXR.File(head, {"Z": DEPTH}) as file:
            file.write(str(path))
        return path.read_bytes()


def config() -> dict[str, Any]:
    from modmap.config import make_config

    trained = {
        **{"view_ids": ["00"], "categories": [], "scans": ["a"], "image_channels": 0, "depth_channels": 0},
        **{
            "fingerprints": {},
            "places": 0,
            "windows": {"00": {"top": 0, "left": 0, "bottom": 1, "right": 1}},
        },
        **{"grids": {"": {"origin": [0, 0, 0], "voxel": 2.0, "shape": [3, 3, 3]}}, "losses": []},
        **{"training_score": 1.0, "seconds": {"reference": 1.0}},
    }
    return {"format": 1, "config": make_config("inspect").model_dump(mode="json"), "trained": trained}
