"""Maps and results: full-size maps from tokens, and the volume from the maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.encoding.square import Square
from modmap.errors import ModMapError
from modmap.result import Result, ViewMaps, build_volume
from modmap.scan import Frame, Scan
from modmap.types import Aggregation
from modmap.volume import VoxelGrid

Array = npt.NDArray[Any]

MASK = np.zeros((9, 13), dtype=bool)
MASK[2:7, 1:10] = True


def _maps(mask: Array = MASK, *, how: Aggregation = "max", seed: int = 0, grid: int = 4) -> ViewMaps:
    touched = Square(mask.shape[0], mask.shape[1], grid).tokens_touched(mask)
    image, depth = np.where(touched, np.random.default_rng(seed).random((2, grid, grid)), np.inf)
    return ViewMaps(
        id="a",
        image_tokens=image.astype(np.float32),
        depth_tokens=depth.astype(np.float32),
        aggregation=how,
        shape=(mask.shape[0], mask.shape[1]),
        mask_bits=np.packbits(mask),
    )


def reduced_by(frame: Frame, factor: int) -> Frame:
    """Every so-many-th pixel of a view, in the middle of those that it stands for but for half a pixel."""
    camera = frame.camera
    assert camera is not None
    scale = np.diag([1 / factor, 1 / factor, 1])
    rows, columns = (slice(0, side // factor * factor, factor) for side in frame.shape)
    small = replace(camera, K=scale @ camera.K, size=None)
    return replace(frame, image=frame.image[rows, columns], depth=frame.depth[rows, columns], camera=small)


class TestViewMaps:
    def test_foreground__unpacked(self) -> None:
        np.testing.assert_array_equal(_maps().foreground, MASK)

    def test_image__part_alone_has_scores(self) -> None:
        maps = _maps()
        for full, tokens in [(maps.image(), maps.image_tokens), (maps.depth(), maps.depth_tokens)]:
            assert full.shape == MASK.shape
            assert full.dtype == np.float32
            np.testing.assert_array_equal(np.isfinite(full), MASK)
            np.testing.assert_array_equal(np.isnan(full), ~MASK)
            known = tokens[np.isfinite(tokens)]
            assert known.min() - 1e-6 <= full[MASK].min() <= full[MASK].max() <= known.max() + 1e-6

    @pytest.mark.parametrize(
        ("how", "expected"),
        [
            ("max", np.maximum),
            ("min", np.minimum),
            ("prod", np.multiply),
            ("mean", lambda a, b: 0.5 * a + 0.5 * b),
        ],
    )
    def test_combined__element_by_element(
        self, how: Aggregation, expected: Callable[[Array, Array], Array]
    ) -> None:
        maps = _maps(how=how)
        np.testing.assert_allclose(maps.combined(), expected(maps.image(), maps.depth()), atol=1e-7)

    def test_geometry__each_reduced_pixel_is_a_square_and_the_larger_score_is_kept(self) -> None:
        # 9 x 13 pixels at a third: the last column has none.
        rng = np.random.default_rng(1)
        reduced = rng.uniform(0, 2, (3, 4)).astype(np.float32)
        reduced[1, 2] = np.nan
        maps = replace(_maps(), evidence={"geometry": reduced})
        mapped, geometry, combined = _maps().combined(), maps.of_evidence("geometry"), maps.combined()
        for row, column in np.ndindex(MASK.shape):
            said = MASK[row, column] and column < 12 and not np.isnan(reduced[row // 3, column // 3])
            if said:
                assert geometry[row, column] == reduced[row // 3, column // 3]
                assert combined[row, column] == max(geometry[row, column], mapped[row, column])
            else:
                assert np.isnan(geometry[row, column])
                np.testing.assert_array_equal(combined[row, column], mapped[row, column])

    def test_geometry__nothing_is_said_where_it_was_not_asked(self) -> None:
        assert np.isnan(_maps().of_evidence("geometry")).all()


class TestResult:
    RESULT = Result("s", 0.5, {"a": _maps()}, volume=None, volume_refused="view a has no camera")

    def test_map__modalities(self) -> None:
        maps = self.RESULT.views["a"]
        np.testing.assert_array_equal(self.RESULT.map("a", "image"), maps.image())
        np.testing.assert_array_equal(self.RESULT.map("a", "depth"), maps.depth())
        np.testing.assert_array_equal(self.RESULT.map("a", "geometry"), maps.of_evidence("geometry"))
        np.testing.assert_array_equal(self.RESULT.map("a"), maps.combined())

    def test_map__unknown_view(self) -> None:
        with pytest.raises(ModMapError, match="result of s: no view 'b'; it has a"):
            self.RESULT.map("b")

    def test_require_volume__says_why_there_is_none(self) -> None:
        with pytest.raises(ModMapError, match="result of s: no volume: view a has no camera"):
            self.RESULT.require_volume()


class TestBuildVolume:
    def test_build_volume__foreground_pixels_by_the_maximum(self, make_scan: Callable[..., Scan]) -> None:
        scan = make_scan(views=3)
        views: dict[str, ViewMaps] = {}
        best: dict[tuple[int, ...], float] = {}
        for seed, frame in enumerate(scan.frames()):
            mask = frame.depth > 0
            mask[::3] = False
            views[frame.id] = _maps(mask, seed=seed, grid=8)
            scores = views[frame.id].combined()
            for point, score in zip(frame.points(mask), scores[mask], strict=True):
                key = tuple(np.floor(point / 3).astype(int).tolist())
                best[key] = max(best.get(key, 0), score)
        volume, outside = build_volume(scan, views, VoxelGrid(np.zeros(3), 3.0, (1, 1, 1)), grow=True)
        assert outside == 0
        keys = np.array(list(best))
        np.testing.assert_allclose(volume.at((keys + 0.5) * 3), list(best.values()), atol=1e-6)
        assert np.count_nonzero(volume.observed) == len(best)
        half = VoxelGrid(np.array([0.0, -90, -90]), 3.0, (60, 60, 60))
        part, outside = build_volume(scan, views, half, grow=False)
        np.testing.assert_array_equal(part.scores, volume.resampled(half).scores)
        points = [scan[i].load().points(maps.foreground) for i, maps in views.items()]
        assert outside == sum(int((p[:, 0] < 0).sum()) for p in points)

    def test_build_volume__absent_surface_is_scored_where_it_would_lie(
        self, make_scan: Callable[..., Scan]
    ) -> None:
        scan = make_scan(views=1)
        (frame,) = scan.frames()
        views = {frame.id: _maps(frame.depth > 0, grid=8)}
        absent = np.array([[0, 0, 90.0], [0, 0, 90.1]]), np.array([5.0, 7.0], dtype=np.float32)
        grid = VoxelGrid(np.zeros(3), 3.0, (1, 1, 1))
        volume, _ = build_volume(scan, views, grid, grow=True, absent=absent)
        assert volume.at(absent[0][:1])[0] == 7
        without, _ = build_volume(scan, views, grid, grow=True)
        assert np.isnan(without.at(absent[0][:1])[0])

    @pytest.mark.parametrize("factor", [1, 2])
    def test_build_volume__of_reduced_views(self, make_scan: Callable[..., Scan], factor: int) -> None:
        """The same at full resolution; at half of it each pixel stands for the four that it was made of."""
        scan = make_scan(views=2)
        frames = {view.id: view.load() for view in scan.views}
        rng = np.random.default_rng(0)
        views, reduced_views = {}, {}
        for view_id, frame in frames.items():
            mask = frame.depth > 0
            small = reduced_by(frame, factor)
            scores = rng.random(small.depth.shape).astype(np.float32)
            views[view_id] = ViewMaps(
                id=view_id,
                image_tokens=None,
                depth_tokens=None,
                aggregation="max",
                shape=frame.shape,
                mask_bits=np.packbits(mask),
                evidence={"memory": np.where(small.depth > 0, scores, np.nan)},
            )
            reduced_views[view_id] = small
        grid = VoxelGrid(np.zeros(3), 3.0, (1, 1, 1))
        expected, _ = build_volume(scan, views, grid, grow=True)
        found, _ = build_volume(scan, views, grid, grow=True, reduced=reduced_views)
        assert found.grid.voxel == 3
        if factor == 1:
            np.testing.assert_array_equal(found.scores, expected.scores)
        for view_id, small in reduced_views.items():
            of_view = small.depth > 0
            said = np.asarray(views[view_id].evidence["memory"])[of_view]
            assert (found.at(small.points(of_view)) >= said).all()
        assert np.nanmax(found.scores) == np.nanmax(expected.scores)
