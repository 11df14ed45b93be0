"""Where to begin looking for a part's motion: as it lay, or shifted to its middle and turned about the views' axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from modmap.alignment.registration import Registration, Samples, register
from modmap.alignment.surface import ViewSurface
from modmap.types import Array

ENOUGH_OVERLAP = 0.85  # of the new scan's points: a better start isn't looked for
ANGLES = np.radians(np.arange(0, 360, 15.0))
COARSE_POINTS = 250
COARSE_ROUNDS = 12
REFINED = 3
REACH_SHARE = 0.1  # of the part's radius: how far the part may have moved at first


def find_motion(nominal: Mapping[str, ViewSurface], samples: Sequence[Samples]) -> Registration:
    """The motion that lays a new scan on the nominal one, from the start that ends best.

    The identity is tried first. Where it leaves much of the scan without a partner, starts that are shifted so that the
    middles agree, and turned about the axis that the cameras stand around, are tried on few points, and the best of
    them on all.

    Args:
        nominal: The nominal views' surfaces, by id.
        samples: Of the new scan's views.
    """
    points = np.concatenate([one.points for one in samples])
    middle = np.median(points, axis=0)
    radius = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean()))
    reach = REACH_SHARE * radius
    best = register(nominal, samples, reach=reach)
    if best.overlap >= ENOUGH_OVERLAP:
        return best
    coarse = [_thinned(one) for one in samples]
    tried = [
        register(nominal, coarse, start=start, reach=2 * reach, rounds=COARSE_ROUNDS)
        for start in _starts(nominal, samples, middle)
    ]
    tried.sort(key=_order, reverse=True)
    refined = [
        register(nominal, samples, start=one.motion, reach=min(max(reach / 4, 4 * one.residual), 2 * reach))
        for one in tried[:REFINED]
    ]
    return max([best, *refined], key=_order)


def _order(found: Registration) -> float:
    """Larger is better: much overlap, little residual."""
    return found.overlap - (found.residual if np.isfinite(found.residual) else 1e6) * 1e-3


def _thinned(samples: Samples) -> Samples:
    step = max(1, len(samples.points) // COARSE_POINTS)
    return replace(samples, points=samples.points[::step], normals=samples.normals[::step])


def _starts(nominal: Mapping[str, ViewSurface], samples: Sequence[Samples], middle: Array) -> Iterator[Array]:
    goal = np.median(
        np.concatenate([one.points[one.smooth] for one in nominal.values()]).astype(np.float64), axis=0
    )
    axis = views_axis([one.camera.T_camera_to_world for one in nominal.values()])
    for angle in ANGLES:
        start = np.eye(4)
        start[:3, :3] = Rotation.from_rotvec(angle * axis).as_matrix()
        start[:3, 3] = goal - start[:3, :3] @ middle
        yield start


def views_axis(poses: Sequence[Array]) -> Array:
    """(3,) what the cameras stand around, or for a few the direction that they look along."""
    centres = np.stack([pose[:3, 3] for pose in poses])
    _, spread, axes = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=True)
    if len(poses) >= 4 and spread[1] > 1e-3 * max(spread[0], 1e-9):
        return np.asarray(axes[2])
    forward = np.mean([pose[:3, 2] for pose in poses], axis=0)
    return np.asarray(forward / np.linalg.norm(forward))
