"""Overlays of hand-made results: what is where in the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from modmap.drawing import overlays
from modmap.drawing.colours import colourise
from modmap.drawing.legend import draw_legend
from modmap.drawing.lettering import PAPER, Lettering
from modmap.drawing.overlays import write_overlays
from modmap.drawing.picture import Picture
from modmap.errors import ModMapError
from modmap.result import Result, ViewMaps
from modmap.scan import Frame, Scan, View
from tests.modmap.drawing.pixels import as_rgb, find, places, read

HEIGHT, WIDTH, GRID = 90, 120, 8
LAST = np.array([240, 249, 33])


def part_in(shape: tuple[int, int]) -> Any:
    mask = np.zeros(shape, dtype=bool)
    mask[shape[0] // 6 : -shape[0] // 6, shape[1] // 6 : -shape[1] // 6] = True
    return mask


def a_view(view_id: str, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> View:
    rng = np.random.default_rng(len(view_id))
    image = rng.integers(40, 200, shape, dtype=np.uint8)
    return View(view_id, image, np.where(part_in(shape), 500, 0).astype(np.float32))


def maps_of(
    view_id: str, tokens: Any, shape: tuple[int, int] = (HEIGHT, WIDTH), mask: Any = None
) -> ViewMaps:
    bits = np.packbits(part_in(shape) if mask is None else mask)
    tokens = np.asarray(tokens, dtype=np.float32)
    return ViewMaps(view_id, tokens, np.zeros_like(tokens), "max", shape, bits)


def flat(score: float) -> Any:
    return np.full((GRID, GRID), score)


def hot_right_half() -> Any:
    tokens = flat(0.0)
    tokens[:, GRID // 2 :] = 0.8
    return tokens


def a_result(views: dict[str, Any], score: float = 0.8, scan: str = "part_07") -> tuple[Result, Scan]:
    maps = {view_id: maps_of(view_id, tokens) for view_id, tokens in views.items()}
    return Result(scan, score, maps, None), Scan(scan, [a_view(view_id) for view_id in views])


def panels(path: Path, view: View) -> tuple[Any, Any]:
    """The image and the overlay in a view's page, the first found by its pixels, the second right of it."""
    page = read(path)
    height, width = np.asarray(view.image).shape
    row, column = find(page, as_rgb(view.image))
    gap = 0
    while (page[row : row + height, column + width + gap] == PAPER).all():
        gap += 1
    left = column + width + gap
    return page[row : row + height, column : column + width], page[row : row + height, left : left + width]


class TestWriteOverlays:
    def test_files__one_for_every_view_and_the_sheet(self, tmp_path: Path) -> None:
        result, scan = a_result({"b": flat(0.1), "a": flat(0.2)})
        files = write_overlays(result, scan, tmp_path / "new")
        names = [file.relative_to(tmp_path / "new").as_posix() for file in files]
        assert names == ["overlay_b.png", "overlay_a.png", "contact_sheet.png"]
        assert sorted(tmp_path.rglob("*.*")) == sorted(files)

    def test_hot_region__has_the_last_colour(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": hot_right_half()})
        file = write_overlays(result, scan, tmp_path)[0]
        _, overlay = panels(file, scan["a"])
        assert (overlay[20:70, 75:95] == LAST).all()

    def test_background_and_zero__are_the_gray_image(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": hot_right_half()})
        file = write_overlays(result, scan, tmp_path)[0]
        image, overlay = panels(file, scan["a"])
        background = ~part_in((HEIGHT, WIDTH))
        np.testing.assert_array_equal(overlay[background], image[background])
        np.testing.assert_array_equal(overlay[:, :50], image[:, :50])
        assert not np.array_equal(overlay[:, 60:], image[:, 60:])

    def test_depth_modality__is_in_the_overlay_too(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": flat(0.0)})
        maps = ViewMaps(
            "a", flat(0), flat(0.8), "max", (HEIGHT, WIDTH), np.packbits(part_in((HEIGHT, WIDTH)))
        )
        file = write_overlays(Result("part_07", 0.8, {"a": maps}, None), scan, tmp_path)[0]
        _, overlay = panels(file, scan["a"])
        assert (overlay[part_in((HEIGHT, WIDTH))] == LAST).all()
        assert result.score == 0.8

    def test_two_views__share_the_scale(self, tmp_path: Path) -> None:
        result, scan = a_result({"low": flat(0.4), "high": flat(0.8)})
        low, high, _ = write_overlays(result, scan, tmp_path)
        part = part_in((HEIGHT, WIDTH))
        image, weak = panels(low, scan["low"])
        _, strong = panels(high, scan["high"])
        assert (strong[part] == LAST).all()
        # By the formula: half of the scale, at opacity 0.5 ** 1.5.
        colour = colourise(np.array(0.5), 1.0).astype(float)
        expected = image + 0.5**1.5 * (colour - image)
        assert np.abs(weak[part] - expected[part]).max() <= 1.5

    def test_top_given__is_the_scales_end(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": flat(0.4)})
        part = part_in((HEIGHT, WIDTH))
        own = panels(write_overlays(result, scan, tmp_path / "own")[0], scan["a"])[1]
        given = panels(write_overlays(result, scan, tmp_path / "given", top=0.4)[0], scan["a"])[1]
        assert not (own[part] == LAST).all(axis=1).any()
        assert (given[part] == LAST).all()

    def test_legend__is_beside_every_picture(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": flat(0.4), "b": hot_right_half()})
        files = write_overlays(result, scan, tmp_path)
        for file in files[:-1]:
            legend = draw_legend(HEIGHT, 0.8, lettering=Lettering(overlays.SMALLEST_TEXT))
            assert find(read(file), legend)[1] > 2 * WIDTH
        sheet = read(files[-1])
        columns = sheet[:, -legend.shape[1] - 20 :].reshape(-1, 3)
        assert (columns == LAST).all(axis=1).any()

    def test_text__names_the_scan_the_view_and_their_scores(self, tmp_path: Path) -> None:
        result, scan = a_result({"top": flat(0.4), "b": flat(0.8)})
        page = read(write_overlays(result, scan, tmp_path)[0])
        text = Lettering(overlays.SMALLEST_TEXT)
        name = find(page, Lettering(text.size, bold=True).line("part_07   view top"))
        numbers = find(page, text.line("view maximum 0.400   scan score 0.800"))
        assert name[0] + text.line_height <= numbers[0]
        assert numbers[0] + text.line_height <= find(page, as_rgb(scan["top"].image))[0]

    def test_sheet__holds_every_view_with_its_name_and_maximum(self, tmp_path: Path) -> None:
        scores = {f"v{n:02d}": 0.1 + n / 20 for n in range(7)}
        result, scan = a_result({view_id: flat(score) for view_id, score in scores.items()})
        *files, sheet = write_overlays(result, scan, tmp_path)
        picture, text = read(sheet), Lettering(overlays.SMALLEST_TEXT)
        places = []
        for file, (view_id, score) in zip(files, scores.items(), strict=True):
            overlay = panels(file, scan[view_id])[1]
            row, column = find(picture, overlay)
            label = picture[row - text.line_height - 2 : row - 2, column : column + WIDTH]
            assert find(label, text.line(view_id))[1] == 0
            find(label, text.line(f"{score:.3f}"))
            places.append((row, column))
        assert places == sorted(places)
        assert 1 < len({row for row, _ in places}) < 7

    @pytest.mark.parametrize("count", [1, 2, 5, 12, 36])
    @pytest.mark.parametrize("shape", [(30, 40), (60, 20)])
    def test_sheet__no_tile_is_lost(self, tmp_path: Path, count: int, shape: tuple[int, int]) -> None:
        ids = [f"{n}" for n in range(count)]
        part = np.ones(shape, dtype=bool)
        maps = {i: maps_of(i, flat(0.8), shape, part) for i in ids}
        scan = Scan("s", [a_view(i, shape) for i in ids])
        sheet = read(write_overlays(Result("s", 0.8, maps, None), scan, tmp_path)[-1])
        solid = cv2.inRange(sheet, LAST, LAST)
        found, _, boxes, _ = cv2.connectedComponentsWithStats(solid)
        tiles = [tuple(box[2:4]) for box in boxes[1:found] if box[4] == shape[0] * shape[1]]
        assert tiles == [(shape[1], shape[0])] * count

    def test_longest_side__reduces_the_panels(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": flat(0.8)})
        page = read(write_overlays(result, scan, tmp_path, longest_side=40)[0])
        # The part is rows 15 to 75 and columns 20 to 100; only pixels wholly in it have the very colour.
        boxes = cv2.connectedComponentsWithStats(cv2.inRange(page, LAST, LAST))[2]
        assert [tuple(box[2:4]) for box in boxes[1:] if box[4] > 400] == [(26, 20)]
        assert find(page, as_rgb(cv2.resize(scan["a"].image, (40, 30), interpolation=cv2.INTER_AREA)))

    def test_reduced__edge_pixels_keep_the_score_of_their_part(self, tmp_path: Path) -> None:
        shape = (64, 64)
        part = np.zeros(shape, dtype=bool)
        part[:, :34] = True
        view = View("a", np.full(shape, 100, np.uint8), part.astype(np.float32))
        result = Result("s", 0.8, {"a": maps_of("a", flat(0.8), shape, part)}, None)
        page = read(write_overlays(result, Scan("s", [view]), tmp_path, longest_side=16)[0])
        row, column = find(page, np.full((16, 16, 3), 100, np.uint8))
        line = page[row, column + 16 :]
        overlay = line[np.flatnonzero((line != PAPER).any(axis=1))[0] :][:16]
        assert (overlay[:8] == LAST).all()
        # Half of this pixel is the part: half way between the gray and the hottest colour, not a cooler colour.
        assert np.abs(overlay[8] - (100 + LAST) / 2).max() <= 0.5
        assert (overlay[9:] == 100).all()

    def test_16_bit__uses_the_whole_range_of_gray(self, tmp_path: Path) -> None:
        result, scan = a_result({"a": flat(0.0)})
        deep = Scan("part_07", [View("a", scan["a"].image.astype(np.uint16) * 16, scan["a"].depth)])  # type: ignore[union-attr]
        page = read(write_overlays(result, deep, tmp_path)[0])
        image = np.asarray(scan["a"].image, dtype=float)
        expected = np.rint(image / image.max() * 255).astype(np.uint8)
        assert len(places(page, as_rgb(expected))) == 2

    def test_part_not_in_view__is_drawn_without_scores(self, tmp_path: Path) -> None:
        result, _ = a_result({"a": flat(0.4)})
        nothing = np.zeros((HEIGHT, WIDTH), dtype=bool)
        maps = {**result.views, "b": maps_of("b", flat(np.inf), mask=nothing)}
        both = Scan("part_07", [a_view("a"), a_view("b")])
        file = write_overlays(Result("part_07", 0.4, maps, None), both, tmp_path)[1]
        page = read(file)
        find(page, Lettering(overlays.SMALLEST_TEXT).line("view maximum none   scan score 0.400"))
        assert len(places(page, as_rgb(both["b"].image))) == 2

    @pytest.mark.parametrize("score", [0.0, float("nan"), float("inf")])
    def test_no_score_to_scale_by__is_drawn_all_the_same(self, tmp_path: Path, score: float) -> None:
        result, scan = a_result({"a": flat(0.0)}, score=score)
        page = read(write_overlays(result, scan, tmp_path)[0])
        assert find(page, draw_legend(HEIGHT, 1.0, lettering=Lettering(overlays.SMALLEST_TEXT)))

    def test_names_for_no_file_system__get_files_of_their_own(self, tmp_path: Path) -> None:
        result, scan = a_result({"a/b": flat(0.1), "a%2Fb": flat(0.2), "../c": flat(0.3), "ü": flat(0.1)})
        files = write_overlays(result, scan, tmp_path)
        assert len(set(files)) == 5
        assert sorted(tmp_path.rglob("*.png")) == sorted(files)

    def test_long_names__are_shortened_and_widen_nothing(self, tmp_path: Path) -> None:
        short, scan = a_result({"a": flat(0.4)})
        long = Result("a_long_name" * 30, short.score, short.views, None)
        pages = [
            [read(file).shape for file in write_overlays(result, scan, tmp_path / str(n))]
            for n, result in enumerate((short, long))
        ]
        assert pages[0] == pages[1]

    def test_one_view_at_a_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        result, scan = a_result({"a": flat(0.1), "b": flat(0.2)})
        steps: list[str] = []
        load, save = View.load, Picture.save

        def loads(view: View) -> Frame:
            steps.append(f"load {view.id}")
            return load(view)

        def saves(picture: Picture, path: Path) -> Path:
            steps.append(path.stem)
            return save(picture, path)

        monkeypatch.setattr(View, "load", loads)
        monkeypatch.setattr(Picture, "save", saves)
        write_overlays(result, scan, tmp_path)
        assert steps == ["load a", "overlay_a", "load b", "overlay_b", "contact_sheet"]

    @pytest.mark.parametrize("top", [0.0, -1.0, float("nan"), float("inf")])
    def test_top_of_no_scale__is_refused(self, tmp_path: Path, top: float) -> None:
        result, scan = a_result({"a": flat(0.1)})
        with pytest.raises(ModMapError, match="expected a positive score at the scale's top"):
            write_overlays(result, scan, tmp_path, top=top)

    def test_another_scans_views__are_refused(self, tmp_path: Path) -> None:
        result, _ = a_result({"a": flat(0.1)})
        with pytest.raises(ModMapError, match="no view 'a'"):
            write_overlays(result, Scan("other", [a_view("z")]), tmp_path)
        with pytest.raises(ModMapError, match=r"view a of the result's size 120x90, found 50x40"):
            write_overlays(result, Scan("other", [a_view("a", (40, 50))]), tmp_path)
