"""Miniatures of MVTec 3D-AD and Eyecandies in their published layouts: half balls on a plane, some with a pit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]

HEIGHT, WIDTH, FOCAL = 60, 80, 90.0


def pixels() -> tuple[Array, Array]:
    """(H, W) x / z and y / z of every pixel."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    return (u - (WIDTH - 1) / 2) / FOCAL, (v - (HEIGHT - 1) / 2) / FOCAL


def part(rng: np.random.Generator, *, defective: bool) -> tuple[Array, Array, Array, Array]:
    """(H, W) gray image, z in metres, plane's z, and mask of the defect."""
    x, y = pixels()
    plane = 0.6 / (1 + 0.05 * x - 0.1 * y)
    radius = 0.12
    centre = np.array([0.0, 0.0, 0.6])
    direction = np.stack([x, y, np.ones_like(x)], axis=-1)
    a, b, c = (direction**2).sum(-1), direction @ centre, (centre**2).sum() - radius**2
    hit = b**2 - a * c
    ball = (b - np.sqrt(np.maximum(hit, 0))) / a
    on_ball = (hit > 0) & (ball < plane)
    z = np.where(on_ball, ball, plane)
    image = np.where(on_ball, 180, 90) + rng.normal(0, 3, z.shape)
    mask = np.zeros(z.shape, bool)
    if defective:
        mask[26:34, 34:42] = True
        z = np.where(mask, z + 0.03, z)
        image = np.where(mask, rng.integers(0, 255, z.shape), image)
    return image.clip(0, 255).astype(np.uint8), z.astype(np.float32), plane, mask


def write_mvtec3d(
    root: Path, category: str = "bagel", *, train: int = 3, good: int = 2, bad: int = 2
) -> Path:
    """`<category>/{train,test}/<kind>/{rgb,xyz,gt}`; the first pixel of every cloud is a hole."""
    rng = np.random.default_rng(0)
    for split, kind, count in (("train", "good", train), ("test", "good", good), ("test", "hole", bad)):
        place = root / category / split / kind
        for folder in ("rgb", "xyz", "gt"):
            (place / folder).mkdir(parents=True)
        for index in range(count):
            image, z, _, mask = part(rng, defective=kind == "hole")
            x, y = pixels()
            cloud = np.stack([x * z, y * z, z], axis=-1).astype(np.float32)
            cloud[0, 0] = 0
            Image.fromarray(np.repeat(image[..., None], 3, axis=2)).save(place / "rgb" / f"{index:03d}.png")
            cv2.imwrite(str(place / "xyz" / f"{index:03d}.tiff"), cloud[..., ::-1])
            Image.fromarray(mask.astype(np.uint8) * 255).save(place / "gt" / f"{index:03d}.png")
    return root


def write_eyecandies(
    root: Path, category: str = "GummyBear", *, train: int = 3, good: int = 2, bad: int = 2
) -> Path:
    """`<category>/{train,test_public}/data/NNN_*`."""
    rng = np.random.default_rng(0)
    for split, kinds in (("train", [False] * train), ("test_public", [False] * good + [True] * bad)):
        place = root / category / split / "data"
        place.mkdir(parents=True)
        for index, defective in enumerate(kinds):
            image, z, _, mask = part(rng, defective=defective)
            low, high = float(z.min()), float(z.max())
            levels = np.rint((z - low) / (high - low) * 65535).astype(np.uint16)
            name = f"{index:03d}"
            for light in range(6):
                shade = (image * (light + 1) / 6).astype(np.uint8)
                Image.fromarray(np.repeat(shade[..., None], 3, axis=2)).save(
                    place / f"{name}_image_{light}.png"
                )
            cv2.imwrite(str(place / f"{name}_depth.png"), levels)
            (place / f"{name}_info_depth.yaml").write_text(
                f"normalization:\n  max: {high!r}\n  min: {low!r}\n"
            )
            if split == "test_public":
                Image.fromarray(mask.astype(np.uint8) * 255).save(place / f"{name}_mask.png")
    return root
