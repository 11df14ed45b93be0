"""What the mapping takes of one number of views at one size: ours, the published procedure, and the machine's floor.

`measure_mapping` is called in a process of its own, so that the peak of memory is the row's.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.runs.measured_process import peak_bytes, tell
from modmap import ModMap
from modmap.config import EncoderSettings
from modmap.datasets import load_scan
from modmap.device import choose_device
from modmap.encoding.autocast import computing_in
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.scan_tokens import ScanTokens, encode_scan
from modmap.encoding.token_cache import TokenCache
from modmap.errors import ModMapError
from modmap.mapping.anomaly_maps import pair_maps, refined_maps
from modmap.mapping.mapper import CrossViewMapper, ViewPairs, cosine_distance
from modmap.mapping.token_bank import TokenBank
from modmap.runs.predict import write_result
from modmap.scan import Frame, Scan
from modmap.types import Modality, Precision

EQUAL = 1e-4
SIDE = 2048  # of the matrices whose product tells the machine's rate
TURNS = 3  # the fastest counts
LONG = 20.0  # seconds: what takes so long isn't repeated


@dataclass(frozen=True)
class MappingQuestion:
    """What is measured.

    Attributes:
        scan: A scan's directory.
        views: So many of its views, evenly spaced.
        size: Side of the encoders' square input, pixels.
        image_encoder: As in `modmap fit`.
        depth_encoder: As in `modmap fit`.
        precision: What the encoders compute in.
        pairs: Pairs of views that the published procedure is measured on.
        device: As in `modmap fit`.
    """

    scan: str
    views: int
    size: int
    image_encoder: str
    depth_encoder: str
    precision: Precision
    pairs: int
    device: str

    def encoder(self, modality: Modality) -> FrozenEncoder:
        """One of the two, on the CPU."""
        reference = self.image_encoder if modality == "image" else self.depth_encoder
        settings = EncoderSettings(reference=reference, normalisation="robust", precision=self.precision)
        return FrozenEncoder(settings, modality, size=self.size)

    def settings(self) -> dict[str, Any]:
        """Of a model that takes distances as the paper does, after the shortest training that there is."""
        precision = {"precision": self.precision}
        return {
            "size": self.size,
            "image_encoder": {"reference": self.image_encoder, "normalisation": "robust", **precision},
            "depth_encoder": {"reference": self.depth_encoder, "normalisation": "robust", **precision},
            "training": {"epochs": 1, "pairs_per_batch": 48, "tokens_per_batch": 256},
            "inference": {"rim_share": 0.0, "jittered_scans": 0},
        }


@dataclass(frozen=True)
class MappingRow:
    """What one number of views at one size takes, seconds.

    Attributes:
        views: N.
        size: Side of the encoders' input, pixels.
        read: Reading the files, one view after the other.
        encode: Both encoders, each view once; without reading, as far as that isn't done ahead.
        map: All pairs' distances and their minimum.
        volume: The maps carried into the voxels; 0 without cameras.
        write: The result on disk, without pictures.
        peak_bytes: The most memory that the process held up to there.
        encode_floor: Of the encoders' operations.
        map_floor: Of the mappings' operations.
        product_gflops: What a matrix product reached in the same process, 1e9 operations a second.
        published: The published procedure without reading, of all pairs.
        measured_pairs: Of how many pairs that is known.
        apart: The largest difference between its distances and ours.
        gflop: Operations of encoders and mappings together, ours, 1e9.
    """

    views: int
    size: int
    read: float
    encode: float
    map: float
    volume: float
    write: float
    peak_bytes: int
    encode_floor: float
    map_floor: float
    product_gflops: float
    published: float
    measured_pairs: int
    apart: float
    gflop: float

    @property
    def ours(self) -> float:
        """Encoding and mapping, which is what the published procedure does."""
        return self.encode + self.map

    @property
    def floor(self) -> float:
        """The floor of both."""
        return self.encode_floor + self.map_floor

    @property
    def ratio(self) -> float:
        """How many times as long the published procedure takes."""
        return self.published / self.ours

    @property
    def of_floor(self) -> float:
        """Times the floor that ours takes."""
        return self.ours / self.floor


def measure_mapping(words: str) -> None:
    """Measures one row in this process, and tells it.

    Args:
        words: A `MappingQuestion` as JSON.

    Raises:
        ModMapError: an encoder or a view can't be used, or the two procedures' distances differ.
    """
    asked = MappingQuestion(**json.loads(words))
    with tempfile.TemporaryDirectory() as place:
        tell(asdict(_measured(asked, Path(place))))


def product_rate(device: torch.device, precision: Precision) -> float:
    """Operations a second of a product of two square matrices; the fastest of some turns."""
    one, other = (torch.randn(SIDE, SIDE, device=device) for _ in range(2))
    with torch.inference_mode(), computing_in(precision, device):
        best = min(_timed(lambda: one @ other, device)[1] for _ in range(TURNS + 1))
    return 2 * SIDE**3 / best


def plain_distances(
    mapper: CrossViewMapper,
    encoders: tuple[FrozenEncoder, FrozenEncoder],
    source: tuple[Frame, int],
    target: tuple[Frame, int],
    *,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """The published procedure for one pair: four encodings, every token mapped (Eqs. 1 to 11).

    Args:
        mapper: The mappings.
        encoders: Of the image and of depth.
        source: A view and its code.
        target: A view and its code.
        device: Where all lives.

    Returns:
        (L,) distances in the image modality and (L,) in the depth modality.
    """
    image, depth = encoders
    image_source, image_target = (image.tokens(one, device=device) for one in (source[0], target[0]))
    depth_source, depth_target = (depth.tokens(one, device=device) for one in (source[0], target[0]))
    codes = ViewPairs(*(torch.tensor([code], device=device) for code in (source[1], target[1])))
    same = torch.zeros(len(image_source), dtype=torch.int64, device=device)
    with torch.inference_mode():
        predicted_depth, predicted_image = mapper(image_source, depth_source, pairs=codes, pair_of_token=same)
        return cosine_distance(predicted_image, image_target), cosine_distance(predicted_depth, depth_target)


def _measured(asked: MappingQuestion, place: Path) -> MappingRow:
    device = choose_device(asked.device)
    rate = product_rate(device, asked.precision)
    some = some_views(load_scan(Path(asked.scan)), asked.views)
    frames, read = _timed(lambda: list(some.frames()), device)
    encoders = asked.encoder("image").to(device), asked.encoder("depth").to(device)
    tokens, encode, cache = _encoded(some, encoders, device, place)
    # What follows finds its tokens in the cache: they are computed once, and what a fit and a prediction do besides is.
    model = ModMap("fast", device=asked.device, settings=asked.settings(), token_cache=cache).fit(some)
    mapper = model.fitted.require_mapper()
    bank = model.fitted.bank(some, tokens)
    mapped = _best(lambda: refined_maps(mapper, bank), device)
    result = model.predict(some)
    _, written = _timed(
        lambda: write_result(result, some, place / "result", model=model, overlays=False), device
    )
    held = peak_bytes()
    flops = asked.views * _operations(lambda: encode_scan(some_views(some, 1), *encoders, device=device))
    map_flops = _operations(lambda: refined_maps(mapper, bank))
    published, measured, apart = _published(mapper, encoders, frames, bank, device, asked.pairs)
    if asked.precision == "float32" and apart > EQUAL:
        raise ModMapError(
            f"speed: expected the published procedure's distances to {EQUAL:g}, found {apart:g} apart"
        )
    return MappingRow(
        views=asked.views,
        size=encoders[0].size,
        read=read,
        encode=max(encode - read, 1e-9),  # it reads the files too
        map=mapped,
        volume=0.0 if result.volume is None else result.seconds["volume"],
        write=written,
        peak_bytes=held,
        encode_floor=flops / rate,
        map_floor=map_flops / rate,
        product_gflops=rate / 1e9,
        published=published,
        measured_pairs=measured,
        apart=apart,
        gflop=(flops + map_flops) / 1e9,
    )


def some_views(scan: Scan, count: int) -> Scan:
    """So many of a scan's views, evenly spaced."""
    return scan.subset([scan.view_ids[len(scan) * index // count] for index in range(count)])


def _encoded(
    scan: Scan, encoders: tuple[FrozenEncoder, FrozenEncoder], device: torch.device, place: Path
) -> tuple[ScanTokens, float, TokenCache]:
    """The scan's tokens, the seconds of the fastest turn, and where they are kept, which takes little beside them."""
    best = spent = float("inf")
    for turn in range(TURNS):
        cache = TokenCache(place / f"tokens_{turn}")
        tokens, seconds = _timed(partial(encode_scan, scan, *encoders, device=device, cache=cache), device)
        best, spent = min(best, seconds), (seconds if turn == 0 else spent + seconds)
        if spent > LONG:
            break
    return tokens, best, cache


def _published(
    mapper: CrossViewMapper,
    encoders: tuple[FrozenEncoder, FrozenEncoder],
    frames: Sequence[Frame],
    bank: TokenBank,
    device: torch.device,
    pairs: int,
) -> tuple[float, int, float]:
    """Seconds of all pairs, of how many they are known, and how far at most its distances lie from ours."""
    views = len(frames)
    every = [(s, t) for s in range(views) for t in range(views)]
    count = min(pairs, len(every))
    asked = [every[len(every) * index // count] for index in range(count)]
    ours = {(s, t): maps for s, t, *maps in pair_maps(mapper, bank) if (s, t) in asked}
    apart = total = 0.0
    for s, t in asked:
        pair = partial(plain_distances, mapper, encoders, (frames[s], s), (frames[t], t), device=device)
        plain, took = _timed(pair, device)
        total += took
        for one, other in zip(plain, ours[s, t], strict=True):
            known = torch.isfinite(other)
            apart = max(apart, float((one - other)[known].abs().max()) if known.any() else 0.0)
    return total / count * len(every), count, apart


def _operations(work: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return int(counter.get_total_flops())


def _timed(work: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    started = time.perf_counter()
    found = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return found, time.perf_counter() - started


def _best(work: Callable[[], Any], device: torch.device) -> float:
    seconds = [_timed(work, device)[1]]
    while len(seconds) < TURNS and sum(seconds) < LONG:
        seconds.append(_timed(work, device)[1])
    return min(seconds)
