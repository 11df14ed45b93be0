"""ModMap: fit on a nominal scan, predict the anomaly volume of others."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from modmap import model_files
from modmap.config import ModMapConfig, make_config, merged
from modmap.device import choose_device
from modmap.encoders import (
    FrozenEncoder,
    ScanTokens,
    TokenEncoder,
    encode_scan,
    fingerprint,
    require_reference,
)
from modmap.errors import ModMapError
from modmap.inference import refined_maps
from modmap.mapping import CrossViewMapper
from modmap.progress import stage
from modmap.result import Result, ViewMaps, build_volume, volume_refusal
from modmap.rim import spread_to_rim
from modmap.scan import Scan
from modmap.survey import survey
from modmap.token_cache import TokenCache
from modmap.trained_state import GridRecord, TrainedState
from modmap.training import train
from modmap.view_pairs import TokenBank
from modmap.volume import AnomalyVolume, VoxelGrid, aggregate


class ModMap:
    """Multi-view image + depth anomaly detection in 3D from one nominal scan.

    >>> model = ModMap().fit(Scan.load("good_part"))
    >>> result = model.predict(Scan.load("new_part"))
    >>> result.score, result.volume.scores.shape

    Args:
        preset: `fast` for a laptop, `paper` for the paper to the letter.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        image_encoder: Short for `settings={"image_encoder": {"reference": ...}}`.
        depth_encoder: Likewise.
        settings: Any other setting, nested as in `modmap.config.ModMapConfig`.
        token_cache: Keeps tokens on disk between runs; without it they are computed anew for every fit and prediction.
        depth_features: Takes the depth encoder's place: anything that turns a depth map into a grid of tokens, given
            the image encoder's grid.

    Raises:
        ModMapError: a setting is unknown or out of range.
    """

    def __init__(
        self,
        preset: str = "fast",
        *,
        device: str = "auto",
        image_encoder: str | None = None,
        depth_encoder: str | None = None,
        settings: Mapping[str, Any] | None = None,
        token_cache: TokenCache | None = None,
        depth_features: Callable[[int], TokenEncoder] | None = None,
    ) -> None:
        references = {"image_encoder": image_encoder, "depth_encoder": depth_encoder}
        named = {key: {"reference": value} for key, value in references.items() if value is not None}
        self.config: ModMapConfig = make_config(preset, merged(settings or {}, named))
        self.device = choose_device(device)
        self.token_cache = token_cache
        self._depth_features = depth_features
        self._encoders: tuple[TokenEncoder, TokenEncoder] | None = None
        self._mapper: CrossViewMapper | None = None
        self._state: TrainedState | None = None

    @property
    def trained(self) -> TrainedState:
        """What training left behind: views, categories, grids, losses.

        Raises:
            ModMapError: the model hasn't been fitted.
        """
        if self._state is None:
            raise ModMapError("model: expected a fitted model: call fit, or load one with from_pretrained")
        return self._state

    def fit(self, scans: Scan | Sequence[Scan], *, progress: bool = False) -> ModMap:
        """Learns the mappings on nominal scans (Sec. 3.2.2).

        Args:
            scans: One nominal scan, or several (of several categories, for a multi-class model).
            progress: Show bars with the loss on standard error.

        Returns:
            This model.

        Raises:
            ModMapError: a scan can't be used; every view is read and checked before the first is encoded.
        """
        scans = [scans] if isinstance(scans, Scan) else list(scans)
        require_reference(self.config.image_encoder, "image")
        if self._depth_features is None:
            require_reference(self.config.depth_encoder, "depth")
        categories = self._categories_of(scans)
        started = time.perf_counter()
        grids = survey(scans, self.config.inference)
        image_encoder, depth_encoder = self._load_encoders()
        tokens = [self._encode(scan, shown=progress) for scan in scans]
        encoded = time.perf_counter()
        view_ids = list(dict.fromkeys(view_id for one in tokens for view_id in one.view_ids))
        mapper = self._new_mapper(
            image_encoder.channels, depth_encoder.channels, views=len(view_ids), classes=len(categories)
        )
        bank = TokenBank.of(
            tokens,
            view_ids=view_ids,
            categories=[categories.index(str(scan.category)) for scan in scans] if categories else None,
        )
        settings = self.config.training
        cross_view = self.config.mapping.cross_view
        with stage("training", total=settings.epochs, shown=progress) as bar:
            losses = train(
                mapper,
                bank,
                settings,
                cross_view=cross_view,
                on_epoch=lambda loss: bar.advance(f"loss {loss:.4f}"),
            )
        image_map, depth_map = refined_maps(mapper, bank, cross_view=cross_view)
        image_part, depth_part = (one[bank.foreground].cpu().numpy() for one in (image_map, depth_map))
        residual = aggregate(image_part, depth_part, self.config.inference.aggregation)
        self._mapper = mapper
        self._state = TrainedState(
            view_ids=view_ids,
            categories=categories,
            scans=[scan.name for scan in scans],
            image_channels=image_encoder.channels,
            depth_channels=depth_encoder.channels,
            fingerprints={"image": image_encoder.fingerprint, "depth": depth_encoder.fingerprint},
            grids={name: GridRecord.of(grid) for name, grid in grids.items()},
            losses=losses,
            training_score=float(residual.max()),
            seconds={"encoders": encoded - started, "training": time.perf_counter() - encoded},
        )
        return self

    def predict(
        self,
        scan: Scan,
        *,
        volume: bool | None = None,
        grid: VoxelGrid | None = None,
        category: str | None = None,
        progress: bool = False,
    ) -> Result:
        """Scores a scan (Secs. 3.2.3 and 3.2.4).

        Args:
            scan: A scan with some or all of the views that the model was trained on, matched by id.
            volume: True demands a volume, False leaves it out, None makes one if every view has a camera.
            grid: Where the volume's voxels are; None takes the training scan's grid, grown to hold this scan. Points
                outside a grid that is given are dropped, and a note says how many.
            category: The class, for a multi-class model; None takes the scan's own.
            progress: Show a bar on standard error.

        Raises:
            ModMapError: the model isn't fitted, a view is unknown to it or unreadable, the class is unknown, a
                volume is demanded and a view has no camera, or an encoder isn't the one that the model was trained
                with.
        """
        state = self.trained
        class_index = self.check(scan, category=category)
        refused = volume_refusal(scan, wanted=volume)
        started = time.perf_counter()
        tokens = self._encode(scan, shown=progress)
        encoded = time.perf_counter()
        bank = TokenBank.of(
            [tokens], view_ids=state.view_ids, categories=None if class_index is None else [class_index]
        )
        image_map, depth_map = refined_maps(
            self._fitted_mapper(), bank, cross_view=self.config.mapping.cross_view
        )
        side = self._load_encoders()[0].grid
        image_scores, depth_scores, touched = (
            one.reshape(len(tokens), side, side)
            for one in (image_map.cpu().numpy(), depth_map.cpu().numpy(), tokens.touched)
        )
        views = {
            view_id: ViewMaps(
                id=view_id,
                image_tokens=spread_to_rim(image_scores[i], touched[i]),
                depth_tokens=spread_to_rim(depth_scores[i], touched[i]),
                aggregation=self.config.inference.aggregation,
                shape=tokens.shapes[i],
                mask_bits=tokens.masks[i],
            )
            for i, view_id in enumerate(tokens.view_ids)
        }
        mapped = time.perf_counter()
        notes = list(tokens.notes)
        built: AnomalyVolume | None = None
        if refused is None:
            start = grid or self._grid_for(scan, category)
            built, outside = build_volume(scan, views, start, grow=grid is None)
            if outside:
                notes.append(
                    f"volume: {outside:,} points lie outside the grid that was given and were dropped"
                )
            score = built.score
        else:
            score = max(float(maps.combined()[maps.foreground].max()) for maps in views.values())
        return Result(
            scan=scan.name,
            score=score,
            views=views,
            volume=built,
            volume_refused=refused,
            notes=tuple(notes),
            seconds={
                "encoders": encoded - started,
                "mapping": mapped - encoded,
                "volume": time.perf_counter() - mapped,
            },
        )

    def check(self, scan: Scan, *, category: str | None = None) -> int | None:
        """Checks, without reading pixels, that a scan fits the model.

        Returns:
            The index of the scan's class, or None for a class-specific model.

        Raises:
            ModMapError: a view or the class is unknown to the model, or a file is missing.
        """
        self.trained.check_views(scan)
        for view in scan.views:
            for file in (view.image, view.depth):
                if isinstance(file, Path) and not file.is_file():
                    raise ModMapError(f"{file}: expected a file of view {view.id}, found none")
        return self.trained.class_index(scan, category)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the mappings' weights."""
        return fingerprint(self._fitted_mapper())

    def _fitted_mapper(self) -> CrossViewMapper:
        if self._mapper is None:
            raise ModMapError("model: expected a fitted model: call fit, or load one with from_pretrained")
        return self._mapper

    def save_pretrained(self, directory: str | Path, *, include_encoders: bool = False) -> Path:
        """Writes the model: `config.json`, `model.safetensors`, `README.md`.

        Args:
            directory: Where to; made if missing.
            include_encoders: Put copies of the frozen encoders in, so that the directory needs nothing else.
        """
        state, mapper = self.trained, self._fitted_mapper()
        encoders = (
            dict(zip(("image", "depth"), self._load_encoders(), strict=True)) if include_encoders else {}
        )
        return model_files.save(
            Path(directory), config=self.config, state=state, mapper=mapper, encoders=encoders
        )

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        device: str = "auto",
        image_encoder: str | None = None,
        depth_encoder: str | None = None,
        token_cache: TokenCache | None = None,
        depth_features: Callable[[int], TokenEncoder] | None = None,
    ) -> ModMap:
        """Loads a model from a directory or a hub repo.

        Args:
            source: What `save_pretrained` wrote, or `ORG/NAME` on the hub.
            device: As in the constructor.
            image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
            depth_encoder: Likewise.
            token_cache: As in the constructor.
            depth_features: As in the constructor; what the model was trained with, where it was.

        Raises:
            ModMapError: a file is missing or damaged, or a weight is missing, renamed or of another shape (it is
                named). The encoders are loaded and compared with those of the training by the first prediction.
        """
        directory = model_files.locate(str(source))
        config, state = model_files.load(directory)
        model = cls(
            config.preset,
            device=device,
            settings=config.model_dump(),
            token_cache=token_cache,
            depth_features=depth_features,
        )
        for modality, override in (("image", image_encoder), ("depth", depth_encoder)):
            reference = override or model_files.included_encoder(directory, modality)
            if reference is not None:
                model.config = model_files.with_encoder(model.config, modality, reference)
        model._state = state
        model._mapper = model._new_mapper(
            state.image_channels,
            state.depth_channels,
            views=len(state.view_ids),
            classes=len(state.categories),
        )
        model_files.load_weights(directory, model._mapper)
        model._mapper.eval()
        return model

    def push_to_hub(self, repo_id: str, *, private: bool = False, include_encoders: bool = True) -> str:
        """Uploads the model to the Hugging Face hub; returns the repo's address."""
        return model_files.push(
            repo_id,
            lambda directory: self.save_pretrained(directory, include_encoders=include_encoders),
            private=private,
        )

    def _load_encoders(self) -> tuple[TokenEncoder, TokenEncoder]:
        if self._encoders is None:
            image = FrozenEncoder(self.config.image_encoder, "image", size=self.config.size)
            depth = self._depth_encoder(image)
            if self._state is not None:
                for encoder in (image, depth):
                    self._state.check_encoder(encoder)
            self._encoders = image.to(self.device), depth
        return self._encoders

    def _depth_encoder(self, image: FrozenEncoder) -> TokenEncoder:
        if self._depth_features is not None:
            return self._depth_features(image.grid)
        settings = self.config.depth_encoder
        return FrozenEncoder(settings, "depth", size=self.config.size, grid=image.grid).to(self.device)

    def _new_mapper(
        self, image_channels: int, depth_channels: int, *, views: int, classes: int
    ) -> CrossViewMapper:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.training.seed)
            mapper = CrossViewMapper(
                image_channels,
                depth_channels,
                views=views,
                classes=classes,
                view_conditioning=self.config.mapping.view_conditioning,
                modulator_hidden=self.config.mapping.modulator_hidden,
            )
        return mapper.to(self.device)

    def _encode(self, scan: Scan, *, shown: bool) -> ScanTokens:
        image_encoder, depth_encoder = self._load_encoders()
        with stage(f"encoding {scan.name}", total=len(scan), shown=shown) as bar:
            return encode_scan(
                scan,
                image_encoder,
                depth_encoder,
                foreground=self.config.inference.foreground,
                rim_share=self.config.inference.rim_share,
                device=self.device,
                cache=self.token_cache,
                on_view=bar.advance,
            )

    def _categories_of(self, scans: Sequence[Scan]) -> list[str]:
        if not scans:
            raise ModMapError("fit: expected at least one nominal scan, found none")
        if not self.config.mapping.class_conditioning:
            return []
        for scan in scans:
            if scan.category is None:
                raise ModMapError(
                    f"scan {scan.name}: expected a category, as the model is multi-class, found none"
                )
        return sorted({str(scan.category) for scan in scans})

    def _grid_for(self, scan: Scan, category: str | None) -> VoxelGrid:
        trained = self.trained.grid_for(category or scan.category)
        inference = self.config.inference
        return trained or VoxelGrid.around([scan], inference.voxel, foreground=inference.foreground)
