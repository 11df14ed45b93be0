"""Eyecandies from a miniature in its layout."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dino_depth.data.sources.eyecandies import eyecandies
from dino_depth.errors import DinoDepthError
from tests.single_view_sets import part, write_eyecandies


class TestEyecandies:
    def test_items__nominal_training_parts_only_unless_asked(self, tmp_path: Path) -> None:
        write_eyecandies(tmp_path)
        names = eyecandies(tmp_path).names()
        assert names == [f"GummyBear/train/data/00{number}_depth.png:0" for number in range(3)]
        assert len(eyecandies(tmp_path, everything=True).items) == 7

    def test_read__levels_between_the_ends_of_the_yaml(self, tmp_path: Path) -> None:
        source = eyecandies(write_eyecandies(tmp_path), keep_plane=True)
        item = source.items[0]
        cv2.imwrite(str(item.path), np.array([[0, 65535], [13107, 32768]], np.uint16))
        yaml = item.path.with_name("000_info_depth.yaml")
        yaml.write_text("normalization:\n  max: 1.5\n  min: 0.5\n")
        expected = [[500, 1500], [700, 1000 + 0.5 * 1000 / 65535]]
        np.testing.assert_allclose(source.read(item), expected, rtol=1e-6)

    def test_read__without_the_conveyor(self, tmp_path: Path) -> None:
        source = eyecandies(write_eyecandies(tmp_path))
        _, z, plane, _ = part(np.random.default_rng(0), defective=False)
        depth = source.read(source.items[0])
        far = np.abs(z / plane - 1) > 0.02
        np.testing.assert_allclose(depth[far], 1000 * z[far], atol=0.01)
        assert not depth[np.abs(z / plane - 1) < 1e-4].any()

    def test_yaml__missing(self, tmp_path: Path) -> None:
        write_eyecandies(tmp_path)
        (tmp_path / "GummyBear" / "train" / "data" / "001_info_depth.yaml").unlink()
        with pytest.raises(
            DinoDepthError,
            match=r"001_info_depth.yaml: expected the range of the depth map beside it, found no such file",
        ):
            eyecandies(tmp_path)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("normalization: {min: 1}", "expected normalization with min and max, found 'max'"),
            ("normalization: {min: a, max: 2}", "expected normalization with min and max, found could not"),
            ("", "expected normalization with min and max, found 'NoneType'"),
            ("a: [", "expected normalization with min and max, found while parsing"),
            ("normalization: {min: 3, max: 2}", "expected min below max, found 3.0 and 2.0"),
            ("normalization: {min: .nan, max: 2}", "expected min below max, found nan and 2.0"),
        ],
    )
    def test_yaml__damaged(self, tmp_path: Path, text: str, found: str) -> None:
        source = eyecandies(write_eyecandies(tmp_path))
        source.items[0].path.with_name("000_info_depth.yaml").write_text(text)
        with pytest.raises(DinoDepthError, match=rf"000_info_depth.yaml: {found}") as error:
            source.read(source.items[0])
        assert "\n" not in str(error.value)

    def test_depth__of_8_bit(self, tmp_path: Path) -> None:
        source = eyecandies(write_eyecandies(tmp_path))
        cv2.imwrite(str(source.items[0].path), np.zeros((5, 5), np.uint8))
        with pytest.raises(
            DinoDepthError, match=r"000_depth.png: expected .* 16 bit, found \(5, 5\) of uint8"
        ):
            source.read(source.items[0])

    def test_layout__no_maps(self, tmp_path: Path) -> None:
        (tmp_path / "GummyBear" / "train" / "data").mkdir(parents=True)
        with pytest.raises(DinoDepthError, match=r"train/data: expected files NNN_depth.png, found none"):
            eyecandies(tmp_path)
