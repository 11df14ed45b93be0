"""A frozen ViT: an image or a depth map in, dense patch tokens out (Eqs. 1 and 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modmap.config import EncoderSettings
from modmap.encoding.autocast import computing_in, settled
from modmap.encoding.fingerprint import fingerprint
from modmap.encoding.input_normalisation import (
    IMAGE_MEAN,
    IMAGE_STD,
    normalise_depth,
    normalise_depth_robust,
    normalise_image,
    normals_picture,
)
from modmap.encoding.square import Square
from modmap.encoding.store import resolve
from modmap.encoding.stored_encoder import CONFIG_NAME, WEIGHTS_NAME
from modmap.encoding.timm_models import declared_config, load_vit, patch_and_channels
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.files.atomic import write_bytes
from modmap.scan import Frame
from modmap.types import Array, Modality, Normalisation


class FrozenEncoder(nn.Module):
    """A timm ViT that is never trained.

    Args:
        settings: Which ViT, how depth is normalised for it, and whose block's tokens are taken.
        modality: `image` or `depth`.
        grid: Tokens along a side; None to take `size`.
        size: Side of the square input in pixels, snapped to a whole number of patches; not used with `grid`.

    Attributes:
        grid: Tokens along a side.
        size: Side of the square input in pixels: grid x patch.
        channels: C, of a token.
        fingerprint: SHA-256 of the weights but the position embedding.

    Raises:
        ModMapError: the reference leads nowhere, isn't a ViT, or its weights don't fit the architecture exactly; it has
            no such block; or it takes one channel, and depth is to be shown as normals, or images in colour.
    """

    def __init__(
        self, settings: EncoderSettings, modality: Modality, *, size: int, grid: int | None = None
    ) -> None:
        super().__init__()
        self.modality: Modality = modality
        self.reference = require_reference(settings, modality)
        resolved = resolve(self.reference)
        self.patch, self._input_channels = patch_and_channels(resolved)
        self.grid = grid or max(2, round(size / self.patch))
        self.size = self.grid * self.patch
        self.model = load_vit(resolved, img_size=self.size)
        require_finite(self.model.state_dict(), resolved)
        self.channels = int(self.model.num_features)
        self.fingerprint = fingerprint(self.model.state_dict())
        self._declared = declared_config(resolved)
        self.normalisation = _normalisation(settings.normalisation, resolved, self._declared)
        self.precision = settings.precision
        self.colour = settings.colour
        if modality == "image" and self.colour and self._input_channels != 3:
            raise ModMapError(
                f"encoder {resolved}: expected three input channels to show colours to, found {self._input_channels}"
            )
        self.layer = _block(settings.layer, self.model, resolved)
        if modality == "depth" and self.normalisation == "normals" and self._input_channels != 3:
            raise ModMapError(
                f"encoder {resolved}: expected three input channels to show normals to, found {self._input_channels}"
            )
        self.requires_grad_(False)
        self.eval()

    def prepare(self, frame: Frame) -> Tensor:
        """(C, size, size) float32 input of this encoder: normalised, padded to a square, resized."""
        square = Square(*frame.shape, grid=self.grid)
        size = self.size, self.size
        if self.modality == "depth" and self.normalisation == "normals":
            planes = [square.pad(plane) for plane in (normals_picture(frame) - IMAGE_MEAN) / IMAGE_STD]
            shown = torch.from_numpy(np.stack(planes))[None]
            return F.interpolate(shown, size=size, mode="bilinear", antialias=True)[0]
        if self.modality == "image":
            seen = frame.colour if self.colour and frame.colour is not None else frame.image[..., None]
            planes = [square.pad(plane) for plane in normalise_image(seen).transpose(2, 0, 1)]
            shown = torch.from_numpy(np.stack(planes))[None]
            resized = F.interpolate(shown, size=size, mode="bicubic", antialias=True)
        else:
            # The nearest pixels first: what isn't seen needn't be normalised.
            shown = torch.from_numpy(square.pad(frame.depth))[None, None]
            nearest = F.interpolate(shown, size=size, mode="nearest-exact")[0, 0].numpy()
            resized = torch.from_numpy(self._normalised_depth(frame.depth, nearest))[None, None]
        return resized[0].expand(self._input_channels, -1, -1)

    @torch.inference_mode()
    def forward(self, pixels: Tensor) -> Tensor:
        """Dense patch tokens of the chosen block, after the last normalisation layer.

        Args:
            pixels: (N, C, size, size) prepared views.

        Returns:
            (N, grid, grid, channels) float32.
        """
        with computing_in(self.precision, pixels.device):
            patches = self._patches(pixels)
        return patches.reshape(len(pixels), self.grid, self.grid, self.channels).float()

    def tokens(
        self, frame: Frame, *, device: torch.device | None = None, cache: TokenCache | None = None
    ) -> Tensor:
        """(grid * grid, channels) float32 tokens of a view, in row order.

        Args:
            frame: The view.
            device: Where the encoder lives; the tokens stay there.
            cache: Where tokens are kept between runs.
        """
        pixels = self.prepare(frame)
        precision = settled(self.precision, device or torch.device("cpu"))
        computed_as = self.fingerprint if precision == "float32" else f"{self.fingerprint} {precision}"
        if self.layer is not None:
            computed_as += f" block {self.layer}"
        key = None if cache is None else cache.key(computed_as, pixels)
        kept = (self.grid, self.grid, self.channels)
        tokens = None if cache is None or key is None else cache.read(key, shape=kept)
        if tokens is None:
            computed: Tensor = self(pixels[None].to(device))[0]
            if cache is not None and key is not None:
                cache.write(key, computed)
            tokens = computed
        return tokens.to(device).flatten(0, 1)

    def save(self, directory: Path) -> None:
        """Writes a copy that `local-dir:` loads: `config.json` and `model.safetensors`, at this input size."""
        directory.mkdir(parents=True, exist_ok=True)
        weights = {
            name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()
        }
        # Not safetensors' own save_file: it makes a file that no other user may read.
        write_bytes(directory / WEIGHTS_NAME, safetensors.torch.save(weights, metadata={"format": "pt"}))
        pretrained = dict(self.model.pretrained_cfg)
        kept = ("mean", "std", "interpolation", "first_conv", "license")
        arguments = self._declared.get("model_args", {})
        config = {
            **self._declared,
            "num_classes": 0,
            "num_features": self.channels,
            "model_args": {**arguments, "img_size": self.size, "in_chans": self._input_channels},
            "depth_normalisation": self.normalisation,
            "pretrained_cfg": {
                **{key: pretrained[key] for key in kept if key in pretrained},
                "input_size": (self._input_channels, self.size, self.size),
                "num_classes": 0,
            },
            "source": f"copy of {self.reference}",
        }
        write_bytes(directory / CONFIG_NAME, (json.dumps(config, indent=2) + "\n").encode())

    def _patches(self, pixels: Tensor) -> Tensor:
        """(N, L, channels)."""
        if self.layer is None:
            features: Tensor = self.model.forward_features(pixels)
            return features[:, self.model.num_prefix_tokens :]
        found: list[Tensor] = self.model.forward_intermediates(
            pixels,
            indices=[self.layer],
            norm=True,
            stop_early=True,
            output_fmt="NLC",
            intermediates_only=True,
        )
        return found[0]

    def _normalised_depth(self, depth: Array, shown: Array) -> Array:
        scaled = normalise_depth_robust if self.normalisation == "robust" else normalise_depth
        return scaled(depth, shown)


def require_finite(weights: Mapping[str, Tensor], resolved: str) -> None:
    """Checks an encoder's weights.

    Raises:
        ModMapError: a number of one is NaN or infinite.
    """
    for name, weight in weights.items():
        if weight.is_floating_point() and not torch.isfinite(weight).all():
            raise ModMapError(
                f"encoder {resolved}: weight {name}: expected finite numbers, found NaN or infinity"
            )


def require_reference(settings: EncoderSettings, modality: Modality) -> str:
    """The encoder's reference.

    Raises:
        ModMapError: none is named.
    """
    if settings.reference is None:
        raise ModMapError(
            f"{modality}_encoder: expected an encoder, found none: the paper's depth encoder isn't released; name "
            "one that dino_depth trained (local-dir:PATH or hf-hub:ORG/NAME), or dinov2_vits14"
        )
    return settings.reference


def _normalisation(asked: Normalisation, resolved: str, config: dict[str, Any]) -> Normalisation:
    if asked != "auto":
        return asked
    declared = config.get("depth_normalisation", "reference")
    known: dict[str, Normalisation] = {"reference": "reference", "robust": "robust", "normals": "normals"}
    if declared not in known:
        raise ModMapError(
            f"encoder {resolved}: depth_normalisation: expected {', '.join(known)}, found {declared!r}"
        )
    return known[declared]


def _block(asked: int | None, model: Any, resolved: str) -> int | None:
    """The block whose tokens are taken; None where that is the last."""
    if asked is None:
        return None
    blocks = getattr(model, "blocks", None)
    if blocks is None or not hasattr(model, "forward_intermediates"):
        raise ModMapError(
            f"encoder {resolved}: layer: expected a ViT that gives its blocks' tokens, found none"
        )
    if asked >= len(blocks):
        raise ModMapError(
            f"encoder {resolved}: layer: expected one of its blocks 0 to {len(blocks) - 1}, found {asked}"
        )
    return asked if asked < len(blocks) - 1 else None
