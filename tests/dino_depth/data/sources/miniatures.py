"""Miniatures of published data sets, in their layouts."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HEIGHT, WIDTH = 40, 56


def write_image(path: Path, seed: int) -> Array:
    """Writes a random colour image; gives it, red first."""
    image = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])
    return image


def write_cloud(path: Path, seed: int, *, lowest: float = -3.0) -> Array:
    """Writes an organised point cloud with two holes of both kinds; gives its z."""
    rng = np.random.default_rng(seed)
    cloud = rng.uniform(lowest, 9, (HEIGHT, WIDTH, 3)).astype(np.float32)
    cloud[3, 4] = np.nan
    cloud[5, 6] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cloud[..., ::-1])
    return cloud[..., 2]


def write_real_iad_d3(root: Path, category: str = "fuse_holder", *, lowest: float = -3.0) -> list[Array]:
    """Two nominal training parts, one validation part, one defective test part; gives their z."""
    lists: dict[str, Any] = {"meta": {"prefix": f"{category}/"}, "train": [], "validation": [], "test": []}
    clouds = []
    for number, (split, kind) in enumerate(
        [("train", "OK"), ("train", "OK"), ("validation", "OK"), ("test", "scratch")]
    ):
        place = f"{'OK' if kind == 'OK' else 'NG/' + kind}/S{number:04d}"
        part = {
            "anomaly_class": kind,
            "image_path": f"{place}/rgb.jpg",
            "ps_path": f"{place}/ps.jpg",
            "xyz_path": f"{place}/xyz.tiff",
        }
        lists[split].append(part)
        write_image(root / "realiad_d3_raw" / category / part["image_path"], number)
        path = root / "realiad_d3_raw" / category / part["xyz_path"]
        clouds.append(write_cloud(path, number, lowest=lowest))
    (root / "realiad_d3_jsons").mkdir(exist_ok=True)
    (root / "realiad_d3_jsons" / f"{category}.json").write_text(json.dumps(lists))
    return clouds


MVTEC_AD = ("train/good/000.png", "train/good/001.png", "test/good/000.png", "test/crack/000.png")
MVTEC_LOCO = (
    "train/good/000.png",
    "train/good/001.png",
    "validation/good/000.png",
    "test/good/000.png",
    "test/logical_anomalies/000.png",
    "test/structural_anomalies/000.png",
)
MVTEC_AD_2 = (
    "train/good/000_regular.png",
    "train/good/001_regular.png",
    "validation/good/000_regular.png",
    "test_public/good/000_regular.png",
    "test_public/bad/000_regular.png",
    "test_private/000_regular.png",
    "test_private_mixed/000_mixed.png",
)
MASKS = (
    "ground_truth/crack/000_mask.png",
    "ground_truth/logical_anomalies/000/000.png",
    "test_public/ground_truth/bad/000_regular_mask.png",
)


def write_mvtec(root: Path, files: tuple[str, ...], category: str = "bottle") -> None:
    """The images of one of MVTec's sets of images, and masks, which are none."""
    for number, file in enumerate((*files, *MASKS)):
        write_image(root / category / file, number)


def write_visa(root: Path, category: str = "candle") -> None:
    """Three nominal images, two for training, and a defective one."""
    rows = []
    for number, (split, label, folder) in enumerate(
        [
            ("train", "normal", "Normal"),
            ("test", "normal", "Normal"),
            ("train", "normal", "Normal"),
            ("test", "anomaly", "Anomaly"),
        ]
    ):
        image = f"{category}/Data/Images/{folder}/{number:04d}.JPG"
        write_image(root / image, number)
        mask = f"{category}/Data/Masks/Anomaly/{number:04d}.png" if label == "anomaly" else ""
        rows.append([category, split, label, image, mask])
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["object", "split", "label", "image", "mask"], *rows])
