"""Patch tokens as colours: their first three principal components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA

from modmap.errors import ModMapError
from modmap.types import Array

COLOURS = 3
RANGE = (2, 98)


def component_colours(tokens: Sequence[Array]) -> list[Array]:
    """Colours of the tokens of several views, alike where tokens are alike, whichever view they are of.

    The components are those of all tokens together. Each is spread from its 2nd to its 98th percentile; its sign, which
    a component doesn't have of its own, is such that its largest weight is positive.

    Args:
        tokens: (M, C) tokens of each view.

    Returns:
        (M, 3) uint8 for each view: the first component is red, the second green, the third blue.

    Raises:
        ModMapError: fewer than four tokens, or fewer than three channels.
    """
    every = np.concatenate(tokens).astype(np.float64)
    count, channels = every.shape
    if count <= COLOURS or channels < COLOURS:
        raise ModMapError(
            f"principal components: expected at least {COLOURS + 1} tokens of at least {COLOURS} channels, found "
            f"{count} of {channels}"
        )
    # Tokens that are all alike have no variance, which scikit-learn divides by.
    with np.errstate(invalid="ignore"):
        components = PCA(COLOURS, svd_solver="covariance_eigh").fit_transform(every)
    low, high = np.percentile(components, RANGE, axis=0)
    share = (components - low) / np.maximum(high - low, np.finfo(np.float64).tiny)
    colours = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return np.split(colours, np.cumsum([len(one) for one in tokens])[:-1])
