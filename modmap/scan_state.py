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

    A file counts as changed when its size or its time does; it isn't read.
    """
    digest = hashlib.sha256()
    for view in scan.views:
        for part in _parts(view):
            digest.update(part)
            digest.update(b"\0")
    return digest.hexdigest()


def _parts(view: View) -> Iterator[bytes]:
    yield f"{view.id} {view.depth_unit!r} {view.far_is_background} {view.depth_limit!r}".encode()
    yield from (_content(view.image), _content(view.depth))
    if view.camera is not None:
        for one in (view.camera.K, view.camera.T_world_to_camera, view.camera.distortion):
            yield b"" if one is None else one.tobytes()
        yield repr(view.camera.size).encode()


def _content(pixels: Any) -> bytes:
    if isinstance(pixels, Path):
        try:
            found = pixels.stat()
        except OSError:
            return f"{pixels.resolve()} missing".encode()
        return f"{pixels.resolve()} {found.st_size} {found.st_mtime_ns}".encode()
    if callable(pixels):
        return b"computed"
    array = np.ascontiguousarray(pixels)
    return f"{array.shape} {array.dtype} ".encode() + hashlib.sha256(array.tobytes()).digest()
