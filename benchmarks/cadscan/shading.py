"""Microfacet reflection, and the light of the hall around the cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.vectors import lengths

Array = npt.NDArray[Any]

SKY_DIRECTIONS = 24
CHUNK = 1 << 13
SKY_BASE = 0.10
SKY_OVERHEAD = 0.55
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
    half = view + light
    half = half / np.maximum(lengths(half), 1e-6)[:, None]
    nl, nv = _dot(normals, light), _dot(normals, view)
    nh, vh = np.clip(_dot(normals, half), 0, 1), np.clip(_dot(view, half), 0, 1)
    squared = roughness**4
    distribution = squared / (np.pi * (nh * nh * (squared - 1) + 1) ** 2)
    lit = (nl > 0) & (nv > 0)
    nl, nv = np.clip(nl, 1e-4, 1), np.clip(nv, 1e-4, 1)
    visibility = 0.5 / (
        nl * np.sqrt(nv * nv * (1 - squared) + squared) + nv * np.sqrt(nl * nl * (1 - squared) + squared)
    )
    fresnel = f0 + (1 - f0) * (1 - vh) ** 5
    reflection: Array = np.where(lit, distribution * visibility * fresnel, 0)
    return reflection


def sky_radiance(directions: Array, *, blur: Array | float, turn: float = 0.0) -> Array:
    """Light that comes from each direction of the hall: a pale ceiling, three lamps, a dark floor.

    Args:
        directions: (M, 3) unit directions, world frame, z up.
        blur: (M,) or a number; roughness of the surface that mirrors it, 0 to 1: wider and weaker lamps.
        turn: Rotation of the lamps about z, radians; another hour, another place in the hall.

    Returns:
        (M,) radiance; a white diffuse patch that faces up is about 0.82 by it.
    """
    ceiling = np.clip(0.5 + 0.5 * directions[:, 2] / (0.3 + np.asarray(blur)), 0, 1)
    radiance = SKY_BASE + SKY_OVERHEAD * ceiling * ceiling * (3 - 2 * ceiling)
    cosine, sine = np.cos(turn), np.sin(turn)
    sharpness = 2.0 / np.maximum(np.asarray(blur, dtype=np.float32), 0.15) ** 2
    for x, y, z, power in LAMPS:
        lamp = np.array([x * cosine - y * sine, x * sine + y * cosine, z], dtype=np.float32)
        lamp /= np.linalg.norm(lamp)
        lobe = np.exp(sharpness * (directions @ lamp - 1))
        radiance = radiance + power * lobe * np.minimum(sharpness / 16, 1)
    result: Array = radiance
    return result


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
    power = sky_radiance(directions, blur=0.5, turn=turn).astype(np.float32)
    irradiance = np.empty(len(normals), np.float32)
    for start in range(0, len(normals), CHUNK):  # as many as the processor's cache holds the cosines of
        cosines = np.maximum(normals[start : start + CHUNK].astype(np.float32) @ directions.T, 0)
        irradiance[start : start + CHUNK] = cosines @ power * np.float32(2 * 1.25 / SKY_DIRECTIONS)
    return irradiance


def _dot(a: Array, b: Array) -> Array:
    product: Array = np.einsum("ij,ij->i", a, b)
    return product
