"""Opening `.npz` files so that a few megabytes can't ask for all memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile


@contextmanager
def opened_npz(path: Path, *, most_bytes: int) -> Iterator[NpzFile]:
    """An archive of arrays, none of them read yet; nothing is unpickled.

    Args:
        path: The file.
        most_bytes: That all arrays together may take, as the archive says; it never gives more than it says.

    Raises:
        ValueError: it is none, or they take more; or another library's error.
    """
    loaded = np.load(path, allow_pickle=False, mmap_mode="r")
    if isinstance(loaded, np.ndarray):
        raise ValueError(f"a single array {loaded.shape}")
    with loaded:
        size = sum(member.file_size for member in loaded.zip.infolist())
        if size > most_bytes:
            raise ValueError(
                f"{size / 1e9:.1f} GB of arrays, where at most {most_bytes / 1e9:.1f} GB can be meant"
            )
        yield loaded
