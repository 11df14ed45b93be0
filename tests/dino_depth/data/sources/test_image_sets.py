"""MVTec AD, LOCO and AD 2, and VisA, from miniatures in their layouts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dino_depth.data.sources.image_folders import image_folders
from dino_depth.data.sources.visa import visa
from dino_depth.errors import DinoDepthError
from tests.dino_depth.data.sources.miniatures import (
    MVTEC_AD,
    MVTEC_AD_2,
    MVTEC_LOCO,
    write_image,
    write_mvtec,
    write_visa,
)


@pytest.mark.parametrize(
    ("name", "files"), [("mvtec_ad", MVTEC_AD), ("mvtec_loco", MVTEC_LOCO), ("mvtec_ad_2", MVTEC_AD_2)]
)
class TestMVTec:
    def test_items__nominal_training_parts_only(
        self, tmp_path: Path, name: str, files: tuple[str, ...]
    ) -> None:
        write_mvtec(tmp_path, files)
        source = image_folders(name, tmp_path)
        assert source.images
        assert source.name == name
        assert source.names() == [f"bottle/{file}:0" for file in files[:2]]

    def test_items__everything_but_masks(self, tmp_path: Path, name: str, files: tuple[str, ...]) -> None:
        write_mvtec(tmp_path, files)
        assert set(image_folders(name, tmp_path, everything=True).names()) == {
            f"bottle/{file}:0" for file in files
        }

    def test_read(self, tmp_path: Path, name: str, files: tuple[str, ...]) -> None:
        write_mvtec(tmp_path, files)
        image = write_image(tmp_path / "bottle" / files[0], 77)
        source = image_folders(name, tmp_path)
        np.testing.assert_array_equal(source.read(source.items[0]), image)
        gray = image[..., 0]
        cv2.imwrite(str(source.items[0].path), gray)
        np.testing.assert_array_equal(source.read(source.items[0]), np.stack([gray] * 3, axis=-1))
        source.items[0].path.write_bytes(source.items[0].path.read_bytes()[:-20])
        with pytest.raises(DinoDepthError, match=r"png: truncated PNG: .* found none in \d+ bytes"):
            source.read(source.items[0])

    def test_layout__empty_folder(self, tmp_path: Path, name: str, files: tuple[str, ...]) -> None:
        with pytest.raises(DinoDepthError, match="with train/good in each, found an empty folder"):
            image_folders(name, tmp_path)
        (tmp_path / "bottle" / "train" / "good").mkdir(parents=True)
        with pytest.raises(DinoDepthError, match=r"bottle/train/good: expected files .png, .*, found none"):
            image_folders(name, tmp_path)


class TestVisA:
    def test_items__nominal_training_parts_only_unless_asked(self, tmp_path: Path) -> None:
        write_visa(tmp_path)
        names = visa(tmp_path).names()
        assert names == [f"candle/Data/Images/Normal/000{number}.JPG:0" for number in (0, 2)]
        assert len(visa(tmp_path, everything=True).items) == 4
        source = visa(tmp_path)
        assert source.images
        assert source.read(source.items[0]).shape == (40, 56, 3)

    def test_layout__errors_name_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(
            DinoDepthError,
            match=r"split_csv/1cls.csv: expected the list of the training and test images, found no",
        ):
            visa(tmp_path)
        write_visa(tmp_path)
        (tmp_path / "candle" / "Data" / "Images" / "Normal" / "0002.JPG").unlink()
        with pytest.raises(
            DinoDepthError, match=r"0002.JPG: expected the image that 1cls.csv lists, found no such"
        ):
            visa(tmp_path)
        split = tmp_path / "split_csv" / "1cls.csv"
        split.write_text("object,split,label,image,mask\n")
        with pytest.raises(DinoDepthError, match="expected rows of split train and label normal, found none"):
            visa(tmp_path)
        split.write_text("object,image\n")
        with pytest.raises(
            DinoDepthError, match="expected the columns object, split, label, image, found object, image"
        ):
            visa(tmp_path)

    @pytest.mark.parametrize(
        ("end", "message"),
        [
            (b"candle,train,normal", "line 6: expected object, split, label, image, found no image"),
            (
                b"candle,train,normal,\xff\xfe.JPG,\n",
                "line 6: expected UTF-8, found",
            ),
            (
                b"candle,train,normal," + b"x" * 140_000,
                "line 6: expected values with commas, found field larger than",
            ),
        ],
    )
    def test_layout__damaged_list(self, tmp_path: Path, end: bytes, message: str) -> None:
        write_visa(tmp_path)
        split = tmp_path / "split_csv" / "1cls.csv"
        split.write_bytes(split.read_bytes() + end)
        for everything in (False, True):
            with pytest.raises(DinoDepthError, match=rf"split_csv/1cls\.csv: {message}") as error:
                visa(tmp_path, everything=everything)
            assert "\n" not in str(error.value)

    def test_read__truncated(self, tmp_path: Path) -> None:
        write_visa(tmp_path)
        source = visa(tmp_path)
        path = source.items[0].path
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(DinoDepthError, match=r"0000.JPG: truncated JPEG: .* found none in \d+ bytes"):
            source.read(source.items[0])
