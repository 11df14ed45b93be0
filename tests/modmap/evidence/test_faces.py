"""The faces of a box, and how far they may lie off."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modmap.evidence.deviation import deviations
from modmap.evidence.faces import TOLERANCE, faces_of, without_offsets
from modmap.evidence.nominal import NominalSurface
from tests.modmap.alignment.blobs import ring
from tests.modmap.evidence.boxes import Box, box_surfaces
from tests.modmap.evidence.dented import dented

LOW, HIGH = (-40.0, -30.0, -20.0), (40.0, 30.0, 20.0)
CUBE = Box(LOW, HIGH)


class TestFacesOf:
    def test_faces_of__a_box_has_as_many_as_are_seen(self) -> None:
        (surface,) = box_surfaces(ring(8)[1:2], [CUBE]).values()
        face = faces_of(surface)
        found = []
        for axis in range(3):
            across = [other for other in range(3) if other != axis]
            for end in (LOW, HIGH):
                on = (surface.depth > 0) & (np.abs(surface.points[..., axis] - end[axis]) < 0.01)
                # Some pixels, each under a millimetre, from the edges.
                for other in across:
                    on &= (surface.points[..., other] > LOW[other] + 5) & (
                        surface.points[..., other] < HIGH[other] - 5
                    )
                if on.sum() > 20:
                    (number,) = np.unique(face[on])
                    found.append(int(number))
        assert len(found) == 3  # a camera above a corner sees three
        assert len(set(found) - {0}) == 3
        assert (face[surface.depth == 0] == 0).all()

    def test_faces_of__a_ball_has_one(self) -> None:
        (surface,) = dented(ring(1), depth=0.0, towards=np.array([0, 0, 1.0])).values()
        face = faces_of(surface)
        assert len(np.unique(face[surface.cosine > 0.6])) == 1


class TestWithoutOffsets:
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_without_offsets__against_a_loop_over_faces(self, seed: int) -> None:
        """Each face's size and shift by a ridge regression that is weighted anew three times, written out."""
        rng = np.random.default_rng(seed)
        face = rng.integers(0, 4, 400).astype(np.int32)
        normals = rng.normal(size=(400, 3)).astype(np.float32)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        deviation = rng.normal(0.03, 0.05, 400).astype(np.float32)
        deviation[rng.random(400) < 0.1] = np.nan
        deviation[rng.random(400) < 0.1] = 2.0
        expected = deviation.copy()
        for number in (1, 2, 3):
            of = (face == number) & np.isfinite(deviation)
            values, design = deviation[of], np.column_stack([np.ones(of.sum()), normals[of]])
            offset = np.full(of.sum(), np.median(values))
            for _ in range(3):
                far = (values - offset) / (3 * max(1.4826 * np.median(np.abs(values - offset)), 0.02))
                weight = np.diag(np.where(np.abs(far) < 1, (1 - far**2) ** 2, 0) / of.sum())
                ridge = design.T @ weight @ design + (0.02 / 0.2) ** 2 * np.eye(4)
                offset = design @ np.linalg.inv(ridge) @ design.T @ weight @ values
            expected[of] -= np.clip(offset, -0.2, 0.2)
        found = without_offsets(deviation.copy(), normals, face, tolerance=0.2)
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_without_offsets__of_a_cylinder_that_is_larger_and_lies_aside(self) -> None:
        """Of a bore 0.04 mm wider and 0.1 mm aside nothing remains but a dent on a tenth of it, all of which does."""
        angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
        normals = np.stack([np.cos(angle), np.sin(angle), np.zeros(2000)], axis=1).astype(np.float32)
        deviation = (0.04 + normals @ (0.06, -0.08, 0.0)).astype(np.float32)
        dent = angle < 0.2 * np.pi
        deviation[dent] -= np.float32(0.3)
        rest = without_offsets(deviation.copy(), normals, np.ones(2000, np.int32))
        np.testing.assert_allclose(rest[~dent], 0, atol=0.01)
        np.testing.assert_allclose(rest[dent], -0.3, atol=0.01)

    def test_without_offsets__of_a_large_face_some_pixels_tell(self) -> None:
        """Of 40,000 noisy pixels fewer are asked; the small face beside it keeps all of its own."""
        rng = np.random.default_rng(0)
        angle = rng.uniform(0, 2 * np.pi, 40_000)
        normals = np.stack([np.cos(angle), np.sin(angle), np.zeros(len(angle))], axis=1).astype(np.float32)
        face = np.where(np.arange(len(angle)) < 50, 2, 1)
        truth = np.where(face == 2, -0.1, 0.04 + normals @ (0.06, -0.08, 0.0))
        noise = rng.normal(0, 0.05, len(angle))
        rest = without_offsets((truth + noise).astype(np.float32), normals, face)
        np.testing.assert_allclose((rest - noise)[face == 1], 0, atol=0.012)
        np.testing.assert_allclose((rest - noise)[face == 2], 0, atol=0.06)

    @settings(deadline=None)
    @given(
        hnp.arrays(
            np.float32, st.integers(0, 30), elements=st.sampled_from([np.nan, *(np.arange(-16, 17) / 32)])
        ),
        st.randoms(use_true_random=False),
    )
    def test_without_offsets__moves_nothing_by_more_than_the_tolerance(
        self, deviation: np.ndarray, random: Random
    ) -> None:
        face = np.array([random.randrange(4) for _ in deviation], dtype=np.int32)
        normals = (
            np.random.default_rng(random.getrandbits(32)).normal(size=(len(deviation), 3)).astype(np.float32)
        )
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        found = without_offsets(deviation.copy(), normals, face, tolerance=0.2)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(deviation))
        np.testing.assert_array_equal(found[face == 0], deviation[face == 0])
        assert (np.abs(found - deviation)[np.isfinite(deviation)] <= 0.2 + 1e-6).all()

    @pytest.mark.parametrize("offset", [0.1, -0.1, 0.4, -0.4])
    def test_without_offsets__beyond_the_tolerance_the_rest_remains(self, offset: float) -> None:
        """The top of a box is higher or lower than the nominal one's, and has a dent."""
        cameras = ring(6)
        nominal = NominalSurface.of(box_surfaces(cameras, [CUBE]))
        other = Box(LOW, (*HIGH[:2], HIGH[2] + offset), dent=(0.0, 0.0, 8.0, 0.5))
        new = box_surfaces(cameras, [other])
        rest = np.sign(offset) * max(abs(offset) - TOLERANCE, 0)
        for view_id, one in deviations(nominal, new, np.eye(4)).items():
            points = new[view_id].points
            inner = (np.abs(points[..., :2]) < (32, 22)).all(axis=2) & np.isfinite(one.deviation)
            top = inner & (np.abs(points[..., 2] - HIGH[2] - offset) < 0.01)
            top &= (np.abs(points[..., :2]) > 11).any(axis=2)
            dent = inner & (np.abs(points[..., 2] - HIGH[2] - offset + 0.5) < 0.01)
            dent &= (np.abs(points[..., :2]) < 5).all(axis=2)
            assert min(top.sum(), dent.sum()) > 20
            np.testing.assert_allclose(one.deviation[top], rest, atol=0.02)
            np.testing.assert_allclose(one.deviation[dent], rest - 0.5, atol=0.02)
