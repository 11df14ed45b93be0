"""Where in each view the nominal scans have the part."""

from __future__ import annotations

from collections.abc import Sequence

from modmap.alignment.support import without_support
from modmap.encoding.window import Window
from modmap.evidence.comparison import ReducedViews
from modmap.part_views import part_views
from modmap.scan import Scan
from modmap.types import ForegroundMode


def part_windows(scans: Sequence[Scan], *, foreground: ForegroundMode) -> dict[str, Window]:
    """By view id the window around what all scans show of their parts, without what these lie on.

    Where a view has no camera it isn't known what the part lies on: all that was measured counts.

    Args:
        scans: The nominal scans.
        foreground: Which pixels are the part.

    Raises:
        ModMapError: a view can't be loaded, or a scan has no depth.
    """
    windows: dict[str, Window] = {}
    for scan in scans:
        for view_id, window in _of_scan(scan, foreground).items():
            windows[view_id] = windows[view_id].joined(window) if view_id in windows else window
    return windows


def _of_scan(scan: Scan, foreground: ForegroundMode) -> dict[str, Window]:
    if any(view.camera is None for view in scan.views):
        found = part_views(
            scan, lambda frame, mask: (frame.id, Window.around(mask)), foreground=foreground, notes=[]
        )
        return dict(found)
    alone, _ = without_support(ReducedViews.of(scan, foreground=foreground).surfaces)
    parts = {view_id: surface.cosine > 0 for view_id, surface in alone.items()}
    return {view_id: Window.around(part) for view_id, part in parts.items() if part.any()}
