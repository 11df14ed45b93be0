"""Grain, relief and holes on a plate that a camera looks straight at, remembered by a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from modmap.alignment.surface import ViewSurface, view_surface
from modmap.camera import Camera
from modmap.evidence import memory as module
from modmap.evidence import part_window
from modmap.evidence.memory import Memory, remembered
from modmap.evidence.part_window import KINDS
from modmap.scan import Frame
from tests.synthetic_scans import intrinsics, look_at

Array = npt.NDArray[Any]
Views = tuple[dict[str, Frame], dict[str, ViewSurface]]
SIDE = 192
HOME = np.array([0.0, 0.0, 300.0])
CAMERA = Camera(
    intrinsics(SIDE, SIDE, focal=float(SIDE)), look_at(HOME, np.zeros(3), up=(0, 1, 0)), size=(SIDE, SIDE)
)
PLATE = (slice(24, 152), slice(40, 168))  # not in the frame's middle
SPOT = (slice(72, 100), slice(96, 124))


def _grain(seed: int, *, coarse: float = 1.5) -> Array:
    """(H, W) gray levels about 100 with a grain of 8."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((SIDE, SIDE)), (0, 0), coarse)
    return np.asarray(100 + 8 * noise / noise.std())


def _depth(seed: int = 9) -> Array:
    """(H, W) a plate with shallow waves across it that a sensor measured, nothing beside it."""
    depth = np.zeros((SIDE, SIDE), np.float32)
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(SIDE, SIDE))
    depth[PLATE] = (300 + 0.6 * np.sin(np.arange(SIDE) / 6) + noise)[PLATE]
    return depth


def _views(image: Array, depth: Array | None = None, *, view: str = "00") -> Views:
    depth = _depth() if depth is None else depth
    frame = Frame(view, image.clip(0, 255).astype(np.uint8), np.ascontiguousarray(depth), CAMERA)
    return {view: frame}, {view: view_surface(frame, depth > 0)}


def _memory(*scans: Views, turns: int = 1) -> Memory:
    return Memory.of(scans, count=len(scans), turns=turns)


def _scores(memory: Memory, views: Views) -> list[Array]:
    return [maps["00"] for maps in remembered(memory, *views)]


@pytest.fixture(scope="module", autouse=True)
def _seen_small() -> Iterator[None]:
    """A quarter of the patches, and of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_window, "SIDE", 256)
        yield


@pytest.fixture(scope="module")
def several() -> Memory:
    return _memory(*(_views(_grain(seed), _depth(seed)) for seed in range(4)))


class TestMemory:
    def test_of__where_several_scans_are_good_parts_show_about_one_at_most(self, several: Memory) -> None:
        for one in _scores(several, _views(_grain(9))):
            assert 0.5 < np.nanmax(one) < 1.5
            assert np.nanmedian(one) < 0.95

    def test_of__keeps_no_more_patches_than_there_may_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """300 of all views, or of each so many."""
        monkeypatch.setattr(module, "MOST_PATCHES", 300)
        monkeypatch.setattr(module, "OF_VIEW", 0)
        memory = _memory(_views(_grain(0)), _views(_grain(1)), turns=3)
        assert {kind: len(memory.views["00"].patches[kind]) for kind in KINDS} == dict.fromkeys(KINDS, 300)
        monkeypatch.setattr(module, "OF_VIEW", 360)
        memory = _memory(_views(_grain(0)), _views(_grain(1)), turns=3)
        assert {kind: len(memory.views["00"].patches[kind]) for kind in KINDS} == dict.fromkeys(KINDS, 360)

    def test_of__the_same_scans_give_the_same_bits(self) -> None:
        first, second = (_memory(_views(_grain(0)), _views(_grain(1))) for _ in range(2))
        for kind in KINDS:
            assert torch.equal(first.views["00"].patches[kind], second.views["00"].patches[kind])
            assert first.views["00"].most == second.views["00"].most

    def test_of__a_view_without_any_part_is_left_out(self) -> None:
        frames, surfaces = _views(_grain(0))
        empty_frames, empty = _views(_grain(0), np.zeros((SIDE, SIDE), np.float32), view="01")
        memory = _memory((frames | empty_frames, surfaces | empty))
        assert list(memory.views) == ["00"]
        assert list(remembered(memory, frames | empty_frames, surfaces | empty)[0]) == ["00"]

    def test_of__a_small_part_is_enlarged(self) -> None:
        assert _memory(_views(_grain(0))).factor == part_window.SIDE / 128
        small = np.where(np.arange(SIDE) < 60, _depth(), 0).astype(np.float32)
        small[:100] = 0
        assert _memory(_views(_grain(0), small)).factor == part_window.LARGEST_FACTOR


class TestRemembered:
    def test_remembered__a_nominal_scan_itself_shows_nothing(self) -> None:
        for one in _scores(_memory(_views(_grain(0))), _views(_grain(0))):
            assert np.nanmax(one) < 0.05

    def test_remembered__every_pixel_of_the_part_and_no_other(self, several: Memory) -> None:
        for one in _scores(several, _views(_grain(9))):
            np.testing.assert_array_equal(np.isfinite(one), _depth() > 0)

    def test_remembered__a_view_that_was_never_seen_is_left_out(self, several: Memory) -> None:
        assert remembered(several, *_views(_grain(9), view="07")) == ({}, {})

    def test_remembered__ground_surface_is_told_by_the_image_alone(self, several: Memory) -> None:
        good, ground = _grain(9), _grain(9)
        ground[SPOT] = np.broadcast_to(100 + 11 * np.sin(1.2 * np.arange(SIDE)), (SIDE, SIDE))[SPOT]
        (image, normals), (found, same) = (_scores(several, _views(one)) for one in (good, ground))
        _stands_out(found, image)
        np.testing.assert_array_equal(normals, same)

    def test_remembered__a_bump_is_told_by_normals_alone(self, several: Memory) -> None:
        depth = _depth()
        rows, columns = np.mgrid[-14:14, -14:14] / 14
        depth[SPOT] -= (2 * np.exp(-4 * (rows**2 + columns**2))).astype(np.float32)
        (image, normals), (same, found) = (
            _scores(several, _views(_grain(9), one)) for one in (_depth(), depth)
        )
        _stands_out(found, normals)
        np.testing.assert_array_equal(image, same)

    def test_remembered__wherever_on_the_part_it_was(self) -> None:
        """A good part whose mark is elsewhere than on the nominal ones, and one that has another mark."""

        def marked(seed: int, row: int, *, mark: float) -> Views:
            image = _grain(seed)
            image[row : row + 16, 60:140] = 100 + mark * np.sin(0.8 * np.arange(60, 140))
            return _views(image, _depth(seed))

        memory = _memory(*(marked(seed, 40 + 12 * seed, mark=40) for seed in range(6)))
        moved = _scores(memory, marked(9, 70, mark=40))[0]
        other = _scores(memory, marked(9, 70, mark=140))[0]
        assert np.nanmax(moved) < 1.1 < 1.4 < np.nanmax(other)

    def test_remembered__holes_that_glare_left_are_closed(self, several: Memory) -> None:
        depth = _depth()
        depth[80:84, 90:110] = 0
        whole, holed = (_scores(several, _views(_grain(9), one))[1] for one in (_depth(), depth))
        assert np.nanmax(holed) < 1.25 * np.nanmax(whole)

    @pytest.mark.parametrize("quarters", [1, 2, 3])
    def test_remembered__a_part_that_lies_turned(self, quarters: int) -> None:
        image, depth = _grain(0), _depth()
        image[PLATE] += 60 * (np.arange(128) % 16 < 8)[:, None]
        turned = _views(np.rot90(image, quarters).copy(), np.rot90(depth, quarters).copy())
        without, with_turns = (_memory(_views(image, depth), turns=turns) for turns in (1, 4))
        for kind, one, few in zip(KINDS, _scores(with_turns, turned), _scores(without, turned), strict=True):
            assert np.nanmedian(one) < 0.6, kind
            assert np.nanmedian(few) > (1.3 if quarters == 2 else 2.5) * np.nanmedian(one), kind

    def test_remembered__enlarged_or_not_a_defect_is_found_where_it_is(self) -> None:
        for factor in (1, 2):
            image = _grain(9, coarse=2.5)
            image[SPOT] = 30
            memory = _memory(*(_views(_grain(seed, coarse=2.5)) for seed in range(3)))
            memory = Memory(memory.factor / factor, memory.views)
            found = np.nan_to_num(_scores(memory, _views(image))[0])
            rows, columns = np.nonzero(found > 0.8 * found.max())
            middle = [(one.start + one.stop - 1) / 2 for one in SPOT]
            # An edge all around it: the scores lie evenly about its middle.
            assert rows.mean() == pytest.approx(middle[0], abs=5)
            assert columns.mean() == pytest.approx(middle[1], abs=5)

    def test_remembered__what_the_part_lies_on_has_no_say(self) -> None:
        """A table of which no normals are left, and which looks otherwise on the new scan."""

        def on_table(seed: int, table: float) -> Views:
            image, depth = np.full((SIDE, SIDE), table), np.full((SIDE, SIDE), 310, np.float32)
            image[PLATE], depth[PLATE] = _grain(seed)[PLATE], _depth(seed)[PLATE]
            frames, surfaces = _views(image, depth)
            cosine = np.zeros((SIDE, SIDE), np.float32)
            cosine[PLATE] = surfaces["00"].cosine[PLATE]
            return frames, {"00": replace(surfaces["00"], cosine=cosine)}

        memory = _memory(*(on_table(seed, 40) for seed in range(4)))
        assert memory.factor == pytest.approx(_memory(_views(_grain(0))).factor, rel=0.05)
        far = np.ones((SIDE, SIDE), bool)
        far[_around(PLATE, 3)] = False
        for one, same in zip(*(_scores(memory, on_table(9, table)) for table in (40, 200)), strict=True):
            assert np.isnan(one[far]).all()
            np.testing.assert_array_equal(np.isnan(one), np.isnan(same))

    def test_beside__all_pairs_nearer_than_a_scan_is_compared_with_itself(self) -> None:
        rng = np.random.default_rng(0)
        every = np.argwhere(np.ones((19, 23), bool))
        places, asked = (every[rng.permutation(len(every))[:count]] for count in (300, 80))
        near = np.abs(asked[:, None] - places[None]).max(axis=-1) < module.APART
        found = np.zeros_like(near)
        for row, column in module._beside(asked, places):
            found[row, column] = True
        np.testing.assert_array_equal(found, near)

    def test_nearest__as_every_distance_has_it(self) -> None:
        rng = np.random.default_rng(0)
        some, among = rng.standard_normal((1500, 5)), rng.standard_normal((70, 5))
        slow = np.sqrt(((some[:, None] - among[None]) ** 2).sum(axis=2)).min(axis=1)
        found = module._nearest(torch.from_numpy(some), torch.from_numpy(among)).numpy()
        np.testing.assert_allclose(found, slow, rtol=1e-6)


def _stands_out(found: Array, good: Array) -> None:
    """At the spot more than anywhere on the good part; elsewhere as before."""
    assert np.nanmax(found[SPOT]) > 1.4 * np.nanmax(good)
    far = found.copy()
    far[_around(SPOT, 32)] = np.nan
    assert np.nanmax(far) <= 1.05 * np.nanmax(good)


def _around(place: Sequence[slice], pixels: int) -> tuple[slice, ...]:
    return tuple(slice(one.start - pixels, one.stop + pixels) for one in place)
