"""Whether a scan is still the one that a result was made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from modmap.scan import Scan, View


def scan_state(scan: Scan) -> str:
    """A digest that changes when a scan does: its views, their cameras and units, or one of its files.

    A file counts as changed when its place, its size or its time does; it isn't read.
    """
    return _digest(scan, root=None)


def content_state(scan: Scan) -> str:
    """As `scan_state`, but the same for a scan that was moved, or copied with its files' times."""
    return _digest(scan, root=scan.root)


def _digest(scan: Scan, *, root: Path | None) -> str:
    digest = hashlib.sha256()
    for view in scan.views:
        for part in _parts(view, root):
            digest.update(part)
            digest.update(b"\0")
    return digest.hexdigest()


def _parts(view: View, root: Path | None) -> Iterator[bytes]:
    yield f"{view.id} {view.depth_unit!r} {view.far_is_background} {view.depth_limit!r}".encode()
    yield from (_content(view.image, root), _content(view.depth, root))
    if view.camera is not None:
        for one in (view.camera.K, view.camera.T_world_to_camera, view.camera.distortion):
            yield b"" if one is None else one.tobytes()
        yield repr(view.camera.size).encode()


def _content(pixels: Any, root: Path | None) -> bytes:
    if isinstance(pixels, Path):
        place = _place(pixels, root)
        try:
            found = pixels.stat()
        except OSError:
            return f"{place} missing".encode()
        return f"{place} {found.st_size} {found.st_mtime_ns}".encode()
    if callable(pixels):
        return b"computed"
    array = np.ascontiguousarray(pixels)
    return f"{array.shape} {array.dtype} ".encode() + hashlib.sha256(array.tobytes()).digest()


def _place(file: Path, root: Path | None) -> Path:
    """A file's path, from the root where it lies below it."""
    if root is not None and file.resolve().is_relative_to(root.resolve()):
        return file.resolve().relative_to(root.resolve())
    return file.resolve()
