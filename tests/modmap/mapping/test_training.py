"""Training against a loop with its own loss, learning-rate cycle and Adam (Sec. A.2)."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from modmap.config import TrainingSettings
from modmap.errors import ModMapError
from modmap.mapping.mapper import CrossViewMapper, Modulator
from modmap.mapping.token_bank import TokenBank
from tests.modmap.banks import random_bank, random_mapper, train


def _one_way(layers: torch.nn.Module, modulator: Modulator | None, token: Tensor, s: int, t: int) -> Tensor:
    if modulator is not None:
        code = torch.zeros(2 * modulator.views, dtype=token.dtype)
        code[s] = code[modulator.views + t] = 1
        gamma, beta = modulator.mlp(code).split(len(token))
        token = gamma * token + beta
    predicted: Tensor = layers(token)
    return predicted


def _loss(mapper: CrossViewMapper, bank: TokenBank, pairs: list[tuple[int, int]]) -> Tensor:
    """Eq. 10, the mean over the tokens of all pairs, one token at a time."""
    terms = []
    for s, t in pairs:
        for place in range(bank.foreground.shape[1]):
            if bank.foreground[s, place] and bank.foreground[t, place]:
                depth = _one_way(mapper.image_to_depth, mapper.image_modulator, bank.image[s, place], s, t)
                image = _one_way(mapper.depth_to_image, mapper.depth_modulator, bank.depth[s, place], s, t)
                for a, b in [(depth, bank.depth[t, place]), (image, bank.image[t, place])]:
                    terms.append(1 - a @ b / (a.norm() * b.norm()))
    return torch.stack(terms).sum() / (len(terms) / 2)


def _cycle(step: int, steps: int, warm_up: float, start: float, peak: float, end: float) -> float:
    """Cosine from `start` to `peak` during the warm-up, then to `end` at the last step."""
    top = warm_up * steps - 1
    if step <= top:
        return peak + (start - peak) * (1 + math.cos(math.pi * step / top)) / 2
    return end + (peak - end) * (1 + math.cos(math.pi * (step - top) / (steps - 1 - top))) / 2


def _train_slowly(mapper: CrossViewMapper, bank: TokenBank, setting: TrainingSettings) -> list[float]:
    """All pairs in each step; Adam written out, its first moment's decay cycling from 0.95 to 0.85 and back."""
    views = len(bank.view)
    pairs = [(s, t) for s in range(views) for t in range(views)]
    parameters = list(mapper.parameters())
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    low, high = setting.learning_rate, setting.peak_learning_rate
    losses = []
    for step in range(setting.epochs):
        loss = _loss(mapper, bank, pairs)
        losses.append(loss.item())
        rate = _cycle(step, setting.epochs, setting.warm_up, low, high, low / 1e4)
        beta1 = _cycle(step, setting.epochs, setting.warm_up, 0.95, 0.85, 0.95)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
                m.mul_(beta1).add_((1 - beta1) * g)
                v.mul_(0.999).add_(0.001 * g**2)
                m_hat, v_hat = m / (1 - beta1 ** (step + 1)), v / (1 - 0.999 ** (step + 1))
                p.sub_(rate * m_hat / (v_hat.sqrt() + 1e-8))
    return losses


SETTINGS = TrainingSettings(
    epochs=10, pairs_per_batch=48, warm_up=0.3, learning_rate=1e-3, peak_learning_rate=5e-3
)


class TestTrain:
    @pytest.mark.parametrize("conditioned", [True, False])
    def test_train__slow_loop(self, conditioned: bool) -> None:
        bank = random_bank(3, views=2, places=3)
        mapper = random_mapper(3, views=2, conditioned=conditioned)
        reference = copy.deepcopy(mapper)
        losses = train(mapper, bank, SETTINGS)
        assert losses == pytest.approx(_train_slowly(reference, bank, SETTINGS), abs=1e-6)
        for found, expected in zip(mapper.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
        assert losses[-1] < losses[0]
        assert not mapper.training

    def test_train__single_view_sees_itself_only(self) -> None:
        bank = random_bank(3, views=3)
        mapper, alone = random_mapper(3, views=3), random_mapper(3, views=3)
        seen: list[Tensor] = []
        hook = mapper.image_to_depth.register_forward_pre_hook(lambda _, tokens: seen.append(tokens[0]))
        train(mapper, bank, SETTINGS.model_copy(update={"epochs": 1}), cross_view=False)
        hook.remove()
        assert len(seen) == 1
        assert len(seen[0]) == int(bank.foreground.sum())
        train(alone, bank, SETTINGS.model_copy(update={"epochs": 1}), cross_view=True)
        assert not torch.equal(next(mapper.parameters()), next(alone.parameters()))

    def test_train__batches_cover_every_pair_once_an_epoch(self) -> None:
        bank, mapper = random_bank(1, views=3, share=2.0), random_mapper(1, views=3)
        assert mapper.image_modulator is not None
        seen: list[list[tuple[int, int]]] = []

        def keep(_: object, arguments: tuple[object, ...]) -> None:
            pairs = arguments[1]
            seen.append(list(zip(pairs.source.tolist(), pairs.target.tolist(), strict=True)))  # type: ignore[attr-defined]

        mapper.image_modulator.register_forward_pre_hook(keep)
        train(mapper, bank, TrainingSettings(epochs=2, pairs_per_batch=4))
        assert [len(batch) for batch in seen] == [4, 4, 1, 4, 4, 1]
        every = sorted((s, t) for s in range(3) for t in range(3))
        assert sorted(seen[0] + seen[1] + seen[2]) == every
        assert sorted(seen[3] + seen[4] + seen[5]) == every
        assert seen[:3] != seen[3:]

    def test_train__tokens_per_batch(self) -> None:
        bank, mapper = random_bank(1, views=3, share=2.0), random_mapper(1, views=3)
        seen: list[int] = []
        mapper.depth_to_image.register_forward_pre_hook(lambda _, tokens: seen.append(len(tokens[0])))
        train(mapper, bank, TrainingSettings(epochs=1, pairs_per_batch=4, tokens_per_batch=10))
        assert seen == [10, 10, 6]

    @pytest.mark.parametrize("epochs", [1, 2, 3, 4, 5, 9, 10, 11, 20])
    @pytest.mark.parametrize("warm_up", [0.05, 0.1, 0.5, 0.99])
    def test_train__any_number_of_steps(self, epochs: int, warm_up: float) -> None:
        bank, mapper = random_bank(0, views=1, places=2), random_mapper(0, views=1)
        settings = TrainingSettings(epochs=epochs, warm_up=warm_up)
        assert len(train(mapper, bank, settings)) == epochs
        assert all(torch.isfinite(p).all() for p in mapper.parameters())

    def test_train__same_seed_same_weights(self) -> None:
        bank = random_bank(5, views=3)
        weights: list[Tensor] = []
        for seed in (0, 0, 1):
            torch.manual_seed(len(weights))  # training must not depend on it
            mapper = random_mapper(5, views=3)
            train(mapper, bank, TrainingSettings(epochs=3, pairs_per_batch=2, tokens_per_batch=5, seed=seed))
            weights.append(torch.cat([p.detach().ravel() for p in mapper.parameters()]))
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])

    def test_train__tells_each_epochs_loss(self) -> None:
        told: list[float] = []
        bank, mapper = random_bank(5, views=2), random_mapper(5, views=2)
        losses = train(mapper, bank, TrainingSettings(epochs=4), on_epoch=told.append)
        assert told == losses
        assert all(0 <= loss <= 4 for loss in losses)

    def test_train__no_longer_a_number(self) -> None:
        bank = random_bank(0, views=2)
        broken = replace(bank, image=torch.full_like(bank.image, torch.nan))
        with pytest.raises(ModMapError, match=r"finite loss, found nan: lower training\.peak_learning_rate"):
            train(random_mapper(0, views=2), broken, TrainingSettings(epochs=1))

    def test_train__views_that_never_meet(self) -> None:
        bank = random_bank(0, views=2, places=2)
        apart = replace(bank, foreground=torch.eye(2, dtype=torch.bool))
        losses = train(random_mapper(0, views=2), apart, TrainingSettings(epochs=2, pairs_per_batch=1))
        assert all(loss > 0 for loss in losses)


def test_loss__reference_is_the_mean_of_both_distances() -> None:
    """The slow loss of this file against the closed form of a mapping that returns zeros but for one channel."""
    bank, mapper = random_bank(2, views=1, places=3), random_mapper(2, views=1)
    with torch.no_grad():
        for parameter in mapper.parameters():
            parameter.zero_()
        list(mapper.image_to_depth.parameters())[-1][0] = 1
        list(mapper.depth_to_image.parameters())[-1][1] = 1
    shown = bank.foreground[0]
    expected = 2 - F.normalize(bank.depth[0, shown], dim=1)[:, 0].mean()
    expected = expected - F.normalize(bank.image[0, shown], dim=1)[:, 1].mean()
    assert _loss(mapper, bank, [(0, 0)]).item() == pytest.approx(expected.item(), abs=1e-9)


class TestDivergence:
    def test_run__a_last_step_that_leaves_no_numbers(self) -> None:
        """The loss of that step is of the weights before it, and finite."""
        mapper = random_mapper(1, views=3)
        next(mapper.parameters()).register_hook(lambda gradient: gradient * float("nan"))
        settings = TrainingSettings(epochs=1, pairs_per_batch=100)
        message = r"training: expected finite weights after a step, found NaN or infinity in .*weight"
        with pytest.raises(ModMapError, match=message):
            train(mapper, random_bank(0, views=3), settings)
