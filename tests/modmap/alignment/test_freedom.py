"""What surfaces leave open, against the symmetries that they have: a ball, a shaft, a plate, and one with a groove."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.alignment.freedom import Freedom

Array = npt.NDArray[Any]

COUNT = 20_000
RADIUS = 30.0


def _ball(rng: np.random.Generator) -> tuple[Array, Array]:
    normals = rng.standard_normal((COUNT, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return RADIUS * normals, normals


def _shaft(rng: np.random.Generator) -> tuple[Array, Array]:
    angle, along = rng.uniform(0, 2 * np.pi, COUNT), rng.uniform(-RADIUS, RADIUS, COUNT)
    normals = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(COUNT)])
    return RADIUS * normals + along[:, None] * np.array([0.0, 0, 1]), normals


def _plate(rng: np.random.Generator) -> tuple[Array, Array]:
    points = np.column_stack([rng.uniform(-RADIUS, RADIUS, (COUNT, 2)), np.zeros(COUNT)])
    return points, np.tile([0.0, 0, 1], (COUNT, 1))


def _turned_disc(rng: np.random.Generator) -> tuple[Array, Array]:
    """A disc's rim and face: it may be turned and no more."""
    rim, rim_normals = _shaft(rng)
    face, face_normals = _plate(rng)
    return np.concatenate([rim, face]), np.concatenate([rim_normals, face_normals])


def _grooved(rng: np.random.Generator) -> tuple[Array, Array]:
    """The same with a groove's two walls, of one point in a hundred."""
    points, normals = _turned_disc(rng)
    walls = rng.choice(len(points), len(points) // 100, replace=False)
    points[walls] = np.column_stack(
        [np.full(len(walls), 0.8 * RADIUS), np.zeros(len(walls)), rng.uniform(-5, 5, len(walls))]
    )
    normals[walls] = np.where(rng.random(len(walls))[:, None] < 0.5, 1, -1) * np.array([0.0, 1, 0])
    return points, normals


def _noisy(normals: Array, noise: float, rng: np.random.Generator) -> Array:
    found = normals + noise * rng.standard_normal(normals.shape)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def _lever(points: Array, normals: Array) -> Array:
    return np.concatenate([np.cross(points, normals), normals], axis=1)


class TestFreedom:
    @pytest.mark.parametrize("noise", [0.0, 0.15])
    @pytest.mark.parametrize(
        ("make", "turns", "shifts"),
        [(_ball, 3, 0), (_shaft, 1, 1), (_plate, 1, 2), (_turned_disc, 1, 0), (_grooved, 0, 0)],
    )
    def test_of__is_the_symmetry_however_noisy_the_normals(
        self, make: Any, turns: int, shifts: int, noise: float
    ) -> None:
        """By the nominal scan's normals alone, noise of 0.15 would tell a hundred times what a groove does."""
        rng = np.random.default_rng(0)
        points, normals = make(rng)
        points = points + np.array([0.0, 0.0, 4.0])  # no axis goes through what is turned about
        one, other = (_lever(points, _noisy(normals, noise, rng)) for _ in range(2))
        found = Freedom.of(one, other, np.full(len(points), 0.5), radius=RADIUS)
        assert (found.turns, found.open - found.turns) == (turns, shifts)
        said = " ".join(found.notes)
        assert ("turned about an axis" in said, "turned about any axis" in said) == (turns == 1, turns > 1)
        assert ("shifted along a direction" in said) == (shifts > 0)
        assert (found.notes == ()) == (turns + shifts == 0)

    def test_step__is_newtons_where_all_is_told(self) -> None:
        rng = np.random.default_rng(1)
        points, normals = _grooved(rng)
        lever = _lever(points, normals)
        wanted = np.array([1e-3, -2e-3, 3e-3, 0.1, -0.2, 0.3])
        found = Freedom.of(lever, lever, np.ones(len(points)), radius=RADIUS)
        step = found.step(lever.T @ lever, -lever.T @ (lever @ wanted))
        np.testing.assert_allclose(step, wanted, rtol=0.01)

    def test_step__none_along_what_is_open(self) -> None:
        rng = np.random.default_rng(2)
        points, normals = _turned_disc(rng)
        one, other = (_lever(points, _noisy(normals, 0.1, rng)) for _ in range(2))
        found = Freedom.of(one, other, np.ones(len(points)), radius=RADIUS)
        step = found.step(one.T @ one, rng.standard_normal(6) * len(points))
        assert abs(step[2]) * RADIUS < 0.02 * np.linalg.norm(step[3:])
