"""The command on small encoders."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from dino_depth.data.corpus import open_corpus
from dino_depth.probe import main, probe
from tests.dino_depth.tiny_corpus import write_tiny_corpus
from tests.modmap.conftest import write_encoder
from tests.single_view_sets import write_mvtec3d


class TestProbe:
    def test_main__figures_and_pictures(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        corpus = write_tiny_corpus(tmp_path / "corpus", size=96)
        one = write_encoder(tmp_path / "one", channels=24, in_chans=1)
        other = write_encoder(tmp_path / "other", channels=32)
        words = [str(one), "--corpus", str(corpus), "--out", str(tmp_path / "out"), "--beside", str(other)]
        assert main(words) == 0
        figures = json.loads((tmp_path / "out" / "probe.json").read_text())
        assert 1 <= figures["rank_of_patch_tokens"] <= 24
        assert figures["maps"] == 24
        assert figures["depth_r2"] > 0.5  # the patch embedding alone tells the depth
        assert figures["knn_chance"] == pytest.approx(1 / 3)
        picture = cv2.imread(str(tmp_path / "out" / "pca.png"))
        assert picture is not None
        assert picture.shape == (3 * 224, 8 * 224, 3)
        printed = capsys.readouterr().out
        assert "smoothness: " in printed
        assert f"knn_accuracy: {figures['knn_accuracy']:.4g}\n" in printed

    def test_probe__at_another_size(self, tmp_path: Path) -> None:
        corpus = write_tiny_corpus(tmp_path / "corpus", size=96)
        one = write_encoder(tmp_path / "one", channels=24, in_chans=1)
        own, _ = probe(one, corpus, tmp_path / "own")
        same, _ = probe(one, corpus, tmp_path / "same", size=60)  # 56, its own
        larger, _ = probe(one, corpus, tmp_path / "larger", size=112)
        assert same == own
        assert larger["depth_r2"] != own["depth_r2"]

    def test_main__says_why_no_neighbours(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = open_corpus(write_tiny_corpus(tmp_path / "shapes", size=96)).remove_columns("category")
        corpus = tmp_path / "corpus"
        rows.add_column("category", ["random"] * len(rows)).save_to_disk(str(corpus))
        one = write_encoder(tmp_path / "one", channels=24, in_chans=1)
        assert main([str(one), "--corpus", str(corpus), "--out", str(tmp_path / "out"), "--count", "20"]) == 0
        assert "knn_accuracy" not in json.loads((tmp_path / "out" / "probe.json").read_text())
        expected = (
            "knn_accuracy: not measured: expected two categories with two parts each, found random with 20"
        )
        assert capsys.readouterr().out.splitlines()[-1] == expected

    def test_main__what_layers_tell_of_defects(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        category = write_mvtec3d(tmp_path / "sets") / "bagel"
        one = write_encoder(tmp_path / "one", channels=24, in_chans=1)
        three = write_encoder(tmp_path / "three", channels=24)
        out = tmp_path / "out"
        assert main([str(one), "--anomalies", str(category), "--out", str(out)]) == 0
        stored = json.loads((out / "anomalies.json").read_text())
        assert stored["shown"] == "depth"
        assert [sorted(layer) for layer in stored["layers"]] == [["aupro_1", "aupro_30", "i_auroc"]] * 2
        assert [line[:8] for line in capsys.readouterr().out.splitlines()] == ["layer 0:", "layer 1:"]
        words = ["--anomalies", str(category), "--shown", "normals", "--out", str(out), "--size", "84"]
        assert main([str(three), *words]) == 0
        assert main([str(one), *words]) == 2
        assert (
            "one: expected an encoder of three channels for normals, found one of 1"
            in capsys.readouterr().err
        )
        assert main([str(one), "--out", str(out)]) == 2
        assert (
            "--corpus or --anomalies: expected what to measure on, found neither" in capsys.readouterr().err
        )

    def test_main__mistakes(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        corpus = write_tiny_corpus(tmp_path / "corpus")
        odd = write_encoder(tmp_path / "odd", in_chans=1, depth_normalisation="halves")
        capsys.readouterr()
        words = ["--corpus", str(corpus), "--out", str(tmp_path / "out")]
        for encoder, more, expected in (
            (tmp_path / "none", [], "none: expected an encoder that timm loads from a directory"),
            (odd, [], "odd: expected depth_normalisation reference or robust, found halves"),
            (odd, ["--count", "1"], "--count: expected at least 2 depth maps, found 1"),
        ):
            assert main([str(encoder), *words, *more]) == 2
            error = capsys.readouterr().err
            assert expected in error
            assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
