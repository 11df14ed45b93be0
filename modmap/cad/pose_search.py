"""Ways that a CAD part may lie in a scan: where to begin, how each ends, and how well the two agree there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from modmap.alignment.motion import difference, motion_of, moved
from modmap.alignment.registration import Samples, register, sampled
from modmap.alignment.start import ANGLES, REACH_SHARE
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.cad.mesh import Mesh
from modmap.cad.rendering import Renderer, small_camera
from modmap.progress import Stage
from modmap.types import Array

COARSE, FINE = 128, 640  # pixels of a view's longer side
COARSE_POINTS, COARSE_ROUNDS = 300, 12
REFINED_POINTS, REFINED_ROUNDS = 1500, 20
SAME_SURFACE = 0.05  # of the part's radius: how far apart two surfaces may lie that are taken for one
FINE_ANGLES = np.radians(np.arange(2, 360, 2))
ALIKE_MM, ALIKE_DEGREES = (
    0.02,
    3.0,
)  # of the part's radius, and of its turning: poses nearer to each other are one


@dataclass(frozen=True, eq=False)
class Ranked:
    """A pose of the part, and how well it fits.

    Attributes:
        agreement: Of the pixels at which the part or the scan is, the share at which both are, at the same depth.
        pose: (4, 4) T_part_to_world, mm.
    """

    agreement: float
    pose: Array


@dataclass(frozen=True, eq=False)
class PoseSearch:
    """What is asked of a part and a scan again and again.

    Attributes:
        mesh: The part.
        renderer: Of the part.
        views: The surfaces of some of the scan's views by id, without what its part lies on.
        middle: (3,) median of the scan's surface, mm.
        radius: Root mean square distance of it from there, mm.
        axis: (3,) unit vector that the cameras stand around.
        stage: Is told of each pose that was tried.
    """

    mesh: Mesh
    renderer: Renderer
    views: Mapping[str, ViewSurface]
    middle: Array
    radius: float
    axis: Array
    stage: Stage = field(default_factory=lambda: Stage(None, "", 0))

    def drawn(self) -> Iterator[Array]:
        """The part as it is drawn: where it is drawn, and in the scan's middle."""
        yield np.eye(4)
        yield self._centred(np.eye(3))

    def turned(self) -> Iterator[Array]:
        """The part in the scan's middle, each of its six sides up, turned in steps about the axis."""
        for side in (sign * one for one in np.eye(3)[::-1] for sign in (1.0, -1.0)):
            upright = _turned_to(side, self.axis)
            for angle in ANGLES:
                yield self._centred(_turned_about(self.axis, angle) @ upright)

    def spun(self, pose: Array) -> Iterator[Array]:
        """A pose turned about the part's middle in small steps."""
        middle = moved(pose, self.mesh.centre[None])[0]
        for angle in FINE_ANGLES:
            yield motion_of(np.concatenate([angle * self.axis, np.zeros(3)]), about=middle) @ pose

    def roughly_laid(self, start: Array) -> Array:
        """The pose near a start at which few points of the part lie on the scan; the start where none is seen."""
        self.stage.advance()
        samples = self._samples(start, longest=COARSE, count=COARSE_POINTS)
        if not samples:
            return start
        shift = np.eye(4)
        if not np.array_equal(start, np.eye(4)):  # what is drawn in the scan's world lies as it is
            seen = np.median(np.concatenate([one.points for one in samples]), axis=0)
            shift[:3, 3] = self.middle - seen
        reach = 2 * REACH_SHARE * self.radius
        found = register(self.views, samples, start=shift, reach=reach, rounds=COARSE_ROUNDS)
        return np.asarray(found.motion @ start)

    def refined(self, pose: Array) -> Array:
        """The pose near another at which more points lie on the scan, as the part shows them once it lies there."""
        self.stage.advance()
        for share in (REACH_SHARE, REACH_SHARE / 2):
            samples = self._samples(pose, longest=2 * COARSE, count=REFINED_POINTS)
            if not samples:
                return pose
            found = register(self.views, samples, reach=share * self.radius, rounds=REFINED_ROUNDS)
            pose = found.motion @ pose
        return pose

    def ranked(self, poses: Iterable[Array], *, longest: int = COARSE) -> list[Ranked]:
        """Poses, the best first.

        Args:
            poses: Any.
            longest: Pixels of a picture's longer side; the finer, the closer the two surfaces must lie.
        """
        found = [Ranked(self._agreement(pose, longest), pose) for pose in poses]
        return sorted(found, key=lambda one: -one.agreement)

    def distinct(self, found: Sequence[Ranked], count: int) -> list[Array]:
        """The first few poses that differ, as several starts may end at one."""
        kept: list[Array] = []
        for one in found:
            if not any(self.alike(one.pose, other) for other in kept):
                kept.append(one.pose)
            if len(kept) == count:
                break
        return kept

    def alike(self, one: Array, other: Array) -> bool:
        """Whether two poses are one, but for how exactly they were found."""
        apart, angle = difference(one, other, at=self.mesh.centre)
        return apart <= ALIKE_MM * self.radius and angle <= ALIKE_DEGREES

    def _centred(self, rotation: Array) -> Array:
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation, self.middle - rotation @ self.mesh.centre
        return pose

    def _samples(self, pose: Array, *, longest: int, count: int) -> list[Samples]:
        """Points that the cameras see; none where they see nothing."""
        seen = rendered(pose, self.renderer, self.views, longest=longest)
        found = [sampled(view_id, surface, count=count) for view_id, surface in seen.items()]
        return found if any(len(one.points) for one in found) else []

    def _agreement(self, pose: Array, longest: int) -> float:
        apart = SAME_SURFACE * self.radius * COARSE / longest
        same, either = 0, 0
        for view in self.views.values():
            whole = view.depth
            camera, shape = small_camera(view.camera, (whole.shape[0], whole.shape[1]), longest=longest)
            rows, columns = (
                np.linspace(0, before - 1, after).round().astype(int)
                for before, after in zip(whole.shape, shape, strict=True)
            )
            measured = whole[np.ix_(rows, columns)]
            depth, _ = self.renderer.seen(camera, shape, pose)
            both = (depth > 0) & (measured > 0)
            same += int(np.count_nonzero(both & (np.abs(depth - measured) < apart)))
            either += int(np.count_nonzero((depth > 0) | (measured > 0)))
        return same / max(either, 1)


def rendered(
    pose: Array, renderer: Renderer, views: Mapping[str, ViewSurface], *, longest: int
) -> dict[str, ViewSurface]:
    """What a scan's cameras see of a part, in pictures of at most so many pixels along the longer side."""
    found = {}
    for view_id, view in views.items():
        height, width = view.depth.shape
        camera, shape = small_camera(view.camera, (height, width), longest=longest)
        frame = renderer.frame(view_id, camera, shape, pose)
        found[view_id] = view_surface(frame, frame.depth > 0)
    return found


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
