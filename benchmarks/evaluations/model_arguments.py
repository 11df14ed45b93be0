"""The words of the command line that say which model is evaluated, the same in every benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modmap import ModMap
from modmap.commands.fit import Assignments, overrides_of
from modmap.config import merged
from modmap.encoding.token_cache import TokenCache
from modmap.encoding.token_encoder import TokenEncoder


@dataclass(frozen=True)
class CacheArguments:
    """Where tokens are kept."""

    cache: Path | None = None
    """Keep tokens here between runs."""
    cache_gb: float = 20.0
    """Gigabytes that they may take; older ones make way for what is over."""

    def token_cache(self) -> TokenCache | None:
        """The cache that was asked for."""
        return None if self.cache is None else TokenCache(self.cache, limit_gb=self.cache_gb)


@dataclass(frozen=True)
class ModelArguments(CacheArguments):
    """Which model, where its tokens are kept, and on what it runs."""

    preset: str = "fast"
    """inspect, memory, fast or paper."""
    size: int | None = None
    """Side of the encoders' square input, pixels."""
    image_encoder: str | None = None
    """As in `modmap fit`."""
    depth_encoder: str | None = None
    """As in `modmap fit`."""
    set: Assignments = ()
    """Any other settings, as in `modmap fit`."""
    device: str = "auto"
    """As in `modmap fit`; under accelerate, each process's own."""

    def overrides(self) -> dict[str, Any]:
        """The settings of the command line, nested, over those of the preset.

        Raises:
            ModMapError: an assignment without `=`.
        """
        named: dict[str, Any] = {} if self.size is None else {"size": self.size}
        for modality in ("image", "depth"):
            reference = getattr(self, f"{modality}_encoder")
            if reference is not None:
                named[f"{modality}_encoder"] = {"reference": reference}
        return merged(overrides_of(self.set), named)

    def model(
        self,
        *,
        device: str,
        cache: TokenCache | None = None,
        settings: Mapping[str, Any] | None = None,
        depth_features: Callable[[int], TokenEncoder] | None = None,
    ) -> ModMap:
        """A model that isn't fitted.

        Args:
            device: Of this process.
            cache: Keeps its tokens.
            settings: Replace those of the command line.
            depth_features: As in `ModMap`.

        Raises:
            ModMapError: a setting is unknown or out of range.
        """
        return ModMap(
            self.preset,
            device=device,
            settings=merged(self.overrides(), settings or {}),
            token_cache=cache,
            depth_features=depth_features,
        )
