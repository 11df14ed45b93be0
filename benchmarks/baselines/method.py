"""What a compared method does of its own: learn from views, score one view, keep its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.baselines.settings import BaselineSettings
from benchmarks.baselines.views import SeenView, ViewReader
from benchmarks.features.cnn import Layers

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ViewScores:
    """A view's scores.

    Attributes:
        map: (grid, grid) float32, finite at the mapped tokens and infinite elsewhere.
        score: Of the view as a whole, as the method was published.
    """

    map: Array
    score: float


class Method(Protocol):
    """A method, without what is the same for all.

    Attributes:
        title: As tables call it.
        layers: Of a CNN, which it looks at.
        settings_type: Its settings.
    """

    title: ClassVar[str]
    layers: ClassVar[Layers]
    settings_type: ClassVar[type[BaselineSettings]]

    def __init__(self, settings: Any, *, device: torch.device) -> None:
        """A method that hasn't learnt anything."""

    def require(self, reader: ViewReader) -> None:
        """Checks that it gets what it needs, before any work.

        Raises:
            ModMapError: it doesn't.
        """

    def fit(self, views: Iterable[SeenView]) -> float:
        """Learns from the nominal views, which come one after the other, once.

        Returns:
            What they score at most themselves: where the colours of a nominal scan's pictures end.

        Raises:
            ModMapError: they can't be learnt from.
        """

    def score(self, view: SeenView) -> ViewScores:
        """Scores a view."""

    def state(self) -> dict[str, Tensor]:
        """All that it learnt."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what `state` gave."""
