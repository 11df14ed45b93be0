"""A COLMAP model, its photographs and depth maps as a scan; the model's unit is measured by the depth, or given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from modmap.camera import Camera
from modmap.datasets.cameras import build_camera
from modmap.errors import ModMapError
from modmap.files.images import DEPTH_SUFFIXES
from modmap.importing.cloud_views import named_file
from modmap.importing.colmap import IMAGES, POINTS, Photograph, SparseModel, read_sparse_model
from modmap.scan import View
from modmap.types import Array

FEWEST_POINTS = 30
LARGEST_SPREAD = 0.02  # median of how far single points' scales lie from the scale, as a share of it


def colmap_views(
    directory: Path, *, images: Path, depth: Path, depth_unit: float, scale: float | None
) -> tuple[list[View], tuple[str, ...]]:
    """The photographs of a model as views.

    Args:
        directory: Of the model.
        images: The folder that the model's names are relative to.
        depth: A folder with a depth map for each photograph, called as it, of its size.
        depth_unit: Millimetres per unit of the depth.
        scale: Millimetres per unit of the model, which COLMAP leaves open; None: it is measured, as the median of the
            depth at the points that the photographs see, over theirs in the model.

    Returns:
        The views, by their names, and what a person should know.

    Raises:
        ModMapError: the model can't be used, a file is missing, or the depth leaves the scale open.
    """
    model = read_sparse_model(directory)
    photographs = sorted(model.photographs, key=lambda one: one.name)
    ids = _view_ids(photographs)
    views = [
        _view(view_id, one, images=images, depth=depth, unit=depth_unit)
        for view_id, one in zip(ids, photographs, strict=True)
    ]
    notes: tuple[str, ...] = ()
    if scale is None:
        scale, note = _measured_scale(model, photographs, views, where=directory)
        notes = (note,)
    posed = [
        replace(view, camera=_camera(model, one, scale, where=f"{directory / IMAGES}: {one.name}"))
        for view, one in zip(views, photographs, strict=True)
    ]
    return posed, notes


def _view_ids(photographs: Sequence[Photograph]) -> list[str]:
    """The names without their endings; with their folders where two share one."""
    names = [Path(one.name).stem for one in photographs]
    if len(set(names)) == len(names):
        return names
    return [Path(one.name).with_suffix("").as_posix() for one in photographs]


def _view(view_id: str, photograph: Photograph, *, images: Path, depth: Path, unit: float) -> View:
    name = Path(photograph.name)
    image = images / name
    if not image.is_file():
        raise ModMapError(f"{image}: expected the photograph that {IMAGES} names, found none")
    folder = depth / name.parent
    return View(
        view_id,
        image=image,
        depth=named_file(folder, name.stem, DEPTH_SUFFIXES, what="the depth map of a photograph"),
        depth_unit=unit,
    )


def _camera(model: SparseModel, photograph: Photograph, scale: float, *, where: str) -> Camera:
    lens = model.lenses[photograph.camera]
    pose = photograph.T_world_to_camera.copy()
    pose[:3, 3] *= scale
    return build_camera(
        lens.K, where=where, T_world_to_camera=pose, size=lens.size, distortion=lens.distortion
    )


def _measured_scale(
    model: SparseModel, photographs: Sequence[Photograph], views: Sequence[View], *, where: Path
) -> tuple[float, str]:
    """Millimetres per unit, and how sure that is."""
    ways = "give it with --pose-unit (millimetres per unit)"
    each = [_scales(model, one, view) for one, view in zip(photographs, views, strict=True)]
    scales = np.concatenate(each)
    if len(scales) < FEWEST_POINTS:
        raise ModMapError(
            f"{where}: expected {FEWEST_POINTS} points of {POINTS} with a depth, by which the model's unit is "
            "measured, "
            f"found {len(scales)}: {ways}"
        )
    scale = float(np.median(scales))
    spread = float(np.median(np.abs(scales / scale - 1)))
    if not spread <= LARGEST_SPREAD:
        raise ModMapError(
            f"{where}: expected depth that agrees with the model's points but for its unit, found single "
            "points' scales "
            f"{spread:.1%} apart (median): are the depth maps of these photographs, and planar? Or {ways}"
        )
    doubt = 1.4826 * spread * float(np.sqrt(np.pi / 2 / len(scales)))
    return scale, (
        f"{where}: the model's unit is {scale:.6g} mm, measured by the depth at {len(scales)} of its points, which lie "
        f"{spread:.2%} from it (median); its own error is about {doubt:.2%}"
    )


def _scales(model: SparseModel, photograph: Photograph, view: View) -> Array:
    """Millimetres per unit by every point that a photograph sees and the depth map measured."""
    known = np.array([point in model.points for point in photograph.seen], dtype=bool)
    if not known.any():
        return np.empty(0)
    points = np.stack([model.points[point] for point in photograph.seen[known]])
    z = points @ photograph.T_world_to_camera[2, :3] + photograph.T_world_to_camera[2, 3]
    depth = view.load().depth
    width, height = model.lenses[photograph.camera].size
    # Pixels that are counted from a corner lie in the pixel of their whole part; the maps may be another size's.
    sides = np.array([depth.shape[1] / width, depth.shape[0] / height])
    u, v = np.floor(photograph.pixels[known] * sides).astype(np.int64).T
    inside = (u >= 0) & (v >= 0) & (u < depth.shape[1]) & (v < depth.shape[0]) & (z > 0)
    measured = depth[v[inside], u[inside]].astype(np.float64)
    scales: Array = measured[measured > 0] / z[inside][measured > 0]
    return scales
