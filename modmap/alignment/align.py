"""How a part lies in a new scan, found and trusted, or refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from modmap.alignment.registration import Registration, sampled
from modmap.alignment.start import find_motion
from modmap.alignment.surface import ViewSurface
from modmap.errors import ModMapError

LEAST_OVERLAP = 0.6  # share of the new scan's smooth surface that must lie on the nominal one
LEAST_POINTS = 500


class AlignmentError(ModMapError):
    """A scan that can't be laid on the nominal one; the message is the reason."""


def align(nominal: Mapping[str, ViewSurface], new: Mapping[str, ViewSurface]) -> Registration:
    """The rigid motion from a new scan's world to the nominal scan's, from all views together.

    What stays where it is while the part moves doesn't count.

    Args:
        nominal: The nominal views' surfaces, by id, without what the part lies on.
        new: The new views', likewise; those that the nominal scan lacks are left out.

    Raises:
        AlignmentError: too little surface was measured, or too little of it lies on the nominal surface.
    """
    samples = [sampled(view_id, surface) for view_id, surface in new.items() if view_id in nominal]
    count = sum(len(one.points) for one in samples)
    if count < LEAST_POINTS:
        raise AlignmentError(
            f"alignment: expected at least {LEAST_POINTS} measured points of smooth surface in the nominal views, "
            f"found {count}"
        )
    found = find_motion(nominal, samples)
    if found.overlap < LEAST_OVERLAP:
        raise AlignmentError(
            f"alignment: expected {LEAST_OVERLAP:.0%} of the scan's surface on the nominal part's, found "
            f"{found.overlap:.0%} however it was turned: another part, or much of it is missing"
        )
    return found
