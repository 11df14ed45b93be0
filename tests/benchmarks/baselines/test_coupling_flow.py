"""The flow against autograd's Jacobian and its own inverse."""

from __future__ import annotations

import math

import torch

from benchmarks.baselines.coupling_flow import CLAMP, CouplingFlow


def flow(channels: int) -> CouplingFlow:
    """A flow far from the identity, in double precision."""
    found = CouplingFlow(channels, conditions=3, hidden=6, seed=1).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.2)
    return found


def maps(channels: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (1, channels, 2, 3)
    return (
        torch.randn(shape, generator=generator, dtype=torch.float64),
        torch.randn(1, 3, 2, 3, generator=generator, dtype=torch.float64),
    )


class TestCouplingFlow:
    def test_forward__determinant_is_that_of_the_jacobian(self) -> None:
        for channels in (4, 5):
            network, (given, conditions) = flow(channels), maps(channels)

            def flat(values: torch.Tensor) -> torch.Tensor:
                normal: torch.Tensor = network(values.reshape(given.shape), conditions)[0]  # noqa: B023
                return normal.flatten()

            jacobian = torch.autograd.functional.jacobian(flat, given.flatten())
            sign, expected = torch.linalg.slogdet(jacobian)
            _, found = network(given, conditions)
            assert abs(float(sign)) == 1
            torch.testing.assert_close(found.sum(), expected)
            assert abs(float(expected)) > 0.1

    def test_inverse__gives_back_what_went_in(self) -> None:
        network, (given, conditions) = flow(5), maps(5)
        normal, _ = network(given, conditions)
        torch.testing.assert_close(network.inverse(normal, conditions), given)
        assert float((normal - given).detach().abs().max()) > 0.1

    def test_log_likelihood__change_of_variables(self) -> None:
        network, (given, conditions) = flow(4), maps(4)
        normal, determinant = network(given, conditions)
        places = normal.numel()
        expected = determinant.sum() - normal.square().sum() / 2 - places / 2 * math.log(2 * math.pi)
        torch.testing.assert_close(network.log_likelihood(given, conditions).sum(), expected)
        one = torch.distributions.Normal(0.0, 1.0).log_prob(normal).sum() + determinant.sum()
        torch.testing.assert_close(expected, one)

    def test_forward__scales_stay_within_the_clamp(self) -> None:
        network, (given, conditions) = flow(4), maps(4)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1e3)
        _, determinant = network(given, conditions)
        assert float(determinant.abs().max()) <= 4 * CLAMP * len(network.couplings)

    def test_init__same_seed_same_flow(self) -> None:
        torch.manual_seed(5)
        one = CouplingFlow(6, conditions=2, hidden=4, seed=3).state_dict()
        other = CouplingFlow(6, conditions=2, hidden=4, seed=3).state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)
        different = CouplingFlow(6, conditions=2, hidden=4, seed=4).state_dict()
        assert not all(torch.equal(one[name], different[name]) for name in one)
