"""Microfacet reflection, and the light of the hall around the cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan import kernels
from benchmarks.cadscan.vectors import lengths

Array = npt.NDArray[Any]

SKY_DIRECTIONS = 24
LAMPS = ((0.5, 0.3, 0.8, 1.3), (-0.75, 0.35, 0.55, 0.9), (0.1, -0.9, 0.4, 0.7))


def ggx(normals: Array, view: Array, light: Array, *, roughness: Array, f0: Array) -> Array:
    """Cook-Torrance reflection with the GGX distribution, Smith's joint shadowing and Schlick's Fresnel term.

    f = D G F / (4 (n.l)(n.v)), with a = roughness^2, D = a^2 / (pi ((n.h)^2 (a^2 - 1) + 1)^2).

    Args:
        normals: (M, 3) unit normals.
        view: (M, 3) unit directions to the camera.
        light: (M, 3) unit directions to the light.
        roughness: (M,) in (0, 1].
        f0: (M,) reflectance at normal incidence.

    Returns:
        (M,) f in 1/sr, 0 where the camera or the light is behind the surface.
    """
    return kernels.ggx(normals, view, light, roughness, f0)


def sky_radiance(directions: Array, *, blur: Array | float, turn: float = 0.0) -> Array:
    """Light that comes from each direction of the hall: a pale ceiling, three lamps, a dark floor.

    Args:
        directions: (M, 3) unit directions, world frame, z up.
        blur: (M,) or a number; roughness of the surface that mirrors it, 0 to 1: wider and weaker lamps.
        turn: Rotation of the lamps about z, radians; another hour, another place in the hall.

    Returns:
        (M,) radiance; a white diffuse patch that faces up is about 0.82 by it.
    """
    blurs = np.atleast_1d(np.asarray(blur, dtype=np.float32))
    return kernels.sky_radiance(np.asarray(directions, dtype=np.float32), blurs, lamps(turn))


def lamps(turn: float) -> Array:
    """(L, 4) float32 unit direction and power of the hall's lamps, turned about z by an angle in radians."""
    places = np.array(LAMPS)
    cosine, sine = np.cos(turn), np.sin(turn)
    x, y = places[:, 0] * cosine - places[:, 1] * sine, places[:, 0] * sine + places[:, 1] * cosine
    directions = np.stack([x, y, places[:, 2]], axis=1)
    directions /= lengths(directions)[:, None]
    return np.concatenate([directions, places[:, 3:]], axis=1).astype(np.float32)


def sky_directions() -> Array:
    """(24, 3) unit directions spread evenly over the upper half and a little below the horizon."""
    index = np.arange(SKY_DIRECTIONS) + 0.5
    z = 1 - 1.25 * index / SKY_DIRECTIONS
    angle = index * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1).astype(np.float32)


def sky_irradiance(normals: Array, *, turn: float = 0.0) -> Array:
    """(M,) light of the open sky on surfaces with these normals (M, 3), divided by pi."""
    directions = sky_directions()
    power = sky_radiance(directions, blur=0.5, turn=turn) * np.float32(2 * 1.25 / SKY_DIRECTIONS)
    return kernels.irradiance(np.asarray(normals, dtype=np.float32), directions, power)
