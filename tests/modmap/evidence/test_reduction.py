"""Reduced views: the same surface in fewer pixels."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.camera import Camera
from modmap.evidence.reduction import reduced, reduction
from modmap.scan import Frame
from tests.synthetic_scans import intrinsics, look_at, plane_depth

NORMAL, OFFSET = np.array([0.6, 0.0, 0.8]), 5.0


def _plane(width: int, height: int) -> Frame:
    camera = Camera(
        intrinsics(width, height, focal=float(width)),
        look_at(np.array([100, 20, 400.0]), np.zeros(3), up=(0, 1, 0)),
        size=(width, height),
    )
    depth = plane_depth(camera, width, height, normal=NORMAL, offset=OFFSET)
    return Frame("a", np.zeros((height, width), np.uint8), depth, camera)


class TestReduced:
    @pytest.mark.parametrize(("width", "height", "factor"), [(1024, 100, 1), (1025, 101, 2), (3001, 40, 3)])
    def test_reduced__the_points_stay_on_the_plane(self, width: int, height: int, factor: int) -> None:
        frame = _plane(width, height)
        small = reduced(frame, np.ones(frame.shape, bool))
        assert reduction(frame.shape) == factor
        assert small.shape == (height // factor, width // factor) == small.image.shape
        assert max(small.shape) <= 1024
        distance = small.points(small.depth > 0) @ NORMAL - OFFSET
        np.testing.assert_allclose(distance, 0, atol=1e-3)

    def test_reduced__no_depth_is_made_up_between_two_surfaces(self) -> None:
        frame = _plane(2048, 64)
        frame.depth[:, 1001:] += 100
        found = reduced(frame, np.ones(frame.shape, bool)).depth
        assert np.isin(found[:, 500], frame.depth[:, 1001]).all()

    def test_reduced__beside_the_mask_there_is_nothing(self) -> None:
        frame = _plane(2048, 64)
        mask = np.zeros(frame.shape, bool)
        mask[:, :512] = True
        found = reduced(frame, mask).depth
        assert (found[:, :256] > 0).all()
        assert not found[:, 256:].any()

    def test_reduced__block_by_block(self) -> None:
        frame, rng = _plane(3000, 61), np.random.default_rng(0)
        frame.depth[:] += rng.choice([0.0, 0.0, 0.3, 60.0], frame.shape)
        mask = np.zeros(frame.shape, bool)
        mask[7:40, 1001:1400] = rng.random((33, 399)) > 0.2
        found = reduced(frame, mask).depth
        depth, most = np.where(mask, frame.depth, 0), 6.0 * 3 / 3000
        expected = np.zeros((20, 1000), np.float32)
        for row, column in np.ndindex(expected.shape):
            block = depth[3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
            flat = block.min() > 0 and block.max() - block.min() <= most * block.max()
            expected[row, column] = block.mean() if flat else block[1, 1]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert (expected > 0).sum() > 500
