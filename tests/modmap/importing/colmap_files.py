"""A scan as COLMAP would have reconstructed it: text files, photographs and depth maps."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from modmap.scan import Scan

SCALE = 37.5  # mm per unit of the model
POINTS_A_VIEW = 60


def write_colmap(root: Path, scan: Scan, *, model: str = "PINHOLE") -> dict[str, Path]:
    """Writes `sparse`, `photographs` and `depth`; the model's unit is `SCALE` millimetres.

    Returns:
        The places, by the arguments that they are for.
    """
    places = {"directory": root / "sparse", "images": root / "photographs", "depth": root / "depth"}
    for place in places.values():
        place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    cameras, images, points = (
        ["# Camera list"],
        ["# Image list with two lines of data per image:"],
        ["# 3D point list"],
    )
    for index, frame in enumerate(scan.frames()):
        camera = frame.camera
        assert camera is not None
        height, width = frame.shape
        K, pose = camera.K, camera.T_world_to_camera
        cameras.append(
            f"{index + 1} {model} {width} {height} {K[0, 0]} {K[1, 1]} {K[0, 2] + 0.5} {K[1, 2] + 0.5}"
        )
        q = np.roll(Rotation.from_matrix(pose[:3, :3]).as_quat(), 1)
        place = pose[:3, 3] / SCALE
        name = f"v{index:02d}.png"
        numbers = " ".join(f"{value:.17g}" for value in (*q, *place))
        images.append(f"{index + 1} {numbers} {index + 1} {name}")
        v, u = np.nonzero(frame.depth)
        some = rng.choice(len(v), POINTS_A_VIEW, replace=False)
        there = camera.back_project(np.stack([u, v], axis=1)[some], frame.depth[v, u][some]) / SCALE
        seen = []
        for number, (x, y) in enumerate(zip(u[some], v[some], strict=True)):
            point = 1000 * (index + 1) + number
            seen.append(f"{x + 0.5} {y + 0.5} {point} 1.5 2.5 -1")
            x3, y3, z3 = there[number]
            points.append(f"{point} {x3:.12g} {y3:.12g} {z3:.12g} 9 9 9 0.5 {index + 1} {2 * number}")
        images.append(" ".join(seen))
        cv2.imwrite(str(places["images"] / name), frame.image)
        np.save(places["depth"] / f"v{index:02d}.npy", frame.depth)
    for file, lines in (("cameras", cameras), ("images", images), ("points3D", points)):
        (places["directory"] / f"{file}.txt").write_text("\n".join(lines) + "\n")
    return places
