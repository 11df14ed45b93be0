"""The face of a method that finds anomalies: ModMap's own, and that of every method it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from modmap.result import Result
from modmap.scan import Scan
from modmap.volume import VoxelGrid


class Trained(Protocol):
    """What training left behind, as far as an evaluation asks."""

    @property
    def scans(self) -> list[str]:
        """Names of the training scans."""

    @property
    def training_score(self) -> float:
        """What a part without any defect scores about."""

    @property
    def seconds(self) -> dict[str, float]:
        """Wall time of the training's steps."""


class Detector(Protocol):
    """What an evaluation asks of a method; ModMap has this face, and so has every other method that is compared."""

    @property
    def trained(self) -> Trained:
        """What training left behind.

        Raises:
            ModMapError: it hasn't been fitted.
        """

    @property
    def fingerprint(self) -> str:
        """Differs between models that give different results, and is the same whenever the same model is loaded."""

    def fit(self, scans: Scan | Sequence[Scan], *, progress: bool = False) -> Detector:
        """Learns from nominal scans.

        Raises:
            ModMapError: a scan can't be used, or something that the method needs isn't here.
        """

    def check(self, scan: Scan) -> object:
        """Checks, without reading pixels, that a scan fits the model.

        Raises:
            ModMapError: it doesn't.
        """

    def predict(
        self, scan: Scan, *, volume: bool | None = None, grid: VoxelGrid | None = None, progress: bool = False
    ) -> Result:
        """Scores a scan, its maps carried into the volume as `modmap.result.build_volume` does."""

    def save_pretrained(self, directory: Path) -> Path:
        """Writes the model, `config.json` last."""
