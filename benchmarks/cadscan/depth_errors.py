"""From true depth to a structured-light scanner's: its noise, its holes, its bias."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.sensor import Head, Trace, edges

Array = npt.NDArray[Any]

NATIVE_FOCAL = 3470.0
DISPARITY_NOISE = 0.10
WHITE_SHARE, SMOOTH_SHARE, RIPPLE_SHARE = 0.75, 0.65, 0.5
NOISE_SHARE = math.hypot(WHITE_SHARE, SMOOTH_SHARE, RIPPLE_SHARE)
SMOOTH_WIDTH = 0.0012
RIPPLE_PERIODS = 90.0
DRIFT = 6e-5
INTERREFLECTION = 4e-4
GRAZING_DEGREES, GRAZING_SPREAD = 78.0, 1.0
SATURATION = 2.2  # the scanner takes a second, short exposure, so it outlasts the image
WEAKEST_SIGNAL = 0.012
EDGE_STEP = 4.0


def noise_deviation(z: Array, cosine: Array, *, head: Head) -> Array:
    """Unit of the depth's noise in mm: z^2 / (f b) times the disparity's, more at oblique incidence.

    `measure` adds three errors of 0.75, 0.65 and 0.5 of it, together a deviation of `NOISE_SHARE`, 1.11, of it.

    Args:
        z: Planar depth, mm.
        cosine: Of the angle of incidence.
        head: Its baseline b is from camera to second camera.
    """
    baseline = float(np.linalg.norm(head.second_camera))
    deviation: Array = DISPARITY_NOISE * z * z / (NATIVE_FOCAL * baseline) / np.clip(cosine, 0.2, 1)
    return deviation


def measurable(
    trace: Trace, signal: Array, *, exposure: float, K: Array, table: bool, rng: np.random.Generator | None
) -> Array:
    """(H, W) bool: where the scanner gets a depth.

    Not where the surface is grazed, glares or is too dark, not where projector or second camera cannot see
    it, not beside a jump of the depth or on a surface as steep as one, and not on table and fixture unless
    `table`.

    Args:
        trace: What the pixels receive.
        signal: (H, W) the sensor's signal without noise.
        exposure: Factor from radiance to signal.
        K: (3, 3) intrinsics.
        table: Table and fixture are kept.
        rng: Of the view; it frays the limits of incidence and darkness. None: they are sharp, without noise.
    """
    shape = trace.z.shape
    wanted = np.isfinite(trace.z) & (trace.part | table)
    ragged = np.zeros(shape, np.float32) if rng is None else _smooth_noise(rng, shape, width=1.5)
    limit = np.cos(np.radians(GRAZING_DEGREES + GRAZING_SPREAD * ragged))
    grazed = trace.cosine < limit
    glare = (trace.projected * exposure > SATURATION) & (signal > 0.95)
    glare = cv2.dilate(glare.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    weak = trace.projected * exposure < WEAKEST_SIGNAL * (1 + 0.5 * ragged)
    beside = edges(trace.z, np.ones_like(trace.cosine), step=EDGE_STEP / K[0, 0])
    rim = wanted ^ (cv2.erode(wanted.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0)
    lost = grazed | glare | weak | trace.projector_blocked | trace.second_blocked | beside | rim
    return np.asarray(wanted & ~lost)


def measure(trace: Trace, valid: Array, *, head: Head, K: Array, rng: np.random.Generator) -> Array:
    """(H, W) float32 depth in mm as scanned, inf where there is none.

    Adds to the true depth: noise (white, and smooth over a few pixels), the ripple that is left of the
    fringes, a bias in glossy corners where light arrives twice, and this scan's thermal drift.
    """
    shape = trace.z.shape
    phase = rng.random()
    error = WHITE_SHARE * rng.standard_normal(shape, dtype=np.float32)
    error += SMOOTH_SHARE * _smooth_noise(rng, shape, width=max(1.0, SMOOTH_WIDTH * shape[1]))
    twice = _smooth_noise(rng, shape, width=0.012 * shape[1])[valid]
    twice *= (1 - trace.openness[valid]) * trace.gloss[valid]
    a, b, c = rng.normal(0, DRIFT, 3)
    row, column = np.nonzero(valid)
    z = trace.z[valid]
    x = (column.astype(np.float32) - K[0, 2]) / K[0, 0]
    y = (row.astype(np.float32) - K[1, 2]) / K[1, 1]
    fringe = (x * z - head.projector[0]) / np.maximum(z - head.projector[2], 1)
    error = error[valid]
    error += RIPPLE_SHARE * np.sqrt(2) * np.sin(2 * np.pi * (RIPPLE_PERIODS * fringe + phase))
    deviation = noise_deviation(z, trace.cosine[valid], head=head)
    depth = np.full(shape, np.inf, np.float32)
    depth[valid] = z + deviation * error + z * (INTERREFLECTION * twice + a + b * x + c * y)
    return depth


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], *, width: float) -> Array:
    """(H, W) float32 noise of unit deviation, smooth over `width` pixels."""
    step = max(1, int(width / 2))
    coarse = rng.standard_normal((shape[0] // step + 2, shape[1] // step + 2), dtype=np.float32)
    smooth = cv2.GaussianBlur(coarse, (0, 0), width / step)
    smooth /= max(float(smooth.std()), 1e-6)
    size = (smooth.shape[1] * step, smooth.shape[0] * step)
    full = cv2.resize(smooth, size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(full[: shape[0], : shape[1]])
