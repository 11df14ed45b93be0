"""Pseudo-depth: what a monocular depth model makes of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoImageProcessor, AutoModelForDepthEstimation

from dino_depth.arrays import Array
from dino_depth.data.sources.shrink import shrunk_size
from dino_depth.errors import DinoDepthError, one_line

NEAR, FAR = 1.0, 2.0
LOWEST_PERCENTILE, HIGHEST_PERCENTILE = 1.0, 99.0
MODELS_OF_DEPTH = ("glpn", "zoedepth")


class PseudoDepth:
    """A depth model from the hub or a directory, such as Depth Anything V2.

    Args:
        model: Its id on the hub, or its directory.
        device: Where it runs, as torch names it; `auto`: the GPU if there is one.

    Raises:
        DinoDepthError: it can't be fetched, is no depth-estimation model, or lacks weights; or there is no such
            device.
    """

    def __init__(self, model: str, *, device: str = "auto") -> None:
        self._device = _device(device)
        try:
            self._model, loading = AutoModelForDepthEstimation.from_pretrained(
                model, output_loading_info=True
            )
            self._processor = AutoImageProcessor.from_pretrained(model)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
            reason = one_line(str(error).split(". ")[0] or error)
            raise DinoDepthError(
                f"--pseudo-model {model}: expected a depth-estimation model on the hub, or a directory with one, "
                f"found none: {reason.rstrip('.')}"
            ) from None
        absent = sorted({*loading["missing_keys"], *(key[0] for key in loading["mismatched_keys"])})
        if absent:
            raise DinoDepthError(
                f"--pseudo-model {model}: expected all weights, found no {absent[0]} and {len(absent) - 1} others"
            )
        self._model.eval().to(self._device)
        self._of_disparity = _gives_disparity(self._model.config)

    def __call__(self, images: Sequence[Array], *, longest_side: int = 0) -> list[Array]:
        """Estimates the images' depth, those of one shape in one batch.

        Args:
            images: (H, W, 3) uint8, red first.
            longest_side: Of the maps, in pixels; 0 or more than an image has: the image's.

        Returns:
            For each image (h, w) float32 depth in no known unit, NaN where the model gave no number.
        """
        pixels = [self._processor(images=image, return_tensors="pt")["pixel_values"][0] for image in images]
        maps: dict[int, Array] = {}
        for shape in dict.fromkeys(tuple(tensor.shape) for tensor in pixels):
            chosen = [index for index, tensor in enumerate(pixels) if tuple(tensor.shape) == shape]
            predicted = self._predict(torch.stack([pixels[index] for index in chosen]))
            for index, prediction in zip(chosen, predicted, strict=True):
                height, width = images[index].shape[:2]
                size = shrunk_size(height, width, longest_side)
                maps[index] = self._to_depth(_resized(prediction, size))
        return [maps[index] for index in range(len(images))]

    @torch.inference_mode()
    def _predict(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, h, w) float32 of (B, 3, H, W)."""
        output = self._model(pixel_values=pixels.to(self._device))
        return output.predicted_depth.float()  # type: ignore[no-any-return]

    def _to_depth(self, prediction: Array) -> Array:
        return disparity_to_depth(prediction) if self._of_disparity else prediction


def disparity_to_depth(disparity: Array) -> Array:
    """Depth of relative disparity (inverse depth up to an unknown scale and shift).

    Such a disparity d has no depth of its own: the unknown shift decides about its shape. It is fixed here so that the
    farthest point of every map is twice as far as the nearest, which suits a camera above a part. With d' the disparity
    from its 1st to its 99th percentile as 0 to 1, and what is outside clipped, depth = 1 / (1 / 2 + d' / 2): from 1
    (near) to 2 (far). Where all of the map has one disparity, it is 2.

    Args:
        disparity: (H, W), larger where nearer; what isn't finite is a hole.

    Returns:
        (H, W) float32 depth, NaN in holes.
    """
    finite = np.isfinite(disparity)
    if not finite.any():
        return np.full(disparity.shape, np.nan, dtype=np.float32)
    values = np.where(finite, disparity, np.nan).astype(np.float64)
    low, high = np.percentile(values[finite], [LOWEST_PERCENTILE, HIGHEST_PERCENTILE])
    nearness = np.clip((values - low) / (high - low), 0, 1) if high > low else np.where(finite, 0.0, np.nan)
    return (1 / (1 / FAR + nearness * (1 / NEAR - 1 / FAR))).astype(np.float32)


def _gives_disparity(config: Any) -> bool:
    """Whether the model's output grows towards the camera."""
    metric = getattr(config, "depth_estimation_type", "relative") == "metric"
    return not metric and config.model_type not in MODELS_OF_DEPTH


def _resized(prediction: torch.Tensor, size: tuple[int, int]) -> Array:
    """(h, w) of (H, W): interpolated, for a model's output has no holes."""
    scaled = F.interpolate(prediction[None, None], size, mode="bilinear", antialias=True)
    return np.asarray(scaled[0, 0].cpu().numpy())


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = one_line(str(error).partition("\n")[0] or error)
        raise DinoDepthError(
            f"--device {name}: expected a device of this machine, found none: {reason}"
        ) from None
    return device
