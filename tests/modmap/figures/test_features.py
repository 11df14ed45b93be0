"""Feature pictures: which pixel has which token's colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modmap.drawing.colours import BACKGROUND
from modmap.drawing.table import BOLD, PLAIN
from modmap.errors import ModMapError
from modmap.figures.components import component_colours
from modmap.figures.features import NamedEncoder, feature_picture, named_encoders
from modmap.foreground import foreground_mask
from modmap.scan import Scan
from tests.modmap.drawing.pixels import as_rgb, find, find_words, places

CPU = torch.device("cpu")
HEIGHT, WIDTH = 60, 80


@pytest.fixture(scope="module")
def encoders(tiny_encoder: Path, tiny_depth_encoder: Path) -> list[NamedEncoder]:
    """Two depth encoders and an image encoder, 8 x 8 tokens."""
    references = [f"local-dir:{tiny_encoder}", f"local-dir:{tiny_depth_encoder}"]
    return named_encoders(references, ["three", "one"], references[0], size=112, device=CPU)


def slow_picture(scan: Scan, one: NamedEncoder) -> list[Any]:
    """(H, W, 3) of each view, by a loop over its pixels: the colour of the token around each pixel of the part."""
    grid, side = one.encoder.grid, max(HEIGHT, WIDTH)
    masks, owners, tokens = [], [], []
    for frame in scan.frames():
        masks.append(foreground_mask(frame.depth)[0])
        owner = np.zeros((HEIGHT, WIDTH), dtype=int)
        for row in range(HEIGHT):
            for column in range(WIDTH):
                y, x = row + (side - HEIGHT) / 2 + 0.5, column + (side - WIDTH) / 2 + 0.5
                owner[row, column] = int(y * grid / side) * grid + int(x * grid / side)
        owners.append(owner)
        tokens.append(one.encoder.tokens(frame, device=CPU).numpy())
    held = [np.unique(owner[mask]) for owner, mask in zip(owners, masks, strict=True)]
    colours = component_colours([one_view[which] for one_view, which in zip(tokens, held, strict=True)])
    pictures = []
    for mask, owner, which, colour in zip(masks, owners, held, colours, strict=True):
        picture = np.full((HEIGHT, WIDTH, 3), BACKGROUND, dtype=np.uint8)
        picture[mask] = colour[np.searchsorted(which, owner[mask])]
        pictures.append(picture)
    return pictures


class TestFeaturePicture:
    def test_picture__every_pixel_has_its_tokens_colour_and_the_background_none(
        self, encoders: list[NamedEncoder], make_scan: Callable[..., Scan]
    ) -> None:
        scan = make_scan(views=3, change=("01",))
        drawn = np.asarray(feature_picture(scan, encoders, device=CPU))
        for one in encoders:
            # Views of a ball look much alike: those that were not changed may well be equal.
            assert find(drawn, slow_picture(scan, one)[1])

    def test_picture__columns_and_rows(
        self, encoders: list[NamedEncoder], make_scan: Callable[..., Scan]
    ) -> None:
        scan = make_scan(views=2, change=("00", "01"))
        scan = replace(
            scan, views=[scan.views[0], replace(scan.views[1], image=255 - np.asarray(scan.views[1].image))]
        )
        drawn = np.asarray(feature_picture(scan, encoders, device=CPU))
        headings = [find_words(drawn, PLAIN.line(name))[1] for name in ("depth", "three", "one", "image")]
        assert headings == sorted(headings)
        for view in scan.views:
            row, column = find(drawn, as_rgb(view.image))
            assert find_words(drawn, BOLD.line(f"view {view.id}"))[0] == row
            assert column == headings[3]

    def test_picture__the_order_of_views_changes_no_colour(
        self, encoders: list[NamedEncoder], make_scan: Callable[..., Scan]
    ) -> None:
        scan = make_scan(views=2, change=("00",))
        straight = np.asarray(feature_picture(scan, encoders[:1], device=CPU))
        back = np.asarray(feature_picture(scan.subset(["01", "00"]), encoders[:1], device=CPU))
        first, second = (find(straight, slow_picture(scan, encoders[0])[n]) for n in (0, 1))
        for here, there in ((first, second), (second, first)):
            one = straight[here[0] : here[0] + HEIGHT, here[1] : here[1] + WIDTH]
            other = back[there[0] : there[0] + HEIGHT, there[1] : there[1] + WIDTH]
            assert np.abs(one.astype(int) - other).max() <= 1

    def test_picture__a_view_of_holes_is_blank(
        self, encoders: list[NamedEncoder], make_scan: Callable[..., Scan]
    ) -> None:
        scan = make_scan(views=2)
        holes = replace(scan.views[0], depth=np.zeros((HEIGHT, WIDTH), np.float32))
        drawn = np.asarray(feature_picture(replace(scan, views=(holes, scan.views[1])), encoders[:1]))
        depth, tokens = places(drawn, np.full((HEIGHT, WIDTH, 3), BACKGROUND, dtype=np.uint8))
        assert depth[0] == tokens[0] == find_words(drawn, BOLD.line("view 00"))[0]
        with pytest.raises(ModMapError, match="expected measured depth, found only holes in every view"):
            feature_picture(replace(scan, views=(holes,)), encoders[:1])


class TestNamedEncoders:
    def test_named_encoders__the_first_gives_the_grid(
        self, make_encoder: Callable[..., Path], tiny_encoder: Path
    ) -> None:
        other = make_encoder(patch=8)
        references = [f"local-dir:{tiny_encoder}", f"local-dir:{other}"]
        loaded = named_encoders(references, [], references[0], size=70, device=CPU)
        assert [one.encoder.grid for one in loaded] == [5, 5, 5]
        # Both folders are called vit.
        assert [one.name for one in loaded] == [*references, "vit"]
        assert named_encoders(references[:1], [], None, size=70, device=CPU)[0].name == "vit"
