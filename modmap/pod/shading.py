"""How gray a surface is by how it lies, estimated from the scan itself: what a change of its normals does to an image.

The logarithm of the gray level is taken for a smooth function of the normal, once in the world, where the hall's light
comes from, and once as the camera sees it, with which the scanner's own light goes; by least squares over all that the
views show of the part. What the surface itself is like stays in the pixel: only the ratio of two such levels is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modmap.alignment.motion import length
from modmap.alignment.surface import ViewSurface
from modmap.evidence.appearance import BRIGHT, GRAZING, below_white
from modmap.scan import Frame
from modmap.types import Array

DARK = 0.02  # of a bright place's gray level: what a camera shows where no light is
PIXELS = 4000  # of a view that are asked
RIDGE = 1e-3  # of as many pixels as are asked: what the scan doesn't show stays flat
ROUNDS = 3
FAR = 2.5  # robust deviations beyond which a pixel, of another colour or in a shadow, says nothing
FARTHEST = 1.5  # logarithm of the largest ratio that is believed
HELD_OUT = 5  # one pixel in so many tells how much is explained


@dataclass(frozen=True, eq=False)
class Shading:
    """The relation of gray level to normal and view.

    Attributes:
        weights: (F,) of the features.
        explained: Share of the variance of the views' logarithms that the normal explains, of pixels that were held
            out; 0 and less: nothing.
        dark: Gray level of no light.
    """

    weights: Array
    explained: float
    dark: float

    @classmethod
    def of(cls, frames: Mapping[str, Frame], part: Mapping[str, ViewSurface]) -> Shading:
        """Estimates the relation.

        Args:
            frames: The views, by id.
            part: Their surfaces, by id, of the part alone.
        """
        rng = np.random.default_rng(0)
        features, levels, views = [], [], []
        bright = _bright(frames, part)
        for index, (view_id, surface) in enumerate(part.items()):
            image = frames[view_id].image
            rows, columns = np.nonzero((surface.cosine > GRAZING) & below_white(image))
            if not len(rows):
                continue
            chosen = rng.integers(0, len(rows), min(PIXELS, len(rows)))
            rows, columns = rows[chosen], columns[chosen]
            found = features_of(
                surface.normals[rows, columns].astype(np.float64),
                surface.points[rows, columns].astype(np.float64),
                surface.camera.centre,
                surface.camera.T_world_to_camera[:3, :3],
            )
            features.append(found)
            levels.append(np.log(image[rows, columns] / bright + DARK))
            views.append(np.full(len(rows), index))
        if not features:
            return cls(np.zeros(0), 0.0, DARK * bright)
        every, level, view = (np.concatenate(one) for one in (features, levels, views))
        level = level - _mean_by(level, view)
        centred = every - np.stack([_mean_by(column, view) for column in every.T], axis=1)
        held = np.arange(len(level)) % HELD_OUT == 0
        weights = _fitted(centred[~held], level[~held])
        rest = level[held] - centred[held] @ weights
        explained = 1 - float(np.mean(rest**2) / max(np.mean(level[held] ** 2), 1e-12))
        return cls(weights, explained, DARK * bright)

    def ratio(self, old: Array, new: Array, points: Array, *, centre: Array, rotation: Array) -> Array:
        """(M,) how many times as bright surface is that lies otherwise.

        Args:
            old: (M, 3) unit normals, world frame.
            new: (M, 3) unit normals, likewise.
            points: (M, 3) where the surface is, mm.
            centre: (3,) the camera's place.
            rotation: (3, 3) from the world to the camera.
        """
        if not len(self.weights):
            return np.ones(len(old))
        change = features_of(new, points, centre, rotation) - features_of(old, points, centre, rotation)
        return np.asarray(np.exp(np.clip(change @ self.weights, -FARTHEST, FARTHEST)))


def features_of(normals: Array, points: Array, centre: Array, rotation: Array) -> Array:
    """(M, 20) what a gray level's logarithm is linear in."""
    towards = centre - points
    towards /= np.maximum(length(towards)[:, None], 1e-9)
    facing = (normals * towards).sum(axis=1)
    own = normals @ rotation.T
    sharp = np.stack([np.clip(facing, 0, 1) ** power for power in (4, 8, 16, 32)], axis=1)
    return np.concatenate([_harmonics(normals), _harmonics(own), sharp], axis=1)


def _harmonics(n: Array) -> Array:
    """(M, 8) the real spherical harmonics of first and second order, but for their factors."""
    x, y, z = n.T
    return np.stack([x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1], axis=1)


def _fitted(features: Array, levels: Array) -> Array:
    """(F,) least squares; what lies far off is left out, round by round."""
    kept = np.ones(len(levels), dtype=bool)
    held = RIDGE * len(levels) * np.eye(features.shape[1])
    weights = np.zeros(features.shape[1])
    for _ in range(ROUNDS):
        some = features[kept]
        weights = np.linalg.solve(some.T @ some + held, some.T @ levels[kept])
        rest = np.abs(levels - features @ weights)
        kept = rest <= FAR * 1.4826 * max(float(np.median(rest)), 1e-6)
    return weights


def _mean_by(values: Array, of: Array) -> Array:
    count = np.maximum(np.bincount(of), 1)
    return np.asarray((np.bincount(of, values) / count)[of])


def _bright(frames: Mapping[str, Frame], part: Mapping[str, ViewSurface]) -> float:
    levels = [frames[view_id].image[surface.cosine > 0] for view_id, surface in part.items()]
    every = np.concatenate(levels) if levels else np.zeros(0)
    return max(float(np.quantile(every, BRIGHT)), 1.0) if len(every) else 1.0
