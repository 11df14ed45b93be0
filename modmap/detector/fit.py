"""Fitting the mappings on nominal scans, and what is kept of it (Sec. 3.2.2)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from modmap.config import ModMapConfig
from modmap.detector.expected import GoodDistances, learn_and_score
from modmap.detector.jitter import nudged_copies
from modmap.detector.recall import good_distances, train_or_recall
from modmap.detector.survey import survey
from modmap.detector.trained_state import GridRecord, TrainedState
from modmap.encoding.encoder_pair import EncoderPair
from modmap.encoding.scan_tokens import ScanTokens
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.mapping.anomaly_maps import refined_maps
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.mapping.training_checkpoint import TrainingCheckpoint
from modmap.progress import stage
from modmap.scan import Scan
from modmap.volume import aggregate


def fit_mappings(
    config: ModMapConfig,
    encoders: EncoderPair,
    scans: Sequence[Scan],
    *,
    device: torch.device,
    trained: TrainedState | None,
    progress: bool = False,
    keep: Path | None = None,
) -> tuple[CrossViewMapper, TrainedState]:
    """Learns the mappings on nominal scans; every view is read and checked before the first is encoded.

    Args:
        config: The model's settings.
        encoders: The frozen encoders.
        scans: The nominal scans.
        device: Where the mappings live.
        trained: What an earlier fit of this model left, or None.
        progress: Show bars with the loss on standard error.
        keep: A directory that keeps tokens and the state of the training as they come, and gives them back to a fit
            that was stopped and is called again.

    Returns:
        The trained mapper, and what else a prediction needs.

    Raises:
        ModMapError: a scan or an encoder can't be used.
    """
    encoders.require_named()
    categories = _categories_of(config, scans)
    started = time.perf_counter()
    grids = survey(scans, config.inference)
    image_encoder, depth_encoder = encoders.load(trained)
    cache = TokenCache(keep / "tokens") if keep is not None else None
    tokens = [encoders.encode(scan, trained=trained, shown=progress, cache=cache) for scan in scans]
    encoded = time.perf_counter()
    view_ids = list(dict.fromkeys(view_id for one in tokens for view_id in one.view_ids))
    places = image_encoder.grid**2 if config.inference.nudged_scans else 0
    mapper = new_mapper(
        config,
        image_encoder.channels,
        depth_encoder.channels,
        views=len(view_ids),
        classes=len(categories),
        places=places,
        device=device,
    )
    bank = TokenBank.of(
        tokens,
        view_ids=view_ids,
        categories=[categories.index(str(scan.category)) for scan in scans] if categories else None,
    )
    settings, cross_view = config.training, config.mapping.cross_view
    with stage("training", total=settings.epochs, shown=progress) as bar:
        losses, training_seconds = train_or_recall(
            mapper,
            bank,
            settings,
            cross_view=cross_view,
            cache=encoders.cache,
            on_epoch=lambda loss: bar.advance(f"loss {loss:.4f}"),
            checkpoint=TrainingCheckpoint(keep / "training.safetensors") if keep is not None else None,
        )
    trained_at = time.perf_counter()
    seconds = {"encoders": encoded - started, "training": training_seconds}
    if mapper.expected is None:
        score = _training_score(config, mapper, bank)
    else:

        def distances(one: Scan, seen: ScanTokens) -> GoodDistances:
            category = [categories.index(str(one.category))] if categories else None
            of_scan = TokenBank.of([seen], view_ids=view_ids, categories=category)
            return good_distances(mapper, of_scan, cross_view=cross_view, cache=encoders.cache)

        score = learn_and_score(
            mapper.expected,
            [distances(scan, seen) for scan, seen in zip(scans, tokens, strict=True)],
            [
                distances(copy, encoders.encode(copy, trained=trained, shown=progress, cache=cache))
                for copy in nudged_copies(scans, config.inference.nudged_scans, by_category=bool(categories))
            ],
            aggregation=config.inference.aggregation,
        )
        seconds["expected"] = time.perf_counter() - trained_at
    state = TrainedState(
        view_ids=view_ids,
        categories=categories,
        scans=[scan.name for scan in scans],
        image_channels=image_encoder.channels,
        depth_channels=depth_encoder.channels,
        places=places,
        fingerprints={"image": image_encoder.fingerprint, "depth": depth_encoder.fingerprint},
        grids={name: GridRecord.of(grid) for name, grid in grids.items()},
        losses=losses,
        training_score=score,
        seconds=seconds,
    )
    return mapper, state


def new_mapper(
    config: ModMapConfig,
    image_channels: int,
    depth_channels: int,
    *,
    views: int,
    classes: int,
    device: torch.device,
    places: int = 0,
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
            places=places,
        )
    return mapper.to(device)


def _training_score(config: ModMapConfig, mapper: CrossViewMapper, bank: TokenBank) -> float:
    image_map, depth_map = refined_maps(mapper, bank, cross_view=config.mapping.cross_view)
    image_part, depth_part = (one[bank.foreground].cpu().numpy() for one in (image_map, depth_map))
    return float(aggregate(image_part, depth_part, config.inference.aggregation).max())


def _categories_of(config: ModMapConfig, scans: Sequence[Scan]) -> list[str]:
    if not scans:
        raise ModMapError("fit: expected at least one nominal scan, found none")
    if not config.mapping.class_conditioning:
        return []
    for scan in scans:
        if scan.category is None:
            raise ModMapError(
                f"scan {scan.name}: expected a category, as the model is multi-class, found none"
            )
    return sorted({str(scan.category) for scan in scans})
