"""The plain layout: a `scan.json` written by hand, and what each mistake in it says."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from modmap.datasets import GroundTruth, load_scan, read_ground_truth, write_ground_truth, write_scan
from modmap.errors import ModMapError
from modmap.scan import Scan, View
from tests.synthetic_scans import ball_scan

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
DEPTH = np.arange(12, dtype=np.uint16).reshape(3, 4) + 1
K = [[50.0, 0, 1.5], [0, 50, 1], [0, 0, 1]]
QUARTER_TURN = [[0.0, -1, 0, 0.5], [1, 0, 0, 0.25], [0, 0, 1, 2], [0, 0, 0, 1]]


def _record(**changes: Any) -> dict[str, Any]:
    view = {"id": "front", "image": "a.png", "depth": "d.png"}
    return {"depth_unit": "mm", "views": [view | changes]}


def _write(directory: Path, record: Any) -> Path:
    Image.fromarray(IMAGE).save(directory / "a.png")
    Image.fromarray(DEPTH).save(directory / "d.png")
    text = record if isinstance(record, str) else json.dumps(record)
    (directory / "scan.json").write_text(text)
    return directory


def _error(directory: Path, record: Any) -> str:
    with pytest.raises(ModMapError) as raised:
        load_scan(_write(directory, record))
    message = str(raised.value)
    assert message.startswith(f"{directory / 'scan.json'}: ")
    assert "\n" not in message
    return message.removeprefix(f"{directory / 'scan.json'}: ")


class TestReadPlain:
    def test_read_plain__everything(self, tmp_path: Path) -> None:
        write_ground_truth(tmp_path / "truth.npz", GroundTruth(np.ones((2, 2, 2)) > 0, np.zeros(3), 2.0))
        record = _record(
            K=K, K_size=[4, 3], T_camera_to_world=QUARTER_TURN, pose_unit="m", distortion=[0.1, 0, 0, 0]
        )
        record |= {
            "name": "n",
            "category": "c",
            "anomalous": True,
            "ground_truth": "truth.npz",
            "depth_limit": 10,
        }
        scan = load_scan(_write(tmp_path, record))
        assert (scan.name, scan.category, scan.anomalous, scan.root) == ("n", "c", True, tmp_path)
        assert scan.ground_truth == tmp_path / "truth.npz"
        frame = scan["front"].load()
        np.testing.assert_array_equal(frame.image, IMAGE)
        np.testing.assert_array_equal(frame.depth, np.where(DEPTH <= 10, DEPTH, 0))
        assert frame.camera is not None
        np.testing.assert_allclose(frame.camera.centre, [500, 250, 2000])
        assert frame.camera.size == (4, 3)
        assert frame.camera.distortion is not None
        # Four coefficients could be a fisheye camera's: a line says what they are taken for.
        assert [finding.kind for finding in scan.findings].count("found") >= 1
        assert any("k1, k2, p1, p2" in finding.text for finding in scan.findings)

    def test_read_plain__least(self, tmp_path: Path) -> None:
        scan = load_scan(_write(tmp_path, _record()))
        assert (scan.name, scan.category, scan.anomalous) == (tmp_path.name, None, None)
        assert scan["front"].camera is None
        with pytest.raises(
            ModMapError, match=r"view front has none \(scan\.json gives it no K and no pose\)"
        ):
            scan.require_cameras()

    @pytest.mark.parametrize(("told", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
    def test_read_plain__a_name_in_the_other_form_of_unicode(
        self, tmp_path: Path, told: str, stored: str
    ) -> None:
        Image.fromarray(IMAGE).save(tmp_path / unicodedata.normalize(stored, "Prüfling.png"))
        scan = load_scan(_write(tmp_path, _record(image=unicodedata.normalize(told, "Prüfling.png"))))
        np.testing.assert_array_equal(scan["front"].load().image, IMAGE)

    def test_read_plain__a_name_in_both_forms_at_once(self, tmp_path: Path) -> None:
        mixed = unicodedata.normalize("NFC", "ü") + unicodedata.normalize("NFD", "ö") + ".png"
        Image.fromarray(IMAGE).save(tmp_path / mixed)
        scan = load_scan(_write(tmp_path, _record(image=mixed)))
        np.testing.assert_array_equal(scan["front"].load().image, IMAGE)

    def test_read_plain__a_name_that_is_too_long(self, tmp_path: Path) -> None:
        message = _error(tmp_path, _record(image="a" * 5000 + ".png"))
        assert message.startswith("view front: image: expected a file, found 'aaa")
        assert message.endswith("File name too long")

    def test_read_plain__pose_the_other_way_round(self, tmp_path: Path) -> None:
        inverse = np.linalg.inv(np.array(QUARTER_TURN)).tolist()
        poses = []
        for key, pose in (("T_camera_to_world", QUARTER_TURN), ("T_world_to_camera", inverse)):
            camera = load_scan(_write(tmp_path, _record(K=K, **{key: pose})))["front"].camera
            assert camera is not None
            poses.append(camera.T_world_to_camera)
        np.testing.assert_allclose(poses[0], inverse, atol=1e-12)
        np.testing.assert_allclose(poses[1], inverse, atol=1e-12)

    def test_read_plain__K_of_a_larger_image(self, tmp_path: Path) -> None:
        larger = [[100.0, 0, 3.5], [0, 100, 2.5], [0, 0, 1]]
        record = _record(K=larger, K_size=[8, 6], T_camera_to_world=QUARTER_TURN)
        camera = load_scan(_write(tmp_path, record))["front"].load().camera
        assert camera is not None
        np.testing.assert_allclose(camera.K, np.array(K))

    @pytest.mark.parametrize(("lacks", "text"), [("K", "no K"), ("T_world_to_camera", "no pose")])
    def test_read_plain__half_a_camera_is_missed(self, tmp_path: Path, lacks: str, text: str) -> None:
        changes = {"K": K, "T_world_to_camera": QUARTER_TURN}
        del changes[lacks]
        scan = load_scan(_write(tmp_path, _record(**changes)))
        assert scan["front"].camera is None
        missed = [finding.text for finding in scan.findings if finding.kind == "missed"]
        assert missed == [f"camera of view front: scan.json gives it {text}"]

    @pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("m", 1000), ("0.1mm", 0.1), (0.25, 0.25)])
    def test_read_plain__depth_units(self, tmp_path: Path, unit: Any, factor: float) -> None:
        scan = load_scan(_write(tmp_path, _record() | {"depth_unit": unit}))
        np.testing.assert_allclose(scan["front"].load().depth, DEPTH * factor, rtol=1e-6)

    @pytest.mark.parametrize("name", ["d.png", "d.tiff"])
    def test_read_plain__depth_images_of_ros(self, tmp_path: Path, name: str) -> None:
        """16UC1 is in millimetres, 32FC1 in metres with NaN for no measurement (REP 118)."""
        stored: Any = np.array([[0, 500], [1500, 65535]], np.uint16)
        floats = np.array([[np.nan, 0.5], [1.5, np.inf]], np.float32)
        expected = [[0, 500], [1500, 0]]
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "a.png")
        if name == "d.png":
            Image.fromarray(stored).save(tmp_path / name)
        else:
            tifffile.imwrite(tmp_path / name, stored)
        tifffile.imwrite(tmp_path / "f.tiff", floats)
        view = {"id": "0", "image": "a.png"}
        views = [
            {**view, "depth": name, "depth_unit": "mm"},
            {**view, "id": "1", "depth": "f.tiff", "depth_unit": "m"},
        ]
        (tmp_path / "scan.json").write_text(json.dumps({"views": views}))
        for frame in load_scan(tmp_path).frames():
            np.testing.assert_array_equal(frame.depth, expected)

    def test_read_plain__a_view_overrides(self, tmp_path: Path) -> None:
        record = _record(depth_unit="m", depth_limit=3000.0, far_is_background=True) | {"depth_limit": 1}
        np.testing.assert_array_equal(
            load_scan(_write(tmp_path, record))["front"].load().depth, np.where(DEPTH <= 3, DEPTH * 1000.0, 0)
        )

    @pytest.mark.parametrize(
        ("record", "expected"),
        [
            ("", "expected JSON, found an empty file"),
            ("{}", "views: this key is required, found none"),
            ('{"views": [\n}', "broken JSON at line 2, column 1"),
            ("[1]", "expected an object of keys and values, found [1]"),
            ({"depth_unit": "mm", "views": []}, "scan "),
            (_record(deph_unit="m"), "views.0.deph_unit: unknown key; did you mean depth_unit?"),
            (_record() | {"catgory": "x"}, "catgory: unknown key; did you mean category?"),
            *(
                (
                    _record() | {"name": name},
                    "scan name: expected one that a directory can have, without slashes or a dot before it",
                )
                for name in ("..", ".", "", "/tmp/precious", "lot/a", "lot\\a", "a\0")
            ),
            (
                _record(K=K, K_size=[0, 0], T_world_to_camera=QUARTER_TURN),
                "views.0: size: expected a width and a height of 1 and more, found (0, 0)",
            ),
            (
                _record() | {"depth_unit": "cm"},
                'depth_unit: expected "mm", "m", "0.1mm" or a positive number',
            ),
            (_record() | {"depth_unit": -1}, 'depth_unit: expected "mm", "m", "0.1mm" or a positive number'),
            (
                _record() | {"depth_unit": None},
                'depth_unit: expected "mm", "m", "0.1mm" or millimetres per unit',
            ),
            (_record(image="b.png"), "view front: image: expected a file, found none at "),
            (_record(depth="."), "view front: depth: expected a file, found none at "),
            (_record() | {"ground_truth": "gt.npz"}, "ground_truth: expected a file, found none at "),
            (_record(id=3), "views.0.id: expected a valid string, found 3"),
            (_record(pose_unit="cm"), "views.0.pose_unit: expected 'mm' or 'm', found \"cm\""),
            (_record(depth_limit=0), "views.0.depth_limit: expected greater than 0, found 0"),
            (
                _record(K=[[1, 2], [3, 4]], T_world_to_camera=QUARTER_TURN),
                "views.0: K: expected a 3x3 matrix",
            ),
            (
                _record(K=K, T_world_to_camera=[[1, 0], [0, 1]]),
                "views.0: T_world_to_camera: expected a 4x4 matrix",
            ),
            (
                _record(K=K, T_camera_to_world=np.diag([2.0, 1, 1, 1]).tolist()),
                "views.0: T_camera_to_world: expected",
            ),
            (
                _record(K=K, T_camera_to_world=QUARTER_TURN, T_world_to_camera=QUARTER_TURN),
                "views.0: expected T_world_to_camera or T_camera_to_world, found both",
            ),
        ],
    )
    def test_read_plain__mistakes(self, tmp_path: Path, record: Any, expected: str) -> None:
        assert _error(tmp_path, record).startswith(expected)

    def test_read_plain__ids_twice(self, tmp_path: Path) -> None:
        record = _record()
        record["views"] *= 2
        assert "expected unique view ids, found front twice" in _error(tmp_path, record)


class TestWriteScan:
    def test_write_scan__round_trip(self, tmp_path: Path) -> None:
        scan = ball_scan(views=3)
        truth = GroundTruth(np.arange(24).reshape(2, 3, 4) % 5 == 0, np.array([1.0, 2, 3]), 2.0)
        write_ground_truth(tmp_path / "gt.npz", truth)
        labelled = Scan(
            "ball", views=scan.views, category="balls", anomalous=True, ground_truth=tmp_path / "gt.npz"
        )
        write_scan(labelled, tmp_path / "out" / "ball")
        back = load_scan(tmp_path / "out" / "ball")
        assert (back.name, back.category, back.anomalous) == ("ball", "balls", True)
        assert back.ground_truth is not None
        np.testing.assert_array_equal(read_ground_truth(back.ground_truth).mask, truth.mask)
        for before, after in zip(scan.frames(), back.frames(), strict=True):
            assert before.id == after.id
            np.testing.assert_array_equal(before.image, after.image)
            np.testing.assert_array_equal(before.depth, after.depth)
            assert before.camera is not None
            assert after.camera is not None
            np.testing.assert_array_equal(before.camera.T_world_to_camera, after.camera.T_world_to_camera)
            np.testing.assert_array_equal(before.camera.K, after.camera.K)
            assert before.camera.size == after.camera.size

    def test_write_scan__keeps_colours(self, tmp_path: Path) -> None:
        colours = np.random.default_rng(0).integers(0, 255, (3, 4, 3), dtype=np.uint8)
        view = View("0", image=colours, depth=DEPTH.astype(np.float32))
        write_scan(Scan("a", [view]), tmp_path / "a")
        found, expected = load_scan(tmp_path / "a").views[0].load(), view.load()
        np.testing.assert_array_equal(found.image, expected.image)
        np.testing.assert_array_equal(found.colour, expected.colour)

    def test_write_scan__what_a_view_repairs_is_written_repaired(self, tmp_path: Path) -> None:
        raw = np.array([[1.0, np.inf], [np.nan, 0.5]])
        view = View(
            "é/1", image=IMAGE[:2, :2].astype(np.uint16) * 999, depth=raw, depth_unit=1000.0, depth_limit=700
        )
        write_scan(Scan("s", views=[view]), tmp_path / "s")
        frame = load_scan(tmp_path / "s")["é/1"].load()
        np.testing.assert_array_equal(frame.depth, [[0, 0], [0, 500]])
        np.testing.assert_array_equal(frame.image, IMAGE[:2, :2].astype(np.uint16) * 999)
        assert frame.camera is None

    def test_write_scan__half_written_is_nothing(self, tmp_path: Path) -> None:
        broken = View("z", image=tmp_path / "none.png", depth=IMAGE)
        with pytest.raises(ModMapError, match="expected a file, found none"):
            write_scan(Scan("s", views=[*ball_scan(views=2).views, broken]), tmp_path / "s")
        assert list(tmp_path.iterdir()) == []

    def test_write_scan__never_over_another(self, tmp_path: Path) -> None:
        (tmp_path / "s").mkdir()
        write_scan(ball_scan(views=2), tmp_path / "s")
        with pytest.raises(
            ModMapError, match="expected a new or empty directory to write to, found one in use"
        ):
            write_scan(ball_scan(views=2), tmp_path / "s")
