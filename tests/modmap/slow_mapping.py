"""Eqs. 3 to 11 for one token at a time, in NumPy float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from modmap.mapping.mapper import CrossViewMapper, FeatureMapper, Modulator
from modmap.mapping.token_bank import TokenBank

Array = npt.NDArray[Any]


def gelu(x: Array) -> Array:
    """x times the normal distribution function of x."""
    return np.array([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])


def weights_of(module: Any) -> list[tuple[Array, Array]]:
    """Weight and bias of each linear layer, in order."""
    arrays = [parameter.detach().numpy().astype(np.float64) for parameter in module.parameters()]
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def perceptron(layers: list[tuple[Array, Array]], x: Array) -> Array:
    """Linear layers with GELU between them."""
    for number, (weight, bias) in enumerate(layers):
        x = weight @ x + bias
        if number < len(layers) - 1:
            x = gelu(x)
    return x


def modulated(modulator: Modulator | None, token: Array, s: int, t: int, category: int | None) -> Array:
    """Eqs. 3 to 5 for one token."""
    if modulator is None:
        return token
    code = np.zeros(2 * modulator.views + modulator.classes)
    if modulator.views:
        code[s] = 1
        code[modulator.views + t] = 1
    if modulator.classes:
        assert category is not None
        code[2 * modulator.views + category] = 1
    parameters = perceptron(weights_of(modulator.mlp), code)
    gamma, beta = parameters[: len(token)], parameters[len(token) :]
    return np.asarray(gamma * token + beta)


def mapped(mapper: FeatureMapper, token: Array) -> Array:
    """Eqs. 6 and 7 for one token."""
    return perceptron(weights_of(mapper.layers), token)


def cosine_distance(a: Array, b: Array) -> float:
    """Eqs. 8 and 9."""
    return 1 - float(np.dot(a, b)) / math.sqrt(float(np.dot(a, a)) * float(np.dot(b, b)))


def distances(mapper: CrossViewMapper, bank: TokenBank, s: int, t: int, place: int) -> tuple[float, float]:
    """Eq. 11 for rows s and t of a bank at one place: in the image modality, and in the depth modality."""
    image, depth = bank.image.numpy(), bank.depth.numpy()
    views = int(bank.view[s]), int(bank.view[t])
    category = None if bank.category is None else int(bank.category[s])
    from_image = modulated(mapper.image_modulator, image[s, place], *views, category)
    from_depth = modulated(mapper.depth_modulator, depth[s, place], *views, category)
    return (
        cosine_distance(mapped(mapper.depth_to_image, from_depth), image[t, place]),
        cosine_distance(mapped(mapper.image_to_depth, from_image), depth[t, place]),
    )
