"""SiM3D's layout, on tiny directories of the same shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from modmap.datasets import GroundTruth, SiM3D, load_scan, write_ground_truth
from modmap.errors import ModMapError
from modmap.scan import Scan
from tests.sim3d_directories import (
    FAR,
    depth_map,
    gray_image,
    write_category,
    write_exr,
    write_rendered,
    write_scanned,
)


def _texts(scan: Scan, kind: str) -> list[str]:
    return [finding.text for finding in scan.findings if finding.kind == kind]


class TestSiM3D:
    def test_categories__the_eight_in_order_then_others(self, tmp_path: Path) -> None:
        for name in ("wooden_stool", "spur_gear", "container", "bolted_joint"):
            write_scanned(tmp_path / name / f"{name}_real")
        write_rendered(tmp_path / "elbow" / "elbow_synth")
        write_scanned(tmp_path / "bracket" / "bracket_07_bad")
        (tmp_path / "notes" / "cad").mkdir(parents=True)
        expected = ("container", "wooden_stool", "bolted_joint", "bracket", "elbow", "spur_gear")
        assert SiM3D(tmp_path).categories == expected

    def test_train__real(self, tmp_path: Path) -> None:
        write_category(tmp_path, "container")
        scan = SiM3D(tmp_path).train("container")
        assert (scan.name, scan.category, scan.anomalous) == ("container_real", "container", False)
        assert scan.view_ids == ("00", "01", "02")
        for index, frame in enumerate(scan.frames()):
            expected = depth_map(index)
            np.testing.assert_array_equal(frame.depth, np.where(np.isfinite(expected), expected, 0))
            np.testing.assert_array_equal(frame.image, gray_image(index))

    def test_train__synth(self, tmp_path: Path) -> None:
        write_category(tmp_path, "container")
        scan = SiM3D(tmp_path).train("container", "synth")
        assert (scan.name, scan.category, scan.anomalous) == ("container_synth", "container", False)
        frame = scan["01"].load()
        expected = depth_map(1)
        np.testing.assert_array_equal(frame.depth, np.where(np.isfinite(expected), expected, 0))
        assert scan["01"].far_is_background
        assert not SiM3D(tmp_path).train("container")["01"].far_is_background

    def test_tests__labels_and_order(self, tmp_path: Path) -> None:
        write_category(tmp_path, "container")
        (tmp_path / "container" / "container_cad").mkdir()
        (tmp_path / "container" / "cad").mkdir()
        scans = SiM3D(tmp_path).tests("container")
        assert [(scan.name, scan.anomalous) for scan in scans] == [
            ("container_01", False),
            ("container_02_bad", True),
            ("container_3_bad", True),
            ("container_10", False),
        ]
        assert {scan.category for scan in scans} == {"container"}

    def test_tests__bad_in_the_category_is_no_label(self, tmp_path: Path) -> None:
        write_scanned(tmp_path / "badge" / "badge_01")
        assert SiM3D(tmp_path).tests("badge")[0].anomalous is False

    def test_tests__a_broken_test_scan_is_an_error(self, tmp_path: Path) -> None:
        write_category(tmp_path, "container")
        (tmp_path / "container" / "container_11").mkdir()
        with pytest.raises(
            ModMapError, match=r"container_11: expected folders depth and rgb .*found nothing"
        ):
            SiM3D(tmp_path).tests("container")

    def test_errors(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected the directory of SiM3D's categories, found none"):
            SiM3D(tmp_path / "none")
        (tmp_path / "images").mkdir()
        with pytest.raises(ModMapError, match=r"expected a directory per category, .* found images"):
            SiM3D(tmp_path)
        write_scanned(tmp_path / "container" / "container_real")
        data = SiM3D(tmp_path)
        with pytest.raises(ModMapError, match="no category 'contaner'; did you mean container"):
            data.train("contaner")
        with pytest.raises(
            ModMapError, match="container_synth: expected the synth training scan of container"
        ):
            data.train("container", "synth")
        with pytest.raises(ModMapError, match="setup: expected real or synth, found 'fake'"):
            data.train("container", "fake")  # type: ignore[arg-type]


class TestReadSim3d:
    def test_read_sim3d__ids_are_padded(self, tmp_path: Path) -> None:
        scan = load_scan(write_scanned(tmp_path / "container" / "container_01", views=36))
        assert scan.view_ids == tuple(f"{i:02d}" for i in range(36))

    def test_read_sim3d__a_single_directory(self, tmp_path: Path) -> None:
        scan = load_scan(write_scanned(tmp_path / "anywhere" / "plastic_vase_07_bad"))
        assert (scan.category, scan.anomalous) == ("plastic_vase", True)
        scan = load_scan(write_scanned(tmp_path / "anywhere" / "part"))
        assert (scan.category, scan.anomalous) == (None, None)

    def test_read_sim3d__counts_differ(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "x_01", views=3)
        (directory / "rgb" / "001_2.png").unlink()
        with pytest.raises(ModMapError, match=r"found 2 rgb/\*_2\.png and 3 depth/\*\.npy"):
            load_scan(directory)

    def test_read_sim3d__an_empty_depth_map_is_passed_over_until_its_view_is_loaded(
        self, tmp_path: Path
    ) -> None:
        directory = write_scanned(tmp_path / "x_01", views=2)
        (directory / "depth" / "000.npy").write_bytes(b"")
        scan = load_scan(directory)
        assert any("the median depth of 001.npy" in text for text in _texts(scan, "guessed"))
        with pytest.raises(ModMapError, match=r"depth/000\.npy: "):
            scan["00"].load()

    def test_read_sim3d__no_files(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "x_01", views=1)
        (directory / "depth" / "000.npy").rename(directory / "depth" / "000.tiff")
        with pytest.raises(ModMapError, match=r"depth: expected files \*\.npy, found 000\.tiff"):
            load_scan(directory)

    def test_read_sim3d__names_without_zeros_are_paired_by_number(self, tmp_path: Path) -> None:
        # As text, "10.npy" comes before "2.npy" but "10_2.png" before "1_2.png": pairs would be mixed up.
        scan = load_scan(write_scanned(tmp_path / "x_01", names=[str(i) for i in range(12)]))
        for index, frame in enumerate(scan.frames()):
            assert (frame.image == index).all()
            assert frame.depth[0, 1] == depth_map(index)[0, 1]
        assert sum("by number (2 before 10)" in text for text in _texts(scan, "guessed")) == 2

    def test_read_sim3d__a_name_that_begins_another_is_paired_with_its_own(self, tmp_path: Path) -> None:
        # With their endings, v_1_2.png comes before v_2.png but v.npy before v_1.npy.
        scan = load_scan(write_scanned(tmp_path / "x_01", names=["v", "v_1", "v_10"]))
        for index, frame in enumerate(scan.frames()):
            assert (frame.image == index).all()
            assert frame.depth[0, 1] == depth_map(index)[0, 1]
        assert not any("names differ" in text for text in _texts(scan, "guessed"))

    def test_read_sim3d__names_that_differ_are_said(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "x_01", views=2)
        (directory / "depth" / "001.npy").rename(directory / "depth" / "007.npy")
        guessed = _texts(load_scan(directory), "guessed")
        assert any(
            "paired by position, because names differ: 001_2.png with 007.npy" in text for text in guessed
        )

    @pytest.mark.parametrize(("unit", "name"), [(1.0, "millimetres"), (1000.0, "metres")])
    @pytest.mark.parametrize("write", [write_scanned, write_rendered])
    def test_read_sim3d__depth_unit_is_guessed_and_said(
        self, tmp_path: Path, write: Callable[..., Path], unit: float, name: str
    ) -> None:
        scan = load_scan(write(tmp_path / "x_01", unit=unit))
        depth = scan["00"].load().depth
        np.testing.assert_allclose(np.median(depth[depth > 0]), 502.4, atol=0.2)
        assert any(text.startswith(f"depth unit: {name}, because") for text in _texts(scan, "guessed"))

    def test_read_sim3d__unit_from_the_first_map_that_has_depth(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "x_01", views=3, unit=1000.0)
        np.save(directory / "depth" / "000.npy", np.full((6, 8), np.inf, np.float32))
        (directory / "depth" / "001.npy").write_bytes(b"damaged")
        scan = load_scan(directory)
        assert any("the median depth of 002.npy" in text for text in _texts(scan, "guessed"))
        assert scan["02"].depth_unit == 1000
        np.testing.assert_array_equal(scan["00"].load().depth, 0)
        with pytest.raises(ModMapError, match=r"001\.npy: expected a NumPy file, found"):
            scan["01"].load()

    def test_read_sim3d__large_map_of_few_pixels(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "x_01", views=1)
        depth = np.full((1200, 1600), np.inf, dtype=np.float32)
        depth[1::2, 1::2] = 0.8
        np.save(directory / "depth" / "000.npy", depth)
        assert load_scan(directory)["00"].depth_unit == 1000

    def test_read_sim3d__background_is_no_depth_to_guess_from(self, tmp_path: Path) -> None:
        directory = write_rendered(tmp_path / "x_synth", views=1)
        depth = np.full((6, 8), FAR, dtype=np.float32)
        depth[2:4, 2:4] = 0.8
        write_exr(directory / "DEPTH" / "000_depth.exr", depth)
        assert load_scan(directory)["00"].depth_unit == 1000

    def test_read_sim3d__no_depth_to_guess_from(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "x_01", views=1)
        np.save(directory / "depth" / "000.npy", np.full((6, 8), np.inf))
        assert any("no map has any valid depth" in text for text in _texts(load_scan(directory), "guessed"))

    def test_read_sim3d__unit_of_cameras_json_is_no_guess(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "x_01")
        (directory / "cameras.json").write_text(json.dumps({"depth_unit": "0.1mm", "views": {}}))
        scan = load_scan(directory)
        assert _texts(scan, "guessed") == []
        assert scan["00"].depth_unit == 0.1

    def test_read_sim3d__ground_truth(self, tmp_path: Path) -> None:
        good = write_scanned(tmp_path / "x_01")
        bad = write_scanned(tmp_path / "x_02_bad")
        assert load_scan(good).ground_truth is None
        assert not any("ground truth" in text for text in _texts(load_scan(good), "missed"))
        assert f"ground truth: looked for {bad / 'gt.npz'}" in _texts(load_scan(bad), "missed")
        write_ground_truth(bad / "gt.npz", GroundTruth(np.ones((1, 1, 1)) > 0, np.zeros(3), 2.0))
        assert load_scan(bad).ground_truth == bad / "gt.npz"

    def test_read_sim3d__no_calibration(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "container" / "container_01")
        scan = load_scan(directory)
        with pytest.raises(ModMapError) as raised:
            scan.require_cameras()
        places = f"{directory}, {directory.parent}, {tmp_path}"
        assert f"looked for cameras.json, or calib.xml and pose.txt, in {places}" in str(raised.value)
        assert any(places in text for text in _texts(scan, "missed"))
