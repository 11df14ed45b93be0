"""Cross-view pictures: read back from their pixels."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.detector.model import ModMap
from modmap.drawing.colours import BACKGROUND, palette
from modmap.drawing.legend import draw_legend
from modmap.drawing.lettering import PAPER
from modmap.drawing.picture import Picture
from modmap.drawing.table import BOLD, PLAIN
from modmap.errors import ModMapError
from modmap.figures import pairs
from modmap.figures.pairs import pair_pictures
from modmap.mapping.anomaly_maps import pair_maps, refined_maps
from modmap.scan import Scan
from tests.modmap.drawing.pixels import as_rgb, find, find_words, places
from tests.modmap.figures.written_words import says

Array = npt.NDArray[Any]
VIEWS, HEIGHT, WIDTH = 3, 60, 80


@pytest.fixture(scope="module")
def scan(make_scan: Callable[..., Scan]) -> Scan:
    """Images that can be told apart."""
    made = make_scan(views=VIEWS, change=("01",))
    rng = np.random.default_rng(0)
    views = [
        replace(
            view, image=np.clip(view.image + rng.integers(0, 9, (HEIGHT, WIDTH)), 0, 255).astype(np.uint8)
        )
        for view in made.views
    ]
    return replace(made, views=views)


@pytest.fixture(scope="module")
def model(make_model: Callable[..., ModMap], make_scan: Callable[..., Scan]) -> ModMap:
    return make_model(make_scan(views=VIEWS))


@pytest.fixture(scope="module")
def pictures(model: ModMap, scan: Scan) -> dict[Any, Picture]:
    return pair_pictures(model, scan)


def levels(tile: Array) -> Array:
    """(h, w) level of the scale of every pixel, 256 where there is none: so that it never is the minimum."""
    index = {tuple(colour): level for level, colour in enumerate(palette().tolist())}
    index[BACKGROUND] = 256
    return np.array([[index[tuple(pixel)] for pixel in line] for line in tile.tolist()])


def tiles(picture: Picture, scan: Scan) -> list[list[Array]]:
    """Rows of tiles, from the first source to the minimum, found by the images of the targets over them."""
    drawn = np.asarray(picture)
    columns = [find(drawn, as_rgb(view.image)) for view in scan.views]
    assert len({row for row, _ in columns}) == 1
    rows = []
    row = columns[0][0]
    for _ in range(len(columns) + 1):
        row += HEIGHT
        while (drawn[row, columns[0][1] :][:WIDTH] == PAPER).all():
            row += 1
        rows.append([drawn[row : row + HEIGHT, column : column + WIDTH] for _, column in columns])
    return rows


class TestPairPictures:
    def test_last_row__is_the_minimum_of_the_rows_above(
        self, pictures: dict[Any, Picture], scan: Scan
    ) -> None:
        rows = [[levels(tile) for tile in row] for row in tiles(pictures["image"], scan)]
        for target in range(VIEWS):
            sources = np.array([rows[source][target] for source in range(VIEWS)])
            np.testing.assert_array_equal(rows[-1][target], sources.min(axis=0))
            assert len(np.unique(sources.argmin(axis=0))) > 1

    def test_tiles__are_the_distances_of_their_pair(
        self, pictures: dict[Any, Picture], model: ModMap, scan: Scan
    ) -> None:
        bank = model.fitted.bank(scan, model.fitted.encode(scan))
        maps = {(s, t): image.numpy() for s, t, image, _ in pair_maps(model.fitted.mapper, bank)}
        depths = [depth.numpy() for _, _, _, depth in pair_maps(model.fitted.mapper, bank)]
        every = np.concatenate([*maps.values(), *depths])
        top = every[np.isfinite(every)].max()
        rows = tiles(pictures["image"], scan)
        for (source, target), distances in maps.items():
            tile = levels(rows[source][target])
            grid = distances.reshape(8, 8)
            for row in range(0, HEIGHT, 3):
                for column in range(0, WIDTH, 3):
                    # The scan is padded to a square of 80 pixels, 8 tokens of 10 pixels.
                    value = grid[(row + 10) // 10, column // 10]
                    expected = round(255 * float(value / top)) if np.isfinite(value) else 256
                    assert abs(int(tile[row, column]) - expected) <= 1

    def test_minimum__is_what_a_prediction_takes(
        self, pictures: dict[Any, Picture], model: ModMap, scan: Scan
    ) -> None:
        refined, _ = refined_maps(model.fitted.mapper, model.fitted.bank(scan, model.fitted.encode(scan)))
        last = tiles(pictures["image"], scan)[-1]
        for target in range(VIEWS):
            shown = refined[target].isfinite().reshape(8, 8).numpy()
            blank = levels(last[target]) == 256
            assert (blank == ~np.kron(shown, np.ones((10, 10), bool))[10:70]).all()

    def test_one_scale__for_both_modalities(
        self, pictures: dict[Any, Picture], model: ModMap, scan: Scan
    ) -> None:
        given = pair_pictures(model, scan, top=2.0)
        for modality, picture in given.items():
            drawn = np.asarray(picture)
            height = (VIEWS + 2) * HEIGHT
            legend = draw_legend(height, 2.0, lettering=PLAIN, over_gray=False, heading="distance")
            assert find(drawn, legend)[1] > WIDTH * VIEWS
            assert np.asarray(pictures[modality]).shape[0] == drawn.shape[0]
        weak = levels(tiles(given["image"], scan)[0][0])
        strong = levels(tiles(pictures["image"], scan)[0][0])
        assert weak[weak < 256].max() < strong[strong < 256].max()

    def test_words__name_sources_and_targets(self, pictures: dict[Any, Picture]) -> None:
        for picture in pictures.values():
            drawn = np.asarray(picture)
            headings = [find_words(drawn, PLAIN.line(f"to {n:02d}")) for n in range(VIEWS)]
            labels = [
                find_words(drawn, BOLD.line(text))
                for text in ("target", "from 00", "from 01", "from 02", "minimum")
            ]
            assert headings == sorted(headings, key=lambda place: place[1])
            assert labels == sorted(labels)

    def test_views__any_subset(self, model: ModMap, scan: Scan) -> None:
        drawn = np.asarray(pair_pictures(model, scan.subset(["02", "00"]))["image"])
        second, first = (find(drawn, as_rgb(scan[view].image)) for view in ("02", "00"))
        assert second[1] < first[1]
        assert not places(drawn, as_rgb(scan["01"].image))

    def test_a_view_of_holes__is_left_out_and_said_to_be(self, model: ModMap, scan: Scan) -> None:
        holes = replace(scan["01"], depth=np.zeros((HEIGHT, WIDTH), np.float32))
        spoilt = replace(scan, views=[scan["00"], holes])
        drawn = np.asarray(pair_pictures(model, spoilt, top=1.0)["image"])
        assert not places(drawn, PLAIN.line("to 01"))
        assert find(drawn, as_rgb(scan["00"].image))
        assert says(drawn, "left out, as nothing was measured there: 01")

    def test_maps__one_pair_is_held_at_a_time(
        self, model: ModMap, scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alive: list[int] = []

        def watched(*arguments: Any) -> Iterator[Any]:
            given: list[Any] = []
            for source, target, image, depth in pair_maps(*arguments):
                fresh = image.clone()
                given.append(weakref.ref(fresh))
                yield source, target, fresh, depth
                del fresh
                alive.append(sum(one() is not None for one in given))

        monkeypatch.setattr(pairs, "pair_maps", watched)
        pair_pictures(model, scan)
        assert len(alive) == VIEWS**2
        assert max(alive) <= 1

    def test_errors__one_line_each(
        self, model: ModMap, scan: Scan, make_model: Callable[..., ModMap], make_scan: Callable[..., Scan]
    ) -> None:
        with pytest.raises(ModMapError, match="positive distance at the scale's top, found 0"):
            pair_pictures(model, scan, top=0)
        with pytest.raises(ModMapError, match="expected a fitted model"):
            pair_pictures(ModMap(device="cpu"), scan)
        with pytest.raises(ModMapError, match="found 03"):
            pair_pictures(model, make_scan(views=4))
        single = make_model(make_scan(views=2), training={"epochs": 1}, mapping={"cross_view": False})
        with pytest.raises(ModMapError, match=r"found one with mapping\.cross_view=false"):
            pair_pictures(single, scan.subset(["00"]))
