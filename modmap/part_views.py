"""The views of a scan with the part found in each, a few in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Frame, Scan, View
from modmap.threads import in_order
from modmap.types import Array, ForegroundMode

Made = TypeVar("Made")


def part_views(
    scan: Scan, make: Callable[[Frame, Array], Made], *, foreground: ForegroundMode, notes: list[str]
) -> Iterator[Made]:
    """Loads the views, as many at a time as there are threads; one whose depth holds no measurement is left out.

    Args:
        scan: The scan.
        make: Makes what is wanted of a view from it and (H, W) bool, the pixels of its part, at least one; called by
            several threads.
        foreground: Which pixels are the part.
        notes: Gets what was guessed, repaired or left out, by view.

    Yields:
        What was made of each view, in order.

    Raises:
        ModMapError: a view can't be loaded, or, at the end, none has any depth.
    """

    def loaded(view: View) -> tuple[list[str], list[Made]]:
        frame = view.load()
        mask, mask_notes = foreground_mask(frame.depth, mode=foreground)
        told = [f"view {frame.id}: {note}" for note in (*frame.notes, *mask_notes)]
        if mask.any():
            return told, [make(frame, mask)]
        return [*told, f"view {frame.id}: left out: no pixel of its depth map was measured"], []

    found = False
    for told, made in in_order(loaded, scan.views):
        notes += told
        found = found or bool(made)
        yield from made
    if not found:
        raise ModMapError(
            f"scan {scan.name}: expected measured depth, found only holes in all {len(scan)} views"
        )
