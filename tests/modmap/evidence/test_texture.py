"""Grain, roughness and light on a plate that a camera looks straight at, as a network sees them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from modmap.alignment.motion import motion_of
from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.encoding.cnn import STRIDES
from modmap.evidence.texture import NominalTexture, _nearest, _steps, texture
from modmap.scan import Frame
from tests.synthetic_scans import intrinsics, look_at

Array = npt.NDArray[Any]
WIDTH, HEIGHT = 256, 192
HOME = np.eye(4)
MIDDLE = (slice(80, 112), slice(112, 144))
CAMERA = Camera(
    intrinsics(WIDTH, HEIGHT, focal=float(WIDTH)),
    look_at(np.array([0.0, 0.0, 300.0]), np.zeros(3), up=(0, 1, 0)),
    size=(WIDTH, HEIGHT),
)


def _grain(seed: int, *, coarse: float = 1.5) -> Array:
    """(H, W) gray levels about 100 with a grain of 8."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH)), (0, 0), coarse)
    return 100 + 8 * noise / noise.std()


def _plate(image: Array, depth: Array | None = None) -> tuple[dict[str, Frame], dict[str, ViewSurface]]:
    depth = np.full((HEIGHT, WIDTH), 300.0, np.float32) if depth is None else depth
    frame = Frame("00", image.clip(0, 255).astype(np.uint8) if image.max() < 256 else image, depth, CAMERA)
    return {"00": frame}, {"00": view_surface(frame, depth > 0)}


NOMINAL = NominalTexture.of(*_plate(_grain(0)))


def _scores(image: Array, depth: Array | None = None, motion: Array = HOME) -> list[Array]:
    return [maps["00"] for maps in texture(NOMINAL, *_plate(image, depth), motion)]


class TestTexture:
    def test_texture__the_nominal_image_itself_shows_nothing(self) -> None:
        for one in _scores(_grain(0)):
            assert np.nanmax(one) < 0.01
            # All but two pixels along the rim, and what doesn't fill a patch.
            assert np.isfinite(one[8:-8, 8:-8]).all()
            assert np.isnan(one[0]).all()

    def test_texture__ground_surface_that_is_as_bright(self) -> None:
        """Another grain all over is good; where it is the lay of a grinding wheel, and only there, it stands out."""
        good, ground = _grain(1), _grain(1)
        lay = 100 + 11 * np.sin(1.2 * np.arange(WIDTH))
        ground[MIDDLE] = np.broadcast_to(lay, ground.shape)[MIDDLE]
        for one, found in zip(_scores(good), _scores(ground), strict=True):
            assert np.nanquantile(one, 0.99) < 2
            assert np.nanmedian(found[MIDDLE]) > np.nanmax(one)
            found[40:152, 72:184] = np.nan
            assert np.nanmax(found) <= np.nanmax(one) * 1.05

    def test_texture__another_lamp_and_another_type_change_little(self) -> None:
        plain = _scores(_grain(1))
        for other in (0.6 * _grain(1), np.rint(257 * _grain(1)).astype(np.uint16)):
            for one, found in zip(plain, _scores(other), strict=True):
                assert np.nanmax(np.abs(one - found)) < 0.25

    def test_texture__where_the_nominal_image_is_glare_as_much_is_expected_as_elsewhere(self) -> None:
        """A speck in the glare, which shows no grain, is no more than one on the grain."""
        nominal, new = _grain(0), _grain(1)
        for image in (nominal, new):
            image[:, : WIDTH // 2] = 255.0
        new[95:97, 63:65] = new[95:97, 191:193] = 60.0
        found = texture(NominalTexture.of(*_plate(nominal)), *_plate(new), HOME)
        for maps in found:
            one = maps["00"]
            in_glare, on_grain = (np.nanmax(one[80:112, column - 16 : column + 16]) for column in (64, 192))
            assert 0 < in_glare < 2.5 * on_grain

    def test_texture__where_another_surface_is_seen_nothing_is_said(self) -> None:
        image, depth = _grain(1), np.full((HEIGHT, WIDTH), 300.0, np.float32)
        image[MIDDLE] = 10.0
        depth[MIDDLE] = 280.0
        for one in _scores(image, depth):
            assert np.isnan(one[MIDDLE][12:-12, 12:-12]).all()

    def test_texture__a_part_that_lies_elsewhere(self) -> None:
        """16 pixels aside: the same scores, 16 pixels aside."""
        millimetres = 16 * 300.0 / WIDTH
        aside = np.roll(_grain(3), 16, axis=1)
        motion = motion_of(np.array([0, 0, 0, -millimetres, 0, 0]), about=np.zeros(3))
        moved = _scores(aside, motion=motion)
        for one, found in zip(_scores(_grain(3)), moved, strict=True):
            inner = (slice(40, 152), slice(60, 190))
            there = (slice(40, 152), slice(76, 206))
            np.testing.assert_allclose(found[there], one[inner], atol=0.15)

    def test_texture__views_that_the_nominal_scan_lacks_are_left_out(self) -> None:
        frames, surfaces = _plate(_grain(1))
        found = texture(NOMINAL, {"09": frames["00"]}, {"09": surfaces["00"]}, HOME)
        assert found == tuple({} for _ in STRIDES)

    def test_of__a_view_smaller_than_a_patch_is_left_out(self) -> None:
        camera = Camera(intrinsics(12, 9, focal=12.0), CAMERA.T_world_to_camera, size=(12, 9))
        frame = Frame("00", np.full((9, 12), 100, np.uint8), np.full((9, 12), 300.0, np.float32), camera)
        surfaces = {"00": view_surface(frame, frame.depth > 0)}
        nominal = NominalTexture.of({"00": frame}, surfaces)
        assert nominal.views == {}
        assert texture(nominal, {"00": frame}, surfaces, HOME) == ({}, {})


@pytest.mark.parametrize(("nearest", "farthest"), [(0, 1), (2, 3)])
def test_nearest__is_that_of_a_loop(nearest: int, farthest: int) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 3, 6, 7)).astype(np.float32)
    found = _nearest(torch.from_numpy(one), torch.from_numpy(other), _steps(nearest, farthest)).numpy()
    for y, x in np.ndindex(6, 7):
        distances = [
            ((one[:, y, x] - other[:, min(max(y + i, 0), 5), min(max(x + j, 0), 6)]) ** 2).sum()
            for i in range(-farthest, farthest + 1)
            for j in range(-farthest, farthest + 1)
            if max(abs(i), abs(j)) >= nearest
        ]
        assert found[y, x] == pytest.approx(min(distances), rel=1e-4)
