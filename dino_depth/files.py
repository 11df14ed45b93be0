"""Text and JSON read with errors of one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dino_depth.errors import DinoDepthError, one_line

Kept = TypeVar("Kept", bound=BaseModel)
SHOWN = 60  # characters of a value that is wrong


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        DinoDepthError: it isn't UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DinoDepthError(f"{path}: expected text in UTF-8, found {one_line(error)}") from None


def read_json(path: Path, *, what: str) -> dict[str, Any]:
    """The keys and values of a JSON file.

    Args:
        path: The file.
        what: It should be, for the error.

    Raises:
        DinoDepthError: it is missing or damaged, or has something else than keys and values.
    """
    try:
        content = parsed_json(path.read_bytes())
    except FileNotFoundError:
        raise DinoDepthError(f"{path}: expected {what}, found no file") from None
    except OSError as error:
        raise DinoDepthError(f"{path}: expected {what}, found {error.strerror}") from None
    except ValueError as error:
        raise DinoDepthError(f"{path}: expected {what}, found a damaged file ({one_line(error)})") from None
    if not isinstance(content, dict):
        raise DinoDepthError(f"{path}: expected {what}, found a {type(content).__name__}")
    return content


def parsed_json(text: str | bytes) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: it is broken, nested too deeply, or holds a number or a character that can't be.
    """

    def none_such(name: str) -> float:
        raise ValueError(f"expected finite numbers, found {name}")

    try:
        content = json.loads(text, parse_constant=none_such)
        json.dumps(content, ensure_ascii=False).encode()  # half of a character can't be written again
    except RecursionError:
        raise ValueError("lists or objects nested too deeply") from None
    return content


def checked(model_class: type[Kept], data: Any, *, where: Path, what: str) -> Kept:
    """Plain data as a model of it.

    Raises:
        DinoDepthError: a key is missing, or a value is out of its range; names the first.
    """
    try:
        return model_class.model_validate(data)
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
    key = ".".join(map(str, mistake["loc"]))
    message = mistake["msg"].removeprefix("Value error, ")
    raise DinoDepthError(
        f"{where}: expected {what}, found {key} {str(mistake['input'])[:SHOWN]!r}: {message[:1].lower()}{message[1:]}"
    )
