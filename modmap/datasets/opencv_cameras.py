"""The calibration that SiM3D's scanner software writes: OpenCV's `calib.xml`, and `pose.txt`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from modmap.datasets.camera_models import FOUR_COEFFICIENTS, other_model, refusal
from modmap.datasets.units import guess_pose_unit
from modmap.errors import ModMapError, one_line
from modmap.scan import Finding
from modmap.types import Array

LONGEST_SIDE = 2**20  # pixels


@dataclass(frozen=True, eq=False)
class Intrinsics:
    """What `calib.xml` says of the left camera.

    Attributes:
        K: (3, 3) intrinsics, pixels.
        distortion: OpenCV coefficients, or None.
        size: (width, height) of the calibrated image, or None where the file does not say.
        findings: What was guessed and missed.
    """

    K: Array
    distortion: Array | None
    size: tuple[int, int] | None
    findings: tuple[Finding, ...]


def read_calib_xml(path: Path) -> Intrinsics:
    """Reads `mtxL`, `distL`, `wL` and `hL` of an OpenCV FileStorage; all but `mtxL` may be missing.

    Raises:
        ModMapError: the file is damaged, or has no `mtxL`.
    """
    try:
        # A file that OpenCV cannot parse leaves its constructor by way of a SystemError.
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    except (cv2.error, SystemError):
        raise ModMapError(
            f"{path}: expected an OpenCV FileStorage, found one that cannot be parsed"
        ) from None
    try:
        _require_pinhole(storage, path)
        K, distortion = storage.getNode("mtxL").mat(), storage.getNode("distL").mat()
        size = int(storage.getNode("wL").real()), int(storage.getNode("hL").real())
    except UnicodeDecodeError:  # of a key or a word
        raise ModMapError(f"{path}: expected text, found other bytes") from None
    except (cv2.error, SystemError) as error:
        raise ModMapError(
            f"{path}: expected mtxL, distL, wL and hL, found a broken one ({one_line(error)})"
        ) from None
    finally:
        storage.release()
    if K is None:
        raise ModMapError(f"{path}: expected the camera matrix mtxL, found none")
    if max(size) > LONGEST_SIDE:  # what OpenCV makes of a word
        raise ModMapError(f"{path}: expected wL and hL in pixels, found no such numbers")
    findings: list[Finding] = []
    if min(size) <= 0:
        findings.append(Finding("missed", f"image size of the calibration: {path} has no wL and hL"))
    if distortion is not None and np.any(distortion):
        text = (
            f"distortion: the images and depth maps are not undistorted, so distL of {path} applies to them"
        )
        findings.append(Finding("guessed", text))
    if distortion is not None and distortion.size == 4 and np.any(distortion):
        findings.append(Finding("found", f"{path}: {FOUR_COEFFICIENTS}"))
    return Intrinsics(np.asarray(K), distortion, size if min(size) > 0 else None, tuple(findings))


def _require_pinhole(storage: cv2.FileStorage, path: Path) -> None:
    for key in storage.root().keys():  # noqa: SIM118
        node = storage.getNode(key)
        said = f"{key} {node.string() if node.isString() else ''}"
        name = other_model(said)
        if name is not None and not (node.isInt() and node.real() == 0):
            raise ModMapError(f"{path}: {key}: {refusal(name)}")


def read_poses(path: Path, *, typical_depth_mm: float | None) -> tuple[Array, Finding]:
    """Reads `pose.txt`: one row-major 4x4 camera-to-world transform per line.

    The file does not say its unit, which is guessed.

    Args:
        path: The file.
        typical_depth_mm: Median depth of the scan, where there is any.

    Returns:
        (N, 4, 4) camera-to-world, mm, and the guess of the unit.

    Raises:
        ModMapError: a line does not have 16 numbers.
    """
    matrices = read_matrices(path)
    unit, finding = guess_pose_unit(matrices[:, :3, 3], typical_depth_mm)
    matrices[:, :3, 3] *= unit
    return matrices, finding


def read_matrices(path: Path) -> Array:
    """(N, 4, 4) the matrices of a text file with one, row by row, a line, in its own unit.

    Raises:
        ModMapError: a line does not have 16 numbers, or there is none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ModMapError(f"{path}: expected text, found other bytes") from None
    poses = [_pose(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not poses:
        raise ModMapError(f"{path}: expected one pose per line, found an empty file")
    return np.stack(poses)


def _pose(path: Path, number: int, line: str) -> Array:
    words = line.replace(",", " ").split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        raise ModMapError(
            f"{path}: line {number}: expected 16 numbers, found {line.strip()[:60]!r}"
        ) from None
    if len(values) != 16:
        raise ModMapError(f"{path}: line {number}: expected 16 numbers, found {len(values)}")
    return values.reshape(4, 4)
