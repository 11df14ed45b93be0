"""Scans of which less was measured than of the nominal one, or in another unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modmap.scan import Scan


def cut(scan: Scan, share: float) -> Scan:
    """The scan without the depth of the left `share` of the part's pixels in every view."""
    views = []
    for view in scan.views:
        depth = np.array(view.depth)
        rows, columns = np.nonzero(depth)
        gone = np.argsort(columns, kind="stable")[: round(share * len(columns))]
        depth[rows[gone], columns[gone]] = 0
        views.append(replace(view, depth=depth))
    return replace(scan, views=tuple(views))


def in_unit(scan: Scan, factor: float) -> Scan:
    """The scan with `factor` times its depth, as if stored in another unit than it says."""
    views = [replace(view, depth=np.array(view.depth) * np.float32(factor)) for view in scan.views]
    return replace(scan, views=tuple(views))
