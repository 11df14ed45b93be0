"""One defect carried into one view: what the camera would have measured and seen, had it been there.

The surface around the place is a height over a plane (`modmap.pod.relief`), with and without the defect, and every
pixel's ray is followed to the first of it. The measured depth is moved by the difference of the two, so that each pixel
keeps its own noise, and the view its own pose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from modmap.alignment.motion import dot, length
from modmap.pod.relief import Relief
from modmap.pod.sensor import Losses, jumps_of
from modmap.pod.shading import Shading
from modmap.pod.shapes import Shape
from modmap.scan import Camera, Frame
from modmap.types import Array

STEPS = 24  # along a ray
HALVINGS = 10
BESIDE = 8.0  # widths of a scratch, beyond which it changes nothing
SAME = 0.4  # mm between a measured point and the shape of its surface, along the normal
STEEPEST = 0.2  # cosine to the place's normal: a relief is no steeper
STANDS = 0.01  # mm
GRAZED = 0.05  # cosine: a surface that is seen more aslant isn't seen
COARSE = 6.0  # pixels: what is smaller is looked at by four rays a pixel
ROOM = 1.35  # of a defect's radius, to which its surroundings are looked at
HELD = 3  # pixels: what was lost within the surface stays lost
Heights = Callable[[Array, Array], Array]
SUBPIXELS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))


@dataclass(frozen=True, eq=False)
class Placed:
    """A defect at its place.

    Attributes:
        shape: The defect.
        relief: The surface around it.
    """

    shape: Shape
    relief: Relief

    @property
    def reach(self) -> float:
        """mm from its place to all that it changes."""
        return self.shape.radius + max(self.shape.rises, self.shape.sinks)


@dataclass(frozen=True, eq=False)
class Rays:
    """What the rays of some pixels meet; arrays (S, M), of S rays each.

    Attributes:
        old: Planar depth of the surface without the defect, mm; NaN where the ray doesn't meet it.
        new: Likewise with it.
        ratio: How many times as bright as before the surface is there.
        cosine: Of incidence on it.
        before: Of incidence on the surface without it.
        raised: mm by which the surface stands higher there than it did.
    """

    old: Array
    new: Array
    ratio: Array
    cosine: Array
    before: Array
    raised: Array


def carried(frame: Frame, placed: Placed, *, look: Shading, losses: Losses) -> Frame:
    """A view with a defect on the part; the same where it doesn't see it.

    Args:
        frame: The view, with a camera.
        placed: The defect.
        look: How gray surface is by how it lies.
        losses: What the sensor doesn't measure.
    """
    camera = frame.camera
    assert camera is not None
    window = _window(camera, frame.shape, placed)
    if window is None or not placed.shape.size:
        return frame
    rows, columns = window
    measured, gray = frame.depth[window].copy(), frame.image[window].astype(np.float64)
    v, u = np.mgrid[rows, columns]
    pixels = np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float64)
    met = _met(camera, pixels, placed, look, fine=_fine(camera, placed))
    shape = measured.shape
    old, new, ratio, cosine = (_mean(one).reshape(shape) for one in (met.old, met.new, met.ratio, met.cosine))
    aslant = (SAME / np.clip(np.nan_to_num(_mean(met.before), nan=1.0), 0.3, 1)).reshape(shape)
    on = (measured > 0) & (np.abs(np.nan_to_num(measured - old, nan=np.inf)) <= aslant)
    on |= (measured == 0) & np.isfinite(old) & (cv2.dilate(on.astype(np.uint8), _square(HELD)) > 0)
    stays, goes = on & np.isfinite(new), on & ~np.isfinite(new)
    # What stands out of the surface hides what lies behind it.
    ahead = ~on & (np.nan_to_num(_mean(met.raised)).reshape(shape) > STANDS)
    ahead &= np.where(measured > 0, measured > new + aslant, ~np.isfinite(old))
    differs = np.abs(np.nan_to_num(new - old)) > 1e-6
    stays &= differs | (np.abs(np.nan_to_num(ratio, nan=1.0) - 1) > 1e-6)
    if not (stays | goes | ahead).any():
        return frame
    depth = measured.copy()
    depth[stays & (measured > 0)] += (new - old)[stays & (measured > 0)].astype(np.float32)
    known = on & (measured > 0)
    aside = float(np.median((measured - old)[known])) if known.any() else 0.0
    depth[ahead] = (new[ahead] + aside).astype(np.float32)
    depth[goes] = 0
    white = (
        float(np.iinfo(frame.image.dtype).max) if frame.image.dtype.kind in "ui" else float(frame.image.max())
    )
    lit = (gray + look.dark) * np.nan_to_num(ratio, nan=1.0) - look.dark
    gray[stays] = lit[stays]
    if ahead.any():
        own = float(np.median(gray[on])) if on.any() else float(np.median(gray))
        gray[ahead] = own * np.nan_to_num(ratio, nan=1.0)[ahead]
    gray = gray.clip(0, white)
    changed = stays | ahead
    lost = changed & differs & (np.nan_to_num(cosine, nan=1.0) < losses.grazing)
    if losses.glare:
        lost |= changed & (gray >= 0.98 * white) & (frame.image[window] < 0.98 * white)
    if losses.jumps:
        focal = float(camera.K[0, 0])
        lost |= changed & differs & jumps_of(depth, focal) & ~jumps_of(measured, focal)
    depth[lost] = 0
    return _put(frame, window, depth, gray, behind=goes)


def _put(frame: Frame, window: tuple[slice, slice], depth: Array, gray: Array, *, behind: Array) -> Frame:
    """The view with a window of it exchanged; what came to light behind the part is painted from around it."""
    if behind.any():
        gray = cv2.inpaint(gray.astype(np.float32), behind.astype(np.uint8), 3, cv2.INPAINT_TELEA).astype(
            np.float64
        )
    whole, image = frame.depth.copy(), frame.image.copy()
    whole[window] = depth
    rounded = np.rint(gray) if image.dtype.kind in "ui" else gray
    image[window] = rounded.astype(image.dtype)
    return replace(frame, depth=whole, image=image, colour=None)


def _window(camera: Camera, shape: tuple[int, int], placed: Placed) -> tuple[slice, slice] | None:
    """The pixels that may show the defect; None where the view doesn't look at it."""
    relief = placed.relief
    back = camera.centre - relief.centre
    if back @ relief.axes[2] <= GRAZED * np.linalg.norm(back):
        return None
    uv, z = camera.project(relief.centre[None])
    reach = ROOM * placed.reach
    if not np.isfinite(uv).all() or z[0] <= reach:
        return None
    radius = int(np.ceil(1.1 * reach * max(camera.K[0, 0], camera.K[1, 1]) / (z[0] - reach))) + 2
    column, row = (round(float(one)) for one in uv[0])
    top, bottom = max(row - radius, 0), min(row + radius + 1, shape[0])
    left, right = max(column - radius, 0), min(column + radius + 1, shape[1])
    if top >= bottom or left >= right:
        return None
    return slice(top, bottom), slice(left, right)


def _fine(camera: Camera, placed: Placed) -> bool:
    """Whether pixels are so large beside the defect that one ray doesn't tell what they show."""
    apart = float(np.linalg.norm(camera.centre - placed.relief.centre))
    finest = 4 * placed.shape.width if placed.shape.kind == "scratch" else placed.shape.size
    return finest < COARSE * apart / float(camera.K[0, 0])


def _met(camera: Camera, pixels: Array, placed: Placed, look: Shading, *, fine: bool) -> Rays:
    rays = []
    for dx, dy in SUBPIXELS if fine else ((0.0, 0.0),):
        ends = camera.back_project(pixels + np.array([dx, dy]), np.ones(len(pixels)))
        rays.append(_one_ray(camera, ends - camera.centre, placed, look))
    return Rays(*(np.stack(one) for one in zip(*rays, strict=True)))


def _one_ray(
    camera: Camera, directions: Array, placed: Placed, look: Shading
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """For rays (M, 3) of depth 1: (M,) depths without and with the defect, ratio of gray levels, cosine with
    and without, mm that the surface is raised."""
    relief, shape = placed.relief, placed.shape
    origin = relief.axes @ (camera.centre - relief.centre)
    ways = directions @ relief.axes.T

    def heights(u: Array, v: Array, *, defective: bool) -> Array:
        plain = relief.at(u, v)
        return shape.moved(plain, u, v) if defective else plain

    first, last = _spans(origin, ways, placed)
    old = _first_met(origin, ways, first, last, lambda u, v: heights(u, v, defective=False))
    new = old.copy()
    if shape.kind != "stain":
        near = np.flatnonzero(_may_change(origin, ways, old, shape))
        new[near] = _first_met(
            origin, ways[near], first[near], last[near], lambda u, v: heights(u, v, defective=True)
        )
    towards = -directions / length(directions)[:, None]
    step = max(0.5 * relief.step, 0.02 * shape.size) if shape.kind != "scratch" else 0.5 * shape.width
    facing_before, _ = _facing(origin, ways, old, step, lambda u, v: heights(u, v, defective=False))
    # Where the relief falls off beside its border, it is no surface.
    old[~(facing_before[:, 2] > STEEPEST)] = np.nan
    facing, place = _facing(origin, ways, new, step, lambda u, v: heights(u, v, defective=True))
    world, world_before = facing @ relief.axes, facing_before @ relief.axes
    told = np.isfinite(old) & np.isfinite(world).all(axis=1) & np.isfinite(world_before).all(axis=1)
    told &= (np.abs(facing - facing_before) > 1e-9).any(axis=1)
    ratio = np.where(np.isfinite(new), 1.0, np.nan)
    ratio[told] *= look.ratio(
        world_before[told],
        world[told],
        camera.centre + directions[told] * new[told, None],
        centre=camera.centre,
        rotation=camera.T_world_to_camera[:3, :3],
    )
    met = np.isfinite(new)
    u, v, w = place[met].T
    raised = np.full(len(ways), np.nan)
    plain = relief.at(u, v)
    raised[met] = shape.moved(plain, u, v) - plain
    ratio[met] *= shape.grays(u, v, plain - w)
    return old, new, ratio, np.abs(dot(world, towards)), np.abs(dot(world_before, towards)), raised


def _may_change(origin: Array, ways: Array, old: Array, shape: Shape) -> Array:
    """(M,) bool: rays that may meet the defect, by where they met the surface without it."""
    if shape.kind != "scratch":
        return np.ones(len(old), dtype=bool)
    # What is so low hides nothing beside it.
    u, v, _ = (origin + ways * np.nan_to_num(old)[:, None]).T
    return np.asarray(np.isfinite(old) & (shape.from_line(u, v) < BESIDE * shape.width))


def _facing(origin: Array, ways: Array, z: Array, step: float, heights: Heights) -> tuple[Array, Array]:
    """(M, 3) unit normals of a surface where rays meet it, at depths z (M,), and (M, 3) where that is; else NaN."""
    normals, places = np.full((2, len(z), 3), np.nan)
    met = np.isfinite(z)
    place = origin + ways[met] * z[met, None]
    u, v = place[:, 0], place[:, 1]
    across = (heights(u + step, v) - heights(u - step, v)) / (2 * step)
    down = (heights(u, v + step) - heights(u, v - step)) / (2 * step)
    upright = np.stack([-across, -down, np.ones(len(place))], axis=1)
    normals[met], places[met] = upright / length(upright)[:, None], place
    return normals, places


def _spans(origin: Array, ways: Array, placed: Placed) -> tuple[Array, Array]:
    """(M,) depths at which rays come into the box around the surface and its defect, and leave it."""
    relief, shape = placed.relief, placed.shape
    known = relief.heights[relief.known > 0]
    reach = min(ROOM * placed.reach, relief.reach)
    low = np.array([-reach, -reach, float(known.min()) - shape.sinks - relief.step])
    high = np.array([reach, reach, float(known.max()) + shape.rises + relief.step])
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (low - origin) / ways, (high - origin) / ways
    return np.fmin(one, other).max(axis=1), np.fmax(one, other).min(axis=1)


def _first_met(origin: Array, ways: Array, first: Array, last: Array, heights: Heights) -> Array:
    """(M,) depths at which rays first go from above a surface to below it; NaN where they don't."""

    def above(index: Array, z: Array) -> Array:
        place = origin + ways[index] * z[..., None]
        return np.asarray(place[..., 2] - heights(place[..., 0], place[..., 1]))

    found = np.full(len(ways), np.nan)
    crossing = np.flatnonzero((first < last) & (last > 0))
    if not len(crossing):
        return found
    share = np.linspace(0, 1, STEPS + 1)[:, None]
    depths = first[crossing] + share * (last - first)[crossing]
    over = above(crossing, depths)
    goes = (over[:-1] > 0) & (over[1:] <= 0)
    hit = goes.any(axis=0)
    step = goes.argmax(axis=0)[hit]
    index, column = crossing[hit], np.flatnonzero(hit)
    near, far = depths[step, column], depths[step + 1, column]
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        still = above(index, middle) > 0
        near, far = np.where(still, middle, near), np.where(still, far, middle)
    found[index] = (near + far) / 2
    return found


def _mean(values: Array) -> Array:
    """(M,) mean of what most of the rays (S, M) of a pixel meet; NaN where most meet nothing."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0).sum(axis=0)
    return np.where(2 * count > len(values), total / np.maximum(count, 1), np.nan)


def _square(side: int) -> Array:
    return np.ones((side, side), np.uint8)
