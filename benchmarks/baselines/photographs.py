"""Photographs of anything, as EfficientAD's student sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from modmap.errors import ModMapError, one_line

PICTURES = (".jpg", ".jpeg", ".png")
GRAY_SHARE = 0.3


class Photographs:
    """A folder of them, without end: resized to twice the side, three in ten gray, the middle.

    Args:
        folder: The files lie in it, or in folders of it.
        size: Pixels along a side.

    Raises:
        ModMapError: there are none.
    """

    def __init__(self, folder: Path, *, size: int) -> None:
        self.files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
        self._size = size
        if not self.files:
            raise ModMapError(f"{folder}: expected photographs ({', '.join(PICTURES)}), found none")

    def __iter__(self) -> Iterator[Tensor]:
        """(1, 3, size, size) in [0, 1], in an order of torch's own generator, each once before any comes again.

        Raises:
            ModMapError: one is damaged.
        """
        from PIL import Image
        from torchvision import transforms  # type: ignore[import-untyped]

        size = self._size
        shown = transforms.Compose(
            [
                transforms.Resize((2 * size, 2 * size)),
                transforms.RandomGrayscale(GRAY_SHARE),
                transforms.CenterCrop(size),
                transforms.ToTensor(),
            ]
        )
        while True:
            for index in torch.randperm(len(self.files)).tolist():
                file = self.files[index]
                try:
                    with Image.open(file) as picture:
                        whole = picture.convert("RGB")
                except OSError as error:
                    raise ModMapError(
                        f"{file}: expected a photograph, found a damaged one ({one_line(error)})"
                    ) from None
                yield shown(whole)[None]
