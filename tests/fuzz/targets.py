"""What is fuzzed: each parser of ours, with files that it reads as seeds, and the errors that it may raise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dino_depth.errors import DinoDepthError
from modmap.errors import ModMapError
from modmap.files.container_limits import ContainerError
from tests.fuzz import seeds


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


def target(name: str) -> Target:
    """A target by its name, one of `NAMES`."""
    beside = (("a.png", seeds.picture("PNG")), ("a.npy", seeds.npy(seeds.DEPTH)))
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
    volume = {"scores": seeds.DEPTH[None], "origin": np.zeros(3), "voxel": np.float64(2)}
    colour = np.stack([seeds.GRAY] * 3, -1)
    made: dict[str, Callable[[], Target]] = {
        "scan_json": lambda: Target(
            _on_disk("scan.json", _scan, *beside), (seeds.as_json(seeds.SCAN),), "json"
        ),
        "transforms_json": lambda: Target(
            _on_disk("transforms.json", _scan, *beside), (seeds.as_json(seeds.TRANSFORMS),), "json"
        ),
        "cameras_json": lambda: Target(
            _on_disk("cameras.json", _cameras), (seeds.as_json(seeds.CAMERAS),), "json"
        ),
        "calib_xml": lambda: Target(
            _on_disk("calib.xml", _cameras, ("pose.txt", pose)), (seeds.CALIB.encode(),), "text"
        ),
        "pose_txt": lambda: Target(
            _on_disk("pose.txt", _cameras, ("calib.xml", seeds.CALIB.encode())), (pose,), "text"
        ),
        "gt_npz": lambda: Target(
            _on_disk("gt.npz", _ground_truth), (seeds.npz(**truth), seeds.npz(**packed)), "bytes"
        ),
        "volume_npz": lambda: Target(_on_disk("volume.npz", _volume), (seeds.npz(**volume),), "bytes"),
        "defects_json": lambda: Target(
            _on_disk("defects.json", _defects),
            (seeds.as_json({"scan": "a", "defects": [seeds.DEFECT]}),),
            "json",
        ),
        "summary_json": lambda: Target(
            _on_disk("summary.json", _summary), (seeds.as_json(seeds.SUMMARY),), "json"
        ),
        "config_json": lambda: Target(
            _on_disk("config.json", _config), (seeds.as_json(seeds.config()),), "json"
        ),
        "calibration_json": lambda: Target(
            _on_disk("calibration.json", _calibration),
            (seeds.as_json({"format": 1, "model": "m", "categories": {"": seeds.CALIBRATION}}),),
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
            (
                seeds.picture("PNG"),
                seeds.picture("PNG", seeds.GRAY.astype(np.uint16) * 257),
                seeds.picture("PNG", colour),
            ),
            "bytes",
        ),
        "jpeg": lambda: Target(
            _image(".jpg"),
            (
                seeds.picture("JPEG"),
                seeds.picture("JPEG", colour),
                seeds.picture("JPEG", seeds.GRAY, progressive=True),
            ),
            "bytes",
        ),
        "tiff": lambda: Target(
            _image(".tif"),
            (
                seeds.tiff(seeds.GRAY),
                seeds.tiff(seeds.DEPTH, compression="zlib"),
                seeds.tiff(colour, photometric="rgb", tile=(16, 16)),
                seeds.tiff(seeds.GRAY, compression="packbits", rowsperstrip=5),
                seeds.tiff(
                    np.stack([seeds.GRAY.astype(np.uint16)] * 3), photometric="rgb", planarconfig="separate"
                ),
            ),
            "bytes",
        ),
        "bmp": lambda: Target(_image(".bmp"), (seeds.picture("BMP"), seeds.picture("BMP", colour)), "bytes"),
        "exr": lambda: Target(_on_disk("a.exr", _exr), (seeds.exr(),), "bytes"),
        "npy": lambda: Target(
            _on_disk("a.npy", _exr), (seeds.npy(seeds.DEPTH), seeds.npy(seeds.GRAY.astype(">u2"))), "bytes"
        ),
        "pcd": lambda: Target(
            _on_disk("a.pcd", _pcd),
            tuple(seeds.pcd(kind) for kind in ("ascii", "binary", "binary_compressed")),
            "bytes",
        ),
        "pcd_text": lambda: Target(_on_disk("a.pcd", _pcd), (seeds.pcd("ascii"),), "text"),
        "ply": lambda: Target(_on_disk("a.ply", _ply), (seeds.ply(text=False),), "bytes"),
        "ply_text": lambda: Target(_on_disk("a.ply", _ply), (seeds.ply(text=True),), "text"),
        "zdf": lambda: Target(_on_disk("a.zdf", _zdf), (seeds.zdf(),), "bytes"),
        "colmap_cameras": lambda: Target(
            _on_disk("cameras.txt", _sparse, ("images.txt", seeds.COLMAP_IMAGES)),
            (seeds.COLMAP_CAMERAS,),
            "text",
        ),
        "colmap_images": lambda: Target(
            _on_disk("images.txt", _sparse, ("cameras.txt", seeds.COLMAP_CAMERAS)),
            (seeds.COLMAP_IMAGES,),
            "text",
        ),
        "npz": lambda: Target(
            _on_disk("a.npz", _exr),
            (seeds.npz(depth=seeds.DEPTH), seeds.npz(a=seeds.DEPTH, b=seeds.GRAY)),
            "bytes",
        ),
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
