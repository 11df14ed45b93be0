"""Reading JSON and checking it against a pydantic model, every mistake said in one line."""

from __future__ import annotations

import difflib
import json
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from modmap.errors import ModMapError

Model = TypeVar("Model", bound=BaseModel)

SHOWN_VALUE_LENGTH = 60
MOST_DIGITS = (
    300  # of a whole number: more is none that means anything, and Python refuses to read a few thousand
)
ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def validate(model_class: type[Model], data: Any, *, where: str) -> Model:
    """Makes a model of plain data.

    Args:
        model_class: The pydantic model; give it `extra="forbid"` so that unknown keys are errors.
        data: What a JSON or YAML file held.
        where: The file or argument that the data came from; opens the error.

    Raises:
        ModMapError: one line: `where`, the path of the key, what is wrong with it and, for an unknown key,
            the nearest known one; says how many more mistakes there are.
    """
    if not isinstance(data, dict):
        raise ModMapError(f"{where}: expected an object of keys and values, found {_shown(data)}")
    try:
        return model_class.model_validate(data)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
    first = _most_telling(mistakes)
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    raise ModMapError(f"{where}: {_described(first, model_class)}{more}")


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        ModMapError: the file is missing, empty or not text, or as `parsed_json`.
    """
    if not path.is_file():
        raise ModMapError(f"{path}: expected a JSON file, found {'a directory' if path.is_dir() else 'none'}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModMapError(
            f"{path}: expected JSON text (UTF-8), found {error.reason} at byte {error.start}"
        ) from None
    except OSError as error:
        raise ModMapError(f"{path}: cannot be read: {error.strerror}") from None
    if not text.strip():
        raise ModMapError(f"{path}: expected JSON, found an empty file")

    return parsed_json(text, where=str(path))


def parsed_json(text: str, *, where: str) -> Any:
    """What a JSON text holds.

    Args:
        text: The text.
        where: The file that it is from; opens the error.

    Raises:
        ModMapError: it is broken (with line and column), repeats a key, is nested too deeply, or holds a number or a
            character that can't be.
    """

    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        if repeated:
            raise ModMapError(
                f"{where}: expected each key once, found {', '.join(repeated)} twice in one object"
            )
        return dict(pairs)

    def whole(digits: str) -> int:
        if len(digits) > MOST_DIGITS:
            raise ModMapError(
                f"{where}: expected numbers of at most {MOST_DIGITS} digits, found {len(digits)}"
            )
        return int(digits)

    try:
        data = json.loads(text, object_pairs_hook=without_repeats, parse_int=whole)
        if ESCAPED_SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ModMapError(
            f"{where}: broken JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except UnicodeEncodeError:
        raise ModMapError(
            f"{where}: expected characters of Unicode, found half of one (a surrogate by itself)"
        ) from None
    except RecursionError:
        raise ModMapError(
            f"{where}: expected JSON of a few levels, found lists or objects nested too deeply"
        ) from None
    return data


def renamed(data: Any, names: Mapping[str, str]) -> Any:
    """The keys of an object that was written under earlier names, by today's; for a model's `before` validator."""
    return {names.get(key, key): value for key, value in data.items()} if isinstance(data, dict) else data


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """ "; did you mean X?" with the nearest of the known names, else "; known are ..."."""
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(known)}"


def _most_telling(mistakes: list[ErrorDetails]) -> ErrorDetails:
    # A misspelt required key is two mistakes, a missing and an unknown one: the unknown one says more.
    unknown = [mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"]
    return (unknown or mistakes)[0]


def _described(mistake: ErrorDetails, model_class: type[BaseModel]) -> str:
    location = mistake["loc"]
    path = ".".join(map(str, location))
    if mistake["type"] == "extra_forbidden":
        owner = _model_at(model_class, location[:-1])
        return f"{path}: unknown key" + (did_you_mean(str(location[-1]), _keys(owner)) if owner else "")
    if mistake["type"] == "missing":
        return f"{path}: this key is required, found none"
    message = mistake["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message[:1].lower() + message[1:] if mistake["type"] != "value_error" else message
    message = message.replace("input should be", "expected")
    return (f"{path}: " if path else "") + f"{message}, found {_shown(mistake['input'])}"


def _keys(model_class: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model_class.model_fields.items()]


def _model_at(annotation: Any, location: Sequence[int | str]) -> type[BaseModel] | None:
    """The model that a path of keys and indices leads to; None where there is none."""
    below: list[Any]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not location:
            return annotation
        fields = annotation.model_fields.items()
        below = [info.annotation for name, info in fields if location[0] in (name, info.alias)]
        rest = location[1:]
    else:
        below = list(typing.get_args(annotation))
        # Optional, Union and Annotated add nothing to the path; a list or a dict adds its index or key.
        transparent = typing.get_origin(annotation) in (typing.Union, types.UnionType, Annotated)
        rest = location if transparent else location[1:]
        if not transparent and not location:
            return None
    found = (_model_at(argument, rest) for argument in below)
    return next((model_class for model_class in found if model_class), None)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN_VALUE_LENGTH else text[: SHOWN_VALUE_LENGTH - 3] + "..."
