"""Fitting a model on nominal scans (Sec. 3.2.2)."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from modmap.alignment.align import AlignmentError
from modmap.alignment.support import without_support
from modmap.config import ModMapConfig
from modmap.detector.against_nominal import against_nominal
from modmap.detector.expected import ExpectedDistances, ScanDistances, learn_and_score
from modmap.detector.fitted import FittedModel, distances_of, named_tensors, new_mapper
from modmap.detector.jitter import jittered_copies
from modmap.detector.part_windows import part_windows
from modmap.detector.reference import Reference, References, require_cameras
from modmap.detector.survey import survey
from modmap.detector.trained_state import TrainedState
from modmap.detector.training_checkpoint import TrainingCheckpoint
from modmap.encoding.encoder_pair import EncoderPair
from modmap.encoding.scan_tokens import ScanTokens
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.evidence.comparison import ReducedViews
from modmap.evidence.memory import Memory, Views
from modmap.evidence.tolerated import Tolerated
from modmap.joining import aggregate
from modmap.mapping.anomaly_maps import refined_maps
from modmap.mapping.mapper import CrossViewMapper
from modmap.mapping.token_bank import TokenBank
from modmap.mapping.training import Training
from modmap.progress import Stage, stage
from modmap.scan import Scan

_logger = logging.getLogger(__name__)

GOOD = 1.0  # by the scale of the evidence, about what a good part shows


def fit_scans(
    config: ModMapConfig,
    encoders: EncoderPair,
    scans: Sequence[Scan],
    *,
    fingerprints: Mapping[str, str] | None = None,
    progress: bool = False,
    keep: Path | None = None,
) -> FittedModel:
    """Learns the mappings on nominal scans; every view is read and checked before the first is encoded.

    Args:
        config: The model's settings.
        encoders: The frozen encoders.
        scans: The nominal scans.
        fingerprints: Of the encoders, by modality, where they must be those of an earlier fit.
        progress: Show bars with the loss on standard error.
        keep: A directory that keeps tokens and the state of the training as they come, and gives them back to a fit
            that was stopped and is called again.

    Raises:
        ModMapError: a scan or an encoder can't be used.
    """
    if config.evidence.mapping:
        encoders.require_named()
    categories = _categories_of(config, scans)
    if config.evidence.keeps_views:
        for scan in scans:
            require_cameras(scan)
    started = time.perf_counter()
    surveyed = survey(scans, config.inference)
    references = _references(config, scans, progress=progress)
    if not config.evidence.mapping:
        state = TrainedState(
            view_ids=list(dict.fromkeys(view_id for scan in scans for view_id in scan.view_ids)),
            categories=categories,
            scans=[scan.name for scan in scans],
            image_channels=0,
            depth_channels=0,
            fingerprints={},
            grids=surveyed.grids,
            shown=surveyed.shown,
            losses=[],
            training_score=GOOD,
            seconds={"reference": time.perf_counter() - started},
        )
        return FittedModel(config, encoders, None, None, state, references)
    image_encoder, depth_encoder = encoders.load(fingerprints)
    cache = TokenCache(keep / "tokens") if keep is not None else None

    windows = part_windows(scans, foreground=config.inference.foreground) if config.crop else {}

    def encode(scan: Scan) -> ScanTokens:
        return encoders.encode(scan, fingerprints=fingerprints, shown=progress, cache=cache, windows=windows)

    tokens = [encode(scan) for scan in scans]
    encoded = time.perf_counter()
    view_ids = list(dict.fromkeys(view_id for one in tokens for view_id in one.view_ids))

    def bank_of(some: Sequence[Scan], seen: Sequence[ScanTokens]) -> TokenBank:
        classes = [categories.index(str(scan.category)) for scan in some] if categories else None
        return TokenBank.of(seen, view_ids=view_ids, categories=classes)

    mapper = new_mapper(
        config,
        image_encoder.channels,
        depth_encoder.channels,
        views=len(view_ids),
        classes=len(categories),
        device=encoders.device,
    )
    bank = bank_of(scans, tokens)
    losses = _train(config, mapper, bank, keep=keep, progress=progress)
    trained_at = time.perf_counter()
    seconds = {"encoders": encoded - started, "training": trained_at - encoded}
    cross_view = config.mapping.cross_view
    places, expected = 0, None
    if config.inference.jittered_scans:

        def distances(scan: Scan, seen: ScanTokens) -> ScanDistances:
            found = distances_of(mapper, bank_of([scan], [seen]), cross_view=cross_view)
            if torch.isnan(found.image).any() or torch.isnan(found.depth).any():
                raise ModMapError(
                    f"fit: scan {scan.name}: expected predictions that are numbers, found others: lower "
                    "training.peak_learning_rate"
                )
            return found

        places = image_encoder.grid**2
        expected = ExpectedDistances(len(categories), len(view_ids), places).to(encoders.device)
        copies = jittered_copies(scans, config.inference.jittered_scans, by_category=bool(categories))
        score = learn_and_score(
            expected,
            [distances(scan, seen) for scan, seen in zip(scans, tokens, strict=True)],
            [distances(copy, encode(copy)) for copy in copies],
            aggregation=config.inference.aggregation,
        )
        seconds["expected"] = time.perf_counter() - trained_at
    else:
        score = _training_score(config, mapper, bank)
    require_finite(named_tensors(mapper, expected), score)
    state = TrainedState(
        view_ids=view_ids,
        categories=categories,
        scans=[scan.name for scan in scans],
        image_channels=image_encoder.channels,
        depth_channels=depth_encoder.channels,
        places=places,
        windows=windows,
        fingerprints={"image": image_encoder.fingerprint, "depth": depth_encoder.fingerprint},
        grids=surveyed.grids,
        shown=surveyed.shown,
        losses=losses,
        training_score=score,
        seconds=seconds,
    )
    return FittedModel(config, encoders, mapper, expected, state, references)


def require_finite(tensors: Mapping[str, Tensor], score: float) -> None:
    """Checks what a fit has come to, before it is kept.

    Raises:
        ModMapError: a number isn't finite, so that no prediction could be made of it, and no file read again.
    """
    wrong = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if wrong or not math.isfinite(score):
        raise ModMapError(
            f"fit: expected finite numbers, found NaN or infinity in {wrong[0] if wrong else 'the training score'}: "
            "lower training.peak_learning_rate"
        )


def _references(config: ModMapConfig, scans: Sequence[Scan], *, progress: bool) -> References:
    """The first scan of each class, and what is remembered of all of it."""
    if not config.evidence.keeps_views:
        return {}
    by_class: dict[str, list[Scan]] = {}
    for scan in scans:
        by_class.setdefault(str(scan.category) if config.mapping.class_conditioning else "", []).append(scan)
    foreground = config.inference.foreground
    found = {name: Reference.of(some[0], foreground=foreground) for name, some in by_class.items()}
    if config.evidence.memory:
        with stage("memory", total=len(scans), shown=progress) as bar:

            def views_of(first: Reference, others: Sequence[Scan]) -> Iterator[Views]:
                yield first.frames, first.part
                bar.advance()
                for scan in others:
                    one = ReducedViews.of(scan, foreground=foreground)
                    yield one.frames, without_support(one.surfaces)[0]
                    bar.advance()

            for name, some in by_class.items():
                seen = views_of(found[name], some[1:])
                memory = Memory.of(seen, count=len(some), turns=config.evidence.turns)
                found[name] = replace(found[name], memory=memory)
    if config.evidence.compares:
        further = sum(len(some) - 1 for some in by_class.values())
        with stage("good scans", total=further, shown=progress) as bar:
            for name, some in by_class.items():
                found[name] = replace(found[name], tolerated=_tolerated(config, found[name], some[1:], bar))
    return found


def _tolerated(config: ModMapConfig, reference: Reference, scans: Sequence[Scan], bar: Stage) -> Tolerated:
    """What further good scans show against the first, as far as they can be laid on it."""
    tolerated = Tolerated.nothing()
    alone = replace(reference, memory=None)
    comparing = config.evidence.model_copy(update={"mapping": False, "memory": False})
    for scan in scans:
        try:
            shown = against_nominal(config.model_copy(update={"evidence": comparing}), alone, scan)
        except AlignmentError as error:
            _logger.warning("fit: what this good scan shows beside the first isn't learnt: %s", error)
        else:
            assert shown.compared is not None
            assert shown.seen is not None
            motion = shown.compared.registration.motion
            tolerated = tolerated.after(alone.part, shown.evidence, shown.seen.surfaces, motion)
        bar.advance()
    return tolerated


def _train(
    config: ModMapConfig, mapper: CrossViewMapper, bank: TokenBank, *, keep: Path | None, progress: bool
) -> list[float]:
    training = Training(mapper, bank, config.training, cross_view=config.mapping.cross_view)
    checkpoint = None if keep is None else TrainingCheckpoint(keep / "training.safetensors")
    if checkpoint is not None:
        checkpoint.resume(training)
    with stage("training", total=config.training.epochs, shown=progress) as bar:
        for loss in training.losses:
            bar.advance(f"loss {loss:.4f}")

        def after_epoch(so_far: Training) -> None:
            bar.advance(f"loss {so_far.losses[-1]:.4f}")
            if checkpoint is not None:
                checkpoint.keep(so_far)

        return training.run(after_epoch=after_epoch)


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
