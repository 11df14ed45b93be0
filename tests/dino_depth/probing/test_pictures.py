"""Principal components of patches as colours."""

from __future__ import annotations

import numpy as np
import torch

from dino_depth.probing.pictures import SHOWN, depth_picture, pca_picture, sheet


class TestPcaPicture:
    def test_pca_picture__two_halves(self) -> None:
        patches = torch.zeros(4, 6, 3)
        patches[:, 3:] = torch.tensor([1.0, 2.0, 3.0])
        patches += 0.01 * torch.randn(patches.shape, generator=torch.Generator().manual_seed(0))
        mask = np.ones((4, 6), bool)
        mask[0] = False
        picture = pca_picture(patches, mask=mask)
        assert not picture[0].any()
        # The axis points along (1, 2, 3), not against it.
        assert picture[1:, 3:, 0].mean() - picture[1:, :3, 0].mean() > 200

    def test_pca_picture__too_few_patches_is_black(self) -> None:
        mask = np.zeros((4, 6), bool)
        mask[0, :3] = True
        assert not pca_picture(torch.rand(4, 6, 3), mask=mask).any()


class TestSheet:
    def test_sheet__near_is_bright_and_holes_are_black(self) -> None:
        depth = np.array([[0.1, 1.0], [0.0, 0.5]], np.float32)
        gray = depth_picture(depth)
        assert gray[0, 0, 0] > gray[1, 1, 0] > gray[0, 1, 0] > gray[1, 0, 0] == 0
        drawn = sheet([[gray, gray], [gray, gray], [gray, gray]])
        assert drawn.shape == (3 * SHOWN, 2 * SHOWN, 3)
        np.testing.assert_array_equal(drawn[SHOWN // 4, SHOWN // 4], gray[0, 0])
