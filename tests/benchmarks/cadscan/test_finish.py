from itertools import pairwise

import numpy as np
import pytest

from benchmarks.cadscan.finish import Finish, distance_to_path, harmless_marks, patch_weight
from benchmarks.cadscan.materials import (
    BRUSHING,
    CAST_ALUMINIUM,
    MILLED_STEEL,
    OF_BODY,
    PLAIN,
    TURNED_STEEL,
    Material,
    of_bodies,
)
from benchmarks.cadscan.part import Part, ReflectancePatch


def surface(count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    normals = rng.standard_normal((count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return 40 * normals, normals, np.zeros(count, dtype=np.int16)


def stain(**changes: object) -> ReflectancePatch:
    values = {
        "kind": "stain",
        "path": np.array([[40.0, 0, 0]]),
        "radius": 6.0,
        "softness": 3.0,
        "albedo_factor": 0.5,
        "roughness_offset": 0.1,
        "seed": 4,
    }
    return ReflectancePatch(**{**values, **changes})  # type: ignore[arg-type]


class TestFinish:
    def test_sample__no_seed_is_the_plain_material(self) -> None:
        points, normals, body = surface()
        sample = Finish([PLAIN], None).sample(points, normals, body, footprint=0.1)
        assert (sample.albedo == np.float32(PLAIN.albedo)).all()
        assert (sample.roughness == np.float32(PLAIN.roughness)).all()
        np.testing.assert_allclose(sample.normals, normals, atol=1e-6)

    @pytest.mark.parametrize("material", [CAST_ALUMINIUM, MILLED_STEEL, TURNED_STEEL])
    def test_sample__fixed_to_the_part_and_another_in_each_instance(self, material) -> None:  # type: ignore[no-untyped-def]
        points, normals, body = surface()
        first = Finish([material], 1).sample(points, normals, body, footprint=0.1)
        again = Finish([material], 1).sample(points[::-1], normals[::-1], body, footprint=0.1)
        other = Finish([material], 2).sample(points, normals, body, footprint=0.1)
        assert (first.albedo == again.albedo[::-1]).all()
        assert abs(np.corrcoef(first.albedo, other.albedo)[0, 1]) < 0.2
        assert first.albedo.std() > 0.02 * material.albedo
        tilt = np.degrees(np.arccos(np.clip((first.normals * normals).sum(1), -1, 1)))
        assert 0.5 < np.median(tilt) < 12
        np.testing.assert_allclose(np.linalg.norm(first.normals, axis=1), 1, atol=1e-5)

    def test_sample__texture_finer_than_a_pixel_becomes_roughness(self) -> None:
        points, normals, body = surface()
        near = Finish([MILLED_STEEL], 1).sample(points, normals, body, footprint=0.05)
        far = Finish([MILLED_STEEL], 1).sample(points, normals, body, footprint=5.0)
        assert far.roughness.mean() > near.roughness.mean()
        assert np.abs(far.normals - normals).max() < 1e-6

    def test_sample__brushing_is_drawn_out_along_x(self) -> None:
        x, y = np.meshgrid(np.arange(0, 30, 0.3), np.arange(0, 30, 0.3))
        points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
        normals = np.tile([0.0, 0.0, 1.0], (len(points), 1))
        body = np.zeros(len(points), dtype=np.int16)
        brushed = Material(0.3, 0.3, 0.4, BRUSHING)
        albedo = Finish([brushed], 3).sample(points, normals, body, footprint=0.05).albedo.reshape(x.shape)
        along, across = np.diff(albedo, axis=1).std(), np.diff(albedo, axis=0).std()
        assert across > 2 * along

    def test_sample__patch_changes_its_place_alone(self) -> None:
        points, normals, body = surface()
        without = Finish([PLAIN], None).sample(points, normals, body, footprint=0.1)
        with_stain = Finish([PLAIN], None, patches=[stain()]).sample(points, normals, body, footprint=0.1)
        distance = np.linalg.norm(points - [40, 0, 0], axis=1)
        changed = with_stain.albedo != without.albedo
        assert changed[distance < 6].all()
        assert not changed[distance > 9].any()
        assert (with_stain.albedo[distance < 6] < 0.75 * PLAIN.albedo).all()
        assert (with_stain.normals == without.normals).all()


class TestPatchWeight:
    def test_patch_weight__falls_off_over_the_softness(self) -> None:
        x = np.linspace(0, 12, 400)
        points = np.stack([40 + 0 * x, x, 0 * x], axis=1)
        near, weight = patch_weight(stain(), points)
        full = np.zeros(len(x))
        full[near] = weight
        assert (full[x < 6] >= 0.6).all()
        assert (full[x > 9] == 0).all()
        assert full[x < 6].mean() > full[(x > 6) & (x < 9)].mean() > 0

    def test_distance_to_path__equals_dense_samples(self) -> None:
        rng = np.random.default_rng(0)
        path, points = rng.uniform(0, 10, (4, 3)), rng.uniform(0, 10, (100, 3))
        dense = np.concatenate([a + np.linspace(0, 1, 2000)[:, None] * (b - a) for a, b in pairwise(path)])
        expected = np.linalg.norm(points[:, None] - dense[None], axis=2).min(axis=1)
        np.testing.assert_allclose(distance_to_path(points, path), expected, atol=1e-2)


class TestHarmlessMarks:
    def test_harmless_marks__lie_on_the_part(self, plate: Part) -> None:
        counts = []
        for seed in range(20):
            marks = harmless_marks(plate, np.random.default_rng(seed))
            counts.append(sum(mark.kind == "fingerprint" for mark in marks))
            for mark in marks:
                assert (mark.path >= plate.vertices.min(axis=0) - 1e-6).all()
                assert (mark.path <= plate.vertices.max(axis=0) + 1e-6).all()
        assert 0 < np.mean(counts) < 1


class TestOfBodies:
    def test_of_bodies__last_one_serves_the_rest(self) -> None:
        assembly = next(name for name, materials in OF_BODY.items() if len(materials) == 3)
        materials = of_bodies(assembly, 6)
        assert materials[:3] == OF_BODY[assembly]
        assert set(materials[3:]) == {OF_BODY[assembly][-1]}
