"""Small pictures of every view: image, depth, the maps of both modalities and the final map, on common scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from modmap.errors import ModMapError
from modmap.report.colours import colourise
from modmap.report.page_parts import picture_uri
from modmap.result import ViewMaps
from modmap.scan import Scan

Array = npt.NDArray[Any]

LONGEST_SIDE = 320
BACKGROUND = (232, 235, 239)


@dataclass(frozen=True, eq=False)
class ViewPictures:
    """One view, reduced.

    Attributes:
        view: Its name.
        shape: (H, W) of the view.
        image: (h, w) gray, in units of the sensor.
        depth: (h, w) mm; NaN where nothing was measured.
        maps: (h, w) scores by name: `image map`, `depth map`, `final map`; NaN in the background.
    """

    view: str
    shape: tuple[int, int]
    image: Array
    depth: Array
    maps: dict[str, Array]

    @property
    def worst(self) -> float:
        """The largest score of the reduced final map, NaN where it has none."""
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
        size = _reduced_size(frame.shape)
        measured = np.where(frame.depth > 0, frame.depth, np.nan).astype(np.float32)
        found.append(
            ViewPictures(
                view=view_id,
                shape=frame.shape,
                image=cv2.resize(frame.image.astype(np.float32), size, interpolation=cv2.INTER_AREA),
                depth=_nearest(measured, size),
                maps={
                    "image map": _nearest(maps.image(), size),
                    "depth map": _nearest(maps.depth(), size),
                    "final map": _nearest(maps.combined(), size),
                },
            )
        )
    return found


def strip(pictures: list[ViewPictures], *, top: float) -> str:
    """HTML of all views; no view is scaled on its own.

    Args:
        pictures: The views.
        top: Score of the last colour of every map.
    """
    brightest = max((float(one.image.max()) for one in pictures), default=0.0)
    white = 255.0 if brightest <= 255 else brightest
    near, far = depth_range(pictures)
    return '<div class="views">' + "".join(_view(one, white, (near, far), top) for one in pictures) + "</div>"


def depth_range(pictures: list[ViewPictures]) -> tuple[float, float]:
    """The nearest and the farthest of the measured depth of all views, mm, less a hundredth at both ends."""
    depths = [one.depth[np.isfinite(one.depth)] for one in pictures]
    every = np.concatenate(depths) if depths else np.zeros(0)
    if not len(every):
        return 0.0, 1.0
    near, far = (float(value) for value in np.percentile(every, [1, 99]))
    return near, max(far, near + 1e-3)


def final_picture(one: ViewPictures, *, top: float) -> Array:
    """(h, w, 3) uint8 final map of a view."""
    return colourise(one.maps["final map"], top, background=BACKGROUND)


def _view(one: ViewPictures, white: float, depths: tuple[float, float], top: float) -> str:
    gray = np.clip(np.rint(one.image * (255 / white)), 0, 255).astype(np.uint8)
    parts = [("image", picture_uri(gray, photo=True)), ("depth", _depth_uri(one.depth, depths))]
    parts += [
        (name, picture_uri(colourise(scores, top, background=BACKGROUND), photo=False))
        for name, scores in one.maps.items()
    ]
    name = escape(one.view)
    figures = "".join(
        f'<figure><div class="picture"><img src="{uri}" alt="{label} of view {name}"></div>'
        f"<figcaption>{label}</figcaption></figure>"
        for label, uri in parts
    )
    worst = "" if np.isnan(one.worst) else f" largest score {one.worst:.3g}"
    return (
        f'<div class="view" data-view="{name}" data-shape="[{one.shape[0]}, {one.shape[1]}]">'
        f"<h3>View {name}<small>{worst}</small></h3>{figures}</div>"
    )


def _depth_uri(depth: Array, depths: tuple[float, float]) -> str:
    near, far = depths
    known = np.isfinite(depth)
    level = np.clip((np.where(known, depth, near) - near) / (far - near), 0, 1)
    # Near is bright. Cividis is even in lightness and looks the same to the colour-blind.
    colours = cv2.applyColorMap(np.rint(255 * (1 - level)).astype(np.uint8), cv2.COLORMAP_CIVIDIS)[:, :, ::-1]
    return picture_uri(np.where(known[:, :, None], colours, np.array(BACKGROUND, np.uint8)), photo=True)


def _reduced_size(shape: tuple[int, int]) -> tuple[int, int]:
    share = min(1.0, LONGEST_SIDE / max(shape))
    return max(1, round(shape[1] * share)), max(1, round(shape[0] * share))


def _nearest(values: Array, size: tuple[int, int]) -> Array:
    # Means would mix the part with what isn't there, and dim small peaks.
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST))
