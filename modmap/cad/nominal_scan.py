"""A scan of a part as drawn: another scan's views of it, rendered one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.cad.laying import Placement, lay_on_scan
from modmap.cad.mesh import read_mesh
from modmap.cad.pose_search import FINE
from modmap.cad.rendering import Renderer, small_camera
from modmap.camera import Camera
from modmap.errors import ModMapError
from modmap.evidence.reduction import reduced
from modmap.foreground import foreground_mask
from modmap.scan import Frame, Scan
from modmap.types import Array


@dataclass(frozen=True, eq=False)
class NominalScan:
    """A part as drawn, seen as a scan.

    Attributes:
        views: Each renders one when it is called, with the id, the camera and the size of the other scan's.
        size: (3,) edges of the box around the part as drawn, mm.
        placement: Where it lies.
        notes: What a person should know, one line each.
    """

    views: Sequence[Callable[[], Frame]]
    size: Array
    placement: Placement
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Viewpoint:
    view_id: str
    camera: Camera
    shape: tuple[int, int]


def nominal_scan(
    part: Path, like: Scan, *, unit: str, placed: bool = False, progress: bool = False
) -> NominalScan:
    """Makes a scan of a part as drawn.

    Args:
        part: File of the part.
        like: A scan of such a part, whose cameras see it, and on whose surface it is laid.
        unit: Of the part's lengths, as `read_mesh`.
        placed: The part is drawn where it lies in the scan's world, and isn't laid.
        progress: Show how far it is.

    Raises:
        ModMapError: the part or the scan can't be used, a view has no camera, or no camera sees the part.
        AlignmentError: the part can't be laid on the scan.
    """
    mesh = read_mesh(part, unit=unit)
    renderer = Renderer(mesh)
    viewpoints, surfaces = _opened(like)
    placement = Placement(np.eye(4)) if placed else lay_on_scan(mesh, renderer, surfaces, progress=progress)
    pose = placement.T_part_to_world
    unseen = [one.view_id for one in viewpoints if not _sees(one, renderer, pose)]
    if len(unseen) == len(viewpoints):
        raise ModMapError(
            f"{part}: expected a part that a camera of {like.name} sees, found none of it in {len(unseen)} views"
        )
    notes = (*mesh.notes, *placement.notes, *(f"view {one} sees nothing of the part" for one in unseen))
    views = [partial(renderer.frame, one.view_id, one.camera, one.shape, pose) for one in viewpoints]
    return NominalScan(views, mesh.size, placement, notes)


def _opened(like: Scan) -> tuple[list[_Viewpoint], Mapping[str, ViewSurface]]:
    """The views' cameras and sizes, and the surface of those that measured any, without what the part lies on."""
    like.require_cameras()
    viewpoints, surfaces = [], {}
    for frame in like.frames():
        assert frame.camera is not None
        viewpoints.append(_Viewpoint(frame.id, frame.camera, frame.shape))
        mask, _ = foreground_mask(frame.depth)
        if mask.any():
            small = reduced(frame, mask)
            surfaces[frame.id] = view_surface(small, small.depth > 0)
    return viewpoints, without_support(surfaces)[0] if surfaces else {}


def _sees(viewpoint: _Viewpoint, renderer: Renderer, pose: Array) -> bool:
    camera, shape = small_camera(viewpoint.camera, viewpoint.shape, longest=FINE)
    return bool(renderer.seen(camera, shape, pose)[0].any())
