"""The compiled loops against plain numpy, written from the formulas."""

import math

import numpy as np
import pytest

from benchmarks.cadscan import kernels
from benchmarks.cadscan.finish import Finish
from benchmarks.cadscan.kernels import CELLS
from benchmarks.cadscan.materials import BRASS, MILLED_STEEL, TURNED_STEEL, Layer
from benchmarks.cadscan.shading import lamps, sky_directions, sky_irradiance, sky_radiance
from tests.benchmarks.cadscan.test_shading import scalar_ggx

COUNT = 300


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    v = rng.standard_normal((count, 3))
    return (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)


def noise(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(M, C) values between the lattice points, weighed corner by corner."""
    low = np.floor(places).astype(int)
    weight = (places - low) ** 2 * (3 - 2 * (places - low))
    total = np.zeros((len(places), values.shape[1]))
    for corner in np.ndindex(2, 2, 2):
        i, j, k = ((low + corner) % CELLS).T
        share = np.prod(np.where(corner, weight, 1 - weight), axis=1)
        total += share[:, None] * values[(i * CELLS + j) * CELLS + k]
    return total


def flowing(points: np.ndarray, layer: Layer, rotation: np.ndarray, lay: float) -> np.ndarray:
    x, y, z = points.T
    if layer.flow == "even":
        return points @ rotation / layer.across
    if layer.flow == "brushed":
        along, beside = x * np.cos(lay) + y * np.sin(lay), y * np.cos(lay) - x * np.sin(lay)
        return np.stack([along / layer.along, beside / layer.across, z / layer.across], axis=1)
    return np.stack(
        [np.hypot(x, y) / layer.across, np.arctan2(y, x) * CELLS / (2 * np.pi), z / layer.across], axis=1
    )


class TestTexture:
    @pytest.mark.parametrize("footprint", [0.05, 0.3, 5.0])
    def test_texture__is_the_sum_of_its_layers(self, footprint: float) -> None:
        """Three materials with all flows; layers finer than a pixel, in part or in whole."""
        rng = np.random.default_rng(0)
        materials = (TURNED_STEEL, MILLED_STEEL, BRASS)
        finish = Finish(materials, 7)
        points, normals = rng.uniform(-40, 40, (COUNT, 3)).astype(np.float32), unit(rng, COUNT)
        body = rng.integers(0, 3, COUNT).astype(np.int16)
        found = finish.sample(points, normals, body, footprint=footprint)
        rotation, lay = finish._rotation.astype(float), finish._lay
        assert finish._noise is not None
        for index, material in enumerate(materials):
            of = body == index
            strength = float(finish._strength[index])
            factor, tilt = np.ones(of.sum()), np.zeros((of.sum(), 3))
            roughness = np.full(of.sum(), material.roughness + finish._roughness_shift[index])
            for number, layer in enumerate(material.layers):
                seen = float(np.clip(1.5 * layer.across / footprint - 0.5, 0, 1))
                places = (
                    flowing(points[of].astype(float), layer, rotation, lay) + finish._offsets[index, number]
                )
                value = noise(finish._noise.values, places)
                factor *= 1 + layer.albedo * seen * strength * value[:, 0]
                roughness += layer.roughness * seen * strength * value[:, 0]
                roughness += 0.5 * (1 - seen) * strength * layer.tilt
                tilt += layer.tilt * seen * strength * value[:, 1:]
            along = (tilt * normals[of]).sum(1, keepdims=True)
            tilted = normals[of] + tilt - along * normals[of]
            tilted /= np.linalg.norm(tilted, axis=1, keepdims=True)
            scale = finish._albedo_scale[index]
            np.testing.assert_allclose(found.albedo[of], material.albedo * scale * factor, rtol=2e-4)
            np.testing.assert_allclose(found.f0[of], material.f0 * scale * factor, rtol=2e-4)
            np.testing.assert_allclose(found.roughness[of], np.clip(roughness, 0.12, 1), atol=1e-4)
            np.testing.assert_allclose(found.normals[of], tilted, atol=1e-4)


class TestLight:
    def test_shade__projector_and_hall(self) -> None:
        """Blocked and free, lit from before and from behind."""
        rng = np.random.default_rng(1)
        points, seen, normals = rng.uniform(-50, 50, (COUNT, 3)), unit(rng, COUNT), unit(rng, COUNT)
        normals[(normals * seen).sum(1) < 0] *= -1
        albedo, f0, roughness = rng.uniform(0.15, 0.9, (3, COUNT)).astype(np.float32)
        blocked, openness = rng.random(COUNT) < 0.3, rng.random(COUNT).astype(np.float32)
        place, power, reach, hall, turn = np.array([60.0, -80, 120]), 1.1, 200.0, 0.9, 0.3
        diffuse = sky_irradiance(normals, turn=turn)
        radiance, projected, gloss = kernels.shade(
            points, seen, normals, albedo, f0, roughness, blocked, openness, diffuse,
            place, power, reach, hall, lamps(turn),
        )  # fmt: skip
        way = place - points
        distance = np.linalg.norm(way, axis=1)
        light = way / distance[:, None]
        rows = zip(normals.astype(float), seen.astype(float), light, roughness.astype(float), f0, strict=True)
        lobe = np.array([scalar_ggx(*row) for row in rows])
        falling = np.maximum((normals * light).sum(1), 0) * power * (reach / distance) ** 2 * ~blocked
        expected = (albedo + np.pi * lobe) * falling
        assert 0.2 < (expected > 0).mean() < 0.6
        np.testing.assert_allclose(projected, expected, rtol=2e-4, atol=1e-6)
        nv = (normals * seen).sum(1)
        mirrored = 2 * nv[:, None] * normals - seen
        fresnel = f0 + (1 - f0) * (1 - roughness) * (1 - nv) ** 5
        of_hall = albedo * diffuse + fresnel * sky_radiance(mirrored, blur=roughness, turn=turn)
        expected = expected + of_hall * hall * (0.06 + 0.94 * openness)
        np.testing.assert_allclose(radiance, expected, rtol=2e-4)
        np.testing.assert_allclose(gloss, f0 * (1 - roughness), rtol=1e-5)

    def test_sky__ceiling_and_lamps_in_their_places(self) -> None:
        rng = np.random.default_rng(2)
        directions, blur, turn = unit(rng, COUNT), rng.uniform(0.05, 1, COUNT).astype(np.float32), 0.4
        ceiling = np.clip(0.5 + 0.5 * directions[:, 2] / (0.3 + blur), 0, 1)
        expected = 0.10 + 0.55 * (3 * ceiling**2 - 2 * ceiling**3)
        sharpness = 2 / np.maximum(blur, 0.15) ** 2
        for x, y, z, power in ((0.5, 0.3, 0.8, 1.3), (-0.75, 0.35, 0.55, 0.9), (0.1, -0.9, 0.4, 0.7)):
            around = math.atan2(y, x) + turn
            lamp = np.array([math.hypot(x, y) * math.cos(around), math.hypot(x, y) * math.sin(around), z])
            cosine = directions @ lamp / np.linalg.norm(lamp)
            expected += power * np.exp(sharpness * (cosine - 1)) * np.minimum(sharpness / 16, 1)
        np.testing.assert_allclose(sky_radiance(directions, blur=blur, turn=turn), expected, rtol=1e-4)

    @pytest.mark.parametrize("count", [1, 255, 257, 700])
    def test_irradiance__every_number_of_normals(self, count: int) -> None:
        normals, directions = unit(np.random.default_rng(3), count), sky_directions()
        power = np.random.default_rng(4).random(len(directions)).astype(np.float32)
        expected = np.clip(normals.astype(float) @ directions.T, 0, None) @ power
        np.testing.assert_allclose(
            kernels.irradiance(normals, directions, power), expected, rtol=1e-5, atol=1e-6
        )

    def test_face_camera__up_to_the_horizon_and_no_other(self) -> None:
        rng = np.random.default_rng(5)
        normals, seen = unit(rng, COUNT), unit(rng, COUNT)
        before = normals.astype(float)
        kernels.face_camera(normals, seen)
        cosine = (before * seen).sum(1)
        assert (normals[cosine > 0.02] == before[cosine > 0.02]).all()
        turned = cosine < 0.02
        moved = before + (0.02 - cosine)[:, None] * seen
        expected = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        np.testing.assert_allclose(normals[turned], expected[turned], atol=1e-5)


class TestPlacesWithin:
    def test_places_within__both_borders_belong_to_the_box(self) -> None:
        points = np.random.default_rng(6).integers(-4, 5, (COUNT, 3)).astype(np.float32)
        low, high = np.array([-2, -1, 0], np.float32), np.array([2, 3, 3], np.float32)
        expected = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
        assert 0 < len(expected) < COUNT
        np.testing.assert_array_equal(kernels.places_within(points, low, high), expected)


class TestJumps:
    def test_jumps__beside_a_neighbour_in_row_or_column(self) -> None:
        """Holes, small and large steps, of the depth and of the incidence, as arrays moved by a pixel say."""
        rng = np.random.default_rng(7)
        z = (300 + rng.choice([0, 0.4, 1.5, 9], (40, 50), p=[0.85, 0.09, 0.04, 0.02])).astype(np.float32)
        z[rng.random(z.shape) < 0.02] = np.inf
        cosine = rng.choice([0.05, 0.3, 0.9, 1], z.shape, p=[0.02, 0.03, 0.05, 0.9]).astype(np.float32)
        expected, far = np.zeros(z.shape, bool), np.where(np.isinf(z), 1e6, z)
        for here, there in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
            allowed = 0.003 * np.minimum(far[here], far[there])
            allowed /= np.maximum(np.minimum(cosine[here], cosine[there]), 0.1)
            jump = np.abs(far[here] - far[there]) > allowed
            jump |= np.abs(cosine[here] - cosine[there]) > 0.25
            expected[here] |= jump
            expected[there] |= jump
        assert 0.2 < expected.mean() < 0.8
        np.testing.assert_array_equal(kernels.jumps(z, cosine, 0.003, 0.25), expected)
