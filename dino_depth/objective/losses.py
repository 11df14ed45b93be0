"""The three losses of DINO-v2: DINO on class tokens, iBOT on masked patches, KoLeo on class tokens.

Shapes: B depth maps a process, V global crops and L local crops of each, K prototypes, N patches of a global crop,
M masked patches in all, C channels. Whatever type comes in, the losses are computed in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather
from torch.nn import functional as F


def _cross_entropy(target: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """(...,) cross-entropy of the student's distributions under the teacher's; both (..., K)."""
    return -(target * F.log_softmax(logits.float() / temperature, dim=-1)).sum(dim=-1)


class DinoLoss(nn.Module):
    """Cross-entropy between the prototypes of two crops' class tokens (DINO, Eqs. 1 to 3).

    Every crop the student sees is compared with every global crop the teacher sees, but for the same one. The mean is
    over all V (V - 1) + V L such pairs.

    Args:
        student_temperature: The student's; the teacher's is part of its centering.
    """

    def __init__(self, student_temperature: float = 0.1) -> None:
        super().__init__()
        self.student_temperature = student_temperature

    def forward(
        self, student_global: Tensor, student_local: Tensor, teacher: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The share of the global crops in the loss and that of the local ones; the loss is their sum.

        Args:
            student_global: (V, B, K) logits.
            student_local: (L, B, K) logits; L may be 0.
            teacher: (V, B, K) centred probabilities of the global crops.
        """
        views, maps, _ = teacher.shape
        pairs = views * (views - 1) + views * len(student_local)
        # The cross-entropy is linear in its target: one target, the sum over the other crops, does for all pairs.
        every = teacher.sum(dim=0)
        to_global = _cross_entropy(every - teacher, student_global, self.student_temperature)
        to_local = _cross_entropy(every, student_local, self.student_temperature)
        return to_global.sum() / (maps * pairs), to_local.sum() / (maps * pairs)


class IBotLoss(nn.Module):
    """Cross-entropy between the prototypes of masked patches and what the teacher sees there (iBOT, Eq. 2).

    A patch weighs 1 / (masked patches of its crop), so that a crop counts once however much of it is masked; crops
    without a mask count with loss 0.

    Args:
        student_temperature: The student's; the teacher's is part of its centering.
    """

    def __init__(self, student_temperature: float = 0.1) -> None:
        super().__init__()
        self.student_temperature = student_temperature

    def forward(self, student: Tensor, teacher: Tensor, masks: Tensor) -> Tensor:
        """The loss, a scalar; 0 when nothing is masked.

        Args:
            student: (M, K) logits of the masked patches, in the order of `masks.flatten()`.
            teacher: (M, K) centred probabilities of the same patches.
            masks: (V B, N) bool, true for the M masked patches.
        """
        weights = 1 / masks.sum(dim=1).clamp(min=1)
        crop = masks.nonzero()[:, 0]
        loss = _cross_entropy(teacher, student, self.student_temperature)
        return (loss * weights[crop]).sum() / len(masks)


class KoLeo(nn.Module):
    """Spreads class tokens: -mean log of the distance to the nearest neighbour (Sablayrolles et al., 2019).

    The neighbour is searched among the features of all processes; each process must bring the same number of them.
    Gradients reach the features of all processes, as seekers and as neighbours: the mean over the processes of the
    losses' gradients, which DDP takes, is that of one process with all features.

    Args:
        epsilon: Keeps the logarithm of a distance of 0 finite.
    """

    def __init__(self, epsilon: float = 1e-8) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, features: Tensor) -> Tensor:
        """The loss, a scalar; 0 when there is but one feature in all processes.

        Args:
            features: (B, C) student class tokens of one global crop, of any length.
        """
        with torch.autocast(features.device.type, enabled=False):
            local = F.normalize(features.float(), dim=-1, eps=self.epsilon)
            everyone, own = _of_all_processes(local)
            if len(everyone) < 2:
                return 0 * local.sum()
            similarity = local.detach() @ everyone.detach().T
            similarity[torch.arange(len(local)), torch.arange(own, own + len(local))] = -torch.inf
            nearest = everyone[similarity.argmax(dim=1)]
            distance = F.pairwise_distance(local, nearest, eps=self.epsilon)
            return -(distance + self.epsilon).log().mean()


def _of_all_processes(local: Tensor) -> tuple[Tensor, int]:
    """(processes x B, C) features, differentiable in every process, and the index of the first own one."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return local, 0
    parts = all_gather(local.contiguous())  # type: ignore[no-untyped-call]
    return torch.cat(parts), distributed.get_rank() * len(local)
