"""What a scan says nothing of as files: `not_inspected.npz` to read back, `not_inspected.ply` for CloudCompare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement

from modmap.drawing.hatching import STRIPES
from modmap.errors import ModMapError, one_line
from modmap.files.archives import opened_npz
from modmap.files.atomic import atomic_file
from modmap.not_inspected import OMISSIONS, NotInspected

MOST_BYTES = 2**32
NPZ_NAME, PLY_NAME = "not_inspected.npz", "not_inspected.ply"


def write_not_inspected(found: NotInspected, directory: Path, *, ply: bool) -> None:
    """Writes what a scan says nothing of.

    `not_inspected.npz`: `points` (M, 3) float32 mm in the scan's world, `reasons` (M,) uint8 (1 not measured, 2 not
    compared), `spacing` mm between points, `places` of the whole nominal surface, `motion` (4, 4) from the nominal
    scan's world. `not_inspected.ply`: the points with a colour and the scalar `reason`.

    Args:
        found: It.
        directory: Where to.
        ply: Write the `.ply` too.
    """
    with atomic_file(directory / NPZ_NAME) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            points=found.points,
            reasons=found.reasons,
            spacing=np.float64(found.spacing),
            places=np.int64(found.places),
            motion=found.motion,
        )
    if not ply:
        return
    fields = [(axis, "<f4") for axis in ("x", "y", "z")]
    fields += [(colour, "u1") for colour in ("red", "green", "blue")] + [("reason", "u1")]
    points = np.empty(len(found.points), dtype=np.dtype(fields))
    points["x"], points["y"], points["z"] = found.points.T
    dark = np.array([STRIPES[name][0] for name in OMISSIONS], np.uint8)
    points["red"], points["green"], points["blue"] = dark[found.reasons.astype(np.int64) - 1].T
    points["reason"] = found.reasons
    told = ", ".join(f"{number} {name}" for number, name in enumerate(OMISSIONS, start=1))
    comments = [f"nominal surface that was not inspected: {told}", "unit mm"]
    with atomic_file(directory / PLY_NAME) as partial:
        PlyData([PlyElement.describe(points, "vertex")], byte_order="<", comments=comments).write(
            str(partial)
        )


def read_not_inspected(directory: Path) -> NotInspected | None:
    """What `write_not_inspected` wrote, without its regions, which `summary.json` has; None where it isn't known.

    Raises:
        ModMapError: the file is damaged.
    """
    path = directory / NPZ_NAME
    if not path.is_file():
        return None
    try:
        with opened_npz(path, most_bytes=MOST_BYTES) as stored:
            points, reasons, motion = (stored[name] for name in ("points", "reasons", "motion"))
            spacing, places = float(stored["spacing"].reshape(())), int(stored["places"].reshape(()))
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise ValueError(f"points {points.dtype} {points.shape}")
        if reasons.shape != (len(points),) or (len(points) and not set(np.unique(reasons)) <= {1, 2}):
            raise ValueError(f"reasons {reasons.dtype} {reasons.shape}")
        if motion.shape != (4, 4) or not np.isfinite(motion).all() or not 0 < spacing < np.inf:
            raise ValueError(f"a motion {motion.shape} and a spacing of {spacing}")
        if places < len(points):
            raise ValueError(f"{len(points)} points of {places} places")
    except Exception as error:
        raise ModMapError(
            f"{path}: expected what a scan says nothing of, found a damaged file ({one_line(error)})"
        ) from None
    return NotInspected(points.astype(np.float32), reasons.astype(np.uint8), spacing, places, motion)
