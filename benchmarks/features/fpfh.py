"""FPFH, fast point feature histograms (Rusu 2009), of a depth map: per point, per pixel, per token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from modmap.camera import Camera
from modmap.encoding.square import Square
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Frame
from modmap.types import DEFAULT_FOREGROUND, ForegroundMode, Modality

Array = npt.NDArray[Any]

BINS = 33
POINTS_A_TOKEN = 4  # along each side
MOST_POINTS_A_SIDE = 128  # of the whole view, so that finer tokens cost no more
NORMAL_VOXELS, FEATURE_VOXELS = 2.5, 5.0
MOST_NEIGHBOURS = 100
HISTOGRAM_SUM = 200  # open3d's: 100 of the point's own, 100 of its neighbours'


@dataclass(frozen=True)
class PointFeatures:
    """FPFH of a thinned cloud.

    Attributes:
        points: (K, 3) camera frame, mm.
        features: (K, 33) float32; each of the three histograms sums to 1, or to 0 where a point has no neighbours.
    """

    points: Array
    features: Array


def point_features(points: Array, *, voxel: float) -> PointFeatures:
    """Thins a cloud to one point a voxel and describes each by its neighbours within five voxels.

    Normals are fitted within two and a half voxels and face the camera, which is at the origin.

    Args:
        points: (M, 3) camera frame, mm.
        voxel: mm.
    """
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points)).voxel_down_sample(voxel)
    # The thinning leaves the points in no order; with neighbours close by in memory the histograms take half the time.
    thinned = np.asarray(cloud.points)
    block = np.floor(thinned / (FEATURE_VOXELS * voxel)).astype(np.int64)
    cloud = cloud.select_by_index(np.lexsort(block.T).tolist())
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(NORMAL_VOXELS * voxel, 30))
    cloud.orient_normals_towards_camera_location(np.zeros(3))
    # open3d's newer interface gives the same numbers in half the time again.
    histograms = o3d.t.pipelines.registration.compute_fpfh_feature(
        o3d.t.geometry.PointCloud.from_legacy(cloud, o3d.core.float64),
        max_nn=MOST_NEIGHBOURS,
        radius=FEATURE_VOXELS * voxel,
    ).numpy()
    return PointFeatures(np.asarray(cloud.points), (histograms / HISTOGRAM_SUM).astype(np.float32))


def pixel_features(frame: Frame, mask: Array, *, voxel: float) -> Array:
    """(M, 33) float32 FPFH of the M pixels of a mask (H, W), in row order: each pixel's nearest thinned point's.

    Raises:
        ModMapError: the view has no camera.
    """
    points = camera_points(frame, mask)
    found = point_features(points, voxel=voxel)
    _, nearest = cKDTree(found.points).query(points)
    features: Array = found.features[nearest]
    return features


def camera_points(frame: Frame, mask: Array) -> Array:
    """(M, 3) points of the pixels of a mask (H, W), camera frame, mm, in row order.

    Raises:
        ModMapError: the view has no camera.
    """
    if frame.camera is None:
        raise ModMapError(f"view {frame.id}: FPFH needs a camera, found none")
    rows, columns = np.nonzero(mask)
    pixels = np.stack([columns, rows], axis=1)
    return _at_origin(frame.camera).back_project(pixels, frame.depth[rows, columns].astype(np.float64))


def _at_origin(camera: Camera) -> Camera:
    """The same camera where its own frame is the world's."""
    return replace(camera, T_world_to_camera=np.eye(4))


class FPFHFeatures:
    """FPFH as a depth encoder: a token is the mean of its thinned points, four along each of its sides.

    There are no more than 128 along the view's side, so of a grid of more than 32 tokens each has fewer; those that no
    point falls into take the nearest token's.

    Args:
        grid: Tokens along a side.
        foreground: Which pixels are described.
    """

    modality: Modality = "depth"
    reference = "FPFH"
    channels = BINS

    def __init__(self, grid: int, *, foreground: ForegroundMode = DEFAULT_FOREGROUND) -> None:
        self.grid = grid
        self._foreground: ForegroundMode = foreground
        self.fingerprint = (
            f"fpfh-{POINTS_A_TOKEN}-{MOST_POINTS_A_SIDE}-{NORMAL_VOXELS}-{FEATURE_VOXELS}-{MOST_NEIGHBOURS}"
        )

    def tokens(
        self, frame: Frame, *, device: torch.device | None = None, cache: TokenCache | None = None
    ) -> Tensor:
        """(grid * grid, 33) float32 tokens; zero where nothing was measured.

        Raises:
            ModMapError: the view has no camera.
        """
        mask, _ = foreground_mask(frame.depth, mode=self._foreground)
        if cache is not None and frame.camera is not None:
            part = np.where(mask, frame.depth, 0)
            lens = () if frame.camera.distortion is None else frame.camera.distortion
            content = np.concatenate([part.ravel(), frame.camera.K.ravel(), lens]).astype(np.float32)
            key = cache.key(f"{self.fingerprint} {self.grid}", torch.from_numpy(content)[None])
            found = cache.read(key)
            if found is None:
                found = self._computed(frame, mask)
                cache.write(key, found)
            return found.to(device)
        return self._computed(frame, mask).to(device)

    def voxel(self, frame: Frame, mask: Array) -> float:
        """Edge of the voxels that a view's part, a mask (H, W), is thinned by, mm; of a pixel at least."""
        assert frame.camera is not None
        along_side = min(POINTS_A_TOKEN * self.grid, MOST_POINTS_A_SIDE)
        pixels = max(max(frame.shape) / along_side, 1.0)
        return float(np.median(frame.depth[mask])) / float(frame.camera.K[0, 0]) * pixels

    def save(self, directory: Path) -> None:
        """Raises ModMapError: there are no weights."""
        raise ModMapError(f"{directory}: FPFH has no weights to copy")

    def _computed(self, frame: Frame, mask: Array) -> Tensor:
        tokens = np.zeros((self.grid * self.grid, BINS), dtype=np.float32)
        if not mask.any():
            return torch.from_numpy(tokens)
        points = camera_points(frame, mask)
        square = Square(*frame.shape, grid=self.grid)
        voxel = self.voxel(frame, mask)
        found = point_features(points, voxel=voxel)
        token = _token_of(found.points, frame, square)
        count = np.bincount(token, minlength=len(tokens))
        for channel in range(BINS):
            tokens[:, channel] = np.bincount(token, found.features[:, channel], minlength=len(tokens))
        tokens[count > 0] /= count[count > 0, None]
        self._fill(tokens, count > 0, square.tokens_touched(mask).ravel())
        return torch.from_numpy(tokens)

    def _fill(self, tokens: Array, known: Array, touched: Array) -> None:
        """Gives tokens of the part that no thinned point fell into their nearest neighbour's features."""
        missing = np.flatnonzero(touched & ~known)
        if len(missing):
            places = np.stack(np.divmod(np.arange(len(tokens)), self.grid), axis=1)
            _, nearest = cKDTree(places[known]).query(places[missing])
            tokens[missing] = tokens[np.flatnonzero(known)[nearest]]


def _token_of(points: Array, frame: Frame, square: Square) -> Array:
    """(K,) index of the token that each point is seen in."""
    assert frame.camera is not None
    uv, _ = _at_origin(frame.camera).project(points)
    scale = square.grid / square.side
    place = np.stack([uv[:, 1] + square.top + 0.5, uv[:, 0] + square.left + 0.5]) * scale
    rows, columns = np.clip(np.floor(place).astype(np.int64), 0, square.grid - 1)
    token: Array = rows * square.grid + columns
    return token
