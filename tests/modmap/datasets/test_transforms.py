"""Reading `transforms.json`: files written here by the formats' own conventions, of views in closed form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from modmap.check.check import check_scan
from modmap.datasets import find_scans, load_scan
from modmap.errors import ModMapError
from modmap.scan import Scan
from tests.synthetic_scans import Array, ball_scan

TO_OPENGL = np.diag([1, -1, -1, 1])
# What nerfstudio turns the worlds of COLMAP by.
APPLIED = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]])
Change = Callable[[dict[str, Any]], object]


def write_transforms(
    directory: Path,
    scan: Scan,
    *,
    applied: Array | None = None,
    scale: float = 1.0,
    change: Change | None = None,
) -> Path:
    """A scan as such a folder: poses in metres, depth of 16 bit in millimetres."""
    (directory / "images").mkdir(parents=True)
    (directory / "depth").mkdir()
    frames = []
    whole = np.eye(4)
    if applied is not None:
        whole[:3] = applied
    for view in scan.views:
        frame = view.load()
        assert frame.camera is not None
        cv2.imwrite(str(directory / "images" / f"frame_{view.id}.png"), frame.image)
        cv2.imwrite(str(directory / "depth" / f"{view.id}.png"), np.rint(frame.depth * 10).astype(np.uint16))
        pose = np.linalg.inv(frame.camera.T_world_to_camera) @ TO_OPENGL
        pose[:3, 3] /= 1000
        pose = whole @ pose
        pose[:3, 3] *= scale
        paths = {"file_path": f"images/frame_{view.id}.png", "depth_file_path": f"depth/{view.id}.png"}
        frames.append({**paths, "transform_matrix": pose.tolist()})
    first = scan.views[0].camera
    assert first is not None
    height, width = scan.views[0].load().shape
    content: dict[str, Any] = {
        "camera_model": "OPENCV",
        "fl_x": first.K[0, 0],
        "fl_y": first.K[1, 1],
        # The middle of the top left pixel is at a half there.
        "cx": first.K[0, 2] + 0.5,
        "cy": first.K[1, 2] + 0.5,
        "w": width,
        "h": float(height),
        "depth_unit": "0.1mm",
        "frames": frames,
    }
    if applied is not None:
        content["applied_transform"] = applied.tolist()
    if scale != 1:
        content["applied_scale"] = scale
    if change is not None:
        change(content)
    (directory / "transforms.json").write_text(json.dumps(content))
    return directory


class TestReadTransforms:
    @pytest.mark.parametrize(("applied", "scale"), [(None, 1.0), (APPLIED, 1.0), (APPLIED, 0.25)])
    def test_read__gives_the_scan_that_was_written(
        self, applied: Array | None, scale: float, tmp_path: Path
    ) -> None:
        scan = ball_scan(views=4)
        found = load_scan(
            write_transforms(
                tmp_path / "ball",
                scan,
                applied=applied,
                scale=scale,
                change=lambda data: data.update(pose_unit="m"),
            )
        )
        assert found.name == "ball"
        assert found.view_ids == tuple(f"frame_{view.id}" for view in scan.views)
        for ours, theirs in zip(found.frames(), scan.frames(), strict=True):
            assert ours.camera is not None
            assert theirs.camera is not None
            np.testing.assert_allclose(ours.camera.K, theirs.camera.K)
            np.testing.assert_allclose(
                ours.camera.T_world_to_camera, theirs.camera.T_world_to_camera, atol=1e-9
            )
            assert ours.camera.size == (64, 48)
            np.testing.assert_allclose(ours.depth, theirs.depth, atol=0.051)
            np.testing.assert_array_equal(ours.image, theirs.image)
        assert any("applied_transform: undone" in one.text for one in found.findings) is (applied is not None)

    def test_read__units_are_guessed_and_told(self, tmp_path: Path) -> None:
        def unsaid(data: dict[str, Any]) -> None:
            del data["depth_unit"]

        scan = ball_scan(views=3)
        directory = write_transforms(tmp_path / "ball", scan, change=unsaid)
        for view in scan.views:  # in whole millimetres
            depth = np.rint(view.load().depth).astype(np.uint16)
            cv2.imwrite(str(directory / "depth" / f"{view.id}.png"), depth)
        found = load_scan(directory)
        guesses = [one.text for one in found.findings if one.kind == "guessed"]
        assert [guess.split(",")[0] for guess in guesses] == ["depth unit: millimetres", "pose unit: metres"]
        for ours, theirs in zip(found.views, scan.views, strict=True):
            assert ours.camera is not None
            assert theirs.camera is not None
            np.testing.assert_allclose(ours.camera.centre, theirs.camera.centre, atol=1e-6)

    def test_read__views_agree_in_space(self, tmp_path: Path) -> None:
        """What no half pixel and no axis that is turned round would leave as exact as the depth's rounding."""
        scan = ball_scan(views=8, width=160, height=120)
        errors = [
            check_scan(one).median_to_surface
            for one in (scan, load_scan(write_transforms(tmp_path / "ball", scan, applied=APPLIED)))
        ]
        assert errors[1] == pytest.approx(errors[0], rel=0.2, abs=0.02)

    def test_read__a_lens_and_a_frame_with_a_camera_of_its_own(self, tmp_path: Path) -> None:
        def own(data: dict[str, Any]) -> None:
            data.update(k1=0.1, k2=-0.02, p1=0.003, p2=-0.004, k3=0.001)
            data["frames"][1].update(
                fl_x=70.0, fl_y=71.0, cx=30.5, cy=20.5, k1=0.0, k2=0.0, p1=0.0, p2=0.0, k3=0.0
            )

        found = load_scan(write_transforms(tmp_path / "ball", ball_scan(views=2), change=own))
        first, second = (view.camera for view in found.views)
        assert first is not None
        assert second is not None
        np.testing.assert_allclose(first.distortion, [0.1, -0.02, 0.003, -0.004, 0.001])
        np.testing.assert_allclose(second.K, [[70, 0, 30], [0, 71, 20], [0, 0, 1]])
        assert second.distortion is None

    def test_read__an_angle_of_view(self, tmp_path: Path) -> None:
        """An angle of 90 degrees has a focal length of half the width; without a centre, it is the image's."""

        def angle(data: dict[str, Any]) -> None:
            for key in ("fl_x", "fl_y", "cx", "cy"):
                del data[key]
            data["camera_angle_x"] = np.pi / 2

        found = load_scan(write_transforms(tmp_path / "ball", ball_scan(views=2), change=angle))
        camera = found.views[0].camera
        assert camera is not None
        np.testing.assert_allclose(camera.K, [[32, 0, 31.5], [0, 32, 23.5], [0, 0, 1]])

    def test_read__images_of_one_name_and_without_an_ending(self, tmp_path: Path) -> None:
        def shared(data: dict[str, Any]) -> None:
            for index, frame in enumerate(data["frames"]):
                place = directory / f"cam_{index}"
                place.mkdir()
                (directory / frame["file_path"]).rename(place / "a.png")
                frame["file_path"] = f"./cam_{index}/a"

        directory = tmp_path / "ball"
        found = load_scan(write_transforms(directory, ball_scan(views=2), change=shared))
        assert found.view_ids == ("cam_0/a", "cam_1/a")
        assert found.views[0].load().shape == (48, 64)

    def test_read__what_is_not_read_is_told(self, tmp_path: Path) -> None:
        def more(data: dict[str, Any]) -> None:
            data.update(ply_file_path="a.ply", aabb_scale=16)
            data["frames"][0]["colmap_im_id"] = 7

        found = load_scan(write_transforms(tmp_path / "ball", ball_scan(views=2), change=more))
        texts = [one.text for one in found.findings]
        assert "not read: aabb_scale, frames.colmap_im_id, ply_file_path" in texts

    def test_find_scans__below_a_directory(self, tmp_path: Path) -> None:
        write_transforms(tmp_path / "scans" / "ball", ball_scan(views=2))
        assert [scan.name for scan in find_scans(tmp_path)] == ["ball"]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda data: data.pop("frames"), "frames: this key is required, found none"),
            (lambda data: data.update(frames=[]), "frames: list should have at least 1 item"),
            (
                lambda data: data.pop("fl_x"),
                "frames.0: expected fl_x, or camera_angle_x and w, found neither",
            ),
            (
                lambda data: (data.pop("cx"), data.pop("w")),
                "frames.0: expected cx, or the image's size w and h",
            ),
            (lambda data: data.update(fl_x=0), "fl_x: expected greater than 0, found 0"),
            (lambda data: data.update(k4=0.1), "frames.0: k4: expected 0, .* found 0.1"),
            (lambda data: data.update(camera_model="OPENCV_FISHEYE"), "found one of the fisheye model"),
            (lambda data: data.update(is_fisheye=True), "found one of the fisheye model"),
            (lambda data: data.update(depth_unit="inch"), 'depth_unit: expected "mm", "m"'),
            (
                lambda data: data["frames"][1].pop("depth_file_path"),
                "frames.1.depth_file_path: expected the view's depth map, found none",
            ),
            (
                lambda data: data["frames"][1].update(file_path="images/none.png"),
                "frames.1.file_path: expected a file, found none at .*none.png",
            ),
            (
                lambda data: data["frames"][0].update(transform_matrix=[[1, 0], [0, 1]]),
                "frames.0.transform_matrix: expected a 4x4 or a 3x4 matrix, found 2x2",
            ),
            (
                lambda data: data["frames"][0].update(transform_matrix=(2 * np.eye(4)).tolist()),
                "frames.0: T_camera_to_world: expected a rotation",
            ),
            (
                lambda data: data.update(applied_transform=np.zeros((3, 4)).tolist()),
                "applied_transform: expected one that can be undone, found a flat one",
            ),
        ],
    )
    def test_read__what_can_not_be_used(self, change: Change, said: str, tmp_path: Path) -> None:
        directory = write_transforms(tmp_path / "ball", ball_scan(views=2), change=change)
        with pytest.raises(ModMapError, match=said) as refused:
            load_scan(directory)
        assert str(refused.value).startswith(f"{directory / 'transforms.json'}: ")
        assert "\n" not in str(refused.value)
