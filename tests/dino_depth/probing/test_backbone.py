"""A probe of a backbone in memory: its figures, and that it leaves no trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer

from dino_depth.data.corpus import open_corpus
from dino_depth.errors import DinoDepthError
from dino_depth.probing.backbone import backbone_tokens, probe_backbone
from dino_depth.probing.maps import ProbeMaps, probe_maps
from dino_depth.probing.neighbours import neighbour_accuracy
from tests.dino_depth.tiny_corpus import write_tiny_corpus


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> ProbeMaps:
    corpus = open_corpus(write_tiny_corpus(tmp_path_factory.mktemp("corpus") / "maps", maps=30, size=84))
    return probe_maps(corpus, size=84, patch=14, depth_normalisation="robust")


@pytest.fixture
def backbone() -> VisionTransformer:
    torch.manual_seed(0)
    model: VisionTransformer = timm.create_model(
        "vit_tiny_patch16_224",
        num_classes=0,
        img_size=84,
        patch_size=14,
        embed_dim=24,
        depth=2,
        num_heads=2,
        in_chans=1,
        drop_path_rate=0.5,
        proj_drop_rate=0.5,
        dynamic_img_size=True,
    )
    return model


class TestProbeBackbone:
    def test_probe_backbone__figures(self, backbone: VisionTransformer, maps: ProbeMaps) -> None:
        figures = probe_backbone(backbone, maps)
        assert 1 <= figures["rank_of_patch_tokens"] <= 24
        assert figures["maps"] == 30
        assert figures["knn_chance"] == pytest.approx(1 / 3)
        classes, _ = backbone_tokens(backbone, maps.inputs)
        assert figures["knn_accuracy"] == neighbour_accuracy(classes, maps.categories, maps.parts)
        assert all(np.isfinite(value) for value in figures.values())

    def test_probe_backbone__tokens_are_the_backbones_in_evaluation(
        self, backbone: VisionTransformer, maps: ProbeMaps
    ) -> None:
        classes, patches = backbone_tokens(backbone.train(), maps.inputs, batch=7)
        with torch.no_grad():
            expected = backbone.eval().forward_features(maps.inputs)
        torch.testing.assert_close(classes, expected[:, 0])
        torch.testing.assert_close(patches.flatten(1, 2), expected[:, 1:])
        assert patches.shape == (30, 6, 6, 24)

    def test_probe_backbone__leaves_training_as_it_was(
        self, backbone: VisionTransformer, maps: ProbeMaps
    ) -> None:
        """Modes (one block was frozen in evaluation), weights, gradients and every random state."""
        backbone.train()
        backbone.blocks[0].eval()
        backbone(maps.inputs[:2]).sum().backward()
        modes = [one.training for one in backbone.modules()]
        weights = {name: value.clone() for name, value in backbone.state_dict().items()}
        gradients = {
            name: one.grad.clone() for name, one in backbone.named_parameters() if one.grad is not None
        }
        np.random.seed(3)
        torch.manual_seed(5)
        states = torch.get_rng_state(), np.random.get_state()[1].copy()
        first = probe_backbone(backbone, maps)
        assert torch.equal(torch.get_rng_state(), states[0])
        np.testing.assert_array_equal(np.random.get_state()[1], states[1])
        assert [one.training for one in backbone.modules()] == modes
        assert all(torch.equal(value, weights[name]) for name, value in backbone.state_dict().items())
        found = {name: one.grad for name, one in backbone.named_parameters() if one.grad is not None}
        assert found.keys() == gradients.keys()
        assert all(torch.equal(found[name], gradients[name]) for name in gradients)
        assert all(one.requires_grad for one in backbone.parameters() if one.is_leaf and one.ndim > 1)
        torch.manual_seed(99)
        assert probe_backbone(backbone, maps) == first

    def test_probe_backbone__within_autocast_and_no_mode_lost_by_an_error(
        self, backbone: VisionTransformer, maps: ProbeMaps
    ) -> None:
        plain = probe_backbone(backbone, maps)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert probe_backbone(backbone, maps) == plain
        with torch.no_grad():
            backbone.norm.bias.fill_(torch.nan)
        with pytest.raises(DinoDepthError, match="expected finite tokens"):
            probe_backbone(backbone.train(), maps)
        assert backbone.training

    def test_probe_backbone__other_patches_or_too_few(
        self, backbone: VisionTransformer, maps: ProbeMaps, tmp_path: Path
    ) -> None:
        corpus = open_corpus(write_tiny_corpus(tmp_path / "corpus", maps=3, size=84))
        few = probe_maps(corpus, size=84, patch=14, depth_normalisation="robust")
        with pytest.raises(
            DinoDepthError, match="expected more measured patches than 48 to fit and one to hold out"
        ):
            probe_backbone(backbone, few)
        other = probe_maps(corpus, size=84, patch=21, depth_normalisation="robust")
        with pytest.raises(
            DinoDepthError, match="expected maps of 6 x 6 patches, as the backbone's, found 4 x 4"
        ):
            probe_backbone(backbone, other)
