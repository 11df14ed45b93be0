"""Stains, textures and light on a plate that a camera looks straight at, and on a ball."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.evidence.appearance import (
    BROADER,
    DARK,
    GRAZING,
    LEAST,
    SCALES,
    NominalAppearance,
    appearance,
    between_scales,
)
from modmap.evidence.lines import THIRDS
from modmap.evidence.smoothing import LEAST_SHARE
from modmap.scan import Frame
from tests.synthetic_scans import ball_depth, intrinsics, look_at, rays

Array = npt.NDArray[Any]
LEVEL = 40_000.0
HOME = np.eye(4)


def _camera(width: int) -> Camera:
    pose = look_at(np.array([0.0, 0.0, 300.0]), np.zeros(3), up=(0, 1, 0))
    size = (width, 3 * width // 4)
    return Camera(intrinsics(*size, focal=float(width)), pose, size=size)


def _plate(image: Array) -> tuple[dict[str, Frame], dict[str, ViewSurface]]:
    """One view of a plate that fills it."""
    camera = _camera(image.shape[1])
    frame = Frame("00", image, np.full(image.shape, 300.0, np.float32), camera)
    return {"00": frame}, {"00": view_surface(frame, frame.depth > 0)}


def _gray(ratio: Array) -> Array:
    """16-bit levels whose logarithms, with the part of a bright place that is added, differ by `ratio` from LEVEL's."""
    return np.rint(LEVEL * ((1 + DARK) * np.exp(ratio) - DARK)).astype(np.uint16)


def _texture(width: int, *, seed: int, contrast: float = 0.1) -> Array:
    """(H, W) logarithms of a grain about as coarse as the finest Gaussian."""
    noise = np.random.default_rng(seed).standard_normal((3 * width // 4, width))
    grain = cv2.GaussianBlur(noise, (0, 0), 1.5 * width / 1024)
    return contrast * grain / grain.std()


def _stain(width: int, *, depth: float, spread: float) -> Array:
    """(H, W) logarithms of a stain in the middle with the profile of a Gaussian."""
    v, u = np.mgrid[: 3 * width // 4, :width]
    square = (u - width // 2) ** 2 + (v - 3 * width // 8) ** 2
    return -depth * np.exp(-square / (2 * spread**2))


def _score(nominal: Array, new: Array) -> Array:
    frames, surfaces = _plate(nominal)
    return appearance(NominalAppearance.of(frames, surfaces), *_plate(new), HOME)[0]["00"]


class TestAppearance:
    def test_appearance__of_the_same_image_is_none(self) -> None:
        image = _gray(_texture(256, seed=0))
        score = _score(image, image)
        assert np.isfinite(score).mean() > 0.95
        assert np.nanmax(score) < 0.01

    @pytest.mark.parametrize("depth", [0.5, -0.15])
    def test_appearance__of_a_stain_on_a_plain_plate_in_closed_form(self, depth: float) -> None:
        """A Gaussian under a Gaussian is a Gaussian: s^2 / (s^2 + sigma^2) of its height is left."""
        width, spread = 512, 3.0
        flat, stained = np.zeros((384, width)), _stain(width, depth=depth, spread=spread)
        score = _score(_gray(flat), _gray(stained))
        left = [
            spread**2 / (spread**2 + sigma**2) - spread**2 / (spread**2 + (BROADER * sigma) ** 2)
            for sigma in (scale * width / 1024 for scale in SCALES)
        ]
        # A plate without texture is allowed what light and camera can change.
        assert score[192, 256] == pytest.approx(abs(depth) * max(left) / LEAST, rel=0.05)
        assert np.nanargmax(score) == 192 * width + 256
        v, u = np.mgrid[:384, :width]
        assert np.nanmax(score[np.hypot(u - 256, v - 192) > 60]) < 0.2

    def test_appearance__of_a_stain_on_texture_stands_out_at_its_place(self) -> None:
        width = 512
        nominal, other = _texture(width, seed=0), _texture(width, seed=1)
        new = other + _stain(width, depth=0.4, spread=8.0)
        score = _score(_gray(nominal), _gray(new))
        row, column = np.unravel_index(np.nanargmax(score), score.shape)
        assert np.hypot(row - 192, column - 256) < 8
        assert score[row, column] > 3
        v, u = np.mgrid[:384, :width]
        assert np.nanmax(score[np.hypot(u - 256, v - 192) > 60]) < 2

    @pytest.mark.parametrize("width", [1024, 512])
    def test_appearance__of_another_grain_alone_is_what_a_good_part_shows(self, width: int) -> None:
        score = _score(_gray(_texture(width, seed=2)), _gray(_texture(width, seed=3)))
        assert 0.3 < np.nanquantile(score, 0.99) < 1.5

    def test_appearance__of_a_stain_is_the_same_in_a_larger_view(self) -> None:
        small, large = (
            _score(
                _gray(np.zeros((3 * width // 4, width))), _gray(_stain(width, depth=0.4, spread=width / 128))
            )
            for width in (512, 1024)
        )
        assert large[384, 512] == pytest.approx(small[192, 256], rel=0.03)

    def test_appearance__exposure_changes_nothing(self) -> None:
        nominal = _gray(_texture(256, seed=0))
        new = _gray(_texture(256, seed=1) + _stain(256, depth=0.4, spread=4.0))
        darker = np.rint(new * 0.6).astype(np.uint16)
        np.testing.assert_allclose(_score(nominal, darker), _score(nominal, new), atol=0.01)

    def test_appearance__8_and_16_bit_say_the_same(self) -> None:
        nominal, new = ((_gray(_texture(256, seed=seed)) // 257).astype(np.uint8) for seed in (0, 1))
        new[90:100, 120:130] //= 2
        whole = [image.astype(np.uint16) * 257 for image in (nominal, new)]
        np.testing.assert_allclose(_score(*whole), _score(nominal, new), atol=1e-3)

    def test_appearance__nothing_is_said_where_the_nominal_view_saw_nothing(self) -> None:
        image = _gray(np.zeros((192, 256)))
        frames, surfaces = _plate(image)
        holed = np.array(frames["00"].depth)
        holed[50:80, 60:100] = 0
        frame = Frame("00", image, holed, frames["00"].camera)
        nominal = NominalAppearance.of({"00": frame}, {"00": view_surface(frame, holed > 0)})
        score = appearance(nominal, frames, surfaces, HOME)[0]["00"]
        assert np.isnan(score[50:80, 60:100]).all()
        assert np.isfinite(score[100:150, 60:200]).all()

    def test_appearance__nothing_is_said_of_grazed_surface(self) -> None:
        camera = _camera(256)
        depth = ball_depth(camera, 256, 192, centre=np.zeros(3), radius=80.0)
        origin, directions = rays(camera, 256, 192)
        normals = (origin + depth[..., None] * directions) / 80.0
        cosine = -(normals * directions).sum(axis=-1) / np.linalg.norm(directions, axis=-1)
        frame = Frame("00", np.full(depth.shape, 120, np.uint8), depth, camera)
        surfaces = {"00": view_surface(frame, depth > 0)}
        score = appearance(NominalAppearance.of({"00": frame}, surfaces), {"00": frame}, surfaces, HOME)[0][
            "00"
        ]
        assert np.isnan(score[(depth == 0) | (cosine < GRAZING - 0.03)]).all()
        assert np.isfinite(score[(depth > 0) & (cosine > GRAZING + 0.1)]).all()

    def test_appearance__nothing_is_said_where_the_nominal_view_saw_what_stood_before(self) -> None:
        """A bright bar half way to a dark plate, moved with it: it hid another strip of the plate before."""
        width, shift = 256, 12
        pixel = 300 / width

        def view(left: int) -> tuple[dict[str, Frame], dict[str, ViewSurface]]:
            image, depth = np.full((192, width), 60, np.uint8), np.full((192, width), 300.0, np.float32)
            image[:, left : left + 60], depth[:, left : left + 60] = 240, 150.0
            frame = Frame("00", image, depth, _camera(width))
            return {"00": frame}, {"00": view_surface(frame, depth > 0)}

        frames, surfaces = view(90)
        # What is nearer moves by more pixels.
        moved_by = 2 * shift
        motion = _aside(-shift * pixel, surfaces["00"])
        score = appearance(NominalAppearance.of(frames, surfaces), *view(90 + moved_by), motion)[0]["00"]
        assert np.isnan(score[20:-20, 90 + shift : 90 + moved_by]).all()
        assert np.nanmax(score) < 0.1

    def test_appearance__follows_the_part(self) -> None:
        """A plate that lies 12 mm aside has the same texture at the same places of the part."""
        width, shift = 256, 10  # a pixel is 300 / 256 mm
        wide = _texture(2 * width, seed=0, contrast=0.3)[:192]
        nominal, new = _gray(wide[:, :width]), _gray(wide[:, shift : width + shift])
        frames, surfaces = _plate(nominal)
        look = NominalAppearance.of(frames, surfaces)
        found, unmoved = (
            appearance(look, *_plate(new), motion)[0]["00"]
            for motion in (_aside(shift * 300 / width, surfaces["00"]), HOME)
        )
        assert np.nanquantile(found, 0.99) < 0.3
        assert np.nanquantile(unmoved, 0.99) > 0.8
        assert np.isnan(found).sum() > np.isnan(unmoved).sum()

    def test_appearance__a_view_that_the_nominal_scan_lacks_is_left_out(self) -> None:
        frames, surfaces = _plate(_gray(np.zeros((96, 128))))
        look = NominalAppearance.of(frames, surfaces)
        found = appearance(look, frames | {"01": frames["00"]}, surfaces | {"01": surfaces["00"]}, HOME)
        assert len(found) == 1 + len(THIRDS)
        assert all(set(one) == {"00"} for one in found)

    @pytest.mark.parametrize("shift", [0, 16])
    def test_appearance__a_scratch_is_told_by_lines_where_patches_miss_it(self, shift: int) -> None:
        """Of a part that was moved too, as the nominal image is read where the part was."""
        width = 512
        wide = _texture(width + shift, seed=2)
        nominal, other = wide[:, :width], _texture(width, seed=3)
        cv2.line(other, (240 - shift, 180), (262 - shift, 198), float(other[180, 240 - shift]) + 0.6, 1)
        frames, surfaces = _plate(_gray(nominal))
        look = NominalAppearance.of(frames, surfaces)
        patches, short, _ = appearance(
            look, *_plate(_gray(other)), _aside(shift * 300 / width, surfaces["00"])
        )
        v, u = np.mgrid[:384, :width]
        beside = np.hypot(u - (251 - shift), v - 189) > 40
        found = [np.nanmax(one["00"][~beside]) / np.nanmax(one["00"][beside]) for one in (patches, short)]
        assert found[1] > 1.5
        assert found[1] > 1.2 * found[0]


def _aside(distance: float, surface: ViewSurface) -> Array:
    """(4, 4) motion along the image's rows."""
    motion = np.eye(4)
    motion[:3, 3] = distance * surface.camera.T_world_to_camera[0, :3]
    return motion


def _slow_between_scales(values: Array, known: Array, sigma: float) -> Array:
    height, width = values.shape
    found = np.zeros((height, width))
    for row, column in zip(*np.nonzero(known), strict=True):
        means = []
        for spread in (sigma, BROADER * sigma):
            reach = round(4 * spread)
            total = share = whole = 0.0
            for dv in range(-reach, reach + 1):
                for du in range(-reach, reach + 1):
                    weight = np.exp(-(du**2 + dv**2) / (2 * spread**2))
                    # Beyond the border the picture is mirrored.
                    v, u = (
                        _mirrored(place, size) for place, size in ((row + dv, height), (column + du, width))
                    )
                    whole += weight
                    if known[v, u]:
                        total, share = total + weight * values[v, u], share + weight
            means.append(total / share if share / whole > LEAST_SHARE else np.nan)
        found[row, column] = np.nan_to_num(means[0] - means[1])
    return found


def _mirrored(place: int, size: int) -> int:
    while not 0 <= place < size:
        place = -place if place < 0 else 2 * (size - 1) - place
    return place


class TestBetweenScales:
    def test_between_scales__against_a_loop(self) -> None:
        rng = np.random.default_rng(0)
        values = rng.standard_normal((12, 15)).astype(np.float32)
        known = rng.random((12, 15)) > 0.4
        known[:, :6] = False
        known[2, 2] = True
        np.testing.assert_allclose(
            between_scales(values, known, 0.8), _slow_between_scales(values, known, 0.8), atol=2e-3
        )

    def test_between_scales__what_is_not_known_plays_no_part(self) -> None:
        rng = np.random.default_rng(1)
        values, known = rng.standard_normal((40, 60)).astype(np.float32), rng.random((40, 60)) > 0.3
        spoiled = np.where(known, values, np.nan).astype(np.float32)
        np.testing.assert_array_equal(between_scales(spoiled, known, 3.0), between_scales(values, known, 3.0))

    def test_between_scales__of_a_constant_is_none(self) -> None:
        known = np.random.default_rng(2).random((60, 80)) > 0.3
        assert np.abs(between_scales(np.full((60, 80), 3.0, np.float32), known, 4.0)).max() < 1e-4
