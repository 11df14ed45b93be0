"""How well the views of a scan agree in 3D: a check of poses, intrinsics and depth unit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from modmap.camera import Camera
from modmap.scan import Frame, Scan
from modmap.types import Array

QUERY_POINTS = 20_000
SURFACE_POINTS = 200_000
PLANE_NEIGHBOURS = 10
GATE = 0.05


@dataclass(frozen=True)
class PairAgreement:
    """How well one view's points lie on the surface that a neighbouring view saw.

    Attributes:
        view: The view whose points are looked at.
        neighbour: The view, nearest by camera centre, whose surface they are compared with.
        angle: Degrees between the two optical axes.
        seen: Share of the view's points that fall on measured pixels of the neighbour.
        agreeing: Share of those whose depth differs from the neighbour's there by less than 5% of it; the
            others are hidden from the neighbour, or the calibration is wrong.
        to_surface: Median distance of the agreeing points to the plane through the ten nearest of the
            neighbour's points, mm; free of the spacing of the points. NaN where none agrees.
        to_point: Median distance to the nearest of the neighbour's points, mm.
        spacing: Median distance between the neighbour's points, mm: what `to_point` cannot get far below.
    """

    view: str
    neighbour: str
    angle: float
    seen: float
    agreeing: float
    to_surface: float
    to_point: float
    spacing: float


def neighbours(scan: Scan) -> dict[str, str]:
    """For each calibrated view, the one whose camera stands nearest; empty with fewer than two of them."""
    cameras = {view.id: view.camera for view in scan.views if view.camera is not None}
    if len(cameras) < 2:
        return {}
    ids = list(cameras)
    centres = np.stack([camera.centre for camera in cameras.values()])
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return {
        view_id: ids[int(nearest)] for view_id, nearest in zip(ids, distances.argmin(axis=1), strict=True)
    }


def sampled_points(frame: Frame, count: int = QUERY_POINTS) -> Array:
    """(M, 3) world points of about `count` measured pixels, evenly spread; M = 0 without camera or depth."""
    if frame.camera is None:
        return np.zeros((0, 3))
    v, u = np.nonzero(frame.depth)
    step = max(1, len(u) // count)
    # Pixels come row by row: a random offset in each step avoids a beat with the rows or a pattern of holes.
    picked = np.arange(0, len(u) - step + 1, step)
    picked = picked + np.random.default_rng(0).integers(0, step, len(picked))
    u, v = u[picked], v[picked]
    return frame.camera.back_project(np.stack([u, v], axis=1), frame.depth[v, u])


def compare(scan: Scan, points: Mapping[str, Array]) -> tuple[PairAgreement, ...]:
    """Compares each view with its nearest neighbour. Each neighbour is loaded once, one at a time.

    Args:
        scan: The scan.
        points: World points of each view (`sampled_points`), by view id.
    """
    pairs = neighbours(scan)
    results: dict[str, PairAgreement] = {}
    for neighbour in dict.fromkeys(pairs.values()):
        frame = scan[neighbour].load()
        camera = frame.camera
        surface = sampled_points(frame, SURFACE_POINTS)
        if camera is None or len(surface) <= PLANE_NEIGHBOURS:
            continue
        tree = cKDTree(surface)
        spacing = float(np.median(tree.query(surface[:: max(1, len(surface) // QUERY_POINTS)], k=2)[0][:, 1]))
        for view in (view for view, other in pairs.items() if other == neighbour and len(points[view])):
            seen, agreeing = _agreeing(points[view], camera, frame.depth)
            to_surface, to_point = _distances(points[view][agreeing], tree)
            results[view] = PairAgreement(
                view=view,
                neighbour=neighbour,
                angle=_angle(scan[view].camera, camera),
                seen=float(seen.mean()),
                agreeing=float(agreeing.sum() / max(1, seen.sum())),
                to_surface=to_surface,
                to_point=to_point,
                spacing=spacing,
            )
    return tuple(results[view] for view in pairs if view in results)


def _agreeing(points: Array, camera: Camera, depth: Array) -> tuple[Array, Array]:
    """(M,) which points fall on a measured pixel, and which of these are at its depth, within the gate."""
    uv, z = camera.project(points)
    height, width = depth.shape
    nearest = np.rint(np.nan_to_num(uv, nan=-1.0)).clip(-1, max(height, width)).astype(np.int64)
    u, v = nearest[:, 0], nearest[:, 1]
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    observed = np.zeros(len(points))
    observed[inside] = depth[v[inside], u[inside]]
    seen = observed > 0
    return seen, seen & (np.abs(z - observed) < GATE * observed)


def _distances(points: Array, tree: cKDTree) -> tuple[float, float]:
    """Median distance of points to the local plane, and to the nearest point, of a surface."""
    if not len(points):
        return float("nan"), float("nan")
    distances, indices = tree.query(points, k=PLANE_NEIGHBOURS)
    patches = tree.data[indices]
    centres = patches.mean(axis=1)
    centred = patches - centres[:, None]
    _, directions = np.linalg.eigh(np.einsum("nki,nkj->nij", centred, centred))
    to_plane = np.abs(np.einsum("ni,ni->n", points - centres, directions[:, :, 0]))
    return float(np.median(to_plane)), float(np.median(distances[:, 0]))


def _angle(one: Camera | None, other: Camera) -> float:
    if one is None:
        return float("nan")
    cosine = float(one.T_world_to_camera[2, :3] @ other.T_world_to_camera[2, :3])
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
