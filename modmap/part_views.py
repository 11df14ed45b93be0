"""The views of a scan with the part found in each, one in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator

from modmap.errors import ModMapError
from modmap.foreground import foreground_mask
from modmap.scan import Frame, Scan
from modmap.types import Array, ForegroundMode


def part_views(scan: Scan, *, foreground: ForegroundMode, notes: list[str]) -> Iterator[tuple[Frame, Array]]:
    """Loads one view after the other; one whose depth holds no measurement at all is left out.

    Args:
        scan: The scan.
        foreground: Which pixels are the part.
        notes: Gets what was guessed, repaired or left out, by view.

    Yields:
        A view, and (H, W) bool the pixels of its part, at least one.

    Raises:
        ModMapError: a view can't be loaded, or, at the end, none has any depth.
    """
    found = False
    for frame in scan.frames():
        mask, mask_notes = foreground_mask(frame.depth, mode=foreground)
        notes += [f"view {frame.id}: {note}" for note in (*frame.notes, *mask_notes)]
        if not mask.any():
            notes.append(f"view {frame.id}: left out: no pixel of its depth map was measured")
            continue
        found = True
        yield frame, mask
    if not found:
        raise ModMapError(
            f"scan {scan.name}: expected measured depth, found only holes in all {len(scan)} views"
        )
