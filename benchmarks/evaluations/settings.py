"""The settings that a directory was begun with, so that it is never finished with others."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SETTINGS = "cadscan.json"


class SettingsError(ValueError):
    """A directory was begun with other settings."""


def keep_settings(out: Path, settings: Mapping[str, Any], *, file: str = SETTINGS) -> None:
    """Writes the settings into a new directory, or checks them against those that it was begun with.

    Args:
        out: The directory.
        settings: What `json` can write.
        file: Where they are kept in it.

    Raises:
        SettingsError: they differ, or the directory has files of something else.
    """
    path = out / file
    if path.is_file():
        begun = json.loads(path.read_text(encoding="utf-8"))
        wanted = json.loads(json.dumps(settings))
        for name in sorted({*begun, *wanted}):
            if begun.get(name) != wanted.get(name):
                raise SettingsError(
                    f"{path}: expected {name} {begun.get(name)}, as {out} was begun with, "
                    f"found {wanted.get(name)}; name another directory"
                )
        return
    if out.exists() and any(not path.name.startswith(".") for path in out.iterdir()):
        raise SettingsError(f"{out}: expected a new or empty directory, or one with a {file}")
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f".{file}.partial-{os.getpid()}"
    partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


def read_settings(out: Path) -> dict[str, Any]:
    """The settings that a directory was begun with.

    Raises:
        SettingsError: it has none.
    """
    path = out / SETTINGS
    if not path.is_file():
        raise SettingsError(f"{path}: expected the settings of a made data set, found none")
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return settings
