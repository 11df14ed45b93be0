"""Views made of organised point clouds: their depth, image and camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from modmap.camera import Camera
from modmap.errors import ModMapError
from modmap.files.images import check_image, read_image, to_gray, to_rgb
from modmap.importing.cloud import Cloud, CloudFile
from modmap.importing.cloud_camera import SeenFrom, cloud_poses, posed_camera, seen_from
from modmap.scan import Frame
from modmap.types import Array

GRAY = 128  # of a view without an image
IMAGE_ENDINGS = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")


class CloudViews:
    """Makes the frames of a scan's clouds, one in memory at a time.

    Where no poses are given, whether any are known depends on all clouds: each is then read twice.

    Args:
        files: The views' files.
        unit: Millimetres per unit of the points, for formats that don't say it.
        poses: (4, 4) that carries a view's points into the world, mm, by view id, where they are given.
        images: A directory with an image for each view, called as the view; None: those of the clouds.
        notes: Gets a line on what was found and taken for granted.

    Raises:
        ModMapError: the unit isn't known, or, without poses, a cloud can't be used.
    """

    def __init__(
        self,
        files: Sequence[CloudFile],
        *,
        unit: float | None,
        poses: Mapping[str, Array] | None,
        images: Path | None,
        notes: list[str],
    ) -> None:
        self._images, self._notes = images, notes
        self._units = {file.view_id: _unit(file, unit) for file in files}
        self._seen: dict[str, SeenFrom] = {}
        self._poses = poses
        if poses is None:
            for file in files:
                self._read(file)
            self._poses = cloud_poses(files, self._seen, self._units[files[0].view_id])
        if self._poses is None:
            notes.append(
                f"no pose is known, so that the {len(files)} views get no cameras: every cloud lies before its own "
                "camera. Name the poses with --poses"
            )

    def frame(self, file: CloudFile) -> Frame:
        """Reads a cloud and makes its view.

        Raises:
            ModMapError: the cloud or its image can't be used, or no camera sees its points at their pixels.
        """
        cloud, points = self._read(file)
        seen = self._seen[file.view_id]
        if seen.mirrored:
            points = points[::-1]
        camera = None
        if self._poses is not None:
            camera = posed_camera(seen.fitted, self._poses[file.view_id], where=_where(file))
        depth = _depth(points, seen.fitted.camera)
        image = self._image(file, cloud, depth.shape, mirrored=seen.mirrored)
        self._notes.extend(f"{_where(file)}: {note}" for note in (_told(seen), *cloud.notes))
        return Frame(file.view_id, to_gray(image), depth, camera, colour=to_rgb(image))

    def _read(self, file: CloudFile) -> tuple[Cloud, Array]:
        """The cloud, and its points in millimetres; its camera is kept."""
        cloud = file.read()
        points = cloud.points * self._units[file.view_id]
        if file.view_id not in self._seen:
            self._seen[file.view_id] = seen_from(points, where=_where(file))
        return cloud, points

    def _image(self, file: CloudFile, cloud: Cloud, shape: tuple[int, ...], *, mirrored: bool) -> Array:
        if self._images is not None:
            path = named_file(self._images, file.view_id, IMAGE_ENDINGS, what="the image of a view")
            image = read_image(path)
            if image.shape[:2] != shape:
                found = "x".join(map(str, image.shape[1::-1]))
                raise ModMapError(f"{path}: expected the points' size, {shape[1]}x{shape[0]}, found {found}")
            return image
        if cloud.image is None:
            self._notes.append(
                f"{_where(file)}: neither intensity nor colour: its image is plain gray, and only geometry can "
                "speak (name "
                "photographs with --images)"
            )
            return np.full(shape, GRAY, dtype=np.uint8)
        image = check_image(cloud.image, where=str(file.path))
        return np.ascontiguousarray(image[::-1] if mirrored else image)


def named_file(directory: Path, name: str, endings: tuple[str, ...], *, what: str) -> Path:
    """The one file of a directory that is called by a name and one of some endings.

    Raises:
        ModMapError: there is none, or more than one.
    """
    paths = {directory / f"{name}{case}" for ending in endings for case in (ending, ending.upper())}
    found = sorted(path.name for path in paths if path.is_file())
    if len(found) != 1:
        raise ModMapError(
            f"{directory}: expected {what}, {name} with an ending of {', '.join(endings)}, found "
            f"{', '.join(found) or 'none'}"
        )
    return directory / found[0]


def _where(file: CloudFile) -> str:
    return f"{file.path}: view {file.view_id}"


def _unit(file: CloudFile, given: float | None) -> float:
    kind = file.path.suffix.lower()
    if file.unit is None and given is None:
        raise ModMapError(
            f"{file.path}: expected the unit of its lengths, which a {kind} file doesn't say, found none: name "
            "it with --unit "
            "(m, mm, 0.1mm or millimetres per unit)"
        )
    if file.unit is not None and given not in (None, file.unit):
        raise ModMapError(
            f"{file.path}: expected no --unit, as a {kind} file is in units of {file.unit:g} mm, found one of "
            f"{given:g} mm"
        )
    return float(file.unit or given or 1.0)


def _told(seen: SeenFrom) -> str:
    if seen.own_frame:
        return f"camera fitted to the points: {seen.fitted}"
    up = ", its rows running upwards" if seen.mirrored else ""
    return f"the points aren't in the camera's frame{up}; its pose was found from them: {seen.fitted}"


def _depth(points: Array, camera: Camera) -> Array:
    """(H, W) float32 planar depth in the camera's frame; 0 where nothing was measured, or it would be behind."""
    T = camera.T_world_to_camera
    z = points @ T[2, :3] + T[2, 3]
    return np.where(np.isfinite(z) & (z > 0), z, 0).astype(np.float32)
