"""The student and its EMA teacher, and the losses of a batch of crops (DINO-v2, Sec. 4).

Shapes: B depth maps, 2 global crops and L local crops of each. Crops are ordered crop by crop: the first crop of all B
maps, then the second of all B, and so on. N patches of a global crop, M masked patches in all, C channels.
"""

from __future__ import annotations

from typing import Any, Literal

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from dino_depth.config import HeadSettings, PretrainConfig
from dino_depth.errors import ConfigError, DinoDepthError, one_line
from dino_depth.objective.centering import SinkhornKnopp, SoftmaxCentering
from dino_depth.objective.crop_tokens import TokenFunction, tokens_by_size
from dino_depth.objective.heads import ProjectionHead
from dino_depth.objective.losses import DinoLoss, IBotLoss, KoLeo
from dino_depth.objective.packed_crops import make_packable

GLOBAL_CROPS = 2

LossName = Literal["total", "dino_global", "dino_local", "ibot", "koleo"]


class Branch(nn.Module):
    """What the student and the teacher each have: a ViT, a mask token, a head for class tokens, one for patches.

    Args:
        backbone: A timm ViT.
        heads: Of both heads.
    """

    def __init__(self, backbone: VisionTransformer, heads: HeadSettings) -> None:
        super().__init__()
        channels = int(backbone.embed_dim)
        self.backbone = backbone
        self.mask_token = nn.Parameter(torch.zeros(1, channels))
        self.dino_head, self.ibot_head = (
            ProjectionHead(
                channels,
                heads.prototypes,
                hidden=heads.hidden,
                bottleneck=heads.bottleneck,
                layers=heads.layers,
            )
            for _ in range(2)
        )


class StudentTeacher(nn.Module):
    """Student, teacher and losses: depth crops in, losses out.

    The teacher starts as the student's copy, never has a gradient and is always in evaluation mode; only
    `update_teacher` moves it.

    Args:
        config: The recipe.

    Attributes:
        tokens_of: How the crops pass the ViT; one forward for each size, unless another is set.

    Raises:
        ConfigError: the architecture isn't a ViT of timm with a class token, or a crop size isn't a multiple of
            its patch size.
    """

    def __init__(self, config: PretrainConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens_of: TokenFunction = tokens_by_size
        self.student = Branch(build_backbone(config, drop_path=config.model.drop_path), config.heads)
        self.teacher = Branch(build_backbone(config, drop_path=0.0), config.heads)
        self.teacher.requires_grad_(False).eval()
        self.update_teacher(momentum=0.0)
        self.dino_centering = _centering(config)
        self.ibot_centering = _centering(config)
        self.dino_loss = DinoLoss()
        self.ibot_loss = IBotLoss()
        self.koleo = KoLeo()

    def train(self, mode: bool = True) -> StudentTeacher:
        """Sets training mode for all but the teacher: its stochastic depth stays off."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(
        self, global_crops: Tensor, local_crops: Tensor | None, masks: Tensor, *, teacher_temperature: float
    ) -> dict[LossName, Tensor]:
        """The losses of a batch.

        Args:
            global_crops: (2 B, 1, H, W), crop by crop.
            local_crops: (L B, 1, h, w), crop by crop; None for no local crops.
            masks: (2 B, N) bool, true for patches that the student doesn't see.
            teacher_temperature: Of the teacher's softmax.

        Returns:
            `total`, which is to be minimised, and its parts before their weights: `dino_global` and `dino_local`
            (their sum is the DINO loss), `ibot`, and `koleo` (summed over the two global crops).

        Raises:
            DinoDepthError: the masks don't fit the crops, or the crops aren't 2 B and L B.
        """
        self._check_batch(global_crops, local_crops, masks)
        # Found first: it waits for the device, which has the least to do now.
        masked = masks.flatten().nonzero()[:, 0]
        dino_targets, ibot_targets = self._targets(global_crops, masked, teacher_temperature)

        crops: list[Tensor] = [global_crops]
        crop_masks: list[Tensor | None] = [masks]
        if local_crops is not None:
            crops.append(local_crops)
            crop_masks.append(None)
        tokens = self.tokens_of(self.student.backbone, crops, crop_masks, self.student.mask_token)
        class_tokens = torch.cat([batch[:, 0] for batch in tokens])
        dino_logits = self.student.dino_head(class_tokens).unflatten(
            0, (-1, len(global_crops) // GLOBAL_CROPS)
        )
        dino_global, dino_local = self.dino_loss(
            dino_logits[:GLOBAL_CROPS], dino_logits[GLOBAL_CROPS:], dino_targets
        )
        # Without masked patches the head still runs, on none of them: every parameter has a gradient in every
        # process, which DDP waits for.
        ibot = self.ibot_loss(self.student.ibot_head(self._patches(tokens[0])[masked]), ibot_targets, masks)
        # A map's two crops are no neighbours to keep apart: each crop of the batch is spread by itself.
        koleo = sum(self.koleo(crop) for crop in tokens[0][:, 0].chunk(GLOBAL_CROPS))

        weights = self.config.losses
        total = weights.dino * (dino_global + dino_local) + weights.ibot * ibot + weights.koleo * koleo
        return {
            "total": total,
            "dino_global": dino_global,
            "dino_local": dino_local,
            "ibot": ibot,
            "koleo": koleo,
        }

    @torch.no_grad()
    def update_teacher(self, momentum: float) -> None:
        """teacher <- momentum * teacher + (1 - momentum) * student, in place; 0 makes it the student's copy."""
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.student.parameters()), 1 - momentum)

    @torch.no_grad()
    def _targets(self, global_crops: Tensor, masked: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        """The teacher's centred probabilities: (2, B, K) of the class tokens, (M, K) of the masked patches."""
        (tokens,) = self.tokens_of(self.teacher.backbone, [global_crops], [None], self.teacher.mask_token)
        class_logits = self.teacher.dino_head(tokens[:, 0])
        patch_logits = self.teacher.ibot_head(self._patches(tokens)[masked])
        dino = self.dino_centering(class_logits, temperature).unflatten(0, (GLOBAL_CROPS, -1))
        return dino, self.ibot_centering(patch_logits, temperature)

    def _patches(self, tokens: Tensor) -> Tensor:
        """(2 B N, C) patch tokens of (2 B, P + N, C) tokens."""
        return tokens[:, self.student.backbone.num_prefix_tokens :].flatten(0, 1)

    def _check_batch(self, global_crops: Tensor, local_crops: Tensor | None, masks: Tensor) -> None:
        maps, odd = divmod(len(global_crops), GLOBAL_CROPS)
        if odd or not maps:
            raise DinoDepthError(f"global_crops: expected two of each depth map, found {len(global_crops)}")
        if local_crops is not None and len(local_crops) % maps:
            raise DinoDepthError(
                f"local_crops: expected as many of each of {maps} depth maps, found {len(local_crops)}"
            )
        height, width = self.student.backbone.patch_embed.dynamic_feat_size(global_crops.shape[-2:])
        expected = (len(global_crops), height * width)
        if masks.shape != expected or masks.dtype != torch.bool:
            raise DinoDepthError(
                f"masks: expected {expected} bool, found {tuple(masks.shape)} {str(masks.dtype)[6:]}"
            )


def _centering(config: PretrainConfig) -> SinkhornKnopp | SoftmaxCentering:
    if config.losses.centering == "sinkhorn_knopp":
        return SinkhornKnopp()
    return SoftmaxCentering(config.heads.prototypes)


def timm_arguments(config: PretrainConfig) -> dict[str, Any]:
    """What the recipe's ViT is made with, in training and wherever it is used later."""
    return {
        "in_chans": config.model.in_chans,
        "img_size": config.crops.global_size,
        "init_values": config.model.layer_scale,
        **config.model.options,
    }


def build_backbone(config: PretrainConfig, *, drop_path: float) -> VisionTransformer:
    """The recipe's ViT.

    Args:
        config: The recipe.
        drop_path: Stochastic depth, the same in every block.

    Raises:
        ConfigError: as `StudentTeacher`.
    """
    model = config.model
    if not timm.models.is_model_in_modules(model.architecture, ["vision_transformer"]):
        raise ConfigError(
            f"model.architecture: expected a ViT of timm, such as vit_small_patch14_dinov2, "
            f"found {model.architecture}"
        )
    arguments = {"num_classes": 0, "dynamic_img_size": True, **timm_arguments(config)}
    try:
        backbone = timm.create_model(model.architecture, **arguments)
    except Exception as error:  # of timm, for arguments that don't fit: assertions, types and others
        reason = one_line(error, longest=200)
        raise ConfigError(
            f"model.options: expected what timm's {model.architecture} can be made with, found {model.options} "
            f"({reason})"
        ) from None
    if not backbone.has_class_token:
        raise ConfigError(
            f"model.architecture: expected a ViT with a class token, found {model.architecture}, which has none"
        )
    make_packable(backbone, drop_path)
    patch = backbone.patch_embed.patch_size[0]
    sizes = {"global_size": config.crops.global_size}
    if config.crops.local_count:
        sizes["local_size"] = config.crops.local_size
    for name, size in sizes.items():
        if size % patch:
            raise ConfigError(
                f"crops.{name}: expected a multiple of {model.architecture}'s patch size {patch}, found {size}"
            )
    return backbone
