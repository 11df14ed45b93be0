"""Rigid motions: small steps, and how far two motions differ."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from modmap.types import Array


def motion_of(step: Array, *, about: Array) -> Array:
    """The motion of a step.

    Args:
        step: (6,) rotation vector (radians), then translation (mm).
        about: (3,) the point that is turned about.

    Returns:
        (4, 4).
    """
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix()
    motion[:3, 3] = about + step[3:] - motion[:3, :3] @ about
    return motion


def moved(motion: Array, points: Array) -> Array:
    """(M, 3) points carried by a (4, 4) motion."""
    carried: Array = points @ motion[:3, :3].T + motion[:3, 3]
    return carried


def dot(one: Array, other: Array) -> Array:
    """(M,) or (H, W) products of vectors, along the last axis."""
    return np.asarray(np.einsum("...i,...i->...", one, other))


def length(vectors: Array) -> Array:
    """(M,) or (H, W) lengths of vectors, along the last axis."""
    return np.sqrt(dot(vectors, vectors))


def cross(one: Array, other: Array) -> Array:
    """(..., 3) products of (..., 3) vectors: `numpy.cross` to the last bit, in less time."""
    a, b, c = one[..., 0], one[..., 1], one[..., 2]
    x, y, z = other[..., 0], other[..., 1], other[..., 2]
    return np.stack([b * z - c * y, c * x - a * z, a * y - b * x], axis=-1)


def inverse(motion: Array) -> Array:
    """(4, 4) the motion back."""
    back = np.eye(4)
    back[:3, :3] = motion[:3, :3].T
    back[:3, 3] = -motion[:3, :3].T @ motion[:3, 3]
    return back


def degrees_of(motion: Array) -> float:
    """The angle of a motion's rotation, in [0, 180]."""
    return float(np.degrees(Rotation.from_matrix(motion[:3, :3]).magnitude()))


def difference(one: Array, other: Array, *, at: Array) -> tuple[float, float]:
    """How far two motions carry a point apart (mm), and the angle between them (degrees)."""
    apart = moved(one, at[None]) - moved(other, at[None])
    return float(np.linalg.norm(apart)), degrees_of(inverse(one) @ other)
