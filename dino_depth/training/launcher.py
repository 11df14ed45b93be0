"""What `accelerate launch` was asked for, which isn't always what it does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import yaml

LAUNCHERS = ("accelerate", "accelerate-launch", "accelerate.commands.launch")


def processes_asked() -> int | None:
    """How many processes the launcher that began this one was asked for.

    None where accelerate didn't begin it or wasn't asked for a number, and on systems other than Linux, where a process
    doesn't see how another one was begun.
    """
    try:
        words = Path(f"/proc/{os.getppid()}/cmdline").read_text(encoding="utf-8").split("\0")
    except (OSError, ValueError):
        return None
    return asked_of(words)


def asked_of(words: Sequence[str]) -> int | None:
    """The number of processes that a command line asks accelerate for, itself or by its configuration file."""
    begun = next((at for at, word in enumerate(words) if Path(word).name in LAUNCHERS), None)
    if begun is None:
        return None
    asked: dict[str, str] = {}
    options = iter(words[begun + 1 :])
    for word in options:
        if word.endswith(".py") or word in ("-m", "--module"):
            break  # what follows is the script's own
        name, given, value = word.partition("=")
        name = name.lstrip("-").replace("-", "_")
        if name in ("num_processes", "config_file"):
            asked[name] = value if given else next(options, "")
    text = asked.get("num_processes")
    if text is None and "config_file" in asked:
        try:
            content = yaml.safe_load(Path(asked["config_file"]).read_text(encoding="utf-8"))
            text = str(content["num_processes"])
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
            return None
    return int(text) if text is not None and text.isdecimal() else None
