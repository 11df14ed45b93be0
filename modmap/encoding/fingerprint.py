"""The fingerprint by which weights are told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor


def fingerprint(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of named weights, position embeddings left out."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        if name.endswith("pos_embed"):
            continue  # resampled to the input size on loading, which isn't the same to the last bit everywhere
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
