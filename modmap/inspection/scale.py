"""Whether a scan is measured in the unit that the nominal one is: by how far the part is, and the cameras apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modmap.errors import ModMapError
from modmap.inspection.nominal_shown import NominalShown
from modmap.inspection.view_shown import ViewShown
from modmap.types import Array

ANOTHER = 3.0  # times as far or as near: no other place before the same cameras, but another unit
NOTED = 1.25
UNITS = {
    1000.0: '"m"',
    10.0: "centimetres (10)",
    25.4: "inches (25.4)",
    0.1: '"0.1mm"',
    0.001: "micrometres (0.001)",
}
NEAR = 1.5  # times a unit's own factor


def require_scale(nominal: NominalShown, views: Mapping[str, ViewShown], *, scan: str) -> tuple[str, ...]:
    """Checks that a scan's depth and poses are in the nominal one's unit.

    Args:
        nominal: What the nominal scan shows.
        views: What the scan shows, by view.
        scan: The scan's name, for the error.

    Returns:
        A note where the part is much nearer or farther than the nominal one.

    Raises:
        ModMapError: the part is more than three times as far, or less than a third, or the cameras stand so far apart.
    """
    common = [name for name in views if name in nominal.depths]
    if not common:
        return ()
    found = float(np.median([views[name].depth for name in common]))
    expected = float(np.median([nominal.depths[name] for name in common]))
    times = float(np.median([views[name].depth / nominal.depths[name] for name in common]))
    if not 1 / ANOTHER < times < ANOTHER:
        raise ModMapError(
            f"scan {scan}: depth unit: expected the part about {expected:.4g} mm from the cameras, as in the nominal "
            f"scan, found it {found:.4g} mm from them{_looks_like(times)}"
        )
    apart = _spread({name: views[name].centre for name in common})
    nominally = _spread({name: np.array(nominal.centres[name]) for name in common if name in nominal.centres})
    if apart and nominally and not 1 / ANOTHER < apart / nominally < ANOTHER:
        raise ModMapError(
            f"scan {scan}: pose unit: expected the cameras about {nominally:.4g} mm from their middle, as in the "
            f"nominal scan, found them {apart:.4g} mm from it{_looks_like(apart / nominally)}"
        )
    if 1 / NOTED < times < NOTED:
        return ()
    return (f"working distance: the part is {times:.2f} times as far from the cameras as the nominal one",)


def _spread(centres: Mapping[str, Array | None]) -> float:
    """Median distance of the cameras from their middle, mm; 0 where it isn't known."""
    known = [centre for centre in centres.values() if centre is not None]
    if len(known) < max(len(centres), 2):
        return 0.0
    places = np.stack(known)
    return float(np.median(np.linalg.norm(places - places.mean(axis=0), axis=1)))


def _looks_like(times: float) -> str:
    """The unit that would bring a scan to the nominal one's scale, or the nominal one to its."""
    for factor, name in UNITS.items():
        if 1 / NEAR < times * factor < NEAR:
            return f": is it in another unit, such as {name}?"
    return ": is one of the two in another unit?"
