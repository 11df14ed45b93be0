"""View, Frame and Scan: lazy loading, and what bad input says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from modmap.errors import ModMapError
from modmap.scan import Camera, Scan, View
from tests.synthetic_scans import ball_scan, intrinsics

Array = npt.NDArray[Any]

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
DEPTH = np.arange(12, dtype=np.float32).reshape(3, 4)


def _view_files(directory: Path, *, image: Array = IMAGE, depth: Array = DEPTH) -> tuple[Path, Path]:
    Image.fromarray(image).save(directory / "a.png")
    np.save(directory / "a.npy", depth)
    return directory / "a.png", directory / "a.npy"


def _flat(view_id: str) -> View:
    return View(view_id, IMAGE, DEPTH)


def _camera(width: int, height: int, size: tuple[int, int] | None) -> Camera:
    return Camera(intrinsics(width, height, focal=50), np.eye(4), size=size)


class TestView:
    def test_load__files(self, tmp_path: Path) -> None:
        image, depth = _view_files(tmp_path, depth=DEPTH - 1)
        frame = View("a", image=image, depth=depth, depth_unit=10.0, depth_limit=70.0).load()
        np.testing.assert_array_equal(frame.image, IMAGE)
        expected = np.where((DEPTH > 1) & (DEPTH <= 8), (DEPTH - 1) * 10, 0)
        np.testing.assert_array_equal(frame.depth, expected)
        assert frame.shape == (3, 4)
        assert frame.camera is None
        assert any("negative" in note for note in frame.notes)

    def test_load__arrays(self) -> None:
        colour = np.dstack([IMAGE] * 3)
        frame = View("a", image=colour, depth=np.where(DEPTH > 5, np.inf, DEPTH)).load()
        np.testing.assert_array_equal(frame.image, IMAGE)
        np.testing.assert_array_equal(frame.depth, np.where(DEPTH > 5, 0, DEPTH))

    def test_load__colour_beside_gray(self, tmp_path: Path) -> None:
        blue_first = np.dstack([IMAGE, IMAGE + 50, IMAGE + 100])
        frame = View("a", image=blue_first, depth=DEPTH).load()
        assert frame.image.shape == (3, 4)
        np.testing.assert_array_equal(frame.colour, blue_first[:, :, ::-1])
        image, depth = _view_files(tmp_path)
        assert View("a", image=image, depth=depth).load().colour is None

    def test_load__names_of_files_may_be_text(self, tmp_path: Path) -> None:
        image, depth = _view_files(tmp_path)
        frame = View("a", image=str(image), depth=str(depth)).load()  # type: ignore[arg-type]
        np.testing.assert_array_equal(frame.depth, DEPTH)

    def test_load__sixteen_bit_image_is_kept(self, tmp_path: Path) -> None:
        image, depth = _view_files(tmp_path, image=IMAGE.astype(np.uint16) * 5000)
        assert View("a", image=image, depth=depth).load().image.max() == 55000

    def test_load__nothing_is_read_before(self, tmp_path: Path) -> None:
        view = View("a", image=tmp_path / "none.png", depth=tmp_path / "none.npy")
        scan = Scan("s", views=[view])
        with pytest.raises(ModMapError, match=r"none\.png: expected a file, found none"):
            next(scan.frames())

    def test_load__sizes_differ(self, tmp_path: Path) -> None:
        image, depth = _view_files(tmp_path, depth=np.zeros((4, 4), np.float32))
        with pytest.raises(ModMapError) as raised:
            View("a", image=image, depth=depth).load()
        assert str(raised.value) == f"{depth}: expected the size of {image}, 4x3, found 4x4"

    @pytest.mark.parametrize(
        ("image", "depth", "message"),
        [
            (IMAGE, DEPTH[0], "depth of view a: expected a depth map"),
            (
                IMAGE,
                DEPTH.astype(np.uint8),
                "depth of view a: expected 16 bit or floating point depth, found 8 bit",
            ),
            (DEPTH, DEPTH, "image of view a: expected an 8 or 16 bit image, found float32"),
            (IMAGE[:, :, None, None], DEPTH, "image of view a: expected shape"),
            (IMAGE.T, DEPTH, "depth of view a: expected the size of image of view a, 3x4, found 4x3"),
        ],
    )
    def test_load__bad_arrays(self, image: Array, depth: Array, message: str) -> None:
        with pytest.raises(ModMapError, match=message):
            View("a", image=image, depth=depth).load()

    def test_load__camera_of_the_image(self) -> None:
        camera = _camera(4, 3, (4, 3))
        assert View("a", image=IMAGE, depth=DEPTH, camera=camera).load().camera is camera

    def test_load__camera_of_a_larger_image_is_scaled_and_said(self) -> None:
        frame = View("a", image=IMAGE, depth=DEPTH, camera=_camera(40, 30, (40, 30))).load()
        assert frame.camera is not None
        np.testing.assert_allclose(frame.camera.K, np.array([[5, 0, 1.5], [0, 5, 1], [0, 0, 1]]))
        assert frame.camera.size == (4, 3)
        assert frame.notes == ("K scaled from 40x30 to the image's 4x3",)

    def test_load__camera_of_another_shape(self) -> None:
        with pytest.raises(ModMapError, match="view a: K belongs to another image size: expected 4x3"):
            View("a", image=IMAGE, depth=DEPTH, camera=_camera(40, 20, (40, 20))).load()

    def test_load__camera_of_unknown_size(self) -> None:
        frame = View("a", image=IMAGE, depth=DEPTH, camera=_camera(4, 3, None)).load()
        assert frame.camera is not None
        assert frame.camera.size == (4, 3)
        with pytest.raises(
            ModMapError, match=r"its principal point \(19\.5, 14\.5\) is outside the 4x3 image"
        ):
            View("a", image=IMAGE, depth=DEPTH, camera=_camera(40, 30, None)).load()


class TestScan:
    def test_getitem__by_id(self) -> None:
        scan = ball_scan(views=4)
        assert len(scan) == 4
        assert scan.view_ids == ("00", "01", "02", "03")
        assert scan["02"] is scan.views[2]
        with pytest.raises(ModMapError, match="scan ball: no view '7'; it has 00, 01, 02, 03"):
            scan["7"]

    def test_subset__order_given(self) -> None:
        scan = ball_scan(views=4).subset(["03", "01"])
        assert scan.view_ids == ("03", "01")
        assert scan.category == "balls"

    @pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\0"])
    def test_init__names_that_no_result_can_have(self, name: str) -> None:
        with pytest.raises(ModMapError, match=r"^scan name: expected one that a directory can have"):
            Scan(name, [_flat("00")])

    def test_init__names_too_long_for_files(self) -> None:
        Scan("n" * 200, [_flat("v" * 200)])
        with pytest.raises(ModMapError, match=r"^scan name: .* at most 200 bytes, found 201: nnn"):
            Scan("n" * 201, [_flat("00")])
        with pytest.raises(ModMapError, match=r"^view id: .* at most 200 bytes, found 300: ////"):
            Scan("s", [_flat(100 * "/")])  # a slash is written as %2F
        with pytest.raises(ModMapError, match=r"^view id: .* at most 200 bytes, found 202: üü"):
            Scan("n", [_flat("ü" * 101)])

    def test_init__ids(self) -> None:
        views = [View(i, image=IMAGE, depth=DEPTH) for i in ("a", "b", "a")]
        with pytest.raises(ModMapError, match="scan s: expected unique view ids, found a twice"):
            Scan("s", views=views)
        with pytest.raises(ModMapError, match="scan s: expected at least one view, found none"):
            Scan("s", views=[])

    def test_frames__one_after_the_other(self) -> None:
        frames = ball_scan(views=3).frames()
        assert next(frames).id == "00"
        assert [frame.id for frame in frames] == ["01", "02"]

    def test_require_cameras__names_view_and_file(self) -> None:
        ball_scan(views=2).require_cameras()
        bare = View("b", image=IMAGE, depth=DEPTH, camera_looked_for="looked for cameras.json in X")
        scan = Scan("s", views=[*ball_scan(views=2).views, bare])
        with pytest.raises(ModMapError) as raised:
            scan.require_cameras()
        assert "view b has none (looked for cameras.json in X)" in str(raised.value)

    def test_load__directory(self, tmp_path: Path) -> None:
        from modmap.datasets import write_scan

        write_scan(ball_scan(views=2), tmp_path / "ball")
        assert Scan.load(str(tmp_path / "ball")).view_ids == ("00", "01")
