"""The settings that a directory was begun with, so that it is never finished with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.runs.files import write_json
from modmap.files.validated_json import read_json


class SettingsError(ValueError):
    """A directory was begun with other settings."""


def keep_settings(out: Path, settings: Mapping[str, Any], *, file: str) -> None:
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
        begun = read_settings(path)
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
    write_json(path, settings)


def read_settings(path: Path) -> dict[str, Any]:
    """The settings that a directory was begun with.

    Raises:
        SettingsError: it has none.
        ModMapError: they aren't JSON.
    """
    if not path.is_file():
        raise SettingsError(f"{path}: expected the settings that the directory was begun with, found none")
    settings = read_json(path)
    if not isinstance(settings, dict):
        raise SettingsError(f"{path}: expected settings by name, found {type(settings).__name__}")
    return settings
