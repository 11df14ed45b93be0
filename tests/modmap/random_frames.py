"""Views of anything, and where their pixels lie, written out."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from modmap.scan import Camera, Frame


def random_frame(random: np.random.Generator, *, height: int = 4, width: int = 5) -> Frame:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(random.normal(size=3)).as_matrix()
    pose[:3, 3] = random.normal(size=3) * 20
    K = np.array([[random.uniform(5, 9), 0, 2.2], [0, random.uniform(5, 9), 1.4], [0, 0, 1]])
    depth = random.uniform(5, 25, (height, width)) * (random.random((height, width)) < 0.8)
    depth[0, 0] = 10
    return Frame(
        "a",
        image=np.zeros((height, width), np.uint8),
        depth=depth.astype(np.float32),
        camera=Camera(K, pose, size=(width, height)),
    )


def world_point(frame: Frame, row: int, column: int) -> list[float]:
    """x = R^T (z ((u - cx) / fx, (v - cy) / fy, 1) - t), written out."""
    assert frame.camera is not None
    K, T = frame.camera.K.tolist(), frame.camera.T_world_to_camera.tolist()
    z = float(frame.depth[row, column])
    local = [z * (column - K[0][2]) / K[0][0], z * (row - K[1][2]) / K[1][1], z]
    return [sum(T[j][i] * (local[j] - T[j][3]) for j in range(3)) for i in range(3)]
