"""The probe's figures against closed forms and scikit-learn, and the command on a small encoder."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from dino_depth.probe import RIDGE, linear_probe, main, patch_targets, pca_picture, rank_me, smoothness
from tests.dino_depth.tiny_corpus import write_tiny_corpus
from tests.modmap.conftest import write_encoder


class TestFigures:
    def test_rank_me__equal_directions_and_one(self) -> None:
        orthogonal = torch.linalg.qr(torch.randn(64, 8, generator=torch.Generator().manual_seed(0)))[0]
        assert rank_me(orthogonal) == pytest.approx(8, rel=1e-3)
        assert rank_me(orthogonal[:, :1] @ torch.ones(1, 8)) == pytest.approx(1, rel=1e-3)

    def test_smoothness__slow_reference(self) -> None:
        patches = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
        beside, every = [], []
        for one in patches:
            places = [(i, j) for i in range(3) for j in range(4)]
            cosines = {
                (a, b): torch.nn.functional.cosine_similarity(one[a], one[b], dim=0).item()
                for a in places
                for b in places
                if a != b
            }
            every.append(np.mean(list(cosines.values())))
            beside += [
                value
                for (a, b), value in cosines.items()
                if a < b and abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1
            ]
        assert smoothness(patches) == pytest.approx(np.mean(beside) - np.mean(every), abs=1e-6)

    def test_linear_probe__as_scikit_learn(self) -> None:
        rng = np.random.default_rng(0)
        features = rng.normal(size=(200, 6))
        targets = features @ rng.normal(size=(6, 2)) + rng.normal(0, 0.5, (200, 2)) + 3
        scaled = StandardScaler().fit(features[:140])
        model = Ridge(alpha=RIDGE * 140).fit(scaled.transform(features[:140]), targets[:140])
        predicted = model.predict(scaled.transform(features[140:]))
        expected = r2_score(targets[140:], predicted, multioutput="variance_weighted")
        found = linear_probe(torch.from_numpy(features), torch.from_numpy(targets))
        assert found == pytest.approx(expected, abs=2e-3)

    def test_patch_targets__of_a_ramp_with_a_hole(self) -> None:
        depth = np.repeat(np.linspace(0.2, 1.0, 80, dtype=np.float32)[:, None], 80, axis=1)
        depth[30:50, 30:50] = 0
        mean, slopes, inside = patch_targets(depth, 8)
        assert mean[1, 1] == pytest.approx(depth[10:20].mean(where=depth[10:20] > 0), rel=1e-5)
        np.testing.assert_allclose(slopes[1, 1], [0.8 / 79 * 10, 0], atol=1e-5)
        assert inside[1, 1]
        assert not inside[3:5, 3:5].any()
        assert not inside[0].any()

    def test_pca_picture__two_halves(self) -> None:
        patches = torch.zeros(4, 6, 3)
        patches[:, 3:] = torch.tensor([1.0, 2.0, 3.0])
        patches += 0.01 * torch.randn(patches.shape, generator=torch.Generator().manual_seed(0))
        mask = np.ones((4, 6), bool)
        mask[0] = False
        picture = pca_picture(patches, mask=mask)
        assert not picture[0].any()
        assert abs(int(picture[1:, :3, 0].mean()) - int(picture[1:, 3:, 0].mean())) > 200


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
        picture = cv2.imread(str(tmp_path / "out" / "pca.png"))
        assert picture is not None
        assert picture.shape == (3 * 224, 8 * 224, 3)
        assert "smoothness: " in capsys.readouterr().out

    def test_main__mistakes(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        corpus = write_tiny_corpus(tmp_path / "corpus")
        capsys.readouterr()
        words = ["--corpus", str(corpus), "--out", str(tmp_path / "out")]
        assert main([str(tmp_path / "none"), *words]) == 2
        error = capsys.readouterr().err
        assert "none: expected an encoder that timm loads from a directory" in error
        assert error.count("\n") == 1
