"""What training leaves behind beside the weights, and whether a scan or an encoder fits it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator

from modmap.encoding.window import Window
from modmap.errors import ModMapError
from modmap.files.validated_json import did_you_mean
from modmap.inspection.nominal_shown import NominalShown
from modmap.scan import Scan
from modmap.volume import VoxelGrid

Grid = Annotated[
    VoxelGrid, BeforeValidator(VoxelGrid.from_dict), PlainSerializer(VoxelGrid.to_dict, return_type=dict)
]


Kept = TypeVar("Kept")


def of_category(kept: Mapping[str, Kept], category: str | None) -> Kept | None:
    """What is kept of a category; the only one, where there is but one; None if there is none."""
    found = kept.get(category or "")
    if found is None and len(kept) == 1:
        return next(iter(kept.values()))
    return found


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
        windows: By view id what of it the encoders see; all of a view that isn't named.
        grids: The voxel grid of each category; an empty name where scans have none.
        shown: What new scans of each category are asked to show; empty in a model of an earlier version.
        losses: Mean loss of each epoch.
        training_score: The largest score of a token of the training scans themselves, both modalities aggregated as
            in a prediction: what a part without any defect scores about. With jittered scans, what one in a hundred of
            their tokens exceeds when each is compared with the others.
        seconds: Wall time of `encoders`, `training` and, with jittered scans, `expected`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    view_ids: list[str] = Field(min_length=1)
    categories: list[str]
    scans: list[str] = Field(min_length=1)
    image_channels: int = Field(ge=0, le=2**16)
    depth_channels: int = Field(ge=0, le=2**16)
    fingerprints: dict[str, str]
    places: int = Field(0, ge=0, le=2**20)
    windows: dict[str, Window] = {}
    grids: dict[str, Grid]
    shown: dict[str, NominalShown] = {}
    losses: list[float]
    training_score: float
    seconds: dict[str, float]

    @field_validator("view_ids", "categories")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("expected each name once")
        return names

    def grid_for(self, category: str | None) -> VoxelGrid | None:
        """The training scan's grid of a category; the only one, where there is but one; None if there is none."""
        return of_category(self.grids, category)

    def shown_for(self, category: str | None) -> NominalShown | None:
        """What new scans of a category are asked to show; None where that isn't known."""
        return of_category(self.shown, category)

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

    def check_scan(self, scan: Scan, *, category: str | None = None) -> None:
        """Checks, without reading pixels, that a scan fits the model.

        Raises:
            ModMapError: a view or the class is unknown to the model, or a file is missing.
        """
        self.check_views(scan)
        for view in scan.views:
            for file in (view.image, view.depth):
                if isinstance(file, Path) and not file.is_file():
                    raise ModMapError(f"{file}: expected a file of view {view.id}, found none")
        self.class_index(scan, category)

    def class_of(self, scan: Scan, *, category: str | None = None) -> str:
        """The class of a scan, or the category given; an empty name for a class-specific model.

        Raises:
            ModMapError: the model doesn't know the class.
        """
        index = self.class_index(scan, category)
        return "" if index is None else self.categories[index]

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
