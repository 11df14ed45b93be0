"""The exceptions that dino_depth raises for input it cannot use, and an error as one line."""

from __future__ import annotations

import sys

from dino_depth.atomic import PlaceError


class DinoDepthError(ValueError):
    """Input that cannot be used.

    The message is one line that names the file or setting, what was expected and what was found, so that a command can
    print it as it stands.
    """


class ConfigError(DinoDepthError):
    """A recipe that cannot be used; every process of a run finds the same."""


def one_line(error: BaseException | str, *, longest: int | None = None) -> str:
    """What an error says, all white space in it a single space; the name of its type where it says nothing.

    Args:
        error: Any; or another library's text.
        longest: Characters that are kept; None: all.
    """
    text = " ".join(str(error).split())
    if not text and isinstance(error, BaseException):
        text = type(error).__name__
    return text[:longest]


def refused(program: str, error: BaseException) -> int:
    """Says on the standard error why a command stops; returns its exit status.

    That is 1 where the disk is full or another process writes to the place, and 2 for an input that can't be used.
    """
    print(f"{program}: error: {error}", file=sys.stderr)
    return 1 if isinstance(error, PlaceError) else 2
