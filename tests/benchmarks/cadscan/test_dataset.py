import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.cadscan.__main__ import main
from benchmarks.cadscan.card import write_card
from benchmarks.cadscan.dataset import DatasetError, DatasetSettings, make_dataset
from benchmarks.cadscan.defects.places import Surface
from benchmarks.cadscan.scan_jobs import scan_jobs
from benchmarks.cadscan.scan_making import cell_of, nominal_part, planter
from benchmarks.runs.kept_settings import SettingsError
from modmap.datasets import SiM3D, read_ground_truth
from modmap.files.images import read_depth

CATEGORY = "machined_bracket"
SETTINGS = DatasetSettings(size=(80, 60), good=1, bad=1, seed=3)
COMMAND = ["dataset", "--categories", CATEGORY, "--good", "1", "--bad", "1", "--size", "80x60", "--seed", "3"]
# Kinds whose size is free; a missing or bent feature has the size of the feature, a warp is wider.
FREE_KINDS = ("dent", "bump", "extra_hole", "stain", "roughness")


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cadscan") / "set"
    make_dataset(out, SETTINGS, categories=[CATEGORY])
    return out


class TestMakeDataset:
    def test_make_dataset__same_bytes_from_two_processes(self, made: Path, tmp_path: Path) -> None:
        make_dataset(tmp_path / "set", SETTINGS, categories=[CATEGORY], workers=2)
        expected, found = contents(made), contents(tmp_path / "set")
        assert list(found) == list(expected)
        assert [name for name in expected if found[name] != expected[name]] == []

    def test_make_dataset__whole_scans_are_left_alone(self, made: Path) -> None:
        before = {path: os.stat(path).st_mtime_ns for path in made.rglob("*.npy")}
        make_dataset(made, SETTINGS, categories=[CATEGORY])
        assert {path: os.stat(path).st_mtime_ns for path in made.rglob("*.npy")} == before

    def test_make_dataset__of_another_version(self, made: Path, tmp_path: Path) -> None:
        """What was begun before detectability was known is refused, and so are its sheets."""
        out = tmp_path / "set"
        shutil.copytree(made, out)
        kept = json.loads((out / "cadscan.json").read_text())
        del kept["least_detectability"], kept["split"]
        (out / "cadscan.json").write_text(json.dumps(kept))
        with pytest.raises(SettingsError, match=r"expected least_detectability None, as .* was begun with"):
            make_dataset(out, SETTINGS, categories=[CATEGORY])
        with pytest.raises(
            DatasetError, match=r"expected bad, .*, found bad, .*; the set was made by another"
        ):
            write_card(out)

    def test_make_dataset__other_settings(self, made: Path) -> None:
        with pytest.raises(SettingsError, match=r"expected seed 3, as .* was begun with, found 4"):
            make_dataset(made, DatasetSettings((80, 60), good=1, bad=1, seed=4), categories=[CATEGORY])

    def test_make_dataset__foreign_directory(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(SettingsError, match="expected a new or empty directory"):
            make_dataset(tmp_path, SETTINGS, categories=[CATEGORY])

    def test_main__a_place_that_cannot_be_used(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place = tmp_path / "notes"
        place.write_text("mine")
        for words in (COMMAND, ["corpus", "--count", "1"]):
            assert main([*words, "--out", str(place)]) == 2
            error = capsys.readouterr().err
            assert error.startswith("error: ")
            assert error.endswith(f"'{place}'\n")
            assert error.count("\n") == 1
        assert place.read_text() == "mine"

    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("--size=5000x60", "size: expected 1x1 to 4096x3000, found 5000x60"),
            ("--size=80x0", "size: expected 1x1 to 4096x3000, found 80x0"),
            ("--good=-3", "good: expected 0 or more, found -3"),
            ("--bad=-1", "bad: expected 0 or more, found -1"),
            ("--seed=-1", "seed: expected 0 or more, found -1"),
            ("--least-detectability=-2", "least_detectability: expected 0 or more, found -2.0"),
            ("--split=report", "seed: expected 50, as the report split has it, found 3"),
            ("--largest=inf", "smallest, largest: expected 0 < smallest <= largest, found 3.0 and inf mm"),
        ],
    )
    def test_make_dataset__what_cannot_be_made_is_not_kept(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, expected: str
    ) -> None:
        assert main([*COMMAND, word, "--out", str(tmp_path / "set")]) == 2
        assert capsys.readouterr().err == f"error: {expected}\n"
        assert not (tmp_path / "set").exists()

    def test_make_dataset__unknown_category(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(DatasetError, match=r"expected some of .*machined_bracket.*, found 'teapot'"):
            make_dataset(tmp_path, SETTINGS, categories=["teapot"])
        assert main(["dataset", "--out", str(tmp_path), "--size", "big"]) == 2
        assert "expected WIDTHxHEIGHT" in capsys.readouterr().err


class TestWrittenSet:
    def test_written_set__reads_as_sim3d(self, made: Path) -> None:
        dataset = SiM3D(made)
        assert dataset.categories == (CATEGORY,)
        scans = dataset.tests(CATEGORY)
        assert [scan.name for scan in scans] == [f"{CATEGORY}_00", f"{CATEGORY}_01_bad"]
        assert [scan.anomalous for scan in scans] == [False, True]
        for scan in (dataset.train(CATEGORY, "real"), dataset.train(CATEGORY, "synth"), *scans):
            assert len(scan) == 12
            assert all(finding.kind == "found" for finding in scan.findings), scan.findings
            for frame in scan.frames():
                assert frame.shape == (60, 80)
                assert frame.camera is not None
                assert frame.camera.size == (80, 60)
                assert frame.camera.K[0, 0] == pytest.approx(3470.28 * 60 / 3000)

    def test_written_set__back_projected_depth_is_where_the_part_is(self, made: Path) -> None:
        """The rendered scan has no error at all: every point is on the box of the part, its middle in the world's."""
        part = nominal_part(CATEGORY)
        low, high = part.vertices.min(axis=0), part.vertices.max(axis=0)
        every = []
        for frame in SiM3D(made).train(CATEGORY, "synth").frames():
            v, u = np.nonzero(frame.depth)
            assert frame.camera is not None
            every.append(frame.camera.back_project(np.stack([u, v], axis=1), frame.depth[v, u]))
        points = np.concatenate(every)
        assert (points >= low - 1e-3).all()
        assert (points <= high + 1e-3).all()
        assert (np.ptp(points, axis=0) > 0.95 * (high - low)).all()

    def test_written_set__background_of_the_renderer_is_the_maximum(self, made: Path) -> None:
        directory = made / CATEGORY / f"{CATEGORY}_synth"
        depth = read_depth(directory / "DEPTH" / "00_depth.exr")
        assert depth[0, 0] == depth.max() == np.float32(1e10)
        assert 50 < depth[depth < depth.max()].max() < 1000

    def test_written_set__real_depth_has_inf_for_no_measurement(self, made: Path) -> None:
        depth = np.load(made / CATEGORY / f"{CATEGORY}_real" / "depth" / "05.npy")
        assert depth.dtype == np.float32
        assert np.isinf(depth).any()
        assert (depth > 50).all()

    def test_written_set__ground_truth_and_records(self, made: Path) -> None:
        good, bad = (made / CATEGORY / f"{CATEGORY}_{name}" for name in ("00", "01_bad"))
        assert json.loads((good / "defects.json").read_text()) == []
        truth = read_ground_truth(good / "gt.npz")
        assert truth.unseen is not None
        assert not truth.mask.any()
        assert not truth.unseen.any()
        truth, records = read_ground_truth(bad / "gt.npz"), json.loads((bad / "defects.json").read_text())
        assert 1 <= len(records) <= 2
        assert truth.mask.sum() <= sum(record["voxels"] for record in records)
        assert truth.defect is not None
        of_each = np.bincount(truth.defect[truth.mask], minlength=len(records) + 1)[1:]
        assert of_each[0] == records[0]["voxels"]
        assert (of_each <= [record["voxels"] for record in records]).all()
        places = (np.argwhere(truth.mask) + 0.5) * truth.voxel + truth.origin
        for record in records:
            assert (
                np.linalg.norm(places - record["centre_mm"], axis=1).min()
                < record["size_mm"] + 2 * truth.voxel
            )
            assert 0 < record["voxels_measured"] <= record["voxels"]

    def test_written_set__what_is_known_of_detectability(self, made: Path) -> None:
        """Over views the squares add; of depth and image, too; and some view shows each defect."""
        for record in json.loads((made / CATEGORY / f"{CATEGORY}_01_bad" / "defects.json").read_text()):
            views, known = record["by_view"], record["detectability"]
            assert list(views) == [f"{index:02d}" for index in range(12)]
            for name in ("depth", "image", "both"):
                assert known[name] == pytest.approx(
                    np.hypot.reduce([view[name] for view in views.values()]), abs=0.01
                )
            both = [view["both"] for view in views.values()]
            assert known["best_view"] == max(both) >= 5
            assert record["views"] == sum(value >= 5 for value in both)
            for view in views.values():
                assert view["both"] == pytest.approx(np.hypot(view["depth"], view["image"]), abs=0.01)

    def test_written_set__ceiling_of_the_ground_truth(self, made: Path) -> None:
        """What a reader back-projects falls into the recorded number of ground-truth voxels, nearly all of them."""
        scan = SiM3D(made).tests(CATEGORY)[1]
        assert scan.ground_truth is not None
        truth = read_ground_truth(scan.ground_truth)
        measured = np.zeros(truth.mask.shape, bool)
        for frame in scan.frames():
            index, inside = truth.grid.index(frame.points(frame.depth > 0))
            measured[tuple(index[inside].T)] = True
        records = json.loads((made / CATEGORY / scan.name / "defects.json").read_text())
        if len(records) == 1:
            assert (measured & truth.mask).sum() == records[0]["voxels_measured"]
        assert (measured & truth.mask).sum() > 0.9 * truth.mask.sum()

    def test_written_set__placement_carries_a_scan_onto_the_part_as_drawn(self, made: Path) -> None:
        """Points of a test scan, from where the cameras really were, lie on the nominal part within its tolerance
        of 0.05 mm and the noise once the placement is undone; where they are, and as calibrated, they do not."""
        surface = Surface(nominal_part(CATEGORY))
        directory = made / CATEGORY / f"{CATEGORY}_00"
        truth = json.loads((directory / "placement.json").read_text())
        T = np.array(truth["T_part_to_world"])
        near, far = [], []
        for frame in SiM3D(made).tests(CATEGORY)[0].frames():
            assert frame.camera is not None
            error = np.array(truth["camera_error"][frame.id])
            real = replace(frame.camera, T_world_to_camera=error @ frame.camera.T_world_to_camera)
            v, u = np.nonzero(frame.depth)
            pixels, depth = np.stack([u, v], axis=1)[::5], frame.depth[v, u][::5].astype(float)
            points = (real.back_project(pixels, depth) - T[:3, 3]) @ T[:3, :3]
            as_calibrated = frame.camera.back_project(pixels, depth)
            on_part = points[:, 2] > 15  # above what the jaws of the fixture can hide
            near.append(surface.distance(points[on_part]))
            far.append(surface.distance(as_calibrated[on_part]))
        near, far = np.concatenate(near), np.concatenate(far)
        near, far = near[near < 3], far[near < 3]  # what is left is table and fixture
        assert len(near) > 500
        assert np.median(near) < 0.06
        assert np.percentile(near, 95) < 0.25
        assert np.median(far) > 1.5 * np.median(near)
        for name in ("real", "01_bad"):
            assert (made / CATEGORY / f"{CATEGORY}_{name}" / "placement.json").is_file()
        assert not (made / CATEGORY / f"{CATEGORY}_synth" / "placement.json").exists()

    def test_written_set__card_and_cad(self, made: Path) -> None:
        card = (made / "README.md").read_text()
        assert f"| {CATEGORY} | 12 | fixture | in the picture | 1 | 1 |" in card
        assert "--size 80x60 --seed 3" in card
        assert "world frame of the scan" in card
        assert (made / CATEGORY / f"{CATEGORY}.step").read_text().startswith("ISO-10303-21")
        assert (made / CATEGORY / f"{CATEGORY}.stl").stat().st_size > 1000


class TestSplit:
    def test_main__a_split_has_its_seed_its_place_and_a_word_in_the_card(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        few = ["--categories", "belt_pulley", "--good", "0", "--bad", "0", "--size", "40x30"]
        for split, seed, word in (
            ("work", 0, "settings are chosen on it"),
            ("report", 50, "Nothing is ever tuned"),
        ):
            assert main(["dataset", "--split", split, *few]) == 0
            out = tmp_path / "data" / "sim3d-mini" / split
            kept = json.loads((out / "cadscan.json").read_text())
            assert (kept["seed"], kept["split"], kept["smallest"], kept["largest"]) == (
                seed,
                split,
                3.0,
                20.0,
            )
            assert word in (out / "README.md").read_text()
        assert main(["dataset", *few]) == 2
        assert (
            "out: expected a directory, or --split work or report, found neither" in capsys.readouterr().err
        )


class TestScanJobs:
    def test_scan_jobs__seeds_differ_and_do_not_depend_on_the_counts(self, tmp_path: Path) -> None:
        few = scan_jobs(tmp_path, DatasetSettings((80, 60), good=1, bad=2, seed=0), CATEGORY)
        many = scan_jobs(tmp_path, DatasetSettings((80, 60), good=5, bad=9, seed=0), CATEGORY)
        states = [tuple(job.seed.generate_state(4)) for job in many]
        assert len(set(states)) == len(many) == 16
        assert {tuple(job.seed.generate_state(4)) for job in few} < set(states)


class TestCommands:
    def test_sheets__tiles_are_the_views(
        self, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["sheets", "--data", str(made), "--out", str(tmp_path), "--planted=1", "--no-kinds"]) == 0
        paths = [str(tmp_path / f"{CATEGORY}{name}.png") for name in ("", "_defects")]
        assert capsys.readouterr().out.split() == paths
        sheet = cv2.imread(str(tmp_path / f"{CATEGORY}.png"))
        assert sheet is not None
        rows, columns = 7, 6
        assert sheet.shape == (rows * 300, columns * 400, 3)
        tiles = sheet.reshape(rows, 300, columns, 400, 3).swapaxes(1, 2)
        dataset = SiM3D(made)
        anomalous = dataset.tests(CATEGORY)[1]
        for column in range(columns):
            view = anomalous.views[2 * column].load()
            enlarged = cv2.resize(view.image, (400, 300), interpolation=cv2.INTER_NEAREST)
            np.testing.assert_array_equal(tiles[4, column], np.repeat(enlarged[..., None], 3, axis=2))
            # Where nothing was measured the depth is black.
            holes = cv2.resize(view.depth, (400, 300), interpolation=cv2.INTER_NEAREST) == 0
            assert not tiles[5, column][holes].any()
        records = json.loads((made / CATEGORY / f"{CATEGORY}_01_bad" / "defects.json").read_text())
        defects = cv2.imread(paths[1])
        assert defects is not None
        assert defects.shape[0] == 200 * len(records)
        # The ground truth is the image, and red where a defect shows.
        marked = (tiles[6] != tiles[4]).any(axis=-1)
        assert marked.any()
        assert (tiles[6][marked] == [40, 40, 255]).all()

    def test_sheets__no_anomalous_scan(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        out = tmp_path / "set"
        make_dataset(out, DatasetSettings((40, 30), good=1, bad=0, seed=3), categories=[CATEGORY])
        assert (
            main(
                ["sheets", "--data", str(out), "--out", str(tmp_path / "sheets"), "--planted=1", "--no-kinds"]
            )
            == 2
        )
        assert "expected an anomalous test scan, found none" in capsys.readouterr().err

    def test_floor__goes_into_the_card(self, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
        card = (made / "README.md").read_bytes()
        assert main(["floor", "--data", str(made)]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(f"{CATEGORY}  depth ")
        assert f"| {CATEGORY} | {printed.split()[2]} |" in (made / "README.md").read_text()
        (made / "floor.json").unlink()
        (made / "README.md").write_bytes(card)

    def test_dataset__sizes_of_defects(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*COMMAND, "--out", str(tmp_path / "set"), "--smallest", "9", "--largest", "5"]) == 2
        assert "expected 0 < smallest <= largest, found 9.0 and 5.0 mm" in capsys.readouterr().err
        settings = DatasetSettings((80, 60), good=0, bad=6, seed=3, smallest=9.0, largest=9.5)
        jobs = [job for job in scan_jobs(tmp_path, settings, CATEGORY) if job.kind == "bad"]
        cell = cell_of(CATEGORY, settings.size)
        defects = [defect for job in jobs for defect in planter(job, cell).drawn().defects]
        sizes = [defect.size for defect in defects if defect.kind in FREE_KINDS]
        assert sizes, defects
        assert all(9 <= size <= 9.5 for size in sizes)
