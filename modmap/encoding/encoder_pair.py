"""The two frozen encoders of a model, loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from modmap.config import ModMapConfig
from modmap.encoding.frozen_encoder import FrozenEncoder, require_reference
from modmap.encoding.scan_tokens import ScanTokens, encode_scan
from modmap.encoding.token_cache import TokenCache
from modmap.encoding.token_encoder import TokenEncoder
from modmap.encoding.window import Window
from modmap.errors import ModMapError
from modmap.progress import stage
from modmap.scan import Scan


class EncoderPair:
    """The image and the depth encoder that a config names.

    Args:
        config: Names the encoders, and says which pixels and tokens are the part.
        device: Where they live.
        cache: Keeps tokens on disk between runs, or None.
        depth_features: Takes the depth encoder's place, given the image encoder's grid.
    """

    def __init__(
        self,
        config: ModMapConfig,
        *,
        device: torch.device,
        cache: TokenCache | None = None,
        depth_features: Callable[[int], TokenEncoder] | None = None,
    ) -> None:
        self.config = config
        self.device = device
        self.cache = cache
        self.depth_features = depth_features
        self._loaded: tuple[TokenEncoder, TokenEncoder] | None = None

    def require_named(self) -> None:
        """Checks that the config names both encoders.

        Raises:
            ModMapError: it doesn't.
        """
        require_reference(self.config.image_encoder, "image")
        if self.depth_features is None:
            require_reference(self.config.depth_encoder, "depth")

    def load(self, fingerprints: Mapping[str, str] | None = None) -> tuple[TokenEncoder, TokenEncoder]:
        """The image and the depth encoder; the first call loads them.

        Args:
            fingerprints: Those of the encoders that a model was trained with, by modality; None takes any.

        Raises:
            ModMapError: one can't be loaded, or isn't the one that the model was trained with.
        """
        if self._loaded is None:
            image = FrozenEncoder(self.config.image_encoder, "image", size=self.config.size)
            depth = self._depth(image)
            for encoder in (image, depth):
                if fingerprints is not None:
                    _require_same(encoder, fingerprints[encoder.modality])
            self._loaded = image.to(self.device), depth
        return self._loaded

    def encode(
        self,
        scan: Scan,
        *,
        fingerprints: Mapping[str, str] | None = None,
        shown: bool,
        cache: TokenCache | None = None,
        windows: Mapping[str, Window] | None = None,
    ) -> ScanTokens:
        """The tokens of a scan; each view passes each encoder once.

        Args:
            scan: The scan.
            fingerprints: As in `load`.
            shown: Show a bar on standard error.
            cache: Keeps tokens where the pair has no cache of its own.
            windows: By view id what of it the encoders see; all of a view that isn't named.

        Raises:
            ModMapError: as `load` and `modmap.encoding.scan_tokens.encode_scan`.
        """
        image_encoder, depth_encoder = self.load(fingerprints)
        with stage(f"encoding {scan.name}", total=len(scan), shown=shown) as bar:
            return encode_scan(
                scan,
                image_encoder,
                depth_encoder,
                foreground=self.config.inference.foreground,
                rim_share=self.config.inference.rim_share,
                windows=windows,
                device=self.device,
                cache=self.cache or cache,
                on_view=bar.advance,
            )

    def _depth(self, image: FrozenEncoder) -> TokenEncoder:
        if self.depth_features is not None:
            return self.depth_features(image.grid)
        settings = self.config.depth_encoder
        return FrozenEncoder(settings, "depth", size=self.config.size, grid=image.grid).to(self.device)


def _require_same(encoder: TokenEncoder, fingerprint: str) -> None:
    if encoder.fingerprint != fingerprint:
        raise ModMapError(
            f"{encoder.modality} encoder {encoder.reference}: expected the weights that the model was trained with "
            f"({fingerprint[:12]}), found others ({encoder.fingerprint[:12]})"
        )
