"""Defects painted into the views of a real scan, at one place of the part, the same in every view that sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from modmap.scan import Frame, Scan, View
from modmap.volume import AnomalyVolume

Array = npt.NDArray[Any]
Kind = Literal["dent", "stain", "filled_hole"]

KINDS: tuple[Kind, ...] = ("dent", "stain", "filled_hole")

# Where each defect goes on the bust: the view and pixel that it is aimed at, and its radius in mm.
AIMS: dict[Kind, tuple[str, tuple[int, int], float]] = {
    "dent": ("00", (567, 1440), 25.0),
    "stain": ("07", (567, 1349), 30.0),
    "filled_hole": ("01", (432, 777), 22.0),
}


@dataclass(frozen=True)
class Place:
    """Where a defect goes: a point of the surface, mm, and how far it reaches."""

    centre: Array
    radius: float


def surface_point(scan: Scan, view_id: str, pixel: tuple[int, int]) -> Array:
    """(3,) mm, the point of the part at a pixel (u, v) of a view."""
    frame = scan[view_id].load()
    u, v = pixel
    assert frame.camera is not None
    assert frame.depth[v, u] > 0, "the pixel must show the part"
    point: Array = frame.camera.back_project(np.array([[u, v]]), frame.depth[v : v + 1, u])[0]
    return point


def paint(scan: Scan, kind: Kind, place: Place) -> tuple[Scan, int]:
    """A copy of a scan with one defect; and in how many views it shows."""
    painters: dict[Kind, Callable[[Frame, Array, Array, Place], tuple[Array, Array]]] = {
        "dent": _dent,
        "stain": _stain,
        "filled_hole": _filled_hole,
    }
    views: list[View] = []
    shown = 0
    for view in scan.views:
        frame = view.load()
        distance = _distance(frame, place.centre)
        inside = distance < place.radius
        if np.count_nonzero(inside) > 50:
            shown += 1
            image, depth = painters[kind](frame, distance, inside, place)
            view = replace(view, image=image, depth=depth, depth_unit=1.0, depth_limit=None)
        views.append(view)
    return replace(scan, name=f"{scan.name}_{kind}", views=views, anomalous=True), shown


def paint_all(scan: Scan) -> tuple[Scan, dict[Kind, Place], dict[Kind, int]]:
    """A copy of the bust's scan with one defect of every kind; their places; in how many views each shows."""
    painted, places, shown = scan, {}, {}
    for kind, (view_id, pixel, radius) in AIMS.items():
        places[kind] = Place(surface_point(scan, view_id, pixel), radius)
        painted, shown[kind] = paint(painted, kind, places[kind])
    return replace(painted, name=f"{scan.name}_defective"), places, shown


def share_below(defective: AnomalyVolume, place: Place, *, nominal: AnomalyVolume) -> Array:
    """For each observed voxel of a defect, the share of a nominal scan's voxels that score less.

    Args:
        defective: The volume of the scan with the defect.
        place: The defect; a voxel is its own within its radius.
        nominal: The volume of the scan without any.
    """
    index = np.argwhere(defective.observed)
    inside = np.linalg.norm(defective.grid.centres(index) - place.centre, axis=1) < place.radius
    scores = defective.scores[tuple(index[inside].T)]
    ranked = np.sort(nominal.scores[nominal.observed])
    return np.searchsorted(ranked, scores) / len(ranked)


def _distance(frame: Frame, centre: Array) -> Array:
    assert frame.camera is not None
    rows, columns = np.nonzero(frame.depth)
    points = frame.camera.back_project(np.stack([columns, rows], axis=1), frame.depth[rows, columns])
    distance = np.full(frame.shape, np.inf)
    distance[rows, columns] = np.linalg.norm(points - centre, axis=1)
    return distance


def _profile(distance: Array, radius: float) -> Array:
    """1 on the flat bottom, 0 at the rim, a smooth wall between."""
    wall = np.clip((radius - distance) / (0.3 * radius), 0, 1)
    return (1 - np.cos(np.pi * wall)) / 2


def _dent(frame: Frame, distance: Array, inside: Array, place: Place) -> tuple[Array, Array]:
    """4 mm pushed in, flat-bottomed as by a tool, shaded by a light from the upper left at 45 degrees."""
    push = 4.0 * _profile(distance, place.radius)
    assert frame.camera is not None
    pixel = float(np.median(frame.depth[inside])) / frame.camera.K[0, 0]
    slope = (np.gradient(push, axis=1) + np.gradient(push, axis=0)) / pixel
    image = np.clip(frame.image * (1 - slope / np.sqrt(2)), 0, 255)
    return image.astype(frame.image.dtype), np.where(inside, frame.depth + push, frame.depth).astype(
        np.float32
    )


def _stain(frame: Frame, distance: Array, inside: Array, place: Place) -> tuple[Array, Array]:
    """Oil: a tenth as bright, with a soft rim; the depth as it was."""
    darker = 1 - 0.9 * np.clip((place.radius - distance) / (0.2 * place.radius), 0, 1)
    return (frame.image * np.where(inside, darker, 1)).astype(frame.image.dtype), frame.depth


def _filled_hole(frame: Frame, distance: Array, inside: Array, place: Place) -> tuple[Array, Array]:
    """Filled with white putty up to the plane through the rim."""
    rim = (distance >= place.radius) & (distance < 1.3 * place.radius)
    rows, columns = np.nonzero(rim)
    terms = np.stack([columns, rows, np.ones(len(rows))], axis=1)
    # A plane in space is a plane in the inverse of its depth.
    plane, *_ = np.linalg.lstsq(terms, 1 / frame.depth[rows, columns], rcond=None)
    v, u = np.indices(frame.shape)
    lid = 1 / (plane[0] * u + plane[1] * v + plane[2])
    filled = inside & (lid < frame.depth)
    grain = np.random.default_rng(0).normal(245, 3, frame.shape)
    image = np.where(filled, np.clip(grain, 0, 255), frame.image).astype(frame.image.dtype)
    return image, np.where(filled, lid, frame.depth).astype(np.float32)
