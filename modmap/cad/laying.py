"""Where a CAD part lies in a scan: each way that it may lie is tried roughly, the best laid on the scan's surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modmap.alignment.align import align
from modmap.alignment.motion import difference
from modmap.alignment.start import ANGLES, ENOUGH_OVERLAP, views_axis
from modmap.alignment.surface import ViewSurface
from modmap.cad.mesh import Mesh
from modmap.cad.pose_search import FINE, PoseSearch, Ranked, rendered
from modmap.cad.rendering import Renderer
from modmap.errors import ModMapError
from modmap.progress import Stage, stage
from modmap.types import Array

COARSE_VIEWS = 6
UNLIKE = 3.0  # times as large, or as small, a part is of another unit
LEAST_POINTS = 100
TURNS = 2  # how often the part is laid anew once it shows what it shows there
REFINED, SPUN = 24, 8  # poses that are looked at closely
NEARLY = 0.02  # of the pixels: two poses that agree with the scan so nearly alike can't be told apart


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a part lies in a scan.

    Attributes:
        T_part_to_world: (4, 4), mm.
        overlap: Share of what the cameras see of it that lies on the scan's surface; None where nobody asked.
        residual: Median distance between the two, mm; likewise.
        notes: What a person should know, one line each.
    """

    T_part_to_world: Array
    overlap: float | None = None
    residual: float | None = None
    notes: tuple[str, ...] = ()


def lay_on_scan(
    mesh: Mesh, renderer: Renderer, surfaces: Mapping[str, ViewSurface], *, progress: bool = False
) -> Placement:
    """Lays a part on a scan's surface.

    Tried are the part as it is drawn, where it is drawn and in the scan's middle; and, unless that fits, each of its
    six sides up, turned about the axis that the cameras stand around. What fits best is told by the pixels at which the
    scan and the part have the same depth, of those at which either has any, so that a hole that is missing counts. The
    best few are looked at closely, and the one that is left is laid on the scan as a new scan is on the nominal one.

    Args:
        mesh: The part.
        renderer: Of the part.
        surfaces: The scan's views by id, without what its part lies on.
        progress: Show how far it is.

    Raises:
        ModMapError: the scan shows too little, or a part of quite another size.
        AlignmentError: the part can't be laid on it.
    """
    with stage("ways the part may lie", total=2 + 6 * len(ANGLES) + REFINED + SPUN, shown=progress) as bar:
        search = _search(mesh, renderer, surfaces, bar)
        found = _best_first(search)
    pose = found[0].pose
    notes = _doubts(search, found)
    for _ in range(TURNS):
        laid = align(surfaces, rendered(pose, renderer, surfaces, longest=FINE))
        pose = laid.motion @ pose
    return Placement(pose, laid.overlap, laid.residual, (*laid.notes, *notes))


def _search(mesh: Mesh, renderer: Renderer, surfaces: Mapping[str, ViewSurface], bar: Stage) -> PoseSearch:
    count = sum(int(one.smooth.sum()) for one in surfaces.values())
    if count < LEAST_POINTS:
        raise ModMapError(
            f"nominal: expected a scan that shows the part's surface, found {count} points of smooth surface"
        )
    points = np.concatenate([one.points[one.smooth] for one in surfaces.values()]).astype(np.float64)
    _require_size(mesh, points)
    middle = np.median(points, axis=0)
    return PoseSearch(
        mesh=mesh,
        renderer=renderer,
        views=dict(list(surfaces.items())[:: -(-len(surfaces) // COARSE_VIEWS)]),
        middle=middle,
        radius=float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean())),
        axis=views_axis([one.camera.T_camera_to_world for one in surfaces.values()]),
        stage=bar,
    )


def _require_size(mesh: Mesh, points: Array) -> None:
    """A part in another unit is ten or a thousand times as large."""
    across = float(np.linalg.norm(np.percentile(points, 99, axis=0) - np.percentile(points, 1, axis=0)))
    own = float(np.linalg.norm(mesh.size))
    if not across / UNLIKE <= own <= across * UNLIKE:
        raise ModMapError(
            f"nominal: expected a part of about the scan's size, {across:.4g} mm from corner to corner, found one of "
            f"{own:.4g} mm: is its unit another?"
        )


def _best_first(search: PoseSearch) -> list[Ranked]:
    """The poses that were looked at closely."""
    tried = search.ranked(map(search.roughly_laid, search.drawn()))
    if tried[0].agreement < ENOUGH_OVERLAP:
        tried += search.ranked(map(search.roughly_laid, search.turned()))
        tried.sort(key=lambda one: -one.agreement)
    found = search.ranked(map(search.refined, search.distinct(tried, REFINED)), longest=FINE)
    if found[0].agreement < ENOUGH_OVERLAP:
        # Between two teeth of a gear there is no way that leads from one to the next: each is tried.
        spun = search.distinct(search.ranked(search.spun(found[0].pose)), SPUN)
        found += search.ranked(map(search.refined, spun), longest=FINE)
        found.sort(key=lambda one: -one.agreement)
    return found


def _doubts(search: PoseSearch, found: Sequence[Ranked]) -> tuple[str, ...]:
    """What is said where the part lies nearly as well in another way, as one that is nearly symmetric does."""
    best = found[0]
    for other in found[1:]:
        if other.agreement >= best.agreement - NEARLY and not search.alike(other.pose, best.pose):
            _, angle = difference(other.pose, best.pose, at=search.mesh.centre)
            return (
                f"turned by {angle:.0f} degrees the part lies nearly as well ({other.agreement:.1%} of the pixels "
                f"agree, not {best.agreement:.1%}): compare the pictures with the scan's",
            )
    return ()
