"""Which layout a directory is in, and every scan below one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from modmap.datasets.plain import SCAN, read_plain
from modmap.datasets.sim3d import layout_of, natural_key, read_sim3d
from modmap.datasets.transforms import TRANSFORMS, read_transforms
from modmap.errors import ModMapError
from modmap.scan import Scan

Failed = Callable[[str], None]

LOST = "lost+found"  # in the root of many disks, and only root's to open
SIGNS_OF_A_SCAN = f"{SCAN} or {TRANSFORMS}, or folders depth and rgb, or DEPTH and RGB"


def load_scan(directory: str | Path) -> Scan:
    """Opens the scan in a directory: one with a `scan.json`, one of SiM3D's, or one with a `transforms.json`.

    Raises:
        ModMapError: the directory is missing, in no known layout, or its scan cannot be used.
    """
    directory = Path(directory)
    if not directory.is_dir():
        found = "a file" if directory.exists() else "none"
        raise ModMapError(f"{directory}: expected the directory of a scan, found {found}")
    if (directory / SCAN).is_file():
        return read_plain(directory)
    if layout_of(directory) is not None:
        return read_sim3d(directory)
    if (directory / TRANSFORMS).is_file():
        return read_transforms(directory)
    names = sorted(path.name for path in directory.iterdir())
    found = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "") or "nothing"
    raise ModMapError(f"{directory}: expected {SIGNS_OF_A_SCAN}, found {found}")


def find_scans(directory: str | Path, *, failed: Failed | None = None) -> list[Scan]:
    """Opens every scan at or below a directory.

    Args:
        directory: A scan, or a directory of scans.
        failed: Called with a line on each that cannot be used, which is left out; None: it is an error.

    Raises:
        ModMapError: there is none, or, without `failed`, one cannot be used.
    """
    scans = []
    for path in scan_directories(directory, failed=failed):
        try:
            scans.append(load_scan(path))
        except (ModMapError, OSError) as error:
            if failed is None:
                raise
            failed(str(error))
    return scans


def scan_directories(directory: str | Path, *, failed: Failed | None = None) -> list[Path]:
    """The directory itself if it is a scan, else every scan below it, by name, each once; nothing is opened.

    Args:
        directory: A scan, or a directory of scans. Hidden folders in it, and a disk's `lost+found`, are passed over.
        failed: Called with a line on each folder that cannot be read; None: it is an error.

    Raises:
        ModMapError: the directory is missing, there is no scan in it, or, without `failed`, a folder cannot be read.
    """

    def unreadable(error: OSError) -> None:
        reason = f"{error.filename}: expected a folder that can be read, found {error.strerror}"
        if failed is None:
            raise ModMapError(reason)
        failed(reason)

    directory = Path(directory)
    if not directory.is_dir():
        found = "a file" if directory.exists() else "none"
        raise ModMapError(f"{directory}: expected a directory of scans, found {found}")
    found_scans: list[Path] = []
    seen: set[Path] = set()
    for place, folders, files in os.walk(directory, followlinks=True, onerror=unreadable):
        path = Path(place)
        # Links may lead to a directory twice, or round in a circle.
        is_new = path.resolve() not in seen
        seen.add(path.resolve())
        is_scan = is_new and (SCAN in files or TRANSFORMS in files or layout_of(path) is not None)
        if is_scan:
            found_scans.append(path)
        hidden = [name for name in folders if name.startswith(".") or name == LOST]
        folders[:] = [] if is_scan or not is_new else sorted(set(folders).difference(hidden))
    if not found_scans:
        raise ModMapError(
            f"{directory}: expected at least one scan at or below it ({SIGNS_OF_A_SCAN}), found none"
        )
    return sorted(found_scans, key=lambda path: [natural_key(part) for part in path.parts])
