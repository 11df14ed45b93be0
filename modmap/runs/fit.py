"""A fit that ends on disk, and resumes after it was killed on the way."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from modmap.detector.model import ModMap
from modmap.files.atomic import held
from modmap.scan import Scan


def fit_and_save(
    model: ModMap,
    scans: Scan | Sequence[Scan],
    directory: Path,
    *,
    progress: bool = False,
    include_encoders: bool = False,
) -> None:
    """Fits a model and writes it.

    Args:
        model: Changed in place.
        scans: Nominal scans.
        directory: The model's; what is kept on the way lies in a hidden one beside it until the model is written.
        progress: Show bars on standard error.
        include_encoders: As in `ModMap.save_pretrained`.

    Raises:
        ModMapError: as `ModMap.fit` and `ModMap.save_pretrained`.
        BusyError: another process is fitting a model for this directory.
        FullDiskError: the disk is full; a model that was there stays.
    """
    place = directory.resolve()
    keep = place.with_name(f".{place.name}.fit")
    with held(keep, wait=0, name=directory):
        model.fit(scans, progress=progress, keep=keep)
        model.save_pretrained(directory, include_encoders=include_encoders)
        shutil.rmtree(keep, ignore_errors=True)
