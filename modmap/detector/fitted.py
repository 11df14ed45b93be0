"""A fitted model: all that a prediction, a calibration or a figure needs of one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from modmap.config import ModMapConfig
from modmap.detector.expected import ExpectedDistances, ScanDistances
from modmap.detector.reference import References, tensors_of
from modmap.detector.trained_state import TrainedState
from modmap.encoding.encoder_pair import EncoderPair
from modmap.encoding.fingerprint import fingerprint
from modmap.encoding.scan_tokens import ScanTokens
from modmap.errors import ModMapError
from modmap.mapping.anomaly_maps import refined_maps
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.scan import Scan
from modmap.volume import VoxelGrid

EXPECTED = "expected."
# Of what training leaves behind, what a score or a verdict depends on.
DECISIVE = {"view_ids", "categories", "fingerprints", "places", "windows", "grids", "shown"}


@dataclass(frozen=True, eq=False)
class FittedModel:
    """What a fit leaves behind, and what saving and loading carry.

    Attributes:
        config: Every setting.
        encoders: The frozen encoders, loaded when they are first needed.
        mapper: The trained modulators and mappings; None without `evidence.mapping`.
        expected: The distances that good parts show, place by place; None where distances are taken as they are.
        trained: Views, classes, grids, losses.
        references: The nominal part of each class as it was scanned; empty where scans aren't compared with it.
    """

    config: ModMapConfig
    encoders: EncoderPair
    mapper: CrossViewMapper | None
    expected: ExpectedDistances | None
    trained: TrainedState
    references: References = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where tensors live."""
        return self.encoders.device

    @property
    def weights(self) -> dict[str, Tensor]:
        """Every tensor of the model but the encoders', by name; they are the model's own, not copies."""
        return named_tensors(self.mapper, self.expected)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that a score depends on.

        The weights, the nominal surface that scans are compared with, the encoders' weights, every setting but where
        the encoders lie, and what else training left. A setting that has its default counts as one that a model of an
        earlier version didn't have.
        """
        learnt = fingerprint({**self.weights, **(tensors_of(self.references) if self.references else {})})
        nowhere = {"reference"}
        settings = self.config.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={"preset": True, "image_encoder": nowhere, "depth_encoder": nowhere},
        )
        trained = self.trained.model_dump(mode="json", include=DECISIVE)
        left = {name: value for name, value in trained.items() if value}
        said = json.dumps([learnt, settings, left], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def encode(self, scan: Scan, *, progress: bool = False) -> ScanTokens:
        """The tokens of a scan; each view passes each encoder once.

        Raises:
            ModMapError: an encoder or a view can't be used.
        """
        return self.encoders.encode(
            scan, fingerprints=self.trained.fingerprints, shown=progress, windows=self.trained.windows
        )

    def bank(self, scan: Scan, tokens: ScanTokens, *, category: str | None = None) -> TokenBank:
        """A scan's tokens with the codes of its views and class, as the mappings take them."""
        class_index = self.trained.class_index(scan, category)
        return TokenBank.of(
            [tokens],
            view_ids=self.trained.view_ids,
            categories=None if class_index is None else [class_index],
        )

    def distances(self, bank: TokenBank) -> ScanDistances:
        """The refined maps of a scan as distances (Eqs. 11 and 12)."""
        return distances_of(self.require_mapper(), bank, cross_view=self.config.mapping.cross_view)

    def require_mapper(self) -> CrossViewMapper:
        """The trained modulators and mappings.

        Raises:
            ModMapError: the model has none.
        """
        if self.mapper is None:
            raise ModMapError("model: expected one with evidence.mapping, found one that maps nothing")
        return self.mapper

    def relative(self, found: ScanDistances) -> tuple[Tensor, Tensor]:
        """(N, L) image map and (N, L) depth map in multiples of the distances that good parts show at the same places.

        They are the distances themselves where the model expects nothing (`inference.jittered_scans` is 0).
        """
        if self.expected is None:
            return found.image, found.depth
        return self.expected.relative(found.image, found.depth, view=found.view, category=found.category)

    def grid_for(self, scan: Scan, *, category: str | None = None) -> VoxelGrid:
        """The training scan's grid, or one around a scan with cameras where there is none."""
        inference = self.config.inference
        return self.trained.grid_for(category or scan.category) or VoxelGrid.around(
            [scan], inference.voxel, foreground=inference.foreground
        )


def named_tensors(mapper: CrossViewMapper | None, expected: ExpectedDistances | None) -> dict[str, Tensor]:
    """The tensors of both by the names that a model file gives them."""
    tensors: Mapping[str, Tensor] = {} if expected is None else expected.state_dict()
    mapped: Mapping[str, Tensor] = {} if mapper is None else mapper.state_dict()
    return {**mapped, **{f"{EXPECTED}{name}": tensor for name, tensor in tensors.items()}}


def distances_of(mapper: CrossViewMapper, bank: TokenBank, *, cross_view: bool) -> ScanDistances:
    """The refined maps of one scan's tokens, with its class and views."""
    image_map, depth_map = refined_maps(mapper, bank, cross_view=cross_view)
    category = 0 if bank.category is None else int(bank.category[0])
    return ScanDistances(category, bank.view, image_map, depth_map)


def new_mapper(
    config: ModMapConfig,
    image_channels: int,
    depth_channels: int,
    *,
    views: int,
    classes: int,
    device: torch.device,
) -> CrossViewMapper:
    """A mapper with the initial weights of the config's seed; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        mapper = CrossViewMapper(
            image_channels,
            depth_channels,
            views=views,
            classes=classes,
            view_conditioning=config.mapping.view_conditioning,
            modulator_hidden=config.mapping.modulator_hidden,
        )
    return mapper.to(device)
