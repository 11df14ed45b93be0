"""What is fuzzed: each parser of ours, with files that it reads as seeds, and the errors that it may raise."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from dino_depth.errors import DinoDepthError
from modmap.errors import ModMapError
from modmap.files.container_limits import ContainerError

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


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        parse: Takes the bytes of a file.
        seeds: Files that it reads.
        kind: How they are mutated: as `bytes`, `json`, or lines of `text`.
        own: The errors that it may raise.
    """

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    kind: str
    own: tuple[type[Exception], ...] = (ModMapError, DinoDepthError, ContainerError)


def _on_disk(
    name: str, read: Callable[[Path], object], *beside: tuple[str, bytes]
) -> Callable[[bytes], object]:
    """A parser of files, as one of bytes: in a directory that is gone at the process's end."""
    holder = tempfile.TemporaryDirectory(prefix="fuzz-")
    directory = Path(holder.name)
    for other, content in beside:
        (directory / other).write_bytes(content)

    def parse(data: bytes, _: object = holder) -> object:
        (directory / name).write_bytes(data)
        return read(directory / name)

    return parse


def _scan(path: Path) -> object:
    from modmap.datasets import load_scan

    scan = load_scan(path.parent)
    return [view.load() for view in scan.views if view.image == path.parent / "a.png"]


def _cameras(path: Path) -> object:
    from modmap.datasets.cameras import find_cameras

    return find_cameras([path.parent], ["00"], measure_depth=lambda: None)


def _ground_truth(path: Path) -> object:
    from modmap.datasets import read_ground_truth

    return read_ground_truth(path)


def _defects(path: Path) -> object:
    from modmap.defects import read_defects

    return read_defects(path.parent)


def _summary(path: Path) -> object:
    from modmap.runs.stored_results import read_summary

    return read_summary(path.parent)


def _config(path: Path) -> object:
    from modmap.detector.model_files import load

    return load(path.parent)


def _calibration(path: Path) -> object:
    from modmap.detector.calibration_files import read_calibrations

    found = read_calibrations(path.parent, model="m")
    return [(one.verdict(1.0), one.p_value(1.0), one.describe()) for one in found.values()]


def _recipe(path: Path) -> object:
    from dino_depth.config import load_config

    return load_config(path)


def _words(data: bytes) -> object:
    from modmap.config import make_config, parse_assignments

    return make_config("inspect", parse_assignments([data.decode("utf-8", "replace")]))


def _image(suffix: str) -> Callable[[bytes], object]:
    from modmap.files.containers import decoded

    return lambda data: decoded(data, suffix, notes=[])


def _exr(path: Path) -> object:
    from modmap.files.images import read_depth

    return read_depth(path)


def _volume(path: Path) -> object:
    from modmap.runs.volume_files import load_volume

    return load_volume(path)


def _pcd(path: Path) -> object:
    from modmap.importing.pcd import pcd_file

    return pcd_file(path).read()


def _ply(path: Path) -> object:
    from modmap.importing.ply import ply_file

    return ply_file(path).read()


def _zdf(path: Path) -> object:
    from modmap.importing.zdf import zdf_file

    return zdf_file(path).read()


def _sparse(path: Path) -> object:
    from modmap.importing.colmap import read_sparse_model

    return read_sparse_model(path.parent)


def _pcd_seed(kind: str) -> bytes:
    """A cloud of 8 x 6 points with colours and intensities."""
    from tests.modmap.importing.clouds import fields, pcd

    columns = fields(CLOUD, grey=CLOUD[..., 0] * 100, rgb=np.full((6, 8, 3), 7, np.uint8))
    return pcd(columns, kind, WIDTH=8, HEIGHT=6)


def _ply_seed(*, text: bool) -> bytes:
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


def _zdf_seed() -> bytes:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["data/pointcloud"] = CLOUD.astype(np.float32)
        file["data/rgba_image"] = np.zeros((6, 8, 4), np.uint8)
    return stream.getvalue()


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


def _saved(kind: str, pixels: Any = GRAY, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=kind, **options)
    return stream.getvalue()


def _tiff(pixels: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(pixels, metadata=None, **options)
    return stream.getvalue()


def _npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _exr_seed() -> bytes:
    import OpenEXR

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.exr"
        head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        with OpenEXR.File(head, {"Z": DEPTH}) as file:
            file.write(str(path))
        return path.read_bytes()


def _config_seed() -> dict[str, Any]:
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


def target(name: str) -> Target:
    """A target by its name, one of `NAMES`."""
    beside = (("a.png", _saved("PNG")), ("a.npy", _npy(DEPTH)))
    pose = " ".join(map(str, np.eye(4).ravel())).encode()
    mask = np.zeros((2, 3, 4), bool)
    mask[0, 0, 0] = True
    truth = {"mask": mask, "origin": np.zeros(3), "voxel": np.float64(2)}
    packed = {
        **truth,
        "mask": np.packbits(mask),
        "shape": np.array([2, 3, 4]),
        "defect": np.array([1], np.uint16),
    }
    volume = {"scores": DEPTH[None], "origin": np.zeros(3), "voxel": np.float64(2)}
    colour = np.stack([GRAY] * 3, -1)
    made: dict[str, Callable[[], Target]] = {
        "scan_json": lambda: Target(_on_disk("scan.json", _scan, *beside), (_json(SCAN),), "json"),
        "transforms_json": lambda: Target(
            _on_disk("transforms.json", _scan, *beside), (_json(TRANSFORMS),), "json"
        ),
        "cameras_json": lambda: Target(_on_disk("cameras.json", _cameras), (_json(CAMERAS),), "json"),
        "calib_xml": lambda: Target(
            _on_disk("calib.xml", _cameras, ("pose.txt", pose)), (CALIB.encode(),), "text"
        ),
        "pose_txt": lambda: Target(
            _on_disk("pose.txt", _cameras, ("calib.xml", CALIB.encode())), (pose,), "text"
        ),
        "gt_npz": lambda: Target(_on_disk("gt.npz", _ground_truth), (_npz(**truth), _npz(**packed)), "bytes"),
        "volume_npz": lambda: Target(_on_disk("volume.npz", _volume), (_npz(**volume),), "bytes"),
        "defects_json": lambda: Target(
            _on_disk("defects.json", _defects), (_json({"scan": "a", "defects": [DEFECT]}),), "json"
        ),
        "summary_json": lambda: Target(_on_disk("summary.json", _summary), (_json(SUMMARY),), "json"),
        "config_json": lambda: Target(_on_disk("config.json", _config), (_json(_config_seed()),), "json"),
        "calibration_json": lambda: Target(
            _on_disk("calibration.json", _calibration),
            (_json({"format": 1, "model": "m", "categories": {"": CALIBRATION}}),),
            "json",
        ),
        "settings": lambda: Target(_words, (b"inference.voxel=2", b'evidence={"turns":3}'), "text"),
        "recipe_yaml": lambda: Target(
            _on_disk("recipe.yaml", _recipe),
            (
                b"seed: 3\noptim: {lr: 5.0e-4, epochs: 3}\ncrops:\n  global_scale: [0.4, 1.0]\n",
                b"model: &m {options: {depth: 2}}\ndata: {weights: {a: 2}}\nrun: {keep: 2}\n",
            ),
            "text",
        ),
        "png": lambda: Target(
            _image(".png"),
            (_saved("PNG"), _saved("PNG", GRAY.astype(np.uint16) * 257), _saved("PNG", colour)),
            "bytes",
        ),
        "jpeg": lambda: Target(
            _image(".jpg"),
            (_saved("JPEG"), _saved("JPEG", colour), _saved("JPEG", GRAY, progressive=True)),
            "bytes",
        ),
        "tiff": lambda: Target(
            _image(".tif"),
            (
                _tiff(GRAY),
                _tiff(DEPTH, compression="zlib"),
                _tiff(colour, photometric="rgb", tile=(16, 16)),
                _tiff(GRAY, compression="packbits", rowsperstrip=5),
                _tiff(np.stack([GRAY.astype(np.uint16)] * 3), photometric="rgb", planarconfig="separate"),
            ),
            "bytes",
        ),
        "bmp": lambda: Target(_image(".bmp"), (_saved("BMP"), _saved("BMP", colour)), "bytes"),
        "exr": lambda: Target(_on_disk("a.exr", _exr), (_exr_seed(),), "bytes"),
        "npy": lambda: Target(_on_disk("a.npy", _exr), (_npy(DEPTH), _npy(GRAY.astype(">u2"))), "bytes"),
        "pcd": lambda: Target(
            _on_disk("a.pcd", _pcd),
            tuple(_pcd_seed(kind) for kind in ("ascii", "binary", "binary_compressed")),
            "bytes",
        ),
        "pcd_text": lambda: Target(_on_disk("a.pcd", _pcd), (_pcd_seed("ascii"),), "text"),
        "ply": lambda: Target(_on_disk("a.ply", _ply), (_ply_seed(text=False),), "bytes"),
        "ply_text": lambda: Target(_on_disk("a.ply", _ply), (_ply_seed(text=True),), "text"),
        "zdf": lambda: Target(_on_disk("a.zdf", _zdf), (_zdf_seed(),), "bytes"),
        "colmap_cameras": lambda: Target(
            _on_disk("cameras.txt", _sparse, ("images.txt", COLMAP_IMAGES)), (COLMAP_CAMERAS,), "text"
        ),
        "colmap_images": lambda: Target(
            _on_disk("images.txt", _sparse, ("cameras.txt", COLMAP_CAMERAS)), (COLMAP_IMAGES,), "text"
        ),
        "npz": lambda: Target(_on_disk("a.npz", _exr), (_npz(depth=DEPTH), _npz(a=DEPTH, b=GRAY)), "bytes"),
    }
    return made[name]()


NAMES = (
    *(
        "scan_json",
        "transforms_json",
        "cameras_json",
        "calib_xml",
        "pose_txt",
        "gt_npz",
        "volume_npz",
        "defects_json",
        "summary_json",
    ),
    *(
        "config_json",
        "calibration_json",
        "settings",
        "recipe_yaml",
        "png",
        "jpeg",
        "tiff",
        "bmp",
        "exr",
        "npy",
        "npz",
        "pcd",
        "pcd_text",
        "ply",
        "ply_text",
        "zdf",
        "colmap_cameras",
        "colmap_images",
    ),
)
