import math

import numpy as np
import pytest

from benchmarks.cadscan.shading import ggx, sky_irradiance, sky_radiance


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    v = rng.standard_normal((count, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def scalar_ggx(n, v, ell, roughness: float, f0: float) -> float:
    """Cook-Torrance from the textbook: D, separate shadowing written with Smith's lambda, Schlick's F."""

    def dot(a, b) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    nl, nv = dot(n, ell), dot(n, v)
    if nl <= 0 or nv <= 0:
        return 0.0
    h = [a + b for a, b in zip(v, ell, strict=True)]
    length = math.sqrt(dot(h, h))
    h = [a / length for a in h]
    a2 = roughness**4

    def smith_lambda(cosine: float) -> float:
        tan2 = 1 / cosine**2 - 1
        return (math.sqrt(1 + a2 * tan2) - 1) / 2

    d = a2 / (math.pi * (dot(n, h) ** 2 * (a2 - 1) + 1) ** 2)
    g = 1 / (1 + smith_lambda(nl) + smith_lambda(nv))
    f = f0 + (1 - f0) * (1 - dot(v, h)) ** 5
    return d * g * f / (4 * nl * nv)


class TestGgx:
    def test_ggx__equals_scalar_reference(self) -> None:
        rng = np.random.default_rng(0)
        n, v, light = (unit(rng, 400) for _ in range(3))
        roughness, f0 = rng.uniform(0.15, 1, 400), rng.uniform(0.02, 0.9, 400)
        away = (np.abs((n * v).sum(1)) > 1e-3) & (np.abs((n * light).sum(1)) > 1e-3)
        n, v, light, roughness, f0 = n[away], v[away], light[away], roughness[away], f0[away]
        expected = [scalar_ggx(*row) for row in zip(n, v, light, roughness, f0, strict=True)]
        assert 0.1 < np.mean(np.array(expected) > 0) < 0.5
        np.testing.assert_allclose(
            ggx(n, v, light, roughness=roughness, f0=f0), expected, rtol=1e-6, atol=1e-9
        )

    def test_ggx__is_reciprocal_and_conserves_energy(self) -> None:
        rng = np.random.default_rng(1)
        light = unit(rng, 200_000)
        n = np.tile([0.0, 0.0, 1.0], (len(light), 1))
        v = np.tile([math.sin(0.6), 0.0, math.cos(0.6)], (len(light), 1))
        options = {"roughness": np.full(len(light), 0.5), "f0": np.full(len(light), 1.0)}
        forth, back = ggx(n, v, light, **options), ggx(n, light, v, **options)
        np.testing.assert_allclose(forth, back, rtol=1e-9)
        reflected = 4 * math.pi * np.mean(forth * np.clip(light[:, 2], 0, None))
        assert 0.85 < reflected < 1.01


class TestSky:
    def test_sky_radiance__comes_from_above(self) -> None:
        up, down = np.array([[0.0, 0.0, 1.0]]), np.array([[0.0, 0.0, -1.0]])
        assert sky_radiance(up, blur=0.3)[0] > 2 * sky_radiance(down, blur=0.3)[0] > 0

    def test_sky_irradiance__a_white_patch_that_faces_up(self) -> None:
        assert sky_irradiance(np.array([[0.0, 0.0, 1.0]]))[0] == pytest.approx(0.82, abs=0.005)

    def test_sky_irradiance__is_the_integral_of_the_radiance(self) -> None:
        normals = unit(np.random.default_rng(0), 5)
        normals[:, 2] = np.abs(normals[:, 2])
        around = unit(np.random.default_rng(1), 400_000)
        above = around[:, 2] > -0.25
        for normal, value in zip(normals, sky_irradiance(normals), strict=True):
            cosine = np.clip(around @ normal, 0, None) * above
            expected = 4 * np.mean(cosine * sky_radiance(around, blur=0.5))
            assert abs(value - expected) < 0.12 * expected
