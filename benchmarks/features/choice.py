"""Which features a method looks at, by name."""

from __future__ import annotations

from benchmarks.features.cnn import CNNFeatures, Layers, is_cnn
from benchmarks.features.colour_vit import ColourViT
from benchmarks.features.fpfh import FPFHFeatures
from modmap.config import EncoderSettings
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.token_encoder import TokenEncoder
from modmap.errors import ModMapError
from modmap.types import DEFAULT_FOREGROUND, ForegroundMode, Modality

NONE, FPFH, POINT_MAE = "none", "fpfh", "point_mae"
FPFH_STRIDE = 8


def make_encoder(
    settings: EncoderSettings,
    modality: Modality,
    *,
    size: int,
    grid: int | None = None,
    layers: Layers = "middle",
    foreground: ForegroundMode = DEFAULT_FOREGROUND,
    colour: bool = True,
) -> TokenEncoder | None:
    """The features that a setting names.

    Args:
        settings: `fpfh` (of depth), a CNN of `benchmarks.features.cnn`, any ViT that ModMap takes, or `none`.
        modality: `image` or `depth`.
        size: Side of the square input, pixels.
        grid: Tokens along a side, where another encoder gives it.
        layers: Of a CNN.
        foreground: Which pixels FPFH describes.
        colour: Show image features a view's colours, where it has any; else the gray image.

    Returns:
        None where the setting is `none`.

    Raises:
        ModMapError: the weights aren't here, or the name leads nowhere.
    """
    reference = settings.reference or NONE
    if reference == NONE:
        return None
    if reference == POINT_MAE:
        raise ModMapError(
            f"{modality}_encoder: {POINT_MAE} needs a Point-MAE checkpoint and its CUDA kernels, neither of which any "
            f"package carries; {FPFH} and dinov2_vits14 need none"
        )
    if settings.precision == "bfloat16" and (reference == FPFH or is_cnn(reference)):
        raise ModMapError(
            f"{modality}_encoder: expected precision float32 for {reference}, found {settings.precision}, which only a "
            "ViT takes"
        )
    if reference == FPFH:
        if modality != "depth":
            raise ModMapError(
                f"image_encoder: expected features of an image, found {FPFH}, which are of depth"
            )
        return FPFHFeatures(grid or round(size / FPFH_STRIDE), foreground=foreground)
    if is_cnn(reference):
        return CNNFeatures(
            reference,
            modality,
            size=size,
            layers=layers,
            normalisation=settings.normalisation,
            grid=grid,
            colour=colour,
        )
    vit = ColourViT if modality == "image" and colour else FrozenEncoder
    return vit(settings, modality, size=size, grid=grid)
