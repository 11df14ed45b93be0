"""Rows and directories of the corpus."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from datasets import Array2D, Dataset, Features, Value
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from dino_depth.data.corpus import content_hash, decode_depth, depth_levels, depth_row, features, open_corpus
from dino_depth.errors import DinoDepthError

DEPTHS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.floats(0, 1e4, width=32)
    | st.sampled_from([0.0, float("nan"), float("inf"), -float("inf"), -5.0]),
)


def _row(depth: npt.NDArray[Any]) -> dict[str, Any]:
    row = depth_row(depth, source="folder", category="gear")
    assert row is not None
    return row


class TestDepthRow:
    @settings(max_examples=100, deadline=None)
    @given(DEPTHS)
    def test_round_trip(self, depth: npt.NDArray[np.float32]) -> None:
        measured = np.isfinite(depth) & (depth > 0)
        farthest = float(depth[measured].max()) if measured.any() else 0.0
        # Too near to zero for a float32 unit per level.
        assume(farthest >= 1e-30)
        decoded = decode_depth(_row(depth))
        assert decoded.dtype == np.float32
        assert decoded.shape == depth.shape
        np.testing.assert_array_equal(decoded > 0, measured)
        level = farthest / 65535
        near = measured & (depth < level / 2)
        off = np.abs(decoded - np.where(measured, depth, 0))
        # Half a level, and float32's rounding of the unit and of the product.
        assert (off[~near] <= level * 0.5 + farthest * 3e-7).all()
        assert (off[near] <= level).all()

    def test_scale__the_farthest_is_the_deepest_level(self) -> None:
        row = _row(np.array([[0.0, 131.07], [65.535, 0.002]], np.float32))
        assert row["scale"] == pytest.approx(131.07 / 65535)
        stored = np.asarray(Image.open(io.BytesIO(row["depth"])))
        np.testing.assert_array_equal(stored, [[0, 65535], [32768, 1]])

    @pytest.mark.parametrize("shape", [(3,), (2, 3, 1), (0, 4)])
    def test_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(DinoDepthError, match=r"depth map: expected \(H, W\), found \("):
            _row(np.zeros(shape))

    def test_hash__of_bytes_and_shape(self) -> None:
        depth = np.arange(12, dtype=np.float32).reshape(3, 4)
        row = _row(depth)
        levels = depth_levels(row)
        expected = hashlib.sha256(
            b"3 4 " + b"".join(int(level).to_bytes(2, "little") for level in levels.ravel())
        )
        assert row["hash"] == expected.hexdigest() == content_hash(levels)
        assert content_hash(levels.reshape(4, 3)) != row["hash"]
        assert (row["source"], row["category"]) == ("folder", "gear")
        assert row["scale"] == np.float32(11 / 65535)

    def test_unit_unknown(self) -> None:
        row = depth_row(np.ones((2, 2)), source="visa", category="pcb1", unit_known=False)
        assert row is not None
        assert row["scale"] == 0
        assert (decode_depth(row) == 1).all()

    @pytest.mark.parametrize("hole", [0.0, np.nan, -1.0])
    def test_nothing_measured(self, hole: float) -> None:
        assert depth_row(np.full((2, 2), hole), source="folder", category="") is None


class TestDecodeDepth:
    def test_arrays_and_lists(self) -> None:
        levels = np.array([[0, 1, 65535]], np.uint16)
        for depth in (levels, levels.tolist(), levels.astype(np.int64)):
            np.testing.assert_allclose(decode_depth({"depth": depth, "scale": 0.25}), levels * 0.25)

    def test_unknown_unit__share_of_the_farthest(self) -> None:
        levels = np.array([[0, 13107, 65535]], np.uint16)
        np.testing.assert_allclose(decode_depth({"depth": levels, "scale": 0.0}), [[0, 0.2, 1]], rtol=1e-6)

    @pytest.mark.parametrize("cut", [1, 30, 400])
    def test_truncated_png(self, cut: int) -> None:
        row = _row(np.random.default_rng(0).random((20, 20)))
        row |= {"depth": row["depth"][:-cut], "hash": "0123456789abcdef"}
        with pytest.raises(
            DinoDepthError, match=r"depth 0123456789ab: expected a whole PNG, found \d+ bytes that"
        ):
            decode_depth(row)

    @pytest.mark.parametrize("depth", [[[70000]], [[-1]], [[0.5]], [1, 2], np.zeros((1, 2, 3), np.uint16)])
    def test_no_depth_map(self, depth: Any) -> None:
        with pytest.raises(DinoDepthError, match=r"depth: expected \(H, W\) of 16 bit, found"):
            decode_depth({"depth": depth, "scale": 1.0})

    def test_8_bit_png(self) -> None:
        data = cv2.imencode(".png", np.zeros((3, 4), np.uint8))[1].tobytes()
        with pytest.raises(DinoDepthError, match=r"expected \(H, W\) of 16 bit, found \(3, 4\) of uint8"):
            decode_depth({"depth": data, "scale": 1.0})


class TestOpenCorpus:
    def test_rows_of_this_package(self, tmp_path: Path) -> None:
        rows = [depth_row(np.full((2, side), side), source="s", category="c") for side in (1, 2)]
        Dataset.from_list(rows, features=features()).save_to_disk(tmp_path / "corpus")
        opened = open_corpus(tmp_path / "corpus")
        assert [decode_depth(row).shape for row in opened] == [(2, 1), (2, 2)]

    def test_rows_of_arrays(self, tmp_path: Path) -> None:
        columns = {**features(), "depth": Array2D((4, 4), "uint16")}
        levels = np.arange(16, dtype=np.uint16).reshape(4, 4)
        row = {"depth": levels, "scale": 2.0, "source": "cadscan", "category": "c", "hash": "h"}
        Dataset.from_list([row], features=Features(columns)).save_to_disk(tmp_path / "corpus")
        for opened in (
            open_corpus(tmp_path / "corpus"),
            open_corpus(tmp_path / "corpus").with_format("numpy"),
        ):
            np.testing.assert_array_equal(decode_depth(opened[0]), levels * 2.0)

    def test_errors(self, tmp_path: Path) -> None:
        with pytest.raises(DinoDepthError, match="nowhere: expected the directory of a corpus, found none"):
            open_corpus(tmp_path / "nowhere")
        with pytest.raises(
            DinoDepthError, match=r"expected a corpus as datasets.save_to_disk writes it, found none"
        ):
            open_corpus(tmp_path)
        (tmp_path / "data-00000-of-00002.arrow").write_bytes(b"")
        with pytest.raises(
            DinoDepthError, match="found 1 shards of an unfinished one; run the same command again"
        ):
            open_corpus(tmp_path)
        (tmp_path / "state.json").write_text("{}")
        with pytest.raises(DinoDepthError, match="expected a corpus that datasets can open, found ") as error:
            open_corpus(tmp_path)
        assert "\n" not in str(error.value)

    def test_columns(self, tmp_path: Path) -> None:
        Dataset.from_dict({"depth": [b""], "scale": [1.0], "hash": [""]}).save_to_disk(tmp_path / "corpus")
        with pytest.raises(DinoDepthError, match="found no source and no category"):
            open_corpus(tmp_path / "corpus")

    def test_no_rows(self, tmp_path: Path) -> None:
        columns = {name: Value("string") for name in features()}
        empty = {name: [] for name in columns}
        Dataset.from_dict(empty, features=Features(columns)).save_to_disk(tmp_path / "corpus")
        with pytest.raises(DinoDepthError, match="expected depth maps, found a corpus without any"):
            open_corpus(tmp_path / "corpus")
