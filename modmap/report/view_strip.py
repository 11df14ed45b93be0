"""Small pictures of every view: image, depth, the maps of both modalities and the final map, on common scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modmap.drawing.colours import BACKGROUND, colourise, colourise_depth
from modmap.drawing.hatching import hatched
from modmap.drawing.reduction import averaged, depth_range, largest, measured_depth, nearest, reduced_size
from modmap.errors import ModMapError
from modmap.report.picture_address import picture_address
from modmap.result import ViewMaps
from modmap.scan import Scan
from modmap.types import EVIDENCE, Array

LONGEST_SIDE = 320
NOT_INSPECTED = "not inspected"  # the layer of what a scan says nothing of


@dataclass(frozen=True, eq=False)
class ViewPictures:
    """One view, reduced.

    Attributes:
        view: Its name.
        shape: (H, W) of the view.
        image: (h, w) gray, in units of the sensor.
        depth: (h, w) mm; NaN where nothing was measured.
        maps: (h, w) scores by name, such as `geometry map`, of all that was asked, and `final map`: the largest of the
            pixels that each stands for; NaN in the background.
        not_inspected: (h, w) uint8, 0 or as in `NotInspected.reasons`; None where that isn't known.
    """

    view: str
    shape: tuple[int, int]
    image: Array
    depth: Array
    maps: dict[str, Array]
    not_inspected: Array | None = None

    @property
    def worst(self) -> float:
        """The largest score of the view's final map, NaN where it has none."""
        final = self.maps["final map"]
        return float(np.nanmax(final)) if np.isfinite(final).any() else float("nan")


def view_pictures(views: Mapping[str, ViewMaps], scan: Scan) -> list[ViewPictures]:
    """Reduces every view; one is in memory at full size at a time.

    Raises:
        ModMapError: a view can't be read, or is not the one that was predicted.
    """
    found = []
    for view_id, maps in views.items():
        frame = scan[view_id].load()
        if frame.shape != maps.shape:
            raise ModMapError(
                f"report of {scan.name}: expected view {view_id} of the size that was predicted, "
                f"{maps.shape[1]}x{maps.shape[0]}, found {frame.shape[1]}x{frame.shape[0]}"
            )
        size = reduced_size(frame.shape, LONGEST_SIDE)
        asked = {
            "image map": None if maps.image_tokens is None else maps.image(),
            "depth map": None if maps.depth_tokens is None else maps.depth(),
            **{f"{kind} map": maps.of_evidence(kind) for kind in EVIDENCE if kind in maps.evidence},
            "final map": maps.combined(),
        }
        found.append(
            ViewPictures(
                view=view_id,
                shape=frame.shape,
                image=averaged(frame.image.astype(np.float32), size),
                depth=measured_depth(frame.depth, size),
                maps={name: largest(scores, size) for name, scores in asked.items() if scores is not None},
                not_inspected=None
                if maps.not_inspected_pixels is None
                else nearest(maps.not_inspected(), size),
            )
        )
    return found


@dataclass(frozen=True, eq=False)
class ShownView:
    """One view as the page shows it.

    Attributes:
        name: The view's.
        shape: (H, W) of the view.
        worst: The largest score of its final map, None where it has none.
        pictures: Addresses of the pictures, by what they show.
    """

    name: str
    shape: tuple[int, int]
    worst: float | None
    pictures: dict[str, str]


def shown_views(pictures: Sequence[ViewPictures], *, top: float) -> list[ShownView]:
    """Colours all views; no view is scaled on its own.

    Args:
        pictures: The views.
        top: Score of the last colour of every map.
    """
    brightest = max((float(one.image.max()) for one in pictures), default=0.0)
    white = 255.0 if brightest <= 255 else brightest
    depths = depth_range([one.depth for one in pictures])
    return [_shown(one, white, depths, top) for one in pictures]


def final_picture(one: ViewPictures, *, top: float) -> Array:
    """(h, w, 3) uint8 final map of a view."""
    return colourise(one.maps["final map"], top, background=BACKGROUND)


def _shown(one: ViewPictures, white: float, depths: tuple[float, float], top: float) -> ShownView:
    gray = np.clip(np.rint(one.image * (255 / white)), 0, 255).astype(np.uint8)
    depth = colourise_depth(one.depth, *depths, background=BACKGROUND)
    maps = {
        name: picture_address(colourise(scores, top, background=BACKGROUND), photo=False)
        for name, scores in one.maps.items()
    }
    observed = {"image": picture_address(gray, photo=True), "depth": picture_address(depth, photo=True)}
    if one.not_inspected is not None:
        # Stripes don't bear a photograph's compression.
        observed[NOT_INSPECTED] = picture_address(hatched(gray, one.not_inspected), photo=False)
    worst = None if np.isnan(one.worst) else one.worst
    return ShownView(one.view, one.shape, worst, {**observed, **maps})
