"""`modmap import`, as a user types it: what it writes is the scan that the files were made of."""

from __future__ import annotations

from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from modmap.datasets import load_scan, write_scan
from modmap.scan import Scan
from tests.docs_blocks import commands
from tests.modmap.importing.bags import VIEWER, write_bag
from tests.modmap.importing.clouds import (
    depth_map,
    fields,
    image,
    moved,
    pcd,
    points,
    scan_of,
    turned,
    write_e57,
    write_zdf,
)
from tests.modmap.importing.colmap_files import write_colmap
from tests.synthetic_scans import ball_scan

Array = npt.NDArray[Any]
Run = Callable[..., int]

POSES = [turned(-20, (100, 0, 10)), turned(0), turned(25, (-120, 5, 20))]


def _same(found: Scan, expected: Scan, *, tolerance: float = 0.01) -> None:
    """Views with the same depth, and the same places of it in the world."""
    assert found.view_ids == expected.view_ids
    for ours, theirs in zip(found.frames(), expected.frames(), strict=True):
        np.testing.assert_allclose(ours.depth, theirs.depth, atol=tolerance)
        mask = (theirs.depth > 0) & (ours.depth > 0)
        np.testing.assert_allclose(ours.points(mask), theirs.points(mask), atol=2 * tolerance)


def _write_poses(path: Path, *, unit: float = 1.0) -> Path:
    lines = []
    for pose in POSES:
        scaled = pose.copy()
        scaled[:3, 3] /= unit
        lines.append(" ".join(str(value) for value in scaled.ravel()))
    path.write_text("\n".join(lines) + "\n")
    return path


class TestImport:
    def test_pcd__with_poses_in_a_file(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for index in range(3):
            (tmp_path / f"{index:02d}.pcd").write_bytes(pcd(fields(points() / 1000, grey=image())))
        poses = _write_poses(tmp_path / "poses.txt", unit=1000.0)
        words = ("--unit", "m", "--poses", poses, "--pose-unit", "m", "-o", tmp_path / "scan")
        assert run("import", *sorted(tmp_path.glob("*.pcd")), *words) == 0
        assert f"{tmp_path / 'scan'}: 3 views" in capsys.readouterr().out
        found = load_scan(tmp_path / "scan")
        _same(found, scan_of(POSES))
        np.testing.assert_array_equal(found.views[0].load().image, np.round(image() / 255 * 65535))
        assert run("check", tmp_path / "scan") == 0

    def test_pcd__with_the_poses_of_a_scan_by_the_same_cameras(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "clouds").mkdir()
        write_scan(scan_of(POSES), tmp_path / "good")
        for index in range(3):
            (tmp_path / "clouds" / f"part_{index}.pcd").write_bytes(
                pcd(fields(points()), "binary_compressed")
            )
        words = ("--unit", "mm", "--poses", tmp_path / "good", "--numbered", "-o", tmp_path / "scan")
        assert run("import", tmp_path / "clouds", *words) == 0
        _same(load_scan(tmp_path / "scan"), scan_of(POSES))

    def test_pcd__of_one_world(self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Clouds that were already laid on one another: each view's pose is found from its points."""
        for index, pose in enumerate(POSES):
            (tmp_path / f"{index:02d}.pcd").write_bytes(pcd(fields(moved(points(), pose @ turned(3)))))
        words = ("--unit", "mm", "-o", tmp_path / "scan")
        assert run("import", *sorted(tmp_path.glob("*.pcd")), *words) == 0
        assert "its pose was found from them" in capsys.readouterr().out
        _same(load_scan(tmp_path / "scan"), scan_of([pose @ turned(3) for pose in POSES]), tolerance=0.05)

    def test_pcd__of_one_view_alone(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "00.pcd").write_bytes(pcd(fields(points()), VIEWPOINT="1 2 3 1 0 0 0"))
        assert run("import", tmp_path / "00.pcd", "--unit", "mm", "-o", tmp_path / "scan") == 0
        _same(load_scan(tmp_path / "scan"), scan_of([turned(0, (1, 2, 3))]))

    def test_pcd__with_viewpoints(self, run: Run, tmp_path: Path) -> None:
        """The first camera is the world: its viewpoint is the identity, which otherwise nobody has set."""
        for index, place in enumerate(((0, 0, 0), (0.1, 0.02, -0.03))):
            viewpoint = " ".join(map(str, place)) + " 1 0 0 0"
            (tmp_path / f"{index:02d}.pcd").write_bytes(pcd(fields(points() / 1000), VIEWPOINT=viewpoint))
        assert run("import", *sorted(tmp_path.glob("*.pcd")), "--unit", "m", "-o", tmp_path / "scan") == 0
        _same(load_scan(tmp_path / "scan"), scan_of([np.eye(4), turned(0, (100, 20, -30))]))

    def test_pcd__with_one_viewpoint_for_all(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """As a driver of Kinects writes it into every file: it isn't where they stand."""
        for index in range(2):
            (tmp_path / f"{index:02d}.pcd").write_bytes(pcd(fields(points()), VIEWPOINT="0 0 0 0 1 0 0"))
        assert run("import", *sorted(tmp_path.glob("*.pcd")), "--unit", "mm", "-o", tmp_path / "scan") == 0
        assert "no pose is known" in capsys.readouterr().out

    def test_pcd__without_any_pose(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for index in range(2):
            (tmp_path / f"{index:02d}.pcd").write_bytes(pcd(fields(points())))
        assert run("import", *sorted(tmp_path.glob("*.pcd")), "--unit", "mm", "-o", tmp_path / "scan") == 0
        assert "no pose is known, so that the 2 views get no cameras" in capsys.readouterr().out
        found = load_scan(tmp_path / "scan")
        assert [view.camera for view in found.views] == [None, None]
        np.testing.assert_allclose(found.views[1].load().depth, depth_map(), rtol=1e-6)

    def test_pcd__opengl_s_axes_are_no_pose(
        self, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Every cloud lies before its own camera, which only looks along -z: that isn't one world."""
        flip = np.diag([1.0, -1.0, -1.0, 1.0])
        for index in range(2):
            (tmp_path / f"{index:02d}.pcd").write_bytes(pcd(fields(moved(points(), flip))))
        assert run("import", *sorted(tmp_path.glob("*.pcd")), "--unit", "mm", "-o", tmp_path / "scan") == 0
        assert "no pose is known" in capsys.readouterr().out
        poses = _write_poses(tmp_path / "poses.txt")
        matrices = np.loadtxt(poses)[:2].reshape(2, 4, 4) @ flip
        np.savetxt(tmp_path / "poses.txt", matrices.reshape(2, 16))
        words = ("--unit", "mm", "--poses", poses, "--pose-unit", "mm", "-o", tmp_path / "posed")
        assert run("import", *sorted(tmp_path.glob("*.pcd")), *words) == 0
        _same(load_scan(tmp_path / "posed"), scan_of(POSES[:2]))

    def test_zdf__with_photographs(self, run: Run, tmp_path: Path) -> None:
        pytest.importorskip("netCDF4")
        colours = np.stack([image(), image()[::-1], 255 - image()], axis=-1)
        write_zdf(tmp_path / "00.zdf", points(), rgb=colours)
        assert run("import", tmp_path / "00.zdf", "-o", tmp_path / "scan") == 0
        frame = load_scan(tmp_path / "scan").views[0].load()
        assert frame.colour is not None
        np.testing.assert_array_equal(frame.colour, colours)
        _same(load_scan(tmp_path / "scan"), scan_of([np.eye(4)]))

    def test_e57__scans_in_frames_of_their_own(self, run: Run, tmp_path: Path) -> None:
        """Their z runs up, as scanners have it, and not forward."""
        pytest.importorskip("pye57")
        own = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
        clouds = [moved(points(), own) for _ in POSES]
        write_e57(tmp_path / "a.e57", clouds, [pose @ np.linalg.inv(own) for pose in POSES], grey=image())
        assert run("import", tmp_path / "a.e57", "-o", tmp_path / "scan") == 0
        found, expected = load_scan(tmp_path / "scan"), scan_of(POSES)
        assert found.view_ids == ("00", "01", "02")
        for ours, theirs in zip(found.frames(), expected.frames(), strict=True):
            rows, columns = ours.shape
            np.testing.assert_allclose(ours.depth, theirs.depth[:rows, :columns], atol=0.02)
            mask = theirs.depth[:rows, :columns] > 0
            full = np.zeros(theirs.shape, bool)
            full[:rows, :columns] = mask
            np.testing.assert_allclose(ours.points(mask), theirs.points(full), atol=0.05)

    def test_colmap__with_depth_maps(self, run: Run, tmp_path: Path) -> None:
        scan = ball_scan(views=4, width=80, height=60)
        places = write_colmap(tmp_path, scan)
        words = (
            "--images",
            places["images"],
            "--depth",
            places["depth"],
            "--unit",
            "mm",
            "-o",
            tmp_path / "scan",
        )
        assert run("import", places["directory"], *words) == 0
        found = load_scan(tmp_path / "scan")
        assert found.view_ids == ("v00", "v01", "v02", "v03")
        assert run("check", tmp_path / "scan") == 0

    def test_page__commands_run(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "part_7").mkdir()
        for index in range(3):
            (tmp_path / "part_7" / f"{index:02d}.pcd").write_bytes(pcd(fields(points() / 1000, grey=image())))
        _write_poses(tmp_path / "poses.txt", unit=1000.0)
        write_colmap(tmp_path, ball_scan(views=4, width=80, height=60))
        write_bag(tmp_path / "recording.bag", VIEWER, count=41)
        found = commands("formats.md")
        assert len(found) == 4
        for words in found:
            expanded = [one for word in words[1:] for one in (sorted(glob(word)) if "*" in word else [word])]
            assert run(*expanded) == 0, words

    def test_pcd__from_around_a_part(self, run: Run, tmp_path: Path) -> None:
        """A ball's clouds in one world: the scan that they were made of."""
        good = ball_scan(views=4, width=80, height=60)
        for frame in good.frames():
            assert frame.camera is not None
            v, u = np.mgrid[: frame.shape[0], : frame.shape[1]]
            pixels = np.stack([u.ravel(), v.ravel()], axis=1)
            there = frame.camera.back_project(pixels, frame.depth.ravel()).reshape(*frame.shape, 3)
            there[frame.depth == 0] = np.nan
            sides = {"WIDTH": frame.shape[1], "HEIGHT": frame.shape[0]}
            (tmp_path / f"{frame.id}.pcd").write_bytes(pcd(fields(there, grey=frame.image), **sides))
        assert run("import", *sorted(tmp_path.glob("*.pcd")), "--unit", "mm", "-o", tmp_path / "new") == 0
        _same(load_scan(tmp_path / "new"), good, tolerance=0.05)
