"""What views say together, compared with loops; and a faint stain that several views agree on."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.evidence.agreement import (
    ENOUGH,
    LEAST,
    LEAST_FACE,
    MEDIAN_OF,
    NEARLY_ALL,
    NORMAL,
    SQUARE_OF,
    agreed,
    in_faces_units,
    of_faces,
    place_edge,
    shown_together,
)
from modmap.evidence.appearance import NominalAppearance, appearance
from modmap.evidence.lines import THIRDS
from modmap.scan import Frame
from tests.modmap.evidence.test_appearance import HOME, _gray, _stain, _texture
from tests.synthetic_scans import intrinsics, look_at

Array = npt.NDArray[Any]


class TestAgreed:
    @pytest.mark.parametrize("views", [1, 2, 3, 6])
    def test_agreed__is_what_a_loop_over_places_says(self, views: int) -> None:
        rng = np.random.default_rng(views)
        points = [rng.uniform(0, 10, (rng.integers(100, 200), 3)) for _ in range(views)]
        changes = [rng.standard_normal((len(one), 2)).astype(np.float32) for one in points]
        low = np.concatenate(points).min(axis=0)
        seen: dict[tuple[int, ...], list[list[Array]]] = defaultdict(lambda: [[] for _ in range(views)])
        for view, (where, what) in enumerate(zip(points, changes, strict=True)):
            for point, change in zip(where, what, strict=True):
                seen[tuple(((point - low) // 4.0).astype(int))][view].append(change)
        told: dict[tuple[int, ...], list[float]] = {}
        for place, lists in seen.items():
            means = np.array([np.mean(one, axis=0) for one in lists if len(one) >= ENOUGH]).reshape(-1, 2)
            median = abs(np.median(means[:, 1])) if len(means) >= MEDIAN_OF else np.nan
            square = np.sqrt(np.mean(means[:, 0] ** 2)) if len(means) >= SQUARE_OF else np.nan
            told[place] = [median, square]
        every = np.array(list(told.values()))
        units = [
            np.quantile(column[np.isfinite(column)], NEARLY_ALL) if np.isfinite(column).any() else 1.0
            for column in every.T
        ]
        found = agreed(points, changes, edge=4.0)
        for where, maps in zip(points, found, strict=True):
            expected = np.array([told[tuple(((point - low) // 4.0).astype(int))] for point in where]) / units
            np.testing.assert_allclose(np.stack(maps, axis=1), expected, rtol=1e-4)

    def test_agreed__of_no_view(self) -> None:
        assert agreed([], [], edge=1.0) == []


class TestShownTogether:
    def test_shown_together__is_the_square_of_what_agreed_says(self) -> None:
        frames, surfaces = _views([np.zeros((48, 64), np.uint16)] * 4)
        rng = np.random.default_rng(0)
        maps = {view_id: rng.uniform(0, 3, (48, 64)).astype(np.float32) for view_id in frames}
        maps["02"][10:20, 30:50] = np.nan
        masks = {view_id: np.isfinite(one) for view_id, one in maps.items()}
        points = [surfaces[view_id].points[mask] for view_id, mask in masks.items()]
        twice = [np.stack([maps[view_id][mask]] * 2, axis=1) for view_id, mask in masks.items()]
        expected = agreed(points, twice, edge=place_edge(surfaces))
        found = shown_together(maps, surfaces)
        for (view_id, mask), (_, square) in zip(masks.items(), expected, strict=True):
            np.testing.assert_allclose(found[view_id][mask], square)
            assert np.isnan(found[view_id][~mask]).all()

    def test_shown_together__of_one_view_nothing(self) -> None:
        _, surfaces = _views([np.zeros((48, 64), np.uint16)])
        assert np.isnan(shown_together({"00": np.ones((48, 64), np.float32)}, surfaces)["00"]).all()
        assert shown_together({}, {}) == {}


class TestInFacesUnits:
    def test_in_faces_units__the_median_of_each_large_face(self) -> None:
        rng = np.random.default_rng(0)
        numbers = rng.permutation(np.repeat([0, 3, 5, 9], [500, 2 * LEAST_FACE, LEAST_FACE, LEAST_FACE - 1]))
        face = of_faces(numbers)
        assert [np.unique(face[numbers == one]).tolist() for one in (0, 3, 5, 9)] == [[0], [1], [2], [0]]
        changes = (rng.standard_normal((len(face), 2)) * (1 + face[:, None])).astype(np.float32)
        shifted = rng.uniform(0, 0.1, changes.shape).astype(np.float32)
        found = in_faces_units(changes, face, shifted)
        for index in rng.choice(len(face), 50):
            alike = face == face[index] if face[index] else np.ones(len(face), bool)
            usual = NORMAL * np.median(np.abs(changes[alike]), axis=0)
            unit = np.sqrt(usual**2 + shifted[index] ** 2 + LEAST**2)
            np.testing.assert_allclose(found[index], changes[index] / unit, rtol=1e-4)


def _views(images: list[Array]) -> tuple[dict[str, Frame], dict[str, ViewSurface]]:
    """Views of a plate from one place, as of one that is photographed several times under other lamps."""
    height, width = images[0].shape
    camera = Camera(
        intrinsics(width, height, focal=float(width)),
        look_at(np.array([0.0, 0.0, 300.0]), np.zeros(3), up=(0, 1, 0)),
        size=(width, height),
    )
    depth = np.full((height, width), 300.0, np.float32)
    frames = {f"{index:02}": Frame(f"{index:02}", image, depth, camera) for index, image in enumerate(images)}
    return frames, {view_id: view_surface(frame, depth > 0) for view_id, frame in frames.items()}


def test_appearance__a_stain_fainter_than_the_grain_is_where_the_views_agree() -> None:
    width, views = 256, 12
    nominal = [_gray(_texture(width, seed=seed, contrast=0.3)) for seed in range(views)]
    faint = _stain(width, depth=0.7, spread=3.0)
    new = [_gray(_texture(width, seed=100 + seed, contrast=0.3) + faint) for seed in range(views)]
    found = appearance(NominalAppearance.of(*_views(nominal)), *_views(new), HOME)
    v, u = np.mgrid[: 3 * width // 4, :width]
    away = np.hypot(u - width // 2, v - 3 * width // 8) > 12
    patches, medians = found[0], found[1 + len(THIRDS)]
    alone = max(np.nanmax(one[away]) for one in patches.values())
    together = max(np.nanmax(one[away]) for one in medians.values())
    assert max(np.nanmax(one[~away]) for one in patches.values()) < alone
    assert max(np.nanmax(one[~away]) for one in medians.values()) > 1.2 * together


def test_appearance__of_one_view_nothing_agrees() -> None:
    frames, surfaces = _views([_gray(_texture(256, seed=0))])
    found = appearance(NominalAppearance.of(frames, surfaces), frames, surfaces, HOME)
    assert np.isfinite(found[0]["00"]).any()
    for maps in found[1 + len(THIRDS) :]:
        assert np.isnan(maps["00"]).all()
