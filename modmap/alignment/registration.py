"""The rigid motion of a part between two scans, from all views together.

Iteratively closest points, a point against the plane of its partner, in the views' own pixels: a point of the new scan
is carried by the motion so far and looked up in the nominal view that looks at it alike. A look-up costs what a tree
search costs a hundred times over, so every pixel that matters can take part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from modmap.alignment.freedom import Freedom
from modmap.alignment.motion import cross, dot, length, motion_of, moved
from modmap.alignment.surface import GRAZING, ViewSurface
from modmap.threads import in_order
from modmap.types import Array

POINTS_PER_VIEW = 8000
ROUNDS = 40
SETTLED = 1e-5  # mm at the part's edge: the step that ends the search
REACHES = 3.0  # times as far as what counts, partners are looked for
SHRINKS = 0.8  # of the farthest that a partner may be, from one iteration to the next
TUKEY = 4.685
LEAST_SCALE = 0.02  # mm
NORMALS_AGREE = 0.8  # cosine


@dataclass(frozen=True, eq=False)
class Registration:
    """A motion, and how far to trust it.

    Attributes:
        motion: (4, 4) from the new scan's world to the nominal one's.
        residual: Median distance of matched points from their partners' planes, mm.
        overlap: Share of the new scan's points that found a partner within reach.
        uncertainty: (6,) standard deviations of the rotation (radians) and translation (mm) about `centre`, from the
            curvature of the fit.
        centre: (3,) middle of the part.
        rounds: How many iterations.
        open: How many of a motion's six parameters the surface doesn't tell; along these the part isn't moved.
        notes: What a person should know: a direction that the surface doesn't fix.
    """

    motion: Array
    residual: float
    overlap: float
    uncertainty: Array
    centre: Array
    rounds: int
    open: int = 0
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class Samples:
    """Points of one new view, and the nominal view that they are looked up in.

    Attributes:
        view: Id of the nominal view.
        points: (M, 3) world points.
        normals: (M, 3) unit normals.
    """

    view: str
    points: Array
    normals: Array


def sampled(view_id: str, surface: ViewSurface, *, count: int = POINTS_PER_VIEW) -> Samples:
    """At most so many smooth points of a view, evenly drawn over the directions of their normals.

    Even sampling would leave a motion along large faces to the few points that hold it.
    """
    rows, columns = np.nonzero(surface.smooth)
    points, normals = surface.points[rows, columns], surface.normals[rows, columns]
    if len(points) > count:
        chosen = _even_over_directions(normals, count)
        points, normals = points[chosen], normals[chosen]
    return Samples(view_id, points.astype(np.float64), normals.astype(np.float64))


def _even_over_directions(normals: Array, count: int) -> Array:
    rng = np.random.default_rng(0)
    # A unit normal of float32 may be a little longer than 1.
    bins = np.floor((normals + 1) * 3.999).astype(np.int64).clip(0, 7)
    cell = bins[:, 0] * 64 + bins[:, 1] * 8 + bins[:, 2]
    weight = 1.0 / np.sqrt(np.bincount(cell)[cell])
    # Weighted drawing without replacement: the smallest of exponential times.
    times = rng.exponential(size=len(normals)) / weight
    return np.argpartition(times, count)[:count]


def register(
    nominal: Mapping[str, ViewSurface],
    samples: Sequence[Samples],
    *,
    start: Array | None = None,
    reach: float,
    rounds: int = ROUNDS,
) -> Registration:
    """Finds the motion that lays samples of a new scan on the nominal views' surfaces.

    Args:
        nominal: The nominal views' surfaces, by id.
        samples: Of the new scan's views.
        start: (4, 4) the first guess; None takes the identity.
        reach: Farthest that a partner may be at first, mm; it shrinks to a few times the residual.
        rounds: Most iterations.
    """
    motion = np.eye(4) if start is None else np.array(start)
    every = np.concatenate([one.points for one in samples])
    centre = moved(motion, every.mean(axis=0)[None])[0]
    radius = float(np.sqrt(((every - every.mean(axis=0)) ** 2).sum(axis=1).mean()))
    limit, done = reach, 0
    hessian, scale, freedom = np.eye(6), 0.0, Freedom.all_told(radius=radius)
    residual, overlap = np.inf, 0.0
    stays = list(in_order(lambda one: _offsets(nominal[one.view], one.points), samples))
    while done < rounds:
        done += 1
        offsets, lever, own, unmoved = _matches(nominal, samples, stays, motion, centre=centre, limit=limit)
        overlap = len(offsets) / max(len(every), 1)
        if len(offsets) < 50:
            break
        scale = max(1.4826 * float(np.median(np.abs(offsets))), LEAST_SCALE)
        residual = float(np.median(np.abs(offsets)))
        # As long as partners are looked for far away, far ones count: on a part with large faces these are the few that
        # tell how far it lies along them.
        width = limit if SHRINKS * limit > REACHES * TUKEY * scale else TUKEY * scale
        weight = np.clip(1 - (offsets / width) ** 2, 0, None) ** 2
        weight *= _moves(offsets, unmoved, width / TUKEY)
        weighted = lever * weight[:, None]
        hessian = weighted.T @ lever
        # Along what the surface doesn't tell, a defect would drag the part.
        freedom = Freedom.of(lever, own, weight, radius=radius)
        step = freedom.step(hessian, weighted.T @ offsets)
        motion = motion_of(step, about=centre) @ motion
        centre = moved(motion_of(step, about=centre), centre[None])[0]
        shrunk = max(SHRINKS * limit, REACHES * TUKEY * scale)
        size = float(np.linalg.norm(step[:3]) * radius + np.linalg.norm(step[3:]))
        if size < SETTLED and shrunk >= limit:
            break
        limit = min(limit, shrunk)
    uncertainty = _uncertainty(hessian, scale, radius)
    return Registration(motion, residual, overlap, uncertainty, centre, done, freedom.open, freedom.notes)


def _matches(
    nominal: Mapping[str, ViewSurface],
    samples: Sequence[Samples],
    stays: Sequence[Array],
    motion: Array,
    *,
    centre: Array,
    limit: float,
) -> tuple[Array, Array, Array, Array]:
    """(K,) distances from partners' planes, signed; (K, 6) their derivatives by rotation and translation; (K, 6) those
    by the points' own normals; and (K,) of `stays`, for each of the samples the distances if nothing had moved.
    """

    def matched(given: tuple[Samples, Array]) -> tuple[Array, Array, Array, Array]:
        one, unmoved = given
        surface = nominal[one.view]
        points = moved(motion, one.points)
        uv, _ = surface.camera.project(points)
        height, width = surface.depth.shape
        nearest = np.rint(np.nan_to_num(uv, nan=-1.0)).astype(np.int64)
        inside = ((nearest >= 0) & (nearest < (width, height))).all(axis=1)
        column, row = nearest[inside, 0], nearest[inside, 1]
        there = surface.smooth[row, column]
        partners = surface.points[row, column].astype(np.float64)
        normals = surface.normals[row, column].astype(np.float64)
        points, own = points[inside], one.normals[inside] @ motion[:3, :3].T
        offset = dot(points - partners, normals)
        good = there & (np.abs(offset) <= limit) & (dot(own, normals) >= NORMALS_AGREE)
        # A partner lies under its point, not far along the surface, but for how far its pixel reaches.
        pixel = surface.depth[row, column] / surface.camera.K[0, 0]
        along = pixel / np.maximum(surface.cosine[row, column], GRAZING)
        good &= length(points - partners) <= 3 * limit + along
        arm = points[good] - centre
        lever, of_own = (
            np.concatenate([cross(arm, facing), facing], axis=1) for facing in (normals[good], own[good])
        )
        return offset[good], lever, of_own, unmoved[inside][good]

    found = in_order(matched, zip(samples, stays, strict=True))
    offsets, levers, own, unmoved = map(np.concatenate, zip(*found, strict=True))
    return offsets, levers, own, unmoved


def _offsets(surface: ViewSurface, points: Array) -> Array:
    """(M,) distances of points from the planes under them; infinite where there is none."""
    uv, _ = surface.camera.project(points)
    height, width = surface.depth.shape
    nearest = np.rint(np.nan_to_num(uv, nan=-1.0)).astype(np.int64)
    inside = ((nearest >= 0) & (nearest < (width, height))).all(axis=1)
    column, row = np.where(inside, nearest[:, 0], 0), np.where(inside, nearest[:, 1], 0)
    offset = dot(points - surface.points[row, column], surface.normals[row, column])
    return np.where(inside & surface.smooth[row, column], offset, np.inf)


def _moves(offsets: Array, unmoved: Array, scale: float) -> Array:
    """(K,) how probable it is that a point moves with the part, and isn't of a fixture that stays where it is.

    Both are as probable beforehand, and offsets are normal under either.
    """
    exponent = (offsets**2 - unmoved**2) / (2 * scale**2)
    return np.asarray(1 / (1 + np.exp(np.clip(exponent, -50, 50))))


def _uncertainty(hessian: Array, scale: float, radius: float) -> Array:
    unit = np.diag([1 / max(radius, 1e-6)] * 3 + [1.0] * 3)
    values, vectors = np.linalg.eigh(unit @ hessian @ unit)
    inverse = unit @ (vectors / np.maximum(values, 1e-12 * values[-1])) @ vectors.T @ unit
    return scale * np.sqrt(np.diag(inverse))
