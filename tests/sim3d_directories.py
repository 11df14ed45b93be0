"""Tiny directories in SiM3D's layout, written with NumPy, Pillow and OpenEXR alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenEXR
from PIL import Image

Array = npt.NDArray[Any]

FAR = 1e10


def depth_map(index: int, *, unit: float = 1.0, height: int = 6, width: int = 8) -> Array:
    """(H, W) float32, each view its own; inf in its first column. About 500 mm."""
    depth = 500 + index + np.arange(height * width, dtype=np.float32).reshape(height, width) / 10
    depth[:, 0] = np.inf
    return (depth / unit).astype(np.float32)


def gray_image(index: int, *, height: int = 6, width: int = 8) -> Array:
    """(H, W) uint8, each view its own value."""
    return np.full((height, width), index, dtype=np.uint8)


def write_scanned(directory: Path, *, views: int = 3, unit: float = 1.0, names: Sequence[str] = ()) -> Path:
    """A scan as the scanner writes it; other cameras' images lie beside those that count."""
    (directory / "depth").mkdir(parents=True)
    (directory / "rgb").mkdir()
    for index, name in enumerate(names or [f"{i:03d}" for i in range(views)]):
        np.save(directory / "depth" / f"{name}.npy", depth_map(index, unit=unit))
        Image.fromarray(gray_image(index)).save(directory / "rgb" / f"{name}_2.png")
        Image.fromarray(gray_image(255)).save(directory / "rgb" / f"{name}_1.png")
    return directory


def write_rendered(directory: Path, *, views: int = 3, unit: float = 1.0) -> Path:
    """A scan as the renderer writes it: depth in R, G and B, the background far away."""
    (directory / "DEPTH").mkdir(parents=True)
    (directory / "RGB").mkdir()
    for index in range(views):
        depth = np.nan_to_num(depth_map(index, unit=unit), posinf=FAR)
        write_exr(directory / "DEPTH" / f"{index:03d}_depth.exr", depth)
        Image.fromarray(gray_image(index)).save(directory / "RGB" / f"{index:03d}_2.png")
    return directory


def write_exr(path: Path, depth: Array) -> None:
    """An EXR whose R, G and B are all the depth."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {name: depth for name in "RGB"}) as file:
        file.write(str(path))


def write_category(root: Path, name: str) -> Path:
    """A category with both training scans and four test scans, two of them anomalous."""
    write_scanned(root / name / f"{name}_real")
    write_rendered(root / name / f"{name}_synth")
    for scan in ("01", "02_bad", "10", "3_bad"):
        write_scanned(root / name / f"{name}_{scan}")
    return root / name
