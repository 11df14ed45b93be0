"""Camera, View, Frame and Scan: N calibrated views of one part.

Conventions, everywhere in modmap: millimetres; depth is planar z in the camera frame, float32, 0 where nothing
was measured; cameras are OpenCV style (x right, y down, z forward); the centre of the top left pixel is (0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from modmap.errors import ModMapError
from modmap.image_files import clean_depth, read_depth, read_image, to_gray

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.floating[Any]]

ROTATION_TOLERANCE = 1e-3
ASPECT_TOLERANCE = 0.01
DISTORTION_LENGTHS = (4, 5, 8, 12, 14)
UNDISTORTION_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-10)


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated pinhole camera.

    Args:
        K: (3, 3) intrinsics in pixels of the full image.
        T_world_to_camera: (4, 4) rigid transform, millimetres.
        size: (width, height) of the image that `K` belongs to; None where the calibration does not say.
        distortion: OpenCV coefficients (k1, k2, p1, p2[, k3 ...]), or None for an undistorted image.

    Raises:
        ModMapError: a matrix has the wrong shape, is not finite, or its rotation part is not a rotation.
    """

    K: Array
    T_world_to_camera: Array
    size: tuple[int, int] | None = None
    distortion: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "K", _matrix("K", self.K, shape=(3, 3)))
        pose = _matrix("T_world_to_camera", self.T_world_to_camera, shape=(4, 4))
        object.__setattr__(self, "T_world_to_camera", pose)
        _check_intrinsics(self.K)
        _check_rigid(pose)
        if self.distortion is not None:
            coefficients = np.asarray(self.distortion, dtype=np.float64).ravel()
            if len(coefficients) not in DISTORTION_LENGTHS or not np.isfinite(coefficients).all():
                raise ModMapError(
                    f"distortion: expected {', '.join(map(str, DISTORTION_LENGTHS))} finite OpenCV coefficients, "
                    f"found {coefficients.tolist()}"
                )
            object.__setattr__(self, "distortion", coefficients if coefficients.any() else None)

    @cached_property
    def T_camera_to_world(self) -> Array:
        """(4, 4) the inverse of the pose."""
        rotation, translation = self.T_world_to_camera[:3, :3], self.T_world_to_camera[:3, 3]
        inverse = np.eye(4)
        inverse[:3, :3] = rotation.T
        inverse[:3, 3] = -rotation.T @ translation
        return inverse

    @property
    def centre(self) -> Array:
        """(3,) the camera's place in the world, mm."""
        centre: Array = self.T_camera_to_world[:3, 3]
        return centre

    def back_project(self, pixels: Array, z: Array) -> Array:
        """Carries pixels with a depth into the world.

        Args:
            pixels: (M, 2) pixel coordinates (u, v).
            z: (M,) planar depth, mm.

        Returns:
            (M, 3) float64 world points, mm.
        """
        uv = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        z = np.asarray(z, dtype=np.float64)
        if self.distortion is not None and len(uv):
            rays = cv2.undistortPoints(
                uv[:, None], self.K, self.distortion, None, None, None, UNDISTORTION_CRITERIA
            )[:, 0]
        else:
            y = (uv[:, 1] - self.K[1, 2]) / self.K[1, 1]
            x = (uv[:, 0] - self.K[0, 2] - self.K[0, 1] * y) / self.K[0, 0]
            rays = np.stack([x, y], axis=1)
        points = np.concatenate([rays * z[:, None], z[:, None]], axis=1)
        return points @ self.T_camera_to_world[:3, :3].T + self.centre

    def project(self, points: Array) -> tuple[Array, Array]:
        """Projects world points into the image.

        Args:
            points: (M, 3) world points, mm.

        Returns:
            (M, 2) pixel coordinates (u, v), NaN for points not in front of the camera, and (M,) planar depth, mm.
        """
        local = np.asarray(points, dtype=np.float64).reshape(-1, 3) @ self.T_world_to_camera[:3, :3].T
        local = local + self.T_world_to_camera[:3, 3]
        z = local[:, 2]
        in_front = z > 0
        uv = np.full((len(local), 2), np.nan)
        if in_front.any():
            if self.distortion is not None:
                zero = np.zeros(3)
                uv[in_front] = cv2.projectPoints(local[in_front], zero, zero, self.K, self.distortion)[0][:, 0]
            else:
                homogeneous = local[in_front] @ self.K.T
                uv[in_front] = homogeneous[:, :2] / homogeneous[:, 2:]
        return uv, z

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for its image scaled to (width, height); the calibration's size must be known."""
        if self.size is None:
            raise ModMapError("K: the image size it belongs to is not known, so it cannot be scaled")
        sx, sy = width / self.size[0], height / self.size[1]
        scale = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
        return replace(self, K=scale @ self.K, size=(width, height))


@dataclass(frozen=True, eq=False)
class Frame:
    """The pixels of one view, in memory.

    Attributes:
        id: The view's name.
        image: (H, W) uint8 or uint16 gray image.
        depth: (H, W) float32 planar depth in mm, 0 where nothing was measured.
        camera: The camera at this image size, or None.
        notes: What was guessed or repaired on the way, one line each.
    """

    id: str
    image: Array
    depth: Array
    camera: Camera | None = None
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.depth.shape[0], self.depth.shape[1]


@dataclass(frozen=True, eq=False)
class View:
    """One viewpoint of a scan. Its files are read by `load`, not before.

    Args:
        id: The view's name; views of different scans are matched by it, never by position.
        image: File or array of the image, gray or colour, 8 or 16 bit.
        depth: File or array of the planar depth.
        camera: The calibration, or None: 2D maps still work, a volume does not.
        depth_unit: Millimetres per unit of the stored depth.
        far_is_background: The depth's maximum is a renderer's background and becomes 0.
        camera_looked_for: What the reader looked for, when there is no camera; goes into the error.
    """

    id: str
    image: Path | Array
    depth: Path | Array
    camera: Camera | None = None
    depth_unit: float = 1.0
    far_is_background: bool = False
    camera_looked_for: str = "no camera was given"

    def load(self) -> Frame:
        """Reads and checks the view's image and depth.

        Raises:
            ModMapError: a file is missing, damaged or of the wrong kind; image and depth differ in size; the
                calibration belongs to another image size.
        """
        image = to_gray(read_image(self.image) if isinstance(self.image, Path) else self.image)
        raw = read_depth(self.depth) if isinstance(self.depth, Path) else np.asarray(self.depth)
        if raw.shape != image.shape:
            raise ModMapError(
                f"{self._name('depth')}: expected the size of {self._name('image')}, "
                f"{image.shape[1]}x{image.shape[0]}, found {raw.shape[1]}x{raw.shape[0]}"
            )
        depth, notes = clean_depth(raw, unit=self.depth_unit, far_is_background=self.far_is_background)
        camera, fitted = self._fitted_camera(image.shape[1], image.shape[0])
        return Frame(self.id, image=image, depth=depth, camera=camera, notes=(*notes, *fitted))

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
                f"view {self.id}: K belongs to another image size: expected {width}x{height} (the image's) or a "
                f"scaled version of it, found {found}"
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
        name: The scan's name.
        views: The views, in order; their ids are unique.
        category: The kind of part, where known; multi-class models are conditioned on it.
        anomalous: The scan's label, where known.
        ground_truth: File of the defect voxels, where there is one (`modmap.datasets.read_ground_truth`).
        root: The directory it was read from.
        findings: What the reader found, guessed and missed.

    Raises:
        ModMapError: there is no view, or two views share an id.
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
        if not self.views:
            raise ModMapError(f"scan {self.name}: expected at least one view, found none")
        ids = [view.id for view in self.views]
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        if repeated:
            raise ModMapError(f"scan {self.name}: expected unique view ids, found {', '.join(repeated)} twice")

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


def _matrix(name: str, value: Any, *, shape: tuple[int, int]) -> Array:
    try:
        matrix = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModMapError(f"{name}: expected numbers, found {value!r}") from None
    if matrix.shape != shape:
        raise ModMapError(f"{name}: expected a {shape[0]}x{shape[1]} matrix, found shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ModMapError(f"{name}: expected finite numbers, found {matrix.tolist()}")
    return matrix


def _check_intrinsics(K: Array) -> None:
    if K[0, 0] <= 0 or K[1, 1] <= 0 or not np.allclose(K[2], [0, 0, 1]) or K[1, 0] != 0:
        raise ModMapError(
            f"K: expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with positive fx and fy, found {K.tolist()}"
        )


def _check_rigid(pose: Array) -> None:
    rotation = pose[:3, :3]
    error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
    determinant = float(np.linalg.det(rotation))
    if error > ROTATION_TOLERANCE or determinant < 0 or not np.allclose(pose[3], [0, 0, 0, 1]):
        raise ModMapError(
            "T_world_to_camera: expected a rotation and a translation with last row 0 0 0 1, found "
            f"|R R^T - 1| = {error:.3g}, det R = {determinant:.3g}, last row {pose[3].tolist()}"
        )
