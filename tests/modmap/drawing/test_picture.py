"""Pictures as notebooks, files and NumPy take them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modmap.drawing.picture import Picture
from modmap.errors import ModMapError


@pytest.fixture
def picture() -> Picture:
    return Picture(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8))


class TestPicture:
    def test_png__is_what_pillow_reads(self, picture: Picture) -> None:
        read = Image.open(io.BytesIO(picture._repr_png_()))
        assert read.format == "PNG"
        np.testing.assert_array_equal(np.asarray(read), picture.pixels)

    def test_save__makes_directories_and_leaves_nothing_else(self, picture: Picture, tmp_path: Path) -> None:
        path = picture.save(tmp_path / "new" / "one.png")
        np.testing.assert_array_equal(np.asarray(Image.open(path)), picture.pixels)
        assert list(path.parent.iterdir()) == [path]

    def test_save__other_suffix(self, picture: Picture, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match=r"one\.jpg: expected a file to end in \.png, found \.jpg"):
            picture.save(tmp_path / "one.jpg")

    def test_asarray__a_copy_of_any_type(self, picture: Picture) -> None:
        pixels = np.asarray(picture)
        pixels[:] = 0
        assert picture.pixels.any()
        assert np.asarray(picture, dtype=np.float32).dtype == np.float32
