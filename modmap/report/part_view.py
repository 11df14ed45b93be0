"""The part in 3D, coloured by score: a page of its own that k3d writes, to be put into a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modmap.defects import Defect
from modmap.drawing.colours import palette
from modmap.drawing.hatching import striped_points
from modmap.drawing.volume_projection import OBLIQUE, volume_picture
from modmap.errors import ModMapError
from modmap.not_inspected import OMISSIONS, NotInspected
from modmap.report.picture_address import picture_address
from modmap.types import Array
from modmap.volume import AnomalyVolume

# More points make the page large and a laptop slow; larger parts are drawn in coarser voxels.
MOST_POINTS = 250_000
MOST_OMITTED = 60_000
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


def part_page(
    volume: AnomalyVolume,
    defects: Sequence[Defect],
    *,
    top: float,
    omitted: NotInspected | None = None,
    towards: tuple[float, float, float] = OBLIQUE,
) -> str:
    """A self-contained HTML page with the observed voxels as points and a box around every defect.

    Args:
        volume: The volume.
        defects: Their boxes are objects named `defect <index>`; the points are named `part`.
        top: Score of the last colour.
        omitted: What wasn't inspected, in the volume's world: striped points named `not measured` and `not compared`.
        towards: From the part to where it is looked at from at first.

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
    every = points
    if omitted is not None and len(omitted.points):
        every = np.concatenate([points, omitted.points])
        for number, name in enumerate(OMISSIONS, start=1):
            some, size = thinned(
                omitted.points[omitted.reasons == number], omitted.spacing, most=MOST_OMITTED
            )
            if len(some):
                striped = striped_points(some, name, span=_span(every)).astype(np.uint32)
                plot += k3d.points(
                    some.astype(np.float32),
                    point_size=POINT_SHARE * size,
                    shader="3d",
                    colors=striped[:, 0] << 16 | striped[:, 1] << 8 | striped[:, 2],
                    name=name,
                )
    middle = (every.min(axis=0) + every.max(axis=0)) / 2
    plot.camera = camera_towards(middle, np.array(towards), span=_span(every))
    plot.colorbar_object_id = 0
    page: str = plot.get_snapshot(additional_js_code=WHEN_DRAWN)
    return page


def part_stills(
    volume: AnomalyVolume, *, top: float, omitted: NotInspected | None = None, opaque: bool = False
) -> dict[str, str]:
    """Addresses of pictures of the part by the side that it is seen from, for where nothing in 3D can be drawn.

    Args:
        volume: The volume.
        top: Score of the last colour.
        omitted: What wasn't inspected: hatched.
        opaque: As in `volume_picture`.
    """
    found = {}
    for side, direction in SIDES.items():
        picture = volume_picture(
            volume, size=STILL, top=top, direction=direction, omitted=omitted, opaque=opaque
        )
        found[side] = picture_address(picture, photo=False)
    return found


def thinned(points: Array, spacing: float, *, most: int) -> tuple[Array, float]:
    """At most so many of points (M, 3), one of each cube, and the edge of the cubes; as they are where they are few."""
    size = spacing
    while len(points) > most:
        size *= 2
        points = points[np.unique(np.floor(points / size).astype(np.int64), axis=0, return_index=True)[1]]
    return points, size


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
