"""A fisheye camera is refused by its name, wherever a calibration says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modmap.datasets import load_scan, write_scan
from modmap.datasets.opencv_cameras import read_calib_xml
from modmap.errors import ModMapError
from tests.sim3d_directories import write_scanned
from tests.synthetic_scans import ball_scan

SAID = "expected a camera of OpenCV's pinhole model, found one of the fisheye model, which isn't supported: undistort"


class TestFisheye:
    @pytest.mark.parametrize(
        "more", [{"fisheye": True}, {"camera_model": "OPENCV_FISHEYE"}, {"model": "fisheye"}]
    )
    def test_scan_json__says_so(self, tmp_path: Path, more: dict[str, Any]) -> None:
        write_scan(ball_scan(views=2), tmp_path / "ball")
        path = tmp_path / "ball" / "scan.json"
        record = json.loads(path.read_text())
        record["views"][1] |= more
        path.write_text(json.dumps(record))
        with pytest.raises(ModMapError, match=SAID) as error:
            load_scan(path.parent)
        assert str(error.value).startswith(f"{path}: views.1: ")

    def test_cameras_json__says_so(self, tmp_path: Path) -> None:
        write_scanned(tmp_path / "vase_01")
        camera = {"K": np.eye(3).tolist(), "T_world_to_camera": np.eye(4).tolist(), "model": "fisheye"}
        (tmp_path / "vase_01" / "cameras.json").write_text(
            json.dumps({"depth_unit": "mm", "views": {"00": camera}})
        )
        with pytest.raises(ModMapError, match=SAID):
            load_scan(tmp_path / "vase_01")

    @pytest.mark.parametrize("line", ["<fisheye>1</fisheye>", "<model>fisheye</model>"])
    def test_calib_xml__says_so(self, tmp_path: Path, line: str) -> None:
        text = (
            '<?xml version="1.0"?><opencv_storage><mtxL type_id="opencv-matrix"><rows>3</rows><cols>3</cols>'
        )
        text += "<dt>d</dt><data>9. 0. 4. 0. 9. 4. 0. 0. 1.</data></mtxL>{}</opencv_storage>"
        (tmp_path / "calib.xml").write_text(text.format(line))
        with pytest.raises(ModMapError, match=SAID):
            read_calib_xml(tmp_path / "calib.xml")
        (tmp_path / "calib.xml").write_text(text.format("<fisheye>0</fisheye>"))
        assert read_calib_xml(tmp_path / "calib.xml").K[0, 0] == 9

    def test_scan_json__four_coefficients_are_told(self, tmp_path: Path) -> None:
        write_scan(ball_scan(views=2), tmp_path / "ball")
        path = tmp_path / "ball" / "scan.json"
        record = json.loads(path.read_text())
        for view in record["views"]:
            view["distortion"] = [0.02, 0.01, -0.005, 0.001]
        path.write_text(json.dumps(record))
        told = [one.text for one in load_scan(path.parent).findings]
        assert any("k1, k2, p1, p2 of OpenCV's pinhole model; its fisheye model" in text for text in told)
