"""Data sets with one view per part: MVTec 3D-AD and Eyecandies, as single-view scans with pixel masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml

from modmap.camera import Camera
from modmap.datasets.background_plane import without_background_plane
from modmap.datasets.fitted_camera import fit_camera
from modmap.datasets.sim3d import natural_key
from modmap.errors import ModMapError
from modmap.files.images import read_depth, read_image, read_point_map, to_gray
from modmap.files.validated_json import did_you_mean
from modmap.scan import Finding, Scan, View
from modmap.types import Array

VIEW = "00"
MILLIMETRES_A_METRE = 1000.0
LEVELS = 65535


@dataclass(frozen=True)
class SingleViewTest:
    """A test part.

    Attributes:
        scan: Its one view; `scan.anomalous` is its label.
        mask: File of its defects, None where it has none.
    """

    scan: Scan
    mask: Path | None

    def defects(self) -> Array:
        """(H, W) bool, true on defects.

        Raises:
            ModMapError: the mask is damaged, or of another size than the image.
        """
        frame = self.scan[VIEW].load()
        if self.mask is None:
            return np.zeros(frame.shape, dtype=bool)
        mask = to_gray(read_image(self.mask)) > 0
        if mask.shape != frame.shape:
            raise ModMapError(f"{self.mask}: expected the image's size {frame.shape}, found {mask.shape}")
        return np.asarray(mask)


class SingleViewSet(Protocol):
    """What the single-view evaluation needs of a data set."""

    root: Path
    categories: tuple[str, ...]

    def train(self, category: str) -> list[Scan]:
        """All nominal training parts of a category."""

    def tests(self, category: str) -> list[SingleViewTest]:
        """All test parts of a category."""


class MVTec3D:
    """MVTec 3D-AD: `<category>/{train,validation,test}/<kind>/{rgb,xyz,gt}/NNN.{png,tiff}`.

    Depth is the z of the organised point cloud, in metres; the plane that the part lies on is taken out, as is usual.
    The set keeps no calibration: each part's camera is fitted to its cloud, which is read for that as the part is
    opened.

    Args:
        root: The directory of the categories.
        plane: Leave the plane in where False.

    Raises:
        ModMapError: there is no such directory, or no category in it.
    """

    def __init__(self, root: str | Path, *, plane: bool = True) -> None:
        self.root = Path(root)
        self._remove = plane
        self.categories = _categories(self.root, lambda place: (place / "train" / "good" / "rgb").is_dir())

    def train(self, category: str) -> list[Scan]:
        """The nominal training parts.

        Raises:
            ModMapError: the category isn't there or has none, or an image has no point cloud.
        """
        place = _place(self, category) / "train" / "good"
        return [self._scan(path, category, anomalous=False) for path in _images(place / "rgb", "*.png")]

    def tests(self, category: str) -> list[SingleViewTest]:
        """The test parts, the nominal ones first.

        Raises:
            ModMapError: as `train`, or a defective part has no mask.
        """
        place = _place(self, category) / "test"
        kinds = (
            [path for path in sorted(place.iterdir()) if (path / "rgb").is_dir()] if place.is_dir() else []
        )
        kinds.sort(key=lambda path: (path.name != "good", path.name))
        found = []
        for kind in kinds:
            for path in _images(kind / "rgb", "*.png"):
                good = kind.name == "good"
                mask = None if good else _required(kind / "gt" / path.name, "a mask of the defect")
                found.append(SingleViewTest(self._scan(path, category, anomalous=not good), mask))
        if not found:
            raise ModMapError(f"{place}: expected folders of test parts with rgb, xyz and gt, found none")
        return found

    def _scan(self, image: Path, category: str, *, anomalous: bool) -> Scan:
        cloud = _required(image.parent.parent / "xyz" / f"{image.stem}.tiff", "a point cloud")
        camera, finding = _camera_of_cloud(cloud)
        view = View(
            VIEW,
            image=image,
            depth=partial(_depth_of_cloud, cloud, self._remove),
            camera=camera,
            camera_looked_for=finding.text,
        )
        name = f"{image.parent.parent.name}_{image.stem}"
        return Scan(
            name,
            [view],
            category=category,
            anomalous=anomalous,
            root=image.parent.parent,
            findings=(finding,),
        )


class Eyecandies:
    """Eyecandies: `<Category>/{train,val,test_public}/data/NNN_{image_4,depth,mask}.png` with `NNN_info_depth.yaml`.

    Depth is stored between the minimum and the maximum that the yaml names; the conveyor is taken out as a plane.

    Args:
        root: The directory of the categories.
        light: Which of the six images of a part: 4 has all lights on.
        plane: Leave the plane in where False.

    Raises:
        ModMapError: there is no such directory, or no category in it.
    """

    def __init__(self, root: str | Path, *, light: int = 4, plane: bool = True) -> None:
        self.root = Path(root)
        self._image = f"image_{light}.png"
        self._remove = plane
        self.categories = _categories(self.root, lambda place: (place / "train" / "data").is_dir())

    def train(self, category: str) -> list[Scan]:
        """The nominal training parts.

        Raises:
            ModMapError: the category isn't there or has none, or an image has no depth.
        """
        place = _place(self, category) / "train" / "data"
        return [self._scan(path, category, False) for path in _images(place, f"*_{self._image}")]

    def tests(self, category: str) -> list[SingleViewTest]:
        """The public test parts; one whose mask has a pixel is anomalous.

        Raises:
            ModMapError: as `train`, or a part has no mask.
        """
        place = _place(self, category) / "test_public" / "data"
        found = []
        for path in _images(place, f"*_{self._image}"):
            mask = _required(self._beside(path, "mask.png"), "a mask")
            anomalous = bool((to_gray(read_image(mask)) > 0).any())
            found.append(SingleViewTest(self._scan(path, category, anomalous), mask if anomalous else None))
        return found

    def _scan(self, image: Path, category: str, anomalous: bool) -> Scan:
        depth = _required(self._beside(image, "depth.png"), "a depth map")
        info = _required(self._beside(image, "info_depth.yaml"), "the range of the depth")
        view = View(VIEW, image=image, depth=partial(_depth_in_range, depth, info, self._remove))
        number = image.name.removesuffix(f"_{self._image}")
        return Scan(number, [view], category=category, anomalous=anomalous, root=image.parent)

    def _beside(self, image: Path, ending: str) -> Path:
        return image.with_name(f"{image.name.removesuffix(self._image)}{ending}")


def _depth_of_cloud(cloud: Path, remove_plane: bool) -> Array:
    """(H, W) float32 z in mm of an organised cloud in metres; 0 for no measurement."""
    z = read_depth(cloud).astype(np.float32) * np.float32(MILLIMETRES_A_METRE)
    z = np.where(np.isfinite(z) & (z > 0), z, 0)
    return without_background_plane(z) if remove_plane else z


def _camera_of_cloud(cloud: Path) -> tuple[Camera | None, Finding]:
    """The camera that fits an organised cloud in metres, and how well."""
    fitted = fit_camera(read_point_map(cloud) * MILLIMETRES_A_METRE)
    if fitted is None:
        return None, Finding("missed", f"camera: {cloud}: expected points to fit one to, found too few")
    if not fitted.fits:
        return None, Finding("missed", f"camera: {cloud}: expected points seen by a pinhole, found {fitted}")
    return fitted.camera, Finding("guessed", f"camera: fitted to the point cloud: {fitted}")


def _depth_in_range(depth: Path, info: Path, remove_plane: bool) -> Array:
    """(H, W) float32 depth in mm: the 16 bit levels spread between the two ends that the yaml names."""
    levels = read_depth(depth)
    try:
        ends = yaml.safe_load(info.read_text(encoding="utf-8"))["normalization"]
        low, high = float(ends["min"]), float(ends["max"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise ModMapError(f"{info}: expected normalization with min and max, found none") from None
    metres = low + (high - low) * levels.astype(np.float32) / LEVELS
    z = np.asarray(metres * MILLIMETRES_A_METRE, dtype=np.float32)
    return without_background_plane(z) if remove_plane else z


def _categories(root: Path, is_category: Callable[[Path], bool]) -> tuple[str, ...]:
    if not root.is_dir():
        raise ModMapError(f"{root}: expected the directory of the categories, found none")
    found = tuple(path.name for path in sorted(root.iterdir()) if path.is_dir() and is_category(path))
    if not found:
        names = ", ".join(sorted(path.name for path in root.iterdir())[:10]) or "nothing"
        raise ModMapError(f"{root}: expected a directory a category with a folder train, found {names}")
    return found


def _place(dataset: SingleViewSet, category: str) -> Path:
    if category not in dataset.categories:
        hint = did_you_mean(category, dataset.categories)
        raise ModMapError(f"{dataset.root}: no category {category!r}{hint}")
    return dataset.root / category


def _images(folder: Path, pattern: str) -> Sequence[Path]:
    found = sorted(folder.glob(pattern), key=lambda path: natural_key(path.name))
    if not found:
        raise ModMapError(f"{folder}: expected images {pattern}, found none")
    return found


def _required(path: Path, what: str) -> Path:
    if not path.is_file():
        raise ModMapError(f"{path}: expected {what}, found none")
    return path
