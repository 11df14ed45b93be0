"""SiM3D's layout on disk, written scan by scan."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenEXR

from benchmarks.cadscan.assessment import Assessment
from benchmarks.cadscan.detectability import LEAST_DETECTABILITY, Sight, together
from benchmarks.cadscan.part import Defect
from benchmarks.cadscan.views import view_id
from benchmarks.runs.files import write_json
from modmap.datasets.cameras import write_cameras
from modmap.datasets.ground_truth import GroundTruth, write_ground_truth
from modmap.files.atomic import atomic_directory
from modmap.scan import Camera

Array = npt.NDArray[Any]

RENDERER_FAR = 1e10


@dataclass(frozen=True)
class DefectRecord:
    """A defect as the set tells it.

    Attributes:
        defect: It.
        centre: (3,) mm, world frame of the scan.
        assessment: What the views can show of it.
        measured: How many of its voxels they did measure.
    """

    defect: Defect
    centre: Array
    assessment: Assessment
    measured: int


@contextmanager
def whole_directory(root: Path, relative: Path) -> Iterator[Path]:
    """Gives a directory to fill, aside from the set; it is moved to its place in one piece at the end.

    Args:
        root: The data set.
        relative: The directory's place in it, where nothing is yet.

    Raises:
        FullDiskError: the disk is full.
    """
    try:
        with atomic_directory(root / relative, home=root) as partial:
            yield partial
    except OSError as error:
        # A run that was killed can leave a worker that finishes its scan first; it is the same scan.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def write_real_view(directory: Path, index: int, *, image: Array, depth: Array) -> None:
    """Writes `depth/NN.npy` (mm, inf where nothing was measured) and `rgb/NN_2.png`."""
    write_png(directory / "rgb" / f"{view_id(index)}_2.png", image)
    path = directory / "depth" / f"{view_id(index)}.npy"
    path.parent.mkdir(exist_ok=True)
    np.save(path, depth.astype(np.float32))


def write_rendered_view(directory: Path, index: int, *, image: Array, depth: Array) -> None:
    """Writes `DEPTH/NN_depth.exr` (mm, inf becomes the far value) and `RGB/NN_2.png`."""
    write_png(directory / "RGB" / f"{view_id(index)}_2.png", image)
    path = directory / "DEPTH" / f"{view_id(index)}_depth.exr"
    path.parent.mkdir(exist_ok=True)
    pixels = np.where(np.isfinite(depth), depth, RENDERER_FAR).astype(np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    channels = {name: np.ascontiguousarray(pixels) for name in ("R", "G", "B")}
    with OpenEXR.File(header, channels) as file:
        file.write(str(path))


def write_calibration(directory: Path, cameras: Sequence[Camera]) -> None:
    """Writes `cameras.json`: the nominal pose of every view, millimetres."""
    write_cameras(
        directory / "cameras.json", {view_id(index): camera for index, camera in enumerate(cameras)}
    )


def write_placement(
    directory: Path, T_part_to_world: Array, cameras: Sequence[tuple[Camera, Camera]]
) -> None:
    """Writes `placement.json`, which is for measuring: where the part lay, and what the robot was off by in each view.

    Args:
        directory: Of the scan.
        T_part_to_world: (4, 4) the rigid motion from the part as drawn to where it lay, mm.
        cameras: Of every view, as calibrated and where it really was.
    """
    errors = [
        real.T_world_to_camera @ np.linalg.inv(calibrated.T_world_to_camera) for calibrated, real in cameras
    ]
    content = {
        "T_part_to_world": T_part_to_world.tolist(),
        "camera_error": {view_id(index): error.tolist() for index, error in enumerate(errors)},
    }
    write_json(directory / "placement.json", content)


def write_truth(directory: Path, truth: GroundTruth, records: Sequence[DefectRecord]) -> None:
    """Writes `gt.npz` and `defects.json`."""
    write_ground_truth(directory / "gt.npz", truth)
    write_json(directory / "defects.json", [_record(record) for record in records])


def write_png(path: Path, image: Array) -> None:
    """Writes a gray image, making the directory."""
    path.parent.mkdir(exist_ok=True)
    written, data = cv2.imencode(".png", image)
    assert written
    path.write_bytes(data.tobytes())


def _record(record: DefectRecord) -> Mapping[str, Any]:
    defect, assessment = record.defect, record.assessment
    return {
        "kind": defect.kind,
        "centre_mm": [round(float(value), 4) for value in record.centre],
        "size_mm": round(float(defect.size), 4),
        "depth_mm": round(float(defect.depth), 4),
        "modality": defect.modality,
        "views": sum(sight.both >= LEAST_DETECTABILITY for sight in assessment.sights),
        "voxels": len(assessment.shown),
        "voxels_measured": record.measured,
        "voxels_unseen": len(assessment.unseen),
        "detectability": {"best_view": _rounded(assessment.best), **_strengths(together(assessment.sights))},
        "by_view": {view_id(index): _strengths(sight) for index, sight in enumerate(assessment.sights)},
    }


def _strengths(sight: Sight) -> dict[str, float | int]:
    """d' in depth, image and both together, and the pixels changed."""
    values = {"depth": sight.depth, "image": sight.image, "both": sight.both}
    return {**{name: _rounded(value) for name, value in values.items()}, "pixels": sight.pixels}


def _rounded(value: float) -> float:
    return round(float(value), 3)
