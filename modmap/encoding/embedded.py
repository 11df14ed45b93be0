"""The encoders that come with the package: small enough to travel in it, found by name like those that are fetched."""

from __future__ import annotations

from pathlib import Path

DIRECTORY = Path(__file__).with_name("embedded_encoders")


def embedded_encoders() -> dict[str, Path]:
    """Their directories by name, each as `timm.create_model("local-dir:PATH", pretrained=True)` loads it."""
    return {path.parent.name: path.parent for path in sorted(DIRECTORY.glob("*/config.json"))}
