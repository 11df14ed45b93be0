"""Pictures read back from their addresses by OpenCV."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest

from modmap.report.picture_address import picture_address

PREFIX = "data:image/webp;base64,"


def decoded(address: str) -> np.ndarray:
    assert address.startswith(PREFIX)
    data = np.frombuffer(base64.b64decode(address.removeprefix(PREFIX)), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[:, :, ::-1]


class TestPictureAddress:
    def test_address__keeps_every_colour(self) -> None:
        picture = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
        np.testing.assert_array_equal(decoded(picture_address(picture, photo=False)), picture)

    @pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
    def test_address__of_a_photo_is_close(self, shape: tuple[int, ...]) -> None:
        rows = np.linspace(0, 255, 40).astype(np.uint8).reshape(-1, *[1] * (len(shape) - 1))
        found = decoded(picture_address(np.broadcast_to(rows, shape), photo=True)).astype(int)
        assert found.shape == (40, 60, 3)
        assert np.abs(found - rows.reshape(-1, 1, 1)).max() < 12
