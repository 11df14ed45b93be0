"""What training leaves behind beside the weights, and whether a scan or an encoder fits it."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from modmap.encoding.encoders import TokenEncoder
from modmap.errors import ModMapError
from modmap.files.validated_json import did_you_mean
from modmap.scan import Scan
from modmap.volume import VoxelGrid


class GridRecord(BaseModel):
    """A voxel grid as plain numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: tuple[float, float, float]
    voxel: float
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, grid: VoxelGrid) -> GridRecord:
        """The record of a grid."""
        x, y, z = grid.origin.tolist()
        return cls(origin=(x, y, z), voxel=grid.voxel, shape=grid.shape)


class TrainedState(BaseModel):
    """What training leaves behind, beside the weights.

    Attributes:
        view_ids: The views that the model knows, in the order of their codes.
        categories: The classes that it is conditioned on, in the order of their codes; empty if class-specific.
        scans: Names of the training scans.
        image_channels: Channels of the image tokens.
        depth_channels: Channels of the depth tokens.
        fingerprints: Of the weights of the `image` and the `depth` encoder.
        places: Tokens of a view, where the model keeps what distances good parts show at each; 0 where it doesn't.
        grids: The voxel grid of each category; an empty name where scans have none.
        losses: Mean loss of each epoch.
        training_score: The largest score of a token of the training scans themselves, both modalities aggregated as
            in a prediction: what a part without any defect scores about. With nudged scans, what one in a hundred of
            their tokens exceeds when each is held against the others.
        seconds: Wall time of `encoders`, `training` and, with nudged scans, `expected`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view_ids: list[str]
    categories: list[str]
    scans: list[str]
    image_channels: int
    depth_channels: int
    fingerprints: dict[str, str]
    places: int = 0
    grids: dict[str, GridRecord]
    losses: list[float]
    training_score: float
    seconds: dict[str, float]

    def grid_for(self, category: str | None) -> VoxelGrid | None:
        """The training scan's grid of a category; the only one, where there is but one; None if there is none."""
        record = self.grids.get(category or "")
        if record is None and len(self.grids) == 1:
            record = next(iter(self.grids.values()))
        return None if record is None else VoxelGrid(np.array(record.origin), record.voxel, record.shape)

    def check_encoder(self, encoder: TokenEncoder) -> None:
        """Checks that an encoder is the one that the model was trained with.

        Raises:
            ModMapError: its weights differ.
        """
        expected = self.fingerprints[encoder.modality]
        if encoder.fingerprint != expected:
            raise ModMapError(
                f"{encoder.modality} encoder {encoder.reference}: expected the weights that the model was trained "
                f"with ({expected[:12]}), found others ({encoder.fingerprint[:12]})"
            )

    def check_views(self, scan: Scan) -> None:
        """Checks that the model knows every view of a scan.

        Raises:
            ModMapError: it doesn't; names the unknown ones and the known.
        """
        known = self.view_ids
        unknown = [view_id for view_id in scan.view_ids if view_id not in known]
        if unknown:
            raise ModMapError(
                f"scan {scan.name}: expected views that the model was trained on ({', '.join(known)}), found "
                f"{', '.join(unknown)}"
            )

    def class_index(self, scan: Scan, category: str | None) -> int | None:
        """The index of a scan's class, or of the category given; None for a class-specific model.

        Raises:
            ModMapError: the model doesn't know the class.
        """
        categories = self.categories
        if not categories:
            return None
        name = category or scan.category
        if name not in categories:
            hint = did_you_mean(name, categories) if name else ""
            raise ModMapError(
                f"scan {scan.name}: expected a category that the model knows ({', '.join(categories)}), found "
                f"{name or 'none'}{hint}"
            )
        return categories.index(name)
