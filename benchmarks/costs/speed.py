"""How fast the mapping predicts, against the published procedure written plainly, and against the machine's floor.

`python -m benchmarks.speed --scan data/demo/belt_pulley/belt_pulley_real` takes some views of a scan at some sizes. The
published procedure encodes both modalities of both views anew for each of the N x N pairs, one pair at a time, and maps
every token, the background's too. It is measured on some of the pairs, spread evenly, and multiplied; the distances of
these pairs must be ours to 1e-4. The mapping isn't trained: what it costs doesn't depend on that.

The floor of a stage is the operations that it takes over the rate of a matrix product of the same precision, measured
in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_json, write_text
from benchmarks.runs.markdown import markdown
from benchmarks.runs.measured_process import peak_bytes
from modmap.config import EncoderSettings
from modmap.datasets import load_scan
from modmap.device import choose_device
from modmap.encoding.autocast import computing_in
from modmap.encoding.frozen_encoder import FrozenEncoder
from modmap.encoding.scan_tokens import encode_scan
from modmap.errors import ModMapError
from modmap.mapping.anomaly_maps import pair_maps, refined_maps
from modmap.mapping.mapper import CrossViewMapper, ViewPairs, cosine_distance
from modmap.mapping.token_bank import TokenBank
from modmap.scan import Frame, Scan
from modmap.types import Modality, Precision

EQUAL = 1e-4
SIDE = 2048  # of the matrices whose product tells the machine's rate
TURNS = 3  # the fastest counts


@dataclass(frozen=True)
class Arguments:
    """Measure seconds for a scan by stage, against the published procedure and the machine's floor."""

    scan: Path
    """A scan's directory."""
    views: tuple[int, ...] = (4, 12)
    """So many of its views, evenly spaced; each number is a row."""
    sizes: tuple[int, ...] = (224, 448)
    """Sides of the encoders' square input, pixels; each is a row."""
    image_encoder: str = "dinov2_vits14"
    """As in `modmap fit`."""
    depth_encoder: str = "dinov2_vits14"
    """As in `modmap fit`."""
    precision: Precision = "float32"
    """What the encoders compute in."""
    pairs: int = 8
    """Pairs of views that the published procedure is measured on; all where there are fewer."""
    device: str = "auto"
    """As in `modmap fit`."""
    out: Path = Path("results/speed")
    """Where speed.json, table.md and speed.png go."""


@dataclass(frozen=True)
class Row:
    """What one number of views at one size takes, seconds.

    Attributes:
        views: N.
        size: Side of the encoders' input, pixels.
        read: Reading the files.
        encode: Both encoders, each view once.
        map: All pairs' distances and their minimum.
        encode_floor: Of the encoders' operations.
        map_floor: Of the mappings' operations.
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
    encode_floor: float
    map_floor: float
    published: float
    measured_pairs: int
    apart: float
    gflop: float

    @property
    def ratio(self) -> float:
        """How many times as long the published procedure takes."""
        return self.published / (self.encode + self.map)

    @property
    def of_floor(self) -> float:
        """Times the floor that ours takes."""
        return (self.encode + self.map) / (self.encode_floor + self.map_floor)


def product_rate(device: torch.device, precision: Precision) -> float:
    """Operations a second of a product of two square matrices; the fastest of some turns."""
    one, other = (torch.randn(SIDE, SIDE, device=device) for _ in range(2))
    best = float("inf")
    with torch.inference_mode(), computing_in(precision, device):
        for _ in range(TURNS + 1):
            best = min(best, _seconds(lambda: one @ other, device))
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


def measure(arguments: Arguments, scan: Scan, *, views: int, size: int, rate: float) -> Row:
    """One row.

    Raises:
        ModMapError: an encoder or a view can't be used, or the two procedures' distances differ.
    """
    device = choose_device(arguments.device)
    kept = [scan.view_ids[len(scan) * index // views] for index in range(views)]
    some = scan.subset(kept)
    frames, read = _timed(lambda: list(some.frames()), device)
    encoders = _encoder(arguments, "image", size).to(device), _encoder(arguments, "depth", size).to(device)
    tokens, encode = _best(lambda: encode_scan(some, *encoders, device=device), device)
    encode = max(encode - read, 1e-9)  # it reads the files too
    torch.manual_seed(0)
    mapper = CrossViewMapper(encoders[0].channels, encoders[1].channels, views=views).to(device).eval()
    bank = TokenBank.of([tokens], view_ids=kept)
    _, mapped = _best(lambda: refined_maps(mapper, bank), device)
    flops = _operations(lambda: encode_scan(some, *encoders, device=device))
    map_flops = _operations(lambda: refined_maps(mapper, bank))
    asked = _evenly([(s, t) for s in range(views) for t in range(views)], arguments.pairs)
    ours = {(s, t): maps for s, t, *maps in pair_maps(mapper, bank) if (s, t) in asked}
    apart, published = 0.0, 0.0
    for s, t in asked:
        plain, took = _timed(
            lambda s=s, t=t: plain_distances(  # type: ignore[misc]
                mapper, encoders, (frames[s], s), (frames[t], t), device=device
            ),
            device,
        )
        published += took
        for one, other in zip(plain, ours[s, t], strict=True):
            known = torch.isfinite(other)
            apart = max(apart, float((one - other)[known].abs().max()) if known.any() else 0.0)
    if arguments.precision == "float32" and apart > EQUAL:
        raise ModMapError(
            f"speed: expected the published procedure's distances to {EQUAL:g}, found {apart:g} apart"
        )
    return Row(
        views=views,
        size=encoders[0].size,
        read=read,
        encode=encode,
        map=mapped,
        encode_floor=flops / rate,
        map_floor=map_flops / rate,
        published=published / len(asked) * views**2,
        measured_pairs=len(asked),
        apart=apart,
        gflop=(flops + map_flops) / 1e9,
    )


def run(arguments: Arguments) -> int:
    """Measures, and writes and prints the table.

    Raises:
        ModMapError: the scan has fewer views, or as `measure`.
    """
    scan = load_scan(arguments.scan)
    if not arguments.views or min(arguments.views) < 1 or max(arguments.views) > len(scan):
        found = ", ".join(map(str, arguments.views)) or "none"
        raise ModMapError(
            f"views: expected numbers of 1 to {len(scan)}, which {scan.name} has, found {found}"
        )
    if arguments.pairs < 1:
        raise ModMapError(f"pairs: expected 1 or more, found {arguments.pairs}")
    device = choose_device(arguments.device)
    rate = product_rate(device, arguments.precision)
    rows = []
    for size in arguments.sizes:
        for views in arguments.views:
            rows.append(measure(arguments, scan, views=views, size=size, rate=rate))
            print(f"{views} views at {rows[-1].size} px: {rows[-1].ratio:.1f}x", flush=True)
    text = _table(rows, arguments, rate)
    write_json(arguments.out / "speed.json", _figures(rows, arguments, rate))
    write_text(arguments.out / "table.md", text)
    _plot(rows, arguments.out / "speed.png")
    print(text)
    return 0


def _encoder(arguments: Arguments, modality: Modality, size: int) -> FrozenEncoder:
    reference = arguments.image_encoder if modality == "image" else arguments.depth_encoder
    settings = EncoderSettings(reference=reference, normalisation="robust", precision=arguments.precision)
    return FrozenEncoder(settings, modality, size=size)


def _operations(work: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return int(counter.get_total_flops())


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    return _timed(work, device)[1]


def _timed(work: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    started = time.perf_counter()
    found = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return found, time.perf_counter() - started


def _best(work: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    found, seconds = _timed(work, device)
    for _ in range(TURNS - 1):
        found, again = _timed(work, device)
        seconds = min(seconds, again)
    return found, seconds


def _evenly(pairs: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    count = min(count, len(pairs))
    return [pairs[len(pairs) * index // count] for index in range(count)]


def _figures(rows: Sequence[Row], arguments: Arguments, rate: float) -> dict[str, Any]:
    device = choose_device(arguments.device)
    return {
        "image_encoder": arguments.image_encoder,
        "depth_encoder": arguments.depth_encoder,
        "precision": arguments.precision,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "product_gflops": rate / 1e9,
        "peak_megabytes": peak_bytes() / 1e6,
        "rows": [{**asdict(row), "ratio": row.ratio, "of_floor": row.of_floor} for row in rows],
    }


def _table(rows: Sequence[Row], arguments: Arguments, rate: float) -> str:
    header = ["views", "px", "read s", "encode s", "map s", "published s", "ratio", "times the floor"]
    cells = [
        [
            str(row.views),
            str(row.size),
            f"{row.read:.2f}",
            f"{row.encode:.2f}",
            f"{row.map:.2f}",
            f"{row.published:.1f}",
            f"{row.ratio:.1f}x",
            f"{row.of_floor:.2f}",
        ]
        for row in rows
    ]
    words = (
        f"{arguments.image_encoder} and {arguments.depth_encoder} in {arguments.precision}, "
        f"{torch.get_num_threads()} threads; a matrix product reaches {rate / 1e9:.0f} GFLOP/s. `published`: each pair "
        "of views encoded anew and mapped whole, by itself; "
        f"measured on at most {arguments.pairs} pairs and multiplied, the distances of these ours to "
        f"{max(row.apart for row in rows):.1g}."
    )
    return f"{markdown(header, cells)}\n\n{words}\n"


def _plot(rows: Sequence[Row], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for size in dict.fromkeys(row.size for row in rows):
        of_size = [row for row in rows if row.size == size]
        views = [row.views for row in of_size]
        (line,) = axes.loglog(views, [row.encode + row.map for row in of_size], "o-", label=f"{size} px")
        colour = line.get_color()
        axes.loglog(
            views, [row.published for row in of_size], "s--", color=colour, label=f"{size} px, published"
        )
        floors = [row.encode_floor + row.map_floor for row in of_size]
        axes.loglog(views, floors, ":", color=colour, label=f"{size} px, floor")
    axes.set(xlabel="views of a scan", ylabel="seconds to map a scan")
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.speed", words=words)
