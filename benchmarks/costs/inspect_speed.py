"""What the default preset takes of one number of views, step by step.

`measure_inspection` is called in a process of its own, so that the peak of memory is the row's.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.costs.mapping_speed import some_views
from benchmarks.runs.measured_process import peak_bytes, tell
from modmap import ModMap
from modmap.datasets import load_scan
from modmap.runs.predict import write_result


@dataclass(frozen=True)
class InspectionQuestion:
    """What is measured.

    Attributes:
        scan: The nominal scan's directory.
        new: The directory of the scan that is predicted, of the same views.
        views: So many of its views, evenly spaced.
    """

    scan: str
    new: str
    views: int


@dataclass(frozen=True)
class InspectionRow:
    """What one number of views takes, seconds.

    Attributes:
        views: N.
        fit: Of the nominal scan, all of it.
        nominal: What a process that predicts takes of the nominal views, once.
        steps: Of a prediction, by step: reading, alignment, each kind of evidence, volume.
        write: The result on disk, without pictures.
        pictures: As much longer with them.
        peak_bytes: The most memory that the process held.
    """

    views: int
    fit: float
    nominal: float
    steps: Mapping[str, float]
    write: float
    pictures: float
    peak_bytes: int

    @property
    def predict(self) -> float:
        """A prediction by a process that has predicted before."""
        return sum(self.steps.values())


def measure_inspection(words: str) -> None:
    """Measures one row in this process, and tells it.

    Args:
        words: An `InspectionQuestion` as JSON.

    Raises:
        ModMapError: a scan can't be used.
    """
    asked = InspectionQuestion(**json.loads(words))
    good = some_views(load_scan(Path(asked.scan)), asked.views)
    new = load_scan(Path(asked.new)).subset(good.view_ids)
    marks = [time.perf_counter()]

    def lap() -> float:
        marks.append(time.perf_counter())
        return marks[-1] - marks[-2]

    with tempfile.TemporaryDirectory() as place:
        ModMap(device="cpu").fit(good).save_pretrained(Path(place) / "model")
        fit = lap()
        # Loaded, as what a fit computes of the nominal views would still be at hand.
        model = ModMap.from_pretrained(Path(place) / "model", device="cpu")
        nominal = model.predict(new).seconds["nominal"]
        result = model.predict(new)
        lap()
        write_result(result, new, Path(place) / "plain", model=model, overlays=False)
        write = lap()
        write_result(result, new, Path(place) / "pictures", model=model)
        pictures = max(lap() - write, 0.0)
    tell(
        asdict(
            InspectionRow(
                views=asked.views,
                fit=fit,
                nominal=nominal,
                steps={step: took for step, took in result.seconds.items() if step != "nominal"},
                write=write,
                pictures=pictures,
                peak_bytes=peak_bytes(),
            )
        )
    )
