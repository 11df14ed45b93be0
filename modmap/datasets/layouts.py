"""Which layout a directory is in, and every scan below one."""

from __future__ import annotations

import os
from pathlib import Path

from modmap.datasets.plain import SCAN, read_plain
from modmap.datasets.sim3d import layout_of, natural_key, read_sim3d
from modmap.errors import ModMapError
from modmap.scan import Scan

SIGNS_OF_A_SCAN = f"{SCAN}, or folders depth and rgb, or DEPTH and RGB"


def load_scan(directory: str | Path) -> Scan:
    """Opens the scan in a directory: one with a `scan.json`, or one of SiM3D's.

    Raises:
        ModMapError: the directory is missing, in neither layout, or its scan cannot be used.
    """
    directory = Path(directory)
    if not directory.is_dir():
        found = "a file" if directory.exists() else "none"
        raise ModMapError(f"{directory}: expected the directory of a scan, found {found}")
    if (directory / SCAN).is_file():
        return read_plain(directory)
    if layout_of(directory) is not None:
        return read_sim3d(directory)
    names = sorted(path.name for path in directory.iterdir())
    found = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "") or "nothing"
    raise ModMapError(f"{directory}: expected {SIGNS_OF_A_SCAN}, found {found}")


def find_scans(directory: str | Path) -> list[Scan]:
    """Opens every scan at or below a directory.

    Raises:
        ModMapError: there is none, or one cannot be used.
    """
    return [load_scan(path) for path in scan_directories(directory)]


def scan_directories(directory: str | Path) -> list[Path]:
    """The directory itself if it is a scan, else every scan below it, by name, each once; nothing is opened.

    Raises:
        ModMapError: the directory is missing, or there is no scan in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        found = "a file" if directory.exists() else "none"
        raise ModMapError(f"{directory}: expected a directory of scans, found {found}")
    found_scans: list[Path] = []
    seen: set[Path] = set()
    for place, folders, files in os.walk(directory, followlinks=True):
        path = Path(place)
        # Links may lead to a directory twice, or round in a circle.
        is_new = path.resolve() not in seen
        seen.add(path.resolve())
        is_scan = is_new and (SCAN in files or layout_of(path) is not None)
        if is_scan:
            found_scans.append(path)
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = [] if is_scan or not is_new else sorted(set(folders).difference(hidden))
    if not found_scans:
        raise ModMapError(
            f"{directory}: expected at least one scan at or below it ({SIGNS_OF_A_SCAN}), found none"
        )
    return sorted(found_scans, key=lambda path: [natural_key(part) for part in path.parts])
