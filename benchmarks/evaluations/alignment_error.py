"""How far off alignment is, against where the simulated scanner put the part.

`python -m benchmarks.alignment_error --root data/sim3d-mini/work` lays test scans of each category on its nominal one
and holds the motion against the truth of `placement.json`. What a symmetric part's surface doesn't fix can't be found:
so beside shift and turn it tells how far places of the surface lie off along their normals.

The truth says where the part was put, and no two parts are alike: where one is thicker by a tenth of a millimetre, what
is seen of it lies higher than its placement says. So each scan is aligned once more with every camera where it really
was, which leaves little but the parts' own differences; how far the two motions lie apart is told too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.evaluations.categories import chosen_categories
from benchmarks.evaluations.sim3d_root import find_root
from benchmarks.runs.command_line import command
from benchmarks.runs.markdown import markdown
from modmap.alignment.align import align
from modmap.alignment.motion import degrees_of, difference, dot, inverse, moved
from modmap.alignment.registration import sampled
from modmap.alignment.support import without_support
from modmap.alignment.surface import ViewSurface
from modmap.datasets import SiM3D
from modmap.detector.reference import Reference
from modmap.errors import ModMapError
from modmap.evidence.comparison import ReducedViews
from modmap.files.validated_json import read_json
from modmap.scan import Scan
from modmap.types import DEFAULT_FOREGROUND

Array = npt.NDArray[Any]
PLACEMENT, KEY = "placement.json", "T_part_to_world"


@dataclass(frozen=True)
class Arguments:
    """Measure alignment against where the simulated scanner put the part."""

    root: Path | None = None
    """A data set of the simulated scanner; $SIM3D_ROOT by default, else data/SiM3D."""
    categories: tuple[str, ...] = ()
    """Some of its categories; all by default."""
    scans: int = 4
    """Test scans of each category, the first ones of the good and as many defective ones."""
    views: int = 0
    """Look at so many views of a scan, the first ones; 0: at all."""


@dataclass(frozen=True)
class Error:
    """How far off a motion is.

    Attributes:
        shift: mm, at the middle of the part.
        turn: Degrees.
        surface: mm along the normals, median over places of the surface.
        before: The same of not aligning.
        symmetric: The alignment says that the surface doesn't fix the motion.
        apart: mm and degrees from what is found with every camera where it really was.
    """

    shift: float
    turn: float
    surface: float
    before: float
    symmetric: bool
    apart: tuple[float, float]


def placed(scan: Scan) -> Array:
    """(4, 4) from the part to the world of a scan, as the simulated scanner put it.

    Raises:
        ModMapError: the scan has no such file, or it is damaged.
    """
    return _motion(scan, KEY)


def _motion(scan: Scan, *keys: str) -> Array:
    """(4, 4) that a scan's placement file has under some keys."""
    path = Path(scan.root or ".") / PLACEMENT
    content = read_json(path)
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    matrix = np.array(content, dtype=object)
    if matrix.shape != (4, 4):
        raise ModMapError(f"{path}: expected {' of '.join(reversed(keys))}, 4 x 4 numbers, found none")
    return np.asarray(matrix, dtype=float)


def camera_errors(scan: Scan) -> dict[str, Array]:
    """By view (4, 4) from where a camera is said to be to where it really was, in its own frame.

    Raises:
        ModMapError: as `placed`.
    """
    return {view_id: _motion(scan, "camera_error", view_id) for view_id in scan.view_ids}


def seen_from(surfaces: Mapping[str, ViewSurface], errors: Mapping[str, Array]) -> dict[str, ViewSurface]:
    """Views' surfaces as they are known where it is known what each camera was off by.

    Args:
        surfaces: By view id.
        errors: (4, 4) by view id, as `camera_errors`.
    """
    found = {}
    for view_id, surface in surfaces.items():
        said = surface.camera.T_world_to_camera
        really = errors[view_id] @ said
        motion = inverse(really) @ said
        points = moved(motion, surface.points.reshape(-1, 3).astype(np.float64))
        found[view_id] = replace(
            surface,
            camera=replace(surface.camera, T_world_to_camera=really),
            points=points.reshape(surface.points.shape).astype(np.float32),
            normals=(surface.normals @ motion[:3, :3].T).astype(np.float32),
        )
    return found


def alignment_error(
    nominal: Mapping[str, ViewSurface],
    new: Mapping[str, ViewSurface],
    truth: Array,
    *,
    errors: tuple[Mapping[str, Array], Mapping[str, Array]],
) -> Error:
    """Aligns a scan and holds the motion against the truth.

    Args:
        nominal: The nominal views' surfaces, by id, without what the part lies on.
        new: The new views', likewise.
        truth: (4, 4) from the new scan's world to the nominal one's.
        errors: Of the nominal and of the new views' cameras, as `camera_errors`.

    Raises:
        AlignmentError: the scan can't be laid on the nominal one.
    """
    found = align(nominal, new)
    known = align(*(seen_from(one, errors[index]) for index, one in enumerate((nominal, new))))
    samples = [sampled(view_id, surface) for view_id, surface in new.items() if view_id in nominal]
    points, normals = (
        np.concatenate([getattr(one, what) for one in samples]) for what in ("points", "normals")
    )
    there, facing = moved(truth, points), normals @ truth[:3, :3].T
    off = [np.abs(dot(moved(motion, points) - there, facing)) for motion in (found.motion, np.eye(4))]
    error = found.motion @ inverse(truth)
    middle = there.mean(axis=0)
    return Error(
        shift=float(np.linalg.norm(moved(error, middle[None])[0] - middle)),
        turn=degrees_of(error),
        surface=float(np.median(off[0])),
        before=float(np.median(off[1])),
        symmetric=found.open > 0,
        apart=difference(found.motion, known.motion, at=moved(inverse(truth), middle[None])[0]),
    )


def run(arguments: Arguments) -> int:
    """Measures and prints a row of each category, and of all."""
    dataset = SiM3D(find_root(arguments.root, download=False))
    rows: dict[str, list[Error]] = {}
    for category in chosen_categories(dataset.categories, arguments.categories):
        nominal = dataset.train(category)
        surfaces = _first(Reference.of(nominal, foreground=DEFAULT_FOREGROUND).part, arguments.views)
        tests = dataset.tests(category)
        chosen = [
            scan
            for label in (False, True)
            for scan in [one for one in tests if one.anomalous is label][: arguments.scans]
        ]
        if not chosen:
            raise ModMapError(f"{category}: expected test scans and --scans of at least 1, found none")
        rows[category] = []
        for scan in chosen:
            new = ReducedViews.of(scan, foreground=DEFAULT_FOREGROUND)
            part = _first(without_support(new.surfaces)[0], arguments.views)
            truth = placed(nominal) @ inverse(placed(scan))
            errors = camera_errors(nominal), camera_errors(scan)
            rows[category].append(alignment_error(surfaces, part, truth, errors=errors))
        print(f"{category}: {len(chosen)} scans", flush=True)
    rows["all"] = [one for found in rows.values() for one in found]
    header = [
        "category", "scans", "surface off before, mm", "after", "worst", "shift, mm", "turn, degrees",
        "from known cameras', mm", "degrees", "said to be symmetric", "worse than not aligned",
    ]  # fmt: skip
    print(markdown(header, [_row(name, found) for name, found in rows.items()]))
    return 0


def _first(views: Mapping[str, ViewSurface], count: int) -> dict[str, ViewSurface]:
    return dict(list(views.items())[: count or None])


def _row(name: str, found: Sequence[Error]) -> list[str]:
    middle = {
        what: float(np.median([getattr(one, what) for one in found]))
        for what in ("before", "surface", "shift", "turn")
    }
    return [
        name,
        str(len(found)),
        f"{middle['before']:.3f}",
        f"{middle['surface']:.3f}",
        f"{max(one.surface for one in found):.3f}",
        f"{middle['shift']:.3f}",
        f"{middle['turn']:.3f}",
        *(f"{np.median([one.apart[index] for one in found]):.3f}" for index in (0, 1)),
        str(sum(one.symmetric for one in found)),
        str(sum(one.surface > one.before for one in found)),
    ]


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, run, prog="python -m benchmarks.alignment_error", words=words)
