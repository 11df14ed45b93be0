"""Batches of crops and masks, the same for any number of workers and after any resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dino_depth.config import CropSettings, MaskSettings, PretrainConfig
from dino_depth.data.corpus import decode_depth
from dino_depth.data.crops import MultiCrop
from dino_depth.data.masks import block_masks
from dino_depth.data.normalisation import normalise
from dino_depth.data.sampler import Draw, StepSampler, Stream, generator
from dino_depth.errors import DinoDepthError, one_line


class RowError(DinoDepthError):
    """A row of a corpus that can't be read; one line: the corpus, the row, its hash, what is wrong.

    Raised in a worker, torch raises it once more with the worker's whole traceback for its message; the traceback's
    last line is the message.
    """

    def __init__(self, message: str) -> None:
        line = message.strip().splitlines()[-1]
        super().__init__(line.removeprefix(f"{type(self).__module__}.{type(self).__qualname__}: "))


class Rows(Protocol):
    """Rows of a corpus, as `dino_depth.data.corpus.open_corpus` opens them."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, Any]: ...


class MapCrops(NamedTuple):
    """The crops of one depth map.

    Attributes:
        draw: Which map.
        global_crops: (2, 1, H, W) float32.
        local_crops: (L, 1, h, w) float32.
    """

    draw: Draw
    global_crops: Tensor
    local_crops: Tensor


class Batch(NamedTuple):
    """What `StudentTeacher` takes; crops are ordered crop by crop.

    Attributes:
        global_crops: (2 B, 1, H, W) float32, normalised depth, 0 in holes.
        local_crops: (L B, 1, h, w) float32; None where L is 0.
        masks: (2 B, N) bool, true for patches that the student doesn't see.
        rows: (B,) int64, of the corpus.
    """

    global_crops: Tensor
    local_crops: Tensor | None
    masks: Tensor
    rows: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The batch on a device; from pinned memory, the copy doesn't wait."""
        local_crops = self.local_crops
        if local_crops is not None:
            local_crops = local_crops.to(device, non_blocking=True)
        return Batch(
            self.global_crops.to(device, non_blocking=True),
            local_crops,
            self.masks.to(device, non_blocking=True),
            self.rows,
        )


class CropDataset(Dataset[MapCrops]):
    """The crops of the maps that a sampler draws.

    A map's crops depend on the seed and its `Draw` only.

    Args:
        rows: The corpus.
        config: Its `seed`, `crops` and `model.depth_normalisation` are used.
        name: Of the corpus, in errors; its directory.
    """

    def __init__(self, rows: Rows, config: PretrainConfig, *, name: str) -> None:
        self._rows, self._name = rows, name
        self._seed, self._normalisation = config.seed, config.model.depth_normalisation
        self._multi_crop = MultiCrop(config.crops)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, draw: Draw) -> MapCrops:
        """The crops of a map.

        Raises:
            RowError: its row is damaged.
        """
        row: Mapping[str, Any] = {}
        try:
            row = self._rows[draw.row]
            depth = decode_depth(row)
        except Exception as error:  # of pyarrow, OpenCV or the corpus: whatever it is, this row can't be used
            reason = one_line(error)
            found = row.get("hash", "unknown")
            raise RowError(f"{self._name}: row {draw.row}, hash {found}: {reason}") from error
        rng = generator(self._seed, Stream.CROPS, draw.epoch, draw.position)
        crops = self._multi_crop(normalise(depth, self._normalisation), rng)
        return MapCrops(draw, torch.from_numpy(crops.global_crops), torch.from_numpy(crops.local_crops))


class Collate:
    """Makes a batch of the crops of its maps, and draws its masks.

    Args:
        seed: Of the masks; they depend on it and the batch's first `Draw` only.
        crops: The size of the global crops is used.
        masks: How the masks are drawn.
        patch: Side of a patch, in pixels.
    """

    def __init__(self, seed: int, crops: CropSettings, masks: MaskSettings, *, patch: int) -> None:
        self._seed, self._masks = seed, masks
        self._side = crops.global_size // patch

    def __call__(self, maps: Sequence[MapCrops]) -> Batch:
        """A batch of B maps."""
        first = maps[0].draw
        global_crops = torch.stack([one.global_crops for one in maps], dim=1).flatten(0, 1)
        local_crops = torch.stack([one.local_crops for one in maps], dim=1).flatten(0, 1)
        masks = block_masks(
            len(global_crops),
            (self._side, self._side),
            rng=generator(self._seed, Stream.MASKS, first.epoch, first.position),
            probability=self._masks.probability,
            ratio=self._masks.ratio,
        )
        rows = torch.tensor([one.draw.row for one in maps])
        return Batch(global_crops, local_crops if len(local_crops) else None, masks, rows)


def batch_loader(
    rows: Rows,
    config: PretrainConfig,
    sampler: StepSampler,
    *,
    name: str,
    patch: int,
    pin_memory: bool = False,
) -> DataLoader[MapCrops]:
    """A loader of `Batch`es without end, in the sampler's order.

    Args:
        rows: The corpus.
        config: Its `seed`, `crops`, `masks`, `model.depth_normalisation` and `data.workers` are used.
        sampler: Says which maps each batch has.
        name: Of the corpus, in errors; its directory.
        patch: Side of a patch of the ViT, in pixels.
        pin_memory: For a GPU.

    Raises:
        RowError: while iterating: a row is damaged.
    """
    return DataLoader(
        CropDataset(rows, config, name=name),
        batch_sampler=sampler,
        collate_fn=Collate(config.seed, config.crops, config.masks, patch=patch),
        num_workers=config.data.workers,
        pin_memory=pin_memory,
        worker_init_fn=_one_thread,
        # Its own, or else making an iterator takes a number from the training's random state.
        generator=torch.Generator(),
    )


def _one_thread(_: int) -> None:
    """Keeps a worker to one thread; there are as many workers as there are cores to load with."""
    # Not 1: OpenCV would then wait for the threads of its parent's pool to end, and a fork has none of them.
    cv2.setNumThreads(0)
