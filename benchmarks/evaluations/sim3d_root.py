"""Where SiM3D, or a data set of its shape, is on disk; and fetching it from the hub, once its size was agreed to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from modmap.errors import ModMapError, one_line

VARIABLE = "SIM3D_ROOT"
DEFAULT = Path("data/SiM3D")
HUB_NAME = "arcanoXIII/SiM3D"
LONGEST_REASON = 120


def find_root(given: Path | None, *, download: bool = False) -> Path:
    """The data set's directory.

    Args:
        given: As named by the user; by default `$SIM3D_ROOT`, else `data/SiM3D`.
        download: Fetch the set without asking, where it is missing and the hub answers.

    Raises:
        ModMapError: it isn't there, and wasn't fetched.
    """
    root = given or Path(os.environ.get(VARIABLE) or DEFAULT)
    if root.is_dir():
        return root
    if (given is None and VARIABLE not in os.environ) or download:
        _fetch(root, unasked=download)
    if root.is_dir():
        return root
    raise ModMapError(
        f"{root}: expected a directory in SiM3D's layout, found none; set {VARIABLE} to where one is, or make a "
        f"simulated one with `make sim3d-mini` and set {VARIABLE}=data/sim3d-mini/work"
    )


def _fetch(root: Path, *, unasked: bool) -> None:
    """Downloads the set if the hub has it and the user agrees to its size; else does nothing."""
    from huggingface_hub import HfApi, snapshot_download

    try:
        info = HfApi().dataset_info(HUB_NAME, files_metadata=True, timeout=8)
    except Exception as error:
        if unasked:
            reason = one_line(error, LONGEST_REASON)
            raise ModMapError(f"{HUB_NAME}: cannot be fetched from the hub ({reason})") from None
        return
    size = sum(file.size or 0 for file in info.siblings or ())
    if not unasked:
        if not sys.stdin.isatty():
            print(f"{HUB_NAME} ({size / 1e9:.1f} GB) is on the hub: --download fetches it", file=sys.stderr)
            return
        answer = input(f"Download {HUB_NAME}, {size / 1e9:.1f} GB, to {root}? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            return
    try:
        snapshot_download(HUB_NAME, repo_type="dataset", local_dir=root.with_name(f".{root.name}.partial"))
    except Exception as error:
        reason = one_line(error, LONGEST_REASON)
        raise ModMapError(
            f"{HUB_NAME}: the download broke off ({reason}); the same command resumes"
        ) from None
    os.replace(root.with_name(f".{root.name}.partial"), root)
