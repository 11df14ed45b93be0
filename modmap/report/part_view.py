"""The part in 3D, coloured by score: a page of its own that k3d writes, to be put into a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modmap.defects import Defect
from modmap.drawing.colours import palette
from modmap.drawing.volume_projection import OBLIQUE, volume_picture
from modmap.errors import ModMapError
from modmap.report.picture_address import picture_address
from modmap.types import Array
from modmap.volume import AnomalyVolume

# More points make the page large and a laptop slow; larger parts are drawn in coarser voxels.
MOST_POINTS = 250_000
# Points a little larger than their voxels leave no gaps between them.
POINT_SHARE = 1.5
BOX_COLOUR = 0x1D2733
BOX_EDGES = [[a, a | 1 << bit] for a in range(8) for bit in range(3) if not a >> bit & 1]
# How far the camera stands from the part's middle, in its sizes.
CAMERA_DISTANCE = 1.1
STILL = (360, 300)  # pixels that a picture of the part must fit
SIDES = {
    "from the front": OBLIQUE,
    "from behind": (-OBLIQUE[0], -OBLIQUE[1], OBLIQUE[2]),
    "from above": (0.02, -0.05, 1.0),
}
WHEN_DRAWN = "window.part = K3DInstance; if (parent.partReady) parent.partReady(K3DInstance);"


def part_page(volume: AnomalyVolume, defects: Sequence[Defect], *, top: float) -> str:
    """A self-contained HTML page with the observed voxels as points and a box around every defect.

    Args:
        volume: The volume.
        defects: Their boxes are objects named `defect <index>`; the points are named `part`.
        top: Score of the last colour.

    Raises:
        ModMapError: k3d isn't installed.
    """
    try:
        import k3d
    except ImportError:
        raise ModMapError(
            "report: expected the package k3d for the 3D view, found none: pip install 'modmap[report]'"
        ) from None
    points, scores, voxel = surface_points(volume, most=MOST_POINTS)
    colours = palette().astype(np.float64) / 255
    levels = np.linspace(0, 1, len(colours))
    plot = k3d.plot(
        camera_auto_fit=False,
        grid_visible=False,
        menu_visibility=False,
        camera_mode="orbit",
        background_color=0xFFFFFF,
        axes_helper=0.6,
        snapshot_type="full",
    )
    plot += k3d.points(
        points.astype(np.float32),
        point_size=POINT_SHARE * voxel,
        shader="3d",
        attribute=scores.astype(np.float32),
        color_map=np.column_stack([levels, colours]).astype(np.float32).ravel().tolist(),
        color_range=[0.0, top],
        name="part",
    )
    for defect in defects:
        plot += k3d.lines(
            np.array(defect.box.corners(), dtype=np.float32),
            np.array(BOX_EDGES, dtype=np.uint32),
            indices_type="segment",
            shader="simple",
            color=BOX_COLOUR,
            name=f"defect {defect.index}",
        )
    plot.camera = camera_towards(points.mean(axis=0), np.array(OBLIQUE), span=_span(points))
    plot.colorbar_object_id = 0
    page: str = plot.get_snapshot(additional_js_code=WHEN_DRAWN)
    return page


def part_stills(volume: AnomalyVolume, *, top: float) -> dict[str, str]:
    """Addresses of pictures of the part by the side that it is seen from, for where nothing in 3D can be drawn.

    Args:
        volume: The volume.
        top: Score of the last colour.
    """
    return {
        side: picture_address(volume_picture(volume, size=STILL, top=top, direction=direction), photo=False)
        for side, direction in SIDES.items()
    }


def surface_points(volume: AnomalyVolume, *, most: int) -> tuple[Array, Array, float]:
    """(M, 3) centres and (M,) scores of the observed voxels, and the edge of the voxels they stand for, mm.

    Where there are more than `most`, voxels are joined two by two by two, as often as it takes; the largest score of
    each is kept.
    """
    index, grid = np.argwhere(volume.observed), volume.grid
    scores, factor = volume.scores[tuple(index.T)], 1
    while len(index) > most:
        index, inverse = np.unique(index // 2, axis=0, return_inverse=True)
        joined = np.full(len(index), -np.inf, dtype=scores.dtype)
        np.maximum.at(joined, inverse.ravel(), scores)
        scores, factor = joined, 2 * factor
    return grid.origin + (index + 0.5) * grid.voxel * factor, scores, grid.voxel * factor


def camera_towards(target: Array, direction: Array, *, span: float) -> list[float]:
    """Where k3d's camera stands to look at a point: position, target and up, nine numbers.

    Args:
        target: (3,) mm.
        direction: (3,) from the target to the camera, of any length.
        span: mm that should fit the picture.
    """
    unit = direction / np.linalg.norm(direction)
    # Looking straight along z leaves no up.
    up = np.array([0.0, 0.0, 1.0]) if abs(unit[2]) < 0.98 else np.array([0.0, 1.0, 0.0])
    position = target + CAMERA_DISTANCE * span * unit
    return [float(value) for value in (*position, *target, *up)]


def _span(points: Array) -> float:
    return float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
