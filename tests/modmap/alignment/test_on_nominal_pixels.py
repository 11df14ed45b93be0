"""New views on the nominal views' pixels: painted balls in closed form, where they lie now and where they lay."""

from __future__ import annotations

import numpy as np
import pytest

from modmap.alignment.motion import inverse, motion_of
from modmap.alignment.on_nominal_pixels import on_nominal_pixels
from tests.modmap.alignment.blobs import HEIGHT, WIDTH, painted, ring

CAMERAS = ring(3)
MOTION = motion_of(np.array([0.02, -0.03, 0.05, 3.0, -2.0, 1.0]), about=np.zeros(3))


class TestOnNominalPixels:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_on_nominal_pixels__as_if_the_part_lay_where_the_nominal_one_did(self, dtype: str) -> None:
        frames, nominal = painted(CAMERAS, dtype=dtype)
        moved_frames, surfaces = painted(CAMERAS, motion=MOTION, dtype=dtype)
        found = on_nominal_pixels(nominal, moved_frames, surfaces, inverse(MOTION))
        assert list(found) == list(frames)
        for view_id, frame in found.items():
            there = nominal[view_id].smooth & (nominal[view_id].cosine > 0.4) & (frame.depth > 0)
            assert there.sum() > 0.8 * nominal[view_id].smooth.sum()
            assert frame.camera is nominal[view_id].camera
            assert frame.image.dtype == dtype
            scale = 257 if dtype == "uint16" else 1
            laid, lay = (one.image[there].astype(float) / scale for one in (frame, frames[view_id]))
            as_it_lies = moved_frames[view_id].image[there].astype(float) / scale
            assert np.abs(laid - lay).mean() < 2
            assert np.abs(as_it_lies - lay).mean() > 10
            off = np.abs(frame.depth[there] - nominal[view_id].depth[there])
            assert np.quantile(off, 0.95) < 0.2  # a pixel is 0.9 mm
            assert np.median(off) < 0.03

    def test_on_nominal_pixels__what_is_missing_stays_missing(self) -> None:
        frames, nominal = painted(CAMERAS)
        broken, surfaces = painted(CAMERAS, motion=MOTION, without=4)
        found = on_nominal_pixels(nominal, broken, surfaces, inverse(MOTION))
        whole, _ = painted(CAMERAS, without=4)
        for view_id, frame in found.items():
            gone = frames[view_id].depth != whole[view_id].depth
            assert gone.sum() > 100
            # What is farther than what was there is seen from another place: it may lie aside by some pixels.
            alike = np.isclose(frame.depth[gone], whole[view_id].depth[gone], atol=2.0)
            assert alike.mean() > 0.7

    def test_on_nominal_pixels__views_that_the_nominal_scan_lacks_are_left_out(self) -> None:
        frames, nominal = painted(CAMERAS)
        del nominal["01"]
        found = on_nominal_pixels(nominal, frames, painted(CAMERAS)[1], np.eye(4))
        assert list(found) == ["00", "02"]
        assert found["00"].shape == (HEIGHT, WIDTH)
        np.testing.assert_array_equal(found["00"].image, frames["00"].image)
        np.testing.assert_allclose(found["00"].depth, frames["00"].depth, atol=1e-3)
