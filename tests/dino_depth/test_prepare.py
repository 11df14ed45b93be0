"""Raw data sets to a corpus, by the real command."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dino_depth import prepare
from dino_depth.data.corpus import decode_depth, depth_levels, open_corpus
from dino_depth.data.sources.catalogue import SPLITS, Choices
from dino_depth.data.sources.eyecandies import eyecandies
from dino_depth.data.sources.mvtec_3d_ad import mvtec_3d_ad
from tests.dino_depth.data.sources.miniatures import (
    MVTEC_AD,
    MVTEC_AD_2,
    MVTEC_LOCO,
    write_image,
    write_mvtec,
    write_real_iad_d3,
    write_visa,
)
from tests.dino_depth.data.tiny_depth_model import write_depth_model
from tests.fork_server import Forked
from tests.single_view_sets import write_eyecandies, write_mvtec3d

PATIENCE = 240


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("depth-model")
    write_depth_model(path)
    return path


def _rows(directory: Path) -> list[dict[str, Any]]:
    return list(open_corpus(directory))


def _write_maps(folder: Path, count: int) -> None:
    """Random depth maps, every seventh one as the one before it."""
    folder.mkdir()
    for number in range(count):
        seed = number - 1 if number % 7 == 6 else number
        np.save(
            folder / f"{number}.npy", np.random.default_rng(seed).integers(0, 60000, (200, 200), np.uint16)
        )


class TestSplits:
    def test_c__every_set_by_name(
        self, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        root = tmp_path / "raw"
        for name in SPLITS["C"]:
            (root / name).mkdir(parents=True)
        write_mvtec3d(root / "mvtec_3d_ad")
        write_eyecandies(root / "eyecandies")
        write_real_iad_d3(root / "real_iad_d3")
        for name, files in (("mvtec_ad", MVTEC_AD), ("mvtec_loco", MVTEC_LOCO), ("mvtec_ad_2", MVTEC_AD_2)):
            write_mvtec(root / name, files, category=name)
            for number, file in enumerate(files):
                # The miniatures of the three sets have the same images otherwise.
                write_image(root / name / name / file, hash_of(name) + number)
        write_visa(root / "visa")
        out = tmp_path / "corpus"
        words = ["--split", "C", "--root", str(root), "--out", str(out), "--longest-side", "32"]
        assert prepare.main([*words, "--pseudo-model", str(model), "--device", "cpu", "--batch", "2"]) == 0
        rows = _rows(out)
        sources = [row["source"] for row in rows]
        # Without defects, the miniatures' parts of the two sets of point clouds are all the same.
        assert sources == [
            name for name in SPLITS["C"] for _ in range({"mvtec_3d_ad": 1, "eyecandies": 1}.get(name, 2))
        ]
        assert all(max(decode_depth(row).shape) == 32 for row in rows)
        assert [row["scale"] > 0 for row in rows] == [name in SPLITS["B"] for name in sources]
        assert {row["category"] for row in rows[-2:]} == {"candle"}
        report = " ".join(capsys.readouterr().out.split())
        assert "mvtec_3d_ad │ 1 │ 2 │ 0" in report
        assert "all │ 12 │ 4 │ 0" in report

    def test_missing_set__one_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert prepare.main(["--split", "A", "--root", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
        expected = f"{tmp_path}/mvtec_3d_ad: expected the directory of a data set, found none\n"
        assert capsys.readouterr().err.endswith(f"dino_depth.prepare: error: {expected}")
        assert not (tmp_path / "out").exists()


def hash_of(name: str) -> int:
    """The same in every process, unlike `hash`."""
    return sum(name.encode()) * 100


class TestPrepare:
    def test_rows__readers_maps_smaller_and_within_half_a_level(self, tmp_path: Path) -> None:
        three, candies = write_mvtec3d(tmp_path / "a"), write_eyecandies(tmp_path / "b")
        arguments = prepare.Arguments(
            out=tmp_path / "corpus",
            sources=(("eyecandies", candies), ("mvtec_3d_ad", three)),
            choices=Choices(everything=True, keep_plane=True),
            longest_side=40,
        )
        prepare.prepare(arguments)
        readers = (
            eyecandies(candies, everything=True, keep_plane=True),
            mvtec_3d_ad(three, everything=True, keep_plane=True),
        )
        maps: list[Any] = []
        for source in readers:
            for item in source.items:
                # 80 x 60 to 40 x 30: of each two by two, the pixel that holds the middle.
                depth = source.read(item)[1::2, 1::2]
                if not any(np.array_equal(depth, other) for other in maps):
                    maps.append(depth)
        rows = _rows(tmp_path / "corpus")
        stored = [decode_depth(row) for row in rows]
        assert {row["category"] for row in rows} == {"bagel", "GummyBear"}
        for depth in maps:
            closest = min(float(np.abs(depth - other).max()) for other in stored)
            assert closest <= depth.max() / 65535 * 0.51
        assert len({row["hash"] for row in rows}) == len(rows)

    def test_workers__do_not_matter(self, tmp_path: Path) -> None:
        _write_maps(tmp_path / "maps", 140)
        np.save(tmp_path / "maps" / "empty.npy", np.zeros((3, 3), np.float32))
        written = []
        for workers in (1, 2):
            out = tmp_path / f"corpus{workers}"
            arguments = prepare.Arguments(out=out, sources=(("folder", tmp_path / "maps"),), workers=workers)
            counts = prepare.prepare(arguments)
            assert sum(count.duplicates for count in counts) == 20
            assert sum(count.empty for count in counts) == 1
            written.append({path.name: path.read_bytes() for path in out.iterdir()})
        assert written[0] == written[1]
        rows = _rows(tmp_path / "corpus1")
        assert len(rows) == 120
        assert {row["scale"] for row in rows} == {0.0}

    def test_corpus_of_a_corpus(self, tmp_path: Path) -> None:
        _write_maps(tmp_path / "maps", 5)
        base = prepare.Arguments(
            out=tmp_path / "one", sources=(("folder", tmp_path / "maps"),), choices=Choices(depth_unit=2)
        )
        prepare.prepare(base)
        again = prepare.Arguments(out=tmp_path / "two", sources=(("cadscan", tmp_path / "one"),))
        prepare.prepare(again)
        one, two = _rows(tmp_path / "one"), _rows(tmp_path / "two")
        for first, second in zip(one, two, strict=True):
            np.testing.assert_array_equal(depth_levels(first), depth_levels(second))
            assert first["scale"] == pytest.approx(second["scale"], rel=1e-6)
            assert second["source"] == "cadscan"

    def test_changed_data_set__refused(self, tmp_path: Path) -> None:
        _write_maps(tmp_path / "maps", 3)
        arguments = prepare.Arguments(out=tmp_path / "corpus", sources=(("folder", tmp_path / "maps"),))
        prepare.prepare(arguments)
        np.save(tmp_path / "maps" / "new.npy", np.ones((3, 3), np.float32))
        with pytest.raises(ValueError, match=r"expected --source 1 folder=.*\(3 maps, .*found .*\(4 maps, "):
            prepare.prepare(arguments)


class TestMain:
    @pytest.mark.skipif(
        not Path("/proc/self/stat").exists(), reason="sees the processes of a session in /proc"
    )
    def test_killed_and_resumed__the_same_rows(self, tmp_path: Path, model: Path) -> None:
        _write_maps(tmp_path / "maps", 300)
        image = write_image(tmp_path / "images" / "bottle" / "train" / "good" / "0.png", 0)
        for number in range(1, 150):
            shifted = np.roll(image, number, axis=(0, 1))
            cv2.imwrite(str(tmp_path / "images" / "bottle" / "train" / "good" / f"{number}.png"), shifted)
        words = ["--source", f"folder={tmp_path / 'maps'}", "--source", f"mvtec_ad={tmp_path / 'images'}"]
        words += ["--pseudo-model", str(model), "--device", "cpu", "--workers", "2", "--batch", "8"]
        out = tmp_path / "killed"
        for shards in (1, 4):
            _run_until(out, words, shards=shards)
        # Five shards: three of maps, two of images.
        assert len(list(out.glob("data-*.arrow"))) == 4
        assert not (out / "state.json").exists()
        assert prepare.main([*words, "--out", str(out)]) == 0
        assert prepare.main([*words, "--out", str(tmp_path / "whole")]) == 0
        killed, whole = (
            {path.name: path.read_bytes() for path in place.iterdir()} for place in (out, tmp_path / "whole")
        )
        assert killed == whole
        rows = _rows(out)
        assert [row["source"] for row in rows].count("folder") == 300 - 42
        assert len({row["hash"] for row in rows}) == len(rows)

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--source", "mvtec3d=x"], "--source mvtec3d: unknown data set, did you mean mvtec_3d_ad?"),
            (
                ["--source", "folder"],
                "--source folder: expected NAME=PATH, such as mvtec_3d_ad=data/mvtec_3d_ad",
            ),
            ([], "--source: expected a data set, or --split with --root, found neither"),
            (["--split", "A"], "--split: expected it together with --root, found only --split"),
            (["--root", "x"], "--split: expected it together with --root, found only --root"),
            (
                ["--source", "folder=maps", "--depth-unit", "nan"],
                "--depth-unit: expected millimetres per stored unit, or 0, found nan",
            ),
        ],
    )
    def test_wrong_words__one_line(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        words: list[str],
        message: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert prepare.main([*words, "--out", "corpus"]) == 2
        assert capsys.readouterr().err.strip().endswith(f"dino_depth.prepare: error: {message}")

    @pytest.mark.parametrize(
        "words", [["--batch", "0"], ["--workers", "-1"], ["--longest-side", "x"], ["--split", "D"]]
    )
    def test_wrong_values__argparse_says_which(
        self, words: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            prepare.main([*words, "--out", "corpus"])
        assert f"argument {words[0]}: invalid" in capsys.readouterr().err

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_damaged_file__is_named_and_left_out(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], workers: str
    ) -> None:
        """By a run that takes up a finished corpus, too: its exit status says so again."""
        write_mvtec3d(tmp_path)
        good = tmp_path / "bagel" / "train" / "good" / "xyz"
        path = good / "001.tiff"
        path.write_bytes(path.read_bytes()[:1000])
        words = ["--source", f"mvtec_3d_ad={tmp_path}", "--workers", workers, "--out", str(tmp_path / "out")]
        assert prepare.main(words) == 1
        said = [line for line in capfd.readouterr().err.splitlines() if "left out" in line]
        assert said == [f"left out: {path}: expected a whole TIFF, found 1000 bytes without a page"]
        rows = len(open_corpus(tmp_path / "out"))
        assert rows > 0
        assert prepare.main(words) == 1
        assert len(open_corpus(tmp_path / "out")) == rows

    def test_damaged_file__all_of_them(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        write_mvtec3d(tmp_path)
        for path in tmp_path.rglob("*.tiff"):
            path.write_bytes(path.read_bytes()[:1000])
        words = ["--source", f"mvtec_3d_ad={tmp_path}", "--out", str(tmp_path / "out")]
        assert prepare.main(words) == 2
        assert "expected a whole TIFF, found 1000 bytes without a page" in capfd.readouterr().err
        assert [file.name for file in (tmp_path / "out").iterdir()] == ["prepare.json"]


def _run_until(out: Path, words: list[str], *, shards: int) -> None:
    """Runs the command and kills it as soon as it has written so many shards."""
    process = Forked(["-m", "dino_depth.prepare", "--out", str(out), *words])
    try:
        last = time.monotonic() + PATIENCE
        while len(list(out.glob("data-*.arrow"))) < shards:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < last, "no shard in time"
            time.sleep(0.001)
    finally:
        # It alone: its readers must end by themselves.
        process.send_signal(signal.SIGKILL)
        process.wait()
    while _in_session(process.pid):
        assert time.monotonic() < last, "a reader outlives the run"
        time.sleep(0.05)


def _in_session(session: int) -> list[str]:
    """The processes of a session: of a run, its readers."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name, which is in brackets: state, parent, group, session.
            state, _, _, of, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(of) == session and state != "Z":
            found.append(path.parent.name)
    return found
