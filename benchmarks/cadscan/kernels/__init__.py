"""The loops over pixels, compiled: a subject a file."""

from benchmarks.cadscan.kernels.casting import directions_of, ends, normals_at, rays, shadow_rays
from benchmarks.cadscan.kernels.light import (
    face_camera,
    ggx,
    irradiance,
    reflection,
    shade,
    sky,
    sky_radiance,
)
from benchmarks.cadscan.kernels.pixels import interpolate_sparse, jumps, put
from benchmarks.cadscan.kernels.projection import first_hits
from benchmarks.cadscan.kernels.surface import BRUSHED, CELLS, EVEN, TURNED, lattice, places_within, texture

__all__ = [
    "BRUSHED",
    "CELLS",
    "EVEN",
    "TURNED",
    "directions_of",
    "ends",
    "face_camera",
    "first_hits",
    "ggx",
    "interpolate_sparse",
    "irradiance",
    "jumps",
    "lattice",
    "normals_at",
    "places_within",
    "put",
    "rays",
    "reflection",
    "shade",
    "shadow_rays",
    "sky",
    "sky_radiance",
    "texture",
]
