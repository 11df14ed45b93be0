"""The projection head: its lengths, its layers, its state."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from dino_depth.objective.heads import ProjectionHead, UnitLinear


def _head(layers: int = 3) -> ProjectionHead:
    torch.manual_seed(0)
    return ProjectionHead(8, 12, hidden=16, bottleneck=5, layers=layers)


class TestUnitLinear:
    def test_forward__as_torch_weight_norm_with_gain_1(self) -> None:
        torch.manual_seed(0)
        ours = UnitLinear(5, 7)
        theirs = nn.Linear(5, 7, bias=False)
        theirs.load_state_dict(ours.state_dict())
        weight_norm(theirs)
        with torch.no_grad():
            theirs.parametrizations.weight.original0.fill_(1)  # type: ignore[union-attr, operator]
        tokens = torch.randn(4, 5, requires_grad=True)
        assert torch.allclose(ours(tokens), theirs(tokens), atol=1e-6)
        gradients = []
        for layer, weight in (
            (ours, ours.weight),
            (theirs, theirs.parametrizations.weight.original1),  # type: ignore[union-attr]
        ):
            assert isinstance(weight, torch.Tensor)
            gradients.append(torch.autograd.grad(layer(tokens).square().sum(), weight)[0])
        assert torch.allclose(gradients[0], gradients[1], atol=1e-5)

    def test_forward__length_of_the_weight_is_of_no_effect(self) -> None:
        torch.manual_seed(0)
        layer, tokens = UnitLinear(5, 7), torch.randn(4, 5)
        before = layer(tokens)
        with torch.no_grad():
            layer.weight.mul_(torch.arange(1, 8)[:, None])
        assert torch.allclose(layer(tokens), before, atol=1e-6)


class TestProjectionHead:
    @pytest.mark.parametrize("layers", [1, 2, 3, 5])
    def test_init__has_as_many_layers(self, layers: int) -> None:
        linear = [module for module in _head(layers).mlp if isinstance(module, nn.Linear)]
        assert len(linear) == layers
        assert (linear[0].in_features, linear[-1].out_features) == (8, 5)
        assert sum(isinstance(module, nn.GELU) for module in _head(layers).mlp) == layers - 1

    def test_forward__logits_are_cosines(self) -> None:
        head, tokens = _head(), torch.randn(6, 4, 8, generator=torch.Generator().manual_seed(0))
        bottleneck, prototypes = head.mlp(tokens), head.last_layer.weight
        expected = torch.cosine_similarity(bottleneck[..., None, :], prototypes, dim=-1)
        assert torch.allclose(head(tokens), expected, atol=1e-5)

    def test_forward__bottleneck_has_length_1(self) -> None:
        head = _head()
        seen = []
        head.last_layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        head(torch.randn(6, 8, generator=torch.Generator().manual_seed(0)))
        assert seen[0].norm(dim=-1).detach().numpy() == pytest.approx(1, abs=1e-5)

    def test_forward__none_in_none_out_with_gradients(self) -> None:
        head = _head()
        head(torch.zeros(0, 8)).sum().backward()
        assert all(parameter.grad is not None for parameter in head.parameters())

    def test_state_dict__plain_names(self) -> None:
        assert list(_head(2).state_dict()) == [
            "mlp.0.weight",
            "mlp.0.bias",
            "mlp.2.weight",
            "mlp.2.bias",
            "last_layer.weight",
        ]
