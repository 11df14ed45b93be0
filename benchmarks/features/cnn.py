"""Convolutional features: the middle layers of a frozen timm CNN as dense tokens of an image or a depth map."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.features.lite0_wheel import NAME as LITE0
from benchmarks.features.lite0_wheel import lite0_directory
from benchmarks.features.pixels import padded_image
from modmap.encoding.fingerprint import fingerprint
from modmap.encoding.hub_cache import require_on_hub
from modmap.encoding.input_normalisation import normalise_depth, normalise_depth_robust, normals_picture
from modmap.encoding.square import Square
from modmap.encoding.store import resolve, store_directory
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError, one_line
from modmap.scan import Frame
from modmap.types import Modality, Normalisation

Array = npt.NDArray[Any]
Layers = Literal["middle", "deep"]

# The weights that the methods were published with, as timm keeps them.
ON_HUB = {
    "wide_resnet101_2": "timm/wide_resnet101_2.tv_in1k",
    "tf_efficientnet_b5": "timm/tf_efficientnet_b5.aa_in1k",
}
NAMES = (*ON_HUB, LITE0)

MIDDLE = (8, 16)
DEEPEST_STAGE = 6
STRIDES: dict[Layers, int] = {"middle": 8, "deep": 32}
SNAP = 32
LONGEST_REASON = 300


class CNNFeatures:
    """Tokens from a CNN that is never trained.

    `middle` joins the maps of strides 8 and 16, each averaged over 3x3 places and the coarser resized to the finer, as
    PatchCore does (Roth 2022, Sec. 3.1; layers 2 and 3 of a ResNet). `deep` takes the last but one stage of an
    EfficientNet, of stride 32, as AST does (Rudolph 2023, Sec. 4.2; block 36 of B5).

    Args:
        reference: A name of `NAMES`, `local-dir:PATH`, `hf-hub:ORG/NAME`, or a directory of the encoder store.
        modality: `image`, or `depth` to show the network a depth map as a gray image.
        size: Side of the square input in pixels, snapped to a multiple of 32.
        layers: Which layers.
        normalisation: Of depth, as in `modmap.config.EncoderSettings`; `auto` is `robust`.
        grid: Tokens along a side, where they are resized to another encoder's.
        colour: Show it a view's colours, where it has any; else the gray image.

    Raises:
        ModMapError: the weights aren't here and the hub doesn't answer, or they don't fit the network exactly.
    """

    def __init__(
        self,
        reference: str,
        modality: Modality,
        *,
        size: int,
        layers: Layers = "middle",
        normalisation: Normalisation = "auto",
        grid: int | None = None,
        colour: bool = True,
    ) -> None:
        self.reference = reference
        self._colour = colour
        self.modality: Modality = modality
        self.size = max(2, round(size / SNAP)) * SNAP
        self._layers: Layers = layers
        self._normalisation: Normalisation = normalisation
        self._own_grid = self.size // STRIDES[layers]
        self.grid = grid or self._own_grid
        self.model = _load(reference)
        self._mean, self._std = (
            torch.tensor(self.model.pretrained_cfg[key]).reshape(3, 1, 1) for key in ("mean", "std")
        )
        with torch.inference_mode():
            self.channels = int(self._maps(torch.zeros(1, 3, 2 * SNAP, 2 * SNAP)).shape[1])
        settings = f"{fingerprint(self.model.state_dict())} {layers} {self.size} {self.grid}"
        self.fingerprint = hashlib.sha256(settings.encode()).hexdigest()

    def prepare(self, frame: Frame) -> Tensor:
        """(3, size, size) float32 input: in [0, 1], padded, resized, then the network's own mean and std."""
        square = Square(*frame.shape, grid=self.grid)
        if self.modality == "image":
            padded = torch.from_numpy(padded_image(frame, square, colour=self._colour))[None]
            resized = F.interpolate(padded, size=(self.size, self.size), mode="bicubic", antialias=True)
        else:
            size = (self.size, self.size)
            if self._normalisation == "normals":
                planes = [square.pad(plane) for plane in normals_picture(frame)]
                shown = torch.from_numpy(np.stack(planes))[None]
                resized = F.interpolate(shown, size=size, mode="bilinear", antialias=True)
            else:
                normalise = normalise_depth if self._normalisation == "reference" else normalise_depth_robust
                padded = torch.from_numpy(square.pad(normalise(frame.depth)))[None, None]
                resized = F.interpolate(padded, size=size, mode="nearest-exact")
        return (resized[0] - self._mean) / self._std

    def tokens(
        self, frame: Frame, *, device: torch.device | None = None, cache: TokenCache | None = None
    ) -> Tensor:
        """(grid * grid, channels) float32 tokens of a view, in row order, on the device."""
        pixels = self.prepare(frame)
        key = None if cache is None else cache.key(self.fingerprint, pixels)
        found = None if cache is None or key is None else cache.read(key)
        if found is None:
            with torch.inference_mode():
                maps = self._maps(pixels[None].to(device))
                if maps.shape[-1] != self.grid:
                    size = (self.grid, self.grid)
                    maps = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
            found = maps[0].permute(1, 2, 0).contiguous().clone()
            if cache is not None and key is not None:
                cache.write(key, found)
        return found.to(device).flatten(0, 1)

    def save(self, directory: Path) -> None:
        """Raises ModMapError: it stays where it is."""
        raise ModMapError(f"{directory}: the weights of {self.reference} are not copied")

    def _maps(self, pixels: Tensor) -> Tensor:
        self.model.to(pixels.device)
        if self._layers == "deep":
            return _deep(self.model, pixels)
        indices = [_index_of_stride(self.model, self.reference, stride) for stride in MIDDLE]
        fine, coarse = (
            F.avg_pool2d(one, 3, 1, 1)
            for one in self.model.forward_intermediates(pixels, indices=indices, intermediates_only=True)
        )
        resized = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([fine, resized], dim=1)


def is_cnn(reference: str) -> bool:
    """Whether a reference is one that `CNNFeatures` loads: a known CNN, or a directory that says it holds a CNN."""
    if reference in NAMES:
        return True
    place = Path(reference.removeprefix("local-dir:")).expanduser()
    for directory in (place, store_directory() / reference):
        if (directory / "config.json").is_file():
            return '"vit_' not in (directory / "config.json").read_text(encoding="utf-8")
    return False


def _deep(model: Any, pixels: Tensor) -> Tensor:
    maps: Tensor = model.bn1(model.conv_stem(pixels))
    for stage in model.blocks[:DEEPEST_STAGE]:
        maps = stage(maps)
    return maps


def _index_of_stride(model: Any, reference: str, stride: int) -> int:
    found = [index for index, layer in enumerate(model.feature_info) if layer["reduction"] == stride]
    if not found:
        raise ModMapError(f"encoder {reference}: expected a CNN with a layer of stride {stride}, found none")
    return found[-1]


def _load(reference: str) -> Any:
    """The network with all its weights, the classifier's too, so that none can be missing unnoticed."""
    resolved = _resolved(reference)
    try:
        model: nn.Module = timm.create_model(resolved, pretrained=True)
    except Exception as error:
        raise ModMapError(
            f"encoder {reference}: cannot be loaded: {one_line(error, LONGEST_REASON)}"
        ) from error
    if not hasattr(model, "forward_intermediates") or not hasattr(model, "reset_classifier"):
        raise ModMapError(f"encoder {reference}: expected a CNN, found {type(model).__name__}")
    return model.requires_grad_(False).eval()


def _resolved(reference: str) -> str:
    if reference == LITE0:
        return f"local-dir:{lite0_directory()}"
    if reference in ON_HUB and not (store_directory() / reference).is_dir():
        try:
            require_on_hub(ON_HUB[reference])
        except ModMapError as error:
            raise ModMapError(
                f"encoder {reference}: needs its weights, {ON_HUB[reference]}, from the hub or in "
                f"{store_directory() / reference} ({error}); {LITE0} and dinov2_vits14 need none"
            ) from None
        return f"hf-hub:{ON_HUB[reference]}"
    return resolve(reference)
