"""`modmap check`: its figures, its warnings, and that it goes on after a scan that cannot be used."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from modmap.check.check import check_directory, check_scan, print_report
from modmap.config import InferenceSettings
from modmap.datasets import GroundTruth, write_ground_truth, write_scan
from modmap.detector.survey import survey
from modmap.errors import ModMapError
from modmap.scan import Scan, View
from tests.modmap.inspection.cut_scans import in_unit
from tests.real_scans import sokrates_scan
from tests.sim3d_directories import write_scanned
from tests.synthetic_scans import ball_scan


def _with(scan: Scan, view: View) -> Scan:
    return replace(scan, views=[view if old.id == view.id else old for old in scan.views])


def _printed(directory: Path) -> tuple[bool, str]:
    stream = io.StringIO()
    usable = check_directory(directory, console=Console(file=stream, width=100))
    return usable, stream.getvalue()


class TestCheckScan:
    def test_check_scan__figures(self) -> None:
        scan = ball_scan(views=8, width=160, height=120)
        report = check_scan(scan)
        assert report.usable
        assert report.warnings == ()
        depth = np.asarray(scan["00"].depth)
        view = report.views[0]
        assert (view.id, view.size, view.image_bits, view.calibrated) == ("00", (160, 120), 8, True)
        assert view.valid == pytest.approx(np.count_nonzero(depth) / depth.size)
        assert view.nearest == pytest.approx(depth[depth > 0].min())
        assert view.farthest == pytest.approx(depth.max())
        assert view.median == pytest.approx(np.median(depth[depth > 0]))
        # The ball's nearest point is one radius nearer than its centre.
        assert view.nearest == pytest.approx(300 - 60, abs=0.1)
        assert report.valid == pytest.approx(view.valid, abs=0.01)
        assert report.median_to_surface < 0.2
        assert report.worst is not None
        assert report.worst.to_surface == max(pair.to_surface for pair in report.agreement)

    def test_check_scan__valid_is_over_all_pixels(self) -> None:
        gray, full = np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint16)
        views = [
            View("a", image=gray, depth=full),
            View("b", image=np.zeros((4, 7), np.uint16), depth=np.eye(4, 7)),
        ]
        report = check_scan(Scan("s", views=views))
        assert report.valid == pytest.approx((4 + 4) / (4 + 28))
        assert [view.image_bits for view in report.views] == [8, 16]
        assert "views differ in size: 2x2, 7x4" in report.warnings
        assert any(
            "presets inspect and memory: 2 of 2 views lack one (a, b)" in one for one in report.warnings
        )
        assert report.agreement == ()
        assert report.worst is None

    def test_check_scan__a_part_in_pieces_is_none_and_one_among_specks_is(self) -> None:
        scan = ball_scan(views=4, width=80, height=60)
        split, among_specks = [], []
        for view in scan.views:
            depth = np.array(view.depth)
            halves = depth.copy()
            halves[:, 38:41] = 0
            split.append(replace(view, depth=halves))
            noise = np.zeros_like(depth)
            noise[::4, ::4] = 400
            among_specks.append(replace(view, depth=np.where(depth > 0, depth, noise)))
        assert not any("specks" in one for one in check_scan(replace(scan, views=tuple(split))).warnings)
        (warning,) = (
            one for one in check_scan(replace(scan, views=tuple(among_specks))).warnings if "specks" in one
        )
        ball = np.mean(
            [
                (np.array(a.depth) > 0).sum() / (np.array(b.depth) > 0).sum()
                for a, b in zip(scan.views, among_specks, strict=True)
            ]
        )
        assert 0.5 < ball < 0.9
        assert "inference.foreground=valid" in warning
        assert float(warning.split("only ")[1].split("%")[0]) / 100 == pytest.approx(ball, abs=0.02)

    def test_check_scan__a_view_of_holes_is_a_warning(self) -> None:
        scan = ball_scan(views=4)
        report = check_scan(_with(scan, replace(scan["02"], depth=np.full((48, 64), np.inf))))
        assert report.usable
        assert "view 02: no depth at all" in report.warnings
        assert np.isnan(report.views[2].nearest)

    def test_check_scan__all_holes_cannot_be_used(self) -> None:
        scan = ball_scan(views=2)
        report = check_scan(
            replace(scan, views=[replace(view, depth=np.zeros((48, 64))) for view in scan.views])
        )
        assert report.error == "scan ball: expected depth in at least one view, found none in 2"
        assert not report.usable

    def test_check_scan__missing_file_of_one_view(self, tmp_path: Path) -> None:
        scan = ball_scan(views=3)
        report = check_scan(_with(scan, replace(scan["01"], image=tmp_path / "none.png")))
        assert report.error == f"{tmp_path / 'none.png'}: expected a file, found none"
        assert [view.id for view in report.views] == ["00"]

    def test_check_scan__ground_truth(self, tmp_path: Path) -> None:
        write_ground_truth(tmp_path / "gt.npz", GroundTruth(np.eye(3)[None] > 0, np.zeros(3), 2.0))
        report = check_scan(replace(ball_scan(views=1), ground_truth=tmp_path / "gt.npz"))
        assert report.findings[-1].text == "ground truth volume: 1x3x3 voxels of 2 mm, 3 in a defect"
        (tmp_path / "gt.npz").write_bytes(b"damaged")
        report = check_scan(replace(ball_scan(views=1), ground_truth=tmp_path / "gt.npz"))
        assert report.error is not None
        assert "gt.npz: expected a whole .npz file" in report.error

    def test_check_scan__wrong_depth_unit(self) -> None:
        scan = ball_scan(views=8)
        report = check_scan(replace(scan, views=[replace(view, depth_unit=0.001) for view in scan.views]))
        assert report.usable
        assert any("fall on nothing that their neighbour measured" in text for text in report.warnings)
        report = check_scan(replace(scan, views=[replace(view, depth_unit=1.15) for view in scan.views]))
        assert any("check poses, intrinsics and depth unit" in text for text in report.warnings)

    @pytest.mark.parametrize(
        ("move", "expected"),
        [
            (np.array([0, 0, 8.0]), "check poses, intrinsics and depth unit"),
            (np.array([0, 0, 40.0]), "or the calibration is wrong"),
            (np.array([150.0, 0, 0]), "fall on nothing that their neighbour measured"),
        ],
    )
    def test_check_scan__one_pose_wrong(self, move: np.ndarray, expected: str) -> None:
        scan = ball_scan(views=16, width=160, height=120)
        camera = scan["03"].camera
        assert camera is not None
        pose = camera.T_world_to_camera.copy()
        pose[:3, 3] += move
        report = check_scan(_with(scan, replace(scan["03"], camera=replace(camera, T_world_to_camera=pose))))
        assert report.usable
        assert all("03" in text for text in report.warnings)
        assert any(expected in text for text in report.warnings)

    @pytest.mark.shared
    def test_check_scan__real_scan_has_no_warning(self) -> None:
        report = check_scan(sokrates_scan().subset(["00", "01", "11"]))
        assert report.warnings == ()
        assert 0.57 < report.valid < 0.63
        assert report.median_to_surface == pytest.approx(0.19, abs=0.03)


class TestCheckDirectory:
    def test_check_directory__good(self, tmp_path: Path) -> None:
        write_scan(ball_scan(views=4), tmp_path / "ball")
        usable, text = _printed(tmp_path)
        assert usable
        assert "found    " + str(tmp_path / "ball" / "scan.json") + " (4 views)" in text
        assert "4 views, " in text
        assert "neighbouring views agree to 0." in text
        assert "worst pair: view " in text

    def test_check_directory__goes_on_after_unusable_scans(self, tmp_path: Path) -> None:
        write_scanned(tmp_path / "vase" / "vase_01")
        broken = write_scanned(tmp_path / "vase" / "vase_02_bad")
        file = broken / "rgb" / "001_2.png"
        file.write_bytes(file.read_bytes()[:40])
        (write_scanned(tmp_path / "vase" / "vase_03") / "depth" / "000.npy").unlink()
        write_scanned(tmp_path / "vase" / "vase_04")
        usable, text = _printed(tmp_path)
        assert not usable
        assert f"unusable {file}: truncated PNG" in text
        assert f"unusable {tmp_path / 'vase' / 'vase_03'}: expected an image for every depth map" in text
        assert text.index("vase_03") < text.index("vase_04")
        assert "4 scans, 2 usable, 2 unusable" in text

    def test_check_directory__guesses_and_misses_are_printed(self, tmp_path: Path) -> None:
        usable, text = _printed(write_scanned(tmp_path / "vase" / "vase_02_bad"))
        assert usable
        assert "guessed  depth unit: millimetres" in text
        assert "missed   calibration: looked for cameras.json, or calib.xml and pose.txt" in text
        assert "missed   ground truth: looked for" in text

    def test_check_directory__notes_of_a_view(self, tmp_path: Path) -> None:
        directory = write_scanned(tmp_path / "vase_02", views=1)
        depth = np.load(directory / "depth" / "000.npy")
        depth[0, 2:] = -1
        np.save(directory / "depth" / "000.npy", depth)
        assert "warning  view 00: 12.5% of the depth is negative" in _printed(directory)[1]

    def test_check_directory__nothing_is_cut_off_in_a_pipe(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COLUMNS", raising=False)
        ball = ball_scan(views=2)
        ids = ["the_part_seen_from_above_by_the_left_camera", "the_part_seen_from_below_by_the_right_camera"]
        views = [replace(view, id=view_id) for view, view_id in zip(ball.views, ids, strict=True)]
        write_scan(replace(ball, views=views), tmp_path / "ball")
        assert check_directory(tmp_path)
        table = capsys.readouterr().out.split("to surface, mm")[1]
        for view_id, neighbour in (ids, ids[::-1]):
            (line,) = [line for line in table.splitlines() if line.startswith(view_id)]
            assert "64x48, 8 bit" in line
            assert f"{neighbour}, " in line

    def test_check_directory__nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected at least one scan"):
            check_directory(tmp_path)


class TestPrintReport:
    def test_print_report__names_are_not_markup(self) -> None:
        stream = io.StringIO()
        report = replace(check_scan(ball_scan(views=2)), name="[bold]part[/x]", warnings=("[red]w",))
        print_report(report, Console(file=stream, width=100))
        assert "[bold]part[/x]" in stream.getvalue()
        assert "[red]w" in stream.getvalue()

    def test_print_report__nothing_agrees(self) -> None:
        scan = ball_scan(views=8)
        stream = io.StringIO()
        wrong = replace(scan, views=[replace(view, depth_unit=0.001) for view in scan.views])
        print_report(check_scan(wrong), Console(file=stream, width=100))
        assert "nowhere within 5% of the depth" in stream.getvalue()


class TestWhatAFitRefuses:
    """What check calls usable, a fit takes; what a fit refuses, check names, in the same words."""

    def test_check_scan__names_what_a_fit_refuses(self) -> None:
        scan = ball_scan(views=4, width=160, height=120)
        blind = replace(scan["02"], depth=np.full((120, 160), np.inf))
        depth = np.array(scan["01"].depth)
        depth[50:54, 50:54] = 1e5  # too little for a background
        for wrong in (
            _with(scan, blind),
            in_unit(scan, 0.001),
            _with(scan, replace(scan["01"], depth=depth)),
        ):
            report = check_scan(wrong)
            with pytest.raises(ModMapError) as error:
                survey([wrong], InferenceSettings())
            assert str(error.value) in (report.unfit, f"scan ball: {report.error}")

    @pytest.mark.parametrize("far", [65535.0, 1e5, 1e10, np.float32(3.4e38)])
    def test_check_scan__a_far_background_is_none_to_both(self, far: float) -> None:
        """With an edge that a renderer has blended, too."""
        scan = ball_scan(views=4, width=160, height=120)
        views = []
        for view in scan.views:
            depth = np.array(view.depth)
            depth[depth == 0] = far
            edge = np.flatnonzero(np.diff(depth[60] == far))[0]
            depth[58:62, edge + 1] = 0.4 * far
            views.append(replace(view, depth=depth))
        behind = replace(scan, views=tuple(views))
        report = check_scan(behind)
        assert (report.error, report.unfit) == (None, None)
        assert any("is taken for a background" in note for note in report.views[0].notes)
        grids = survey([behind], InferenceSettings()).grids
        assert grids["balls"].shape == survey([scan], InferenceSettings()).grids["balls"].shape

    def test_check_directory__scans_in_different_units_are_told(self, tmp_path: Path) -> None:
        scan = ball_scan(views=4, width=160, height=120)
        write_scan(replace(scan, name="a"), tmp_path / "a")
        write_scan(replace(in_unit(scan, 0.001), name="b"), tmp_path / "b")
        _, text = _printed(tmp_path)
        assert (
            "scan b: depth unit: expected the part about 252.4 mm from the cameras, as in scan a"
            in " ".join(text.split())
        )
        assert "2 scans, 2 usable, 1 of them not to be fitted, 0 unusable" in " ".join(text.split())
