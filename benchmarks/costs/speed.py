"""How fast a scan is scored by stage, against the published procedure written plainly and the machine's floor.

`python -m benchmarks.speed --scan pipe_elbow_real` takes some views of a scan at some sizes. The published procedure
encodes both modalities of both views anew for each of the N x N pairs, one pair at a time, and maps every token, the
background's too. It is measured on some of the pairs, spread evenly, and multiplied; the distances of these pairs must
be ours to 1e-4. The mapping is hardly trained: what it costs doesn't depend on that.
The preset `inspect` is measured beside it, on the same views.

The floor of a stage is the operations that it takes over the rate of a matrix product of the same precision, measured
in the same process. Each row has a process of its own, and is kept: a run that was stopped and is called again goes on
where it was.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from benchmarks.costs.inspect_speed import InspectionQuestion, InspectionRow
from benchmarks.costs.mapping_speed import MappingQuestion, MappingRow
from benchmarks.costs.speed_report import draw, inspection_table, mapping_table
from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_json, write_text
from benchmarks.runs.measured_process import measured
from modmap.datasets import load_scan
from modmap.device import choose_device
from modmap.errors import ModMapError
from modmap.types import Precision

ROWS = "rows"


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
    """As in `modmap fit`; `inspect` always runs on the CPU."""
    inspect: bool = True
    """Measure the preset inspect too; every view then needs a camera."""
    new: Path | None = None
    """The scan that inspect predicts, of the same part; the first one again by default."""
    out: Path = Path("results/speed")
    """Where speed.json, table.md and speed.png go, and each row in rows/ as soon as it is measured."""

    def mapping_question(self, views: int, size: int) -> MappingQuestion:
        """What a row of the mapping asks."""
        return MappingQuestion(
            scan=str(self.scan),
            views=views,
            size=size,
            image_encoder=self.image_encoder,
            depth_encoder=self.depth_encoder,
            precision=self.precision,
            pairs=self.pairs,
            device=self.device,
        )


def run(arguments: Arguments) -> int:
    """Measures what isn't there yet, and writes and prints the tables.

    Raises:
        ModMapError: the scan has fewer views, or a row can't be measured.
    """
    scan = load_scan(arguments.scan)
    if not arguments.views or min(arguments.views) < 1 or max(arguments.views) > len(scan):
        given = ", ".join(map(str, arguments.views)) or "none"
        raise ModMapError(
            f"views: expected numbers of 1 to {len(scan)}, which {scan.name} has, found {given}"
        )
    if arguments.pairs < 1:
        raise ModMapError(f"pairs: expected 1 or more, found {arguments.pairs}")
    inspection, mapping = [], []
    for views in arguments.views if arguments.inspect else ():
        question = InspectionQuestion(str(arguments.scan), str(arguments.new or arguments.scan), views)
        found = _row(arguments, f"inspect_{views}", "inspect_speed.measure_inspection", asdict(question))
        inspection.append(InspectionRow(**found))
        print(f"inspect, {views} views: {inspection[-1].predict:.1f} s", flush=True)
    for size in arguments.sizes:
        for views in arguments.views:
            asked = asdict(arguments.mapping_question(views, size))
            found = _row(arguments, f"mapping_{views}_{size}", "mapping_speed.measure_mapping", asked)
            mapping.append(MappingRow(**found))
            print(f"{views} views at {mapping[-1].size} px: {mapping[-1].ratio:.1f}x", flush=True)
    _write(arguments, mapping, inspection)
    return 0


def _row(arguments: Arguments, name: str, function: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A row's figures: kept ones where the same was asked of the same machine, else measured and kept."""
    path = arguments.out / ROWS / f"{name}.json"
    question = {**asked, "machine": _machine(arguments)}
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept["asked"] == question:
            return dict(kept["found"])
    module, called = function.split(".")
    code = f"import sys; from benchmarks.costs.{module} import {called}; {called}(sys.argv[1])"
    found = measured([sys.executable, "-c", code, json.dumps(asked)])
    write_json(path, {"asked": question, "found": found})
    return found


def _machine(arguments: Arguments) -> dict[str, Any]:
    device = choose_device(arguments.device)
    return {
        "node": platform.node(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _write(arguments: Arguments, mapping: list[MappingRow], inspection: list[InspectionRow]) -> None:
    text = ""
    if mapping:
        encoders = list(dict.fromkeys((arguments.image_encoder, arguments.depth_encoder)))
        threads = torch.get_num_threads()
        text = mapping_table(mapping, encoders=encoders, precision=arguments.precision, threads=threads)
    if inspection:
        text += f"\n{inspection_table(inspection)}"
    settings = {field.name: getattr(arguments, field.name) for field in fields(arguments)}
    figures = {
        **{name: str(value) if isinstance(value, Path) else value for name, value in settings.items()},
        **_machine(arguments),
        "rows": [{**asdict(row), "ratio": row.ratio, "of_floor": row.of_floor} for row in mapping],
        "inspect_rows": [{**asdict(row), "predict": row.predict} for row in inspection],
    }
    write_json(arguments.out / "speed.json", figures)
    write_text(arguments.out / "table.md", text)
    draw(mapping, inspection, arguments.out / "speed.png")
    print(text)


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.speed", words=words)
