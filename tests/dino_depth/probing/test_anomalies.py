"""What layers tell of defects: normals in closed form, distances written out, a defect that must be found."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from sklearn.metrics import roc_auc_score

from dino_depth.data.sources.labelled_parts import LabelledPart
from dino_depth.probing.anomalies import (
    anomaly_probe,
    layer_tokens,
    nearest_distance,
    ranked_higher,
    surface_normals,
)


def _backbone(in_chans: int = 1) -> timm.models.VisionTransformer:
    torch.manual_seed(0)
    return timm.create_model(
        "vit_tiny_patch16_224",
        num_classes=0,
        img_size=112,
        patch_size=14,
        embed_dim=32,
        depth=3,
        num_heads=2,
        in_chans=in_chans,
        init_values=1.0,
    )


def _part(number: int, *, dent: bool) -> LabelledPart:
    """A ball of 30 mm seen from above, with noise; a dent in its side."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    radius = np.hypot(x, y)
    z = np.where(radius < 0.8, 400 - 30 * np.sqrt(np.maximum(1 - radius**2, 0)), 0)
    z = z + rng.normal(0, 0.05, z.shape) * (z > 0)
    place = np.hypot(x - 0.3, y - 0.1 * (number % 3)) < 0.16
    if dent:
        z = z + 8 * place
    points = np.stack([x * 30, y * 30, z], axis=-1) * (z > 0)[:, :, None]
    return LabelledPart(f"{number}", points.astype(np.float32), place & dent, dent)


class TestSurfaceNormals:
    def test_surface_normals__of_a_plane(self) -> None:
        y, x = np.mgrid[:40, :50].astype(np.float32)
        points = np.stack([x, y, 300 + 0.5 * x - 0.25 * y], axis=-1)
        points[:, :5] = 0
        normals = surface_normals(points)
        expected = np.array([0.5, -0.25, -1.0]) / np.linalg.norm([0.5, -0.25, -1.0])
        # Where what is smoothed over reaches neither the hole nor the border.
        np.testing.assert_allclose(normals[12:-8, 14:-8], np.broadcast_to(expected, (20, 28, 3)), atol=1e-4)
        assert not normals[:, :5].any()
        assert (normals[:, 6:-1][1:-1, :, 2] < 0).all()


class TestAnomalyProbe:
    @pytest.mark.parametrize("shown", ["depth", "normals"])
    def test_anomaly_probe__a_dent_is_found_and_placed(self, shown: str) -> None:
        nominal = [_part(number, dent=False) for number in range(6)]
        test = [_part(number, dent=number % 2 == 1) for number in range(10, 20)]
        layers = anomaly_probe(
            _backbone(3 if shown == "normals" else 1),
            nominal,
            test,
            shown=shown,  # type: ignore[arg-type]
            depth_normalisation="robust",
        )
        assert len(layers) == 3
        assert layers[0]["i_auroc"] == 1.0
        assert layers[0]["aupro_30"] > 0.8
        assert layers[0]["aupro_1"] > 0.2
        # Of parts without any difference nothing is told.
        same = [_part(number, dent=False) for number in range(10, 20)]
        blind = [
            LabelledPart(one.name, one.points, other.defect, other.anomalous)
            for one, other in zip(same, test, strict=True)
        ]
        layers = anomaly_probe(_backbone(), nominal, blind, shown="depth", depth_normalisation="robust")
        assert layers[0]["aupro_1"] < 0.1

    def test_layer_tokens__are_the_blocks_own(self) -> None:
        backbone = _backbone().train()
        inputs = torch.randn(20, 1, 112, 112)
        found = layer_tokens(backbone, inputs)
        assert backbone.training
        assert [tuple(one.shape) for one in found] == [(20, 8, 8, 32)] * 3
        last = backbone.eval().forward_features(inputs)[:, 1:].unflatten(1, (8, 8))
        assert torch.allclose(found[-1], last / last.norm(dim=-1, keepdim=True), atol=1e-5)

    def test_nearest_distance__as_written_out(self) -> None:
        tokens, bank = (torch.nn.functional.normalize(torch.randn(count, 5), dim=-1) for count in (1500, 7))
        expected = torch.stack([1 - torch.stack([token @ one for one in bank]).max() for token in tokens])
        assert torch.allclose(nearest_distance(tokens, bank), expected, atol=1e-6)

    def test_ranked_higher__equals_scikit_learns_auroc(self) -> None:
        rng = np.random.default_rng(0)
        scores, labels = rng.integers(0, 5, 40).astype(np.float32), rng.random(40) < 0.5
        bad, good = (torch.from_numpy(scores[which]) for which in (labels, ~labels))
        assert ranked_higher(bad, good) == pytest.approx(roc_auc_score(labels, scores))
