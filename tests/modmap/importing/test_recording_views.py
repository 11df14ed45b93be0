"""Frames of recordings: which they are, their unit, and the image that belongs to each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modmap.errors import ModMapError
from modmap.importing.recording_views import recording_views
from tests.modmap.importing.bags import ROS, VIEWER, write_bag
from tests.modmap.importing.clouds import HEIGHT, WIDTH, K, depth_map, image

pytest.importorskip("rosbags")


class TestRecordingViews:
    def test_viewer__depth_with_the_left_image(self, tmp_path: Path) -> None:
        path = write_bag(tmp_path / "a.bag", VIEWER)
        notes: list[str] = []
        poses = {"00": np.eye(4), "01": np.diag([1.0, -1.0, -1.0, 1.0])}
        views = recording_views(path, (1, 3), topics=(), unit=None, poses=poses, notes=notes)
        for number, made in zip((1, 3), views, strict=True):
            frame = made()
            expected = np.where(depth_map() > 0, np.round(depth_map()) + number, 0)
            np.testing.assert_allclose(frame.depth, expected, rtol=1e-6)
            np.testing.assert_array_equal(frame.image, image() + number)
            assert frame.camera is not None
            np.testing.assert_array_equal(frame.camera.K, K)
            assert frame.camera.size == (WIDTH, HEIGHT)
        assert frame.id == "01"
        np.testing.assert_array_equal(frame.camera.T_camera_to_world, poses["01"])
        (note,) = notes
        assert "1 mm per unit, with the pixels of /device_0/sensor_0/Infrared_1/image/data" in note

    @pytest.mark.parametrize(("encoding", "unit"), [("16UC1", 1.0), ("32FC1", 1000.0)])
    def test_ros__aligned_depth_with_colours(self, encoding: str, unit: float, tmp_path: Path) -> None:
        path = write_bag(tmp_path / "a.bag", ROS, encoding=encoding, unit=None, picture="rgb8")
        notes: list[str] = []
        (made,) = recording_views(path, (0,), topics=(), unit=None, poses=None, notes=notes)
        frame = made()
        np.testing.assert_allclose(frame.depth, np.round(depth_map()), rtol=1e-6)
        assert frame.colour is not None
        np.testing.assert_array_equal(frame.colour, np.stack([image(), image(), 255 - image()], axis=-1))
        assert frame.camera is not None
        np.testing.assert_array_equal(frame.camera.T_world_to_camera, np.eye(4))
        assert f"{unit:g} mm per unit" in notes[0]

    def test_viewer__another_depth_unit(self, tmp_path: Path) -> None:
        path = write_bag(tmp_path / "a.bag", VIEWER, unit=0.0001)
        (made,) = recording_views(path, (0,), topics=(), unit=None, poses=None, notes=[])
        np.testing.assert_allclose(made().depth, np.round(depth_map()) / 10, rtol=1e-5)

    def test_viewer__infrared_of_16_bit_is_no_depth(self, tmp_path: Path) -> None:
        path = write_bag(tmp_path / "a.bag", VIEWER, picture="16UC1")
        (made,) = recording_views(path, (0,), topics=(), unit=None, poses=None, notes=[])
        np.testing.assert_array_equal(made().image, image() * np.uint16(257))

    def test_topics__of_two_that_are_named(self, tmp_path: Path) -> None:
        path = write_bag(tmp_path / "a.bag", VIEWER)
        topics = (VIEWER["depth"], VIEWER["right"])
        (made,) = recording_views(path, (2,), topics=topics, unit=None, poses=None, notes=[])
        np.testing.assert_array_equal(made().image, image() + 2)

    def test_unit__that_nobody_says(self, tmp_path: Path) -> None:
        path = write_bag(tmp_path / "a.bag", VIEWER, unit=None)
        with pytest.raises(ModMapError, match=r"\(mono16\) doesn't say, found none: name it with --unit"):
            recording_views(path, (0,), topics=(), unit=None, poses=None, notes=[])
        (made,) = recording_views(path, (0,), topics=(), unit=1.0, poses=None, notes=[])
        np.testing.assert_allclose(made().depth, np.round(depth_map()))
