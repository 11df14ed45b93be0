"""Frozen image and depth encoders: a view in, dense patch tokens out (Eqs. 1 and 2)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import safetensors.torch
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modmap.config import EncoderSettings
from modmap.encoding.autocast import computing_in
from modmap.encoding.input_normalisation import normalise_depth, normalise_depth_robust, normalise_image
from modmap.encoding.square import Square
from modmap.encoding.store import require_on_hub, resolve
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.scan import Frame
from modmap.types import Array, Modality, Normalisation

LONGEST_REASON = 600


class TokenEncoder(Protocol):
    """What turns a view into dense tokens: a frozen ViT, or any other description of an image or a depth map.

    Attributes:
        modality: `image` or `depth`.
        reference: What it is called.
        grid: Tokens along a side.
        channels: C, of a token.
        fingerprint: Differs between encoders that give different tokens.
    """

    modality: Modality
    reference: str
    grid: int
    channels: int
    fingerprint: str

    def tokens(
        self, frame: Frame, *, device: torch.device | None = None, cache: TokenCache | None = None
    ) -> Tensor:
        """(grid * grid, channels) float32 tokens of a view, in row order, on the device."""

    def save(self, directory: Path) -> None:
        """Writes a copy that `local-dir:` loads.

        Raises:
            ModMapError: it has no weights to copy.
        """


class FrozenEncoder(nn.Module):
    """A timm ViT that is never trained.

    Args:
        settings: Which ViT, and how depth is normalised for it.
        modality: `image` or `depth`.
        grid: Tokens along a side; None to take `size`.
        size: Side of the square input in pixels, snapped to a whole number of patches; not used with `grid`.

    Attributes:
        grid: Tokens along a side.
        size: Side of the square input in pixels: grid x patch.
        channels: C, of a token.
        fingerprint: SHA-256 of the weights but the position embedding.

    Raises:
        ModMapError: the reference leads nowhere, isn't a ViT, or its weights don't fit the architecture exactly.
    """

    def __init__(
        self, settings: EncoderSettings, modality: Modality, *, size: int, grid: int | None = None
    ) -> None:
        super().__init__()
        self.modality: Modality = modality
        self.reference = require_reference(settings, modality)
        resolved = resolve(self.reference)
        self.patch, self._input_channels = _patch_and_channels(resolved)
        self.grid = grid or max(2, round(size / self.patch))
        self.size = self.grid * self.patch
        self.model = _load(resolved, img_size=self.size)
        self.channels = int(self.model.num_features)
        self.fingerprint = fingerprint(self.model.state_dict())
        self._declared = _hub_config(resolved)
        self.normalisation = _normalisation(settings.normalisation, resolved, self._declared)
        self.precision = settings.precision
        self.requires_grad_(False)
        self.eval()

    def prepare(self, frame: Frame) -> Tensor:
        """(C, size, size) float32 input of this encoder: normalised, padded to a square, resized."""
        pixels = normalise_image(frame.image) if self.modality == "image" else self._normalised_depth(frame)
        square = Square(*frame.shape, grid=self.grid)
        padded = torch.from_numpy(square.pad(pixels))[None, None]
        if self.modality == "image":
            resized = F.interpolate(padded, size=(self.size, self.size), mode="bicubic", antialias=True)
        else:
            resized = F.interpolate(padded, size=(self.size, self.size), mode="nearest-exact")
        return resized[0].expand(self._input_channels, -1, -1)

    @torch.inference_mode()
    def forward(self, pixels: Tensor) -> Tensor:
        """Dense patch tokens after the last normalisation layer.

        Args:
            pixels: (N, C, size, size) prepared views.

        Returns:
            (N, grid, grid, channels) float32.
        """
        with computing_in(self.precision, pixels.device):
            features: Tensor = self.model.forward_features(pixels)
        patches = features[:, self.model.num_prefix_tokens :]
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
        computed_as = (
            self.fingerprint if self.precision == "float32" else f"{self.fingerprint} {self.precision}"
        )
        key = None if cache is None else cache.key(computed_as, pixels)
        tokens = None if cache is None or key is None else cache.read(key)
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
        (directory / "model.safetensors").write_bytes(
            safetensors.torch.save(weights, metadata={"format": "pt"})
        )
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
        (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    def _normalised_depth(self, frame: Frame) -> Array:
        scaled = normalise_depth_robust if self.normalisation == "robust" else normalise_depth
        return scaled(frame.depth)


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


def _patch_and_channels(resolved: str) -> tuple[int, int]:
    with torch.device("meta"):
        model = _create(resolved, pretrained=False)
    embedding = getattr(model, "patch_embed", None)
    if embedding is None or not hasattr(model, "num_prefix_tokens"):
        raise ModMapError(
            f"encoder {resolved}: expected a timm vision transformer, found {type(model).__name__}"
        )
    height, width = embedding.patch_size
    if height != width:
        raise ModMapError(f"encoder {resolved}: expected square patches, found {height}x{width}")
    channels = int(embedding.proj.in_channels)
    if channels not in (1, 3):
        raise ModMapError(f"encoder {resolved}: expected 1 or 3 input channels, found {channels}")
    return int(height), channels


def _load(resolved: str, *, img_size: int) -> Any:
    return _create(resolved, pretrained=True, img_size=img_size)


def _create(resolved: str, **arguments: Any) -> Any:
    kind, _, place = resolved.partition(":")
    if kind == "hf-hub":
        require_on_hub(place.partition("@")[0])
    try:
        return timm.create_model(resolved, num_classes=0, **arguments)
    except ModMapError:
        raise
    except Exception as error:
        raise ModMapError(f"encoder {resolved}: cannot be loaded: {_shortened(str(error))}") from error


def _shortened(message: str) -> str:
    """One line, at most three of the weights that a list of torch's names."""
    line = " ".join(message.split())
    long_list = r'("[^"]*"(?:, "[^"]*"){2})((?:, "[^"]*")+)'
    line = re.sub(long_list, lambda found: f"{found[1]} and {found[2].count(', ')} more", line)
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."


def fingerprint(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of named weights, position embeddings left out."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        if name.endswith("pos_embed"):
            continue  # resampled to the input size on loading, which isn't the same to the last bit everywhere
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _normalisation(
    asked: Normalisation, resolved: str, config: dict[str, Any]
) -> Literal["reference", "robust"]:
    if asked != "auto":
        return asked
    declared = config.get("depth_normalisation", "reference")
    if declared not in ("reference", "robust"):
        raise ModMapError(
            f"encoder {resolved}: depth_normalisation: expected reference or robust, found {declared!r}"
        )
    return "robust" if declared == "robust" else "reference"


def _hub_config(resolved: str) -> dict[str, Any]:
    kind, _, place = resolved.partition(":")
    if kind == "local-dir":
        path = Path(place) / "config.json"
    else:
        from huggingface_hub import hf_hub_download

        repo, _, revision = place.partition("@")
        path = Path(hf_hub_download(repo, "config.json", revision=revision or None))
    config: dict[str, Any] = json.loads(path.read_text())
    return config
