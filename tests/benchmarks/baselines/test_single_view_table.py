"""Single-view runs side by side, from two small ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.baselines.table import main
from benchmarks.evaluations import single_view
from tests.single_view_sets import write_mvtec3d


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, quick: Sequence[str]) -> list[str]:
    """PatchCore in colour, PatchCore on gray, and the subtraction, each from one part and from all."""
    root = write_mvtec3d(tmp_path_factory.mktemp("set") / "set")
    image = [*quick[:2], *quick[4 : quick.index("--set")]]
    given = {
        "colour": ["--method", "patchcore", *image],
        "gray": ["--method", "patchcore", *image, "--set", "colour=false"],
        "difference": ["--method", "difference", "--size", "60", "--device", "cpu"],
    }
    places = []
    for name, words in given.items():
        place = tmp_path_factory.mktemp("runs") / name
        few = ["--parts", "1", "3", "--draws", "2", "--dataset", "mvtec3d", "--root", str(root)]
        assert single_view.main([*few, "--out", str(place), *words]) == 0
        places.append(str(place))
    return places


class TestSingleViewTable:
    def test_main__methods_and_their_differences(
        self, runs: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(runs) == 0
        printed = capsys.readouterr().out
        lines = printed.splitlines()
        assert lines[0].startswith("# mvtec3d, ")
        for heading in ("## bagel, 1 training part", "## bagel, 3 training parts"):
            at = lines.index(heading)
            assert lines[at + 2] == "| method | I-AUROC | P-AUROC | AUPRO@30% | AUPRO@1% |"
            assert lines[at + 4].startswith("| PatchCore (image local-dir:")
            assert " on gray" in lines[at + 5]
            assert lines[at + 6].startswith("| Registered difference | ")
        # The miniature's three channels are alike: the two differ by how gray is normalised alone.
        assert printed.count("| less PatchCore (image local-dir:") == 2
        assert "where they hold 0, the runs show no difference" in printed

    def test_main__a_run_with_itself_shows_no_difference(
        self, runs: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([runs[0], runs[0]]) == 0
        assert capsys.readouterr().out.count("+0.000 [0.000, 0.000], no difference") == 2 * 3

    def test_main__other_data(
        self, runs: list[str], tmp_path: Path, quick: Sequence[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        root = write_mvtec3d(tmp_path / "set", train=1)
        other = ["--dataset", "mvtec3d", "--root", str(root), "--method", "difference", "--size", "60"]
        assert single_view.main([*other, "--out", str(tmp_path / "other")]) == 0
        capsys.readouterr()
        assert main([runs[0], str(tmp_path / "other")]) == 2
        assert "table: expected runs of one data set" in capsys.readouterr().err
