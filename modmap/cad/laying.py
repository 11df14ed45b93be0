"""Where a CAD part lies in a scan: each way that it may lie is tried roughly, the best laid on the scan's surface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from modmap.alignment.align import align
from modmap.alignment.motion import difference, motion_of, moved
from modmap.alignment.registration import Samples, register, sampled
from modmap.alignment.start import ANGLES, ENOUGH_OVERLAP, REACH_SHARE, views_axis
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.cad.mesh import Mesh
from modmap.cad.rendering import Renderer, small_camera
from modmap.errors import ModMapError
from modmap.types import Array

COARSE, FINE = 128, 640  # pixels of a view's longer side
COARSE_POINTS, COARSE_ROUNDS = 300, 12
COARSE_VIEWS = 6
SAME_SURFACE = 0.05  # of the part's radius: how far apart two surfaces may lie that are taken for one
UNLIKE = 3.0  # times as large, or as small, a part is of another unit
LEAST_POINTS = 100
REFINED, REFINED_POINTS, REFINED_ROUNDS = 24, 1500, 20
FINE_ANGLES, SPUN = np.radians(np.arange(2, 360, 2)), 8
NEARLY = 0.02  # of the pixels: two poses that agree with the scan so nearly alike can't be told apart
ALIKE_MM, ALIKE_DEGREES = (
    0.02,
    3.0,
)  # of the part's radius, and of its turning: poses nearer to each other are one
TURNS = 2  # how often the part is laid anew once it shows what it shows there


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


@dataclass(frozen=True, eq=False)
class _Scanned:
    """What is asked of the scan again and again; the axis is what the cameras stand around."""

    surfaces: Mapping[str, ViewSurface]
    middle: Array
    radius: float
    axis: Array


def lay_on_scan(mesh: Mesh, renderer: Renderer, surfaces: Mapping[str, ViewSurface]) -> Placement:
    """Lays a part on a scan's surface.

    Tried are the part as it is drawn, where it is drawn and in the scan's middle; and, unless that fits, each of its
    six sides up, turned about the axis that the cameras stand around. What fits best is told by the pixels at which the
    scan and the part have the same depth, of those at which either has any, so that a hole that is missing counts. The
    best few are looked at closely, and the one that is left is laid on the scan as a new scan is on the nominal one.

    Args:
        mesh: The part.
        renderer: Of the part.
        surfaces: The scan's views by id, without what its part lies on.

    Raises:
        ModMapError: the scan shows too little, or a part of quite another size.
        AlignmentError: the part can't be laid on it.
    """
    scan = _scanned(surfaces)
    _require_size(mesh, scan)
    some = dict(list(surfaces.items())[:: -(-len(surfaces) // COARSE_VIEWS)])

    def laid(starts: Iterable[Array]) -> list[tuple[float, Array]]:
        poses = [_roughly_laid(start, renderer, some, scan) for start in starts]
        found = [(_agreement(pose, renderer, some, scan), pose) for pose in poses]
        return sorted(found, key=lambda one: -one[0])

    tried = laid((np.eye(4), _centred(np.eye(3), mesh, scan)))
    if tried[0][0] < ENOUGH_OVERLAP:
        tried = sorted([*tried, *laid(_turned(mesh, scan))], key=lambda one: -one[0])
    few = _distinct([pose for _, pose in tried], mesh, scan)

    def judged(poses: Iterable[Array]) -> list[tuple[float, Array]]:
        refined = [_refined(pose, renderer, some, scan) for pose in poses]
        found = [(_agreement(one, renderer, some, scan, longest=FINE), one) for one in refined]
        return sorted(found, key=lambda one: -one[0])

    best = judged(few)
    if best[0][0] < ENOUGH_OVERLAP:
        # Between two teeth of a gear there is no way that leads from one to the next: each is tried.
        spun = [(_agreement(one, renderer, some, scan), one) for one in _spun(best[0][1], mesh, scan)]
        spun.sort(key=lambda one: -one[0])
        best += judged(_distinct([pose for _, pose in spun], mesh, scan, count=SPUN))
    agreement, pose = max(best, key=lambda one: one[0])
    notes = _doubts(agreement, pose, best, mesh, scan)
    for _ in range(TURNS):
        found = align(surfaces, _rendered(pose, renderer, surfaces, longest=FINE))
        pose = found.motion @ pose
    return Placement(pose, found.overlap, found.residual, (*found.notes, *notes))


def _scanned(surfaces: Mapping[str, ViewSurface]) -> _Scanned:
    count = sum(int(one.smooth.sum()) for one in surfaces.values())
    if count < LEAST_POINTS:
        raise ModMapError(
            f"nominal: expected a scan that shows the part's surface, found {count} points of smooth surface"
        )
    points = np.concatenate([one.points[one.smooth] for one in surfaces.values()]).astype(np.float64)
    middle = np.median(points, axis=0)
    radius = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean()))
    axis = views_axis([one.camera.T_camera_to_world for one in surfaces.values()])
    return _Scanned(surfaces, middle, radius, axis)


def _require_size(mesh: Mesh, scan: _Scanned) -> None:
    """A part in another unit is ten or a thousand times as large."""
    points = np.concatenate([one.points[one.smooth] for one in scan.surfaces.values()])
    across = float(np.linalg.norm(np.percentile(points, 99, axis=0) - np.percentile(points, 1, axis=0)))
    own = float(np.linalg.norm(mesh.size))
    if not 1 / UNLIKE <= own / across <= UNLIKE:
        raise ModMapError(
            f"nominal: expected a part of about the scan's size, {across:.4g} mm from corner to corner, found one of "
            f"{own:.4g} mm: is its unit another?"
        )


def _turned(mesh: Mesh, scan: _Scanned) -> Iterator[Array]:
    """Poses in the scan's middle, each of the six sides up, turned in steps about the axis."""
    sides = [sign * axis for axis in np.eye(3)[::-1] for sign in (1.0, -1.0)]
    for side in sides:
        upright = _turned_to(side, scan.axis)
        for angle in ANGLES:
            yield _centred(_turned_about(scan.axis, angle) @ upright, mesh, scan)


def _turned_to(one: Array, other: Array) -> Array:
    """(3, 3) a rotation that takes a unit vector to another."""
    across = np.cross(one, other)
    size = float(np.linalg.norm(across))
    if size < 1e-9:
        if one @ other > 0:
            return np.eye(3)
        aside = np.cross(one, np.eye(3)[int(np.argmin(np.abs(one)))])
        return _turned_about(aside / np.linalg.norm(aside), np.pi)
    return _turned_about(across / size, float(np.arctan2(size, one @ other)))


def _turned_about(axis: Array, angle: float) -> Array:
    return np.asarray(Rotation.from_rotvec(angle * axis).as_matrix())


def _centred(rotation: Array, mesh: Mesh, scan: _Scanned) -> Array:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, scan.middle - rotation @ mesh.centre
    return pose


def _roughly_laid(start: Array, renderer: Renderer, some: Mapping[str, ViewSurface], scan: _Scanned) -> Array:
    """A pose near a start at which few points of the part lie on the scan; the start itself where none is seen."""
    samples = _samples(_rendered(start, renderer, some, longest=COARSE), count=COARSE_POINTS)
    if not sum(len(one.points) for one in samples):
        return start
    shift = np.eye(4)
    if not np.array_equal(start, np.eye(4)):  # what is drawn in the scan's world lies as it is
        shift[:3, 3] = scan.middle - np.median(np.concatenate([one.points for one in samples]), axis=0)
    found = register(some, samples, start=shift, reach=2 * REACH_SHARE * scan.radius, rounds=COARSE_ROUNDS)
    return np.asarray(found.motion @ start)


def _refined(pose: Array, renderer: Renderer, some: Mapping[str, ViewSurface], scan: _Scanned) -> Array:
    for share in (REACH_SHARE, REACH_SHARE / 2):
        samples = _samples(_rendered(pose, renderer, some, longest=2 * COARSE), count=REFINED_POINTS)
        if not sum(len(one.points) for one in samples):
            return pose
        found = register(some, samples, reach=share * scan.radius, rounds=REFINED_ROUNDS)
        pose = found.motion @ pose
    return pose


def _samples(surfaces: Mapping[str, ViewSurface], **arguments: int) -> list[Samples]:
    return [sampled(view_id, surface, **arguments) for view_id, surface in surfaces.items()]


def _rendered(
    pose: Array, renderer: Renderer, views: Mapping[str, ViewSurface], *, longest: int
) -> dict[str, ViewSurface]:
    """What the scan's cameras see of the part, in pictures of at most so many pixels along the longer side."""
    found = {}
    for view_id, view in views.items():
        height, width = view.depth.shape
        camera, shape = small_camera(view.camera, (height, width), longest=longest)
        frame = renderer.frame(view_id, camera, shape, pose)
        found[view_id] = view_surface(frame, frame.depth > 0)
    return found


def _agreement(
    pose: Array,
    renderer: Renderer,
    views: Mapping[str, ViewSurface],
    scan: _Scanned,
    *,
    longest: int = COARSE,
) -> float:
    """Of the pixels at which the part or the scan is, the share at which both are, at the same depth.

    The finer the pictures, the closer the two must lie.
    """
    apart = SAME_SURFACE * scan.radius * COARSE / longest
    same, either = 0, 0
    for view in views.values():
        whole = view.depth
        camera, shape = small_camera(view.camera, (whole.shape[0], whole.shape[1]), longest=longest)
        rows, columns = (
            np.linspace(0, before - 1, after).round().astype(int)
            for before, after in zip(whole.shape, shape, strict=True)
        )
        measured = whole[np.ix_(rows, columns)]
        depth, _ = renderer.seen(camera, shape, pose)
        both = (depth > 0) & (measured > 0)
        same += int(np.count_nonzero(both & (np.abs(depth - measured) < apart)))
        either += int(np.count_nonzero((depth > 0) | (measured > 0)))
    return same / max(either, 1)


def _doubts(
    agreement: float, pose: Array, judged: Sequence[tuple[float, Array]], mesh: Mesh, scan: _Scanned
) -> tuple[str, ...]:
    """What is said where the part lies nearly as well in another way, as one that is nearly symmetric does."""
    others = [one for one in judged if one[0] >= agreement - NEARLY and not _alike(one[1], pose, mesh, scan)]
    if not others:
        return ()
    second, other = max(others, key=lambda one: one[0])
    _, angle = difference(other, pose, at=mesh.centre)
    return (
        f"turned by {angle:.0f} degrees the part lies nearly as well ({second:.1%} of the pixels agree, not "
        f"{agreement:.1%}): compare the pictures with the scan's",
    )


def _alike(one: Array, other: Array, mesh: Mesh, scan: _Scanned) -> bool:
    apart, angle = difference(one, other, at=mesh.centre)
    return apart <= ALIKE_MM * scan.radius and angle <= ALIKE_DEGREES


def _spun(pose: Array, mesh: Mesh, scan: _Scanned) -> Iterator[Array]:
    """A pose turned about its middle in small steps."""
    middle = moved(pose, mesh.centre[None])[0]
    for angle in FINE_ANGLES:
        yield motion_of(np.concatenate([angle * scan.axis, np.zeros(3)]), about=middle) @ pose


def _distinct(poses: Sequence[Array], mesh: Mesh, scan: _Scanned, *, count: int = REFINED) -> list[Array]:
    """The first few poses that differ, as several starts may end at one."""
    kept: list[Array] = []
    for pose in poses:
        if not any(_alike(pose, one, mesh, scan) for one in kept):
            kept.append(pose)
        if len(kept) == count:
            break
    return kept
