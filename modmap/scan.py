"""Camera, View, Frame and Scan: N calibrated views of one part.

Conventions, everywhere in modmap: millimetres; depth is planar z in the camera frame, float32, 0 where
nothing was measured; cameras are OpenCV style (x right, y down, z forward); the centre of the top left pixel
is (0, 0).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from modmap.camera import Camera
from modmap.errors import ModMapError
from modmap.files.images import check_depth, check_image, clean_depth, read_depth, read_image, to_gray, to_rgb
from modmap.types import Array

__all__ = ["Camera", "Finding", "Frame", "Scan", "View"]


ASPECT_TOLERANCE = 0.01
SEPARATORS = "/\\\0"
LONGEST_NAME = 200  # bytes: a file system takes 255, and what is written has endings


def file_name(view_id: str) -> str:
    """A name that files of a view can have.

    Injective, so that no two views share a file, and allowed on every system: urllib's quote would spell out ü.
    """
    return re.sub(r'[%/\\:*?"<>|\x00-\x1f]', lambda found: f"%{ord(found[0]):02X}", view_id)


@dataclass(frozen=True, eq=False)
class Frame:
    """The pixels of one view, in memory.

    Attributes:
        id: The view's name.
        image: (H, W) uint8 or uint16 gray image.
        depth: (H, W) float32 planar depth in mm, 0 where nothing was measured.
        camera: The camera at this image size, or None.
        notes: What was guessed or repaired on the way, one line each.
        colour: (H, W, 3) red, green, blue, of the gray image's type; None where the view is gray. ModMap's encoders
            look at the gray image alone.
    """

    id: str
    image: Array
    depth: Array
    camera: Camera | None = None
    notes: tuple[str, ...] = ()
    colour: Array | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.depth.shape[0], self.depth.shape[1]

    def points(self, mask: Array) -> Array:
        """(M, 3) world points, mm, of the pixels of a mask (H, W), in row order.

        Raises:
            ModMapError: the view has no camera.
        """
        if self.camera is None:
            raise ModMapError(f"view {self.id}: a volume needs a camera, found none")
        rows, columns = np.nonzero(mask)
        return self.camera.back_project(np.stack([columns, rows], axis=1), self.depth[rows, columns])


@dataclass(frozen=True, eq=False)
class View:
    """One viewpoint of a scan. Its files are read by `load`, not before.

    Args:
        id: The view's name; views of different scans are matched by it, never by position.
        image: File or array of the image, gray or colour, 8 or 16 bit.
        depth: File or array of the planar depth, or a function that returns the array, where a data set needs more than
            reading: it is called by every `load`.
        camera: The calibration, or None: 2D maps still work, a volume does not.
        depth_unit: Millimetres per unit of the stored depth.
        far_is_background: The depth's maximum is a renderer's background and becomes 0.
        depth_limit: Millimetres; what is farther counts as not measured.
        camera_looked_for: What the reader looked for, when there is no camera; goes into the error.
    """

    id: str
    image: Path | Array
    depth: Path | Array | Callable[[], Array]
    camera: Camera | None = None
    depth_unit: float = 1.0
    far_is_background: bool = False
    depth_limit: float | None = None
    camera_looked_for: str = "no camera was given"

    def __post_init__(self) -> None:
        for name in ("image", "depth"):
            if isinstance(getattr(self, name), str):
                object.__setattr__(self, name, Path(getattr(self, name)))

    def load(self) -> Frame:
        """Reads and checks the view's image and depth.

        Raises:
            ModMapError: a file is missing, damaged or of the wrong kind; image and depth differ in size; the
                calibration belongs to another image size.
        """
        told: dict[str, list[str]] = {"image": [], "depth": []}
        pixels = self._read_image(told["image"])
        image = to_gray(pixels)
        raw = self._read_depth(told["depth"])
        if raw.shape != image.shape:
            raise ModMapError(
                f"{self._name('depth')}: expected the size of {self._name('image')}, "
                f"{image.shape[1]}x{image.shape[0]}, found {raw.shape[1]}x{raw.shape[0]}"
            )
        read = [f"{what}: {note}" for what, notes in told.items() for note in notes]
        depth, cleaned = clean_depth(
            raw, unit=self.depth_unit, far_is_background=self.far_is_background, limit=self.depth_limit
        )
        camera, fitted = self._fitted_camera(image.shape[1], image.shape[0])
        return Frame(
            self.id,
            image=image,
            depth=depth,
            camera=camera,
            notes=(*read, *cleaned, *fitted),
            colour=to_rgb(pixels),
        )

    def _read_image(self, notes: list[str]) -> Array:
        if isinstance(self.image, Path):
            return read_image(self.image, notes=notes)
        return check_image(self.image, where=self._name("image"))

    def _read_depth(self, notes: list[str]) -> Array:
        if isinstance(self.depth, Path):
            return read_depth(self.depth, notes=notes)
        depth = self.depth() if callable(self.depth) else self.depth
        return check_depth(depth, where=self._name("depth"))

    def _fitted_camera(self, width: int, height: int) -> tuple[Camera | None, tuple[str, ...]]:
        camera = self.camera
        if camera is None or camera.size == (width, height):
            return camera, ()
        if camera.size is None:
            if not (0 <= camera.K[0, 2] < width and 0 <= camera.K[1, 2] < height):
                raise ModMapError(
                    f"view {self.id}: K belongs to another image size: its principal point "
                    f"({camera.K[0, 2]:.1f}, {camera.K[1, 2]:.1f}) is outside the {width}x{height} image"
                )
            return replace(camera, size=(width, height)), ()
        aspect = (width / height) / (camera.size[0] / camera.size[1])
        found = f"{camera.size[0]}x{camera.size[1]}"
        if abs(aspect - 1) > ASPECT_TOLERANCE:
            raise ModMapError(
                f"view {self.id}: K belongs to another image size: expected {width}x{height} (the image's) "
                f"or a scaled version of it, found {found}"
            )
        return camera.resized(width, height), (f"K scaled from {found} to the image's {width}x{height}",)

    def _name(self, what: Literal["image", "depth"]) -> str:
        source = self.image if what == "image" else self.depth
        return str(source) if isinstance(source, Path) else f"{what} of view {self.id}"


@dataclass(frozen=True)
class Finding:
    """One thing that a reader found, guessed or missed while opening a scan."""

    kind: Literal["found", "guessed", "missed"]
    text: str


@dataclass(frozen=True, eq=False)
class Scan:
    """N views of one part.

    Args:
        name: The scan's name; its results are written to a directory of that name.
        views: The views, in order; their ids are unique.
        category: The kind of part, where known; multi-class models are conditioned on it.
        anomalous: The scan's label, where known.
        ground_truth: File of the defect voxels, where there is one (`modmap.datasets.read_ground_truth`).
        root: The directory it was read from.
        findings: What the reader found, guessed and missed.

    Raises:
        ModMapError: there is no view, or two views share an id; the name can't be a directory's, or an id a file's.
    """

    name: str
    views: Sequence[View]
    category: str | None = None
    anomalous: bool | None = None
    ground_truth: Path | None = None
    root: Path | None = None
    findings: tuple[Finding, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "views", tuple(self.views))
        if not self.name or self.name.startswith(".") or any(sign in self.name for sign in SEPARATORS):
            raise ModMapError(
                "scan name: expected one that a directory can have, without slashes or a dot before it, found "
                f"{self.name!r}"
            )
        for what, name in (("scan name", self.name), *(("view id", view.id) for view in self.views)):
            if not name:
                raise ModMapError(f"{what}: expected one that files can be named after, found {name!r}")
            length = len(os.fsencode(file_name(name)))
            if length > LONGEST_NAME:
                raise ModMapError(
                    f"{what}: expected one that files can be named after, of at most {LONGEST_NAME} bytes, found "
                    f"{length}: {name[:40]}..."
                )
        if not self.views:
            raise ModMapError(f"scan {self.name}: expected at least one view, found none")
        ids = [view.id for view in self.views]
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        if repeated:
            raise ModMapError(
                f"scan {self.name}: expected unique view ids, found {', '.join(repeated)} twice"
            )

    @classmethod
    def load(cls, directory: str | Path) -> Scan:
        """Opens the scan in a directory, in any layout that `modmap.datasets` knows.

        Raises:
            ModMapError: the directory is missing, or in no known layout.
        """
        from modmap.datasets import load_scan

        return load_scan(Path(directory))

    @property
    def view_ids(self) -> tuple[str, ...]:
        """The views' ids, in order."""
        return tuple(view.id for view in self.views)

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, view_id: str) -> View:
        for view in self.views:
            if view.id == view_id:
                return view
        raise ModMapError(f"scan {self.name}: no view {view_id!r}; it has {', '.join(self.view_ids)}")

    def subset(self, view_ids: Sequence[str]) -> Scan:
        """The same scan with only the named views, in the order given."""
        return replace(self, views=tuple(self[view_id] for view_id in view_ids))

    def frames(self) -> Iterator[Frame]:
        """Loads one view after the other."""
        for view in self.views:
            yield view.load()

    def _repr_html_(self) -> str:
        # A notebook calls this; what draws it is imported then, and not by those who only want the numbers.
        from modmap.report.scan_card import scan_card

        return scan_card(self)

    def require_cameras(self) -> None:
        """Checks that every view is calibrated, as a volume needs.

        Raises:
            ModMapError: names the first view without a camera and the file that was looked for.
        """
        for view in self.views:
            if view.camera is None:
                raise ModMapError(
                    f"scan {self.name}: a volume needs a camera for every view, view {view.id} has none "
                    f"({view.camera_looked_for})"
                )
