"""Valid files made slightly wrong, as their kind is made: values and keys of JSON, lines and words of text, bytes."""

from __future__ import annotations

import json
import random
from typing import Any

VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        0.5,
        1e300,
        -1e300,
        10**30,
        2**63,
        "",
        "a",
        "..",
        "/",
        "\n",
        "\0",
        "\ud7ff",
        "é",
    ),
    *([], [[]], {}, {"": None}, [1, 2, 3], "x" * 3000, list(range(200))),
)
LITERALS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "9" * 400,
    '"\\ud800"',
    "[" * 2000,
    '{"a":1,"a":2}',
    "-0",
    "",
)
WORDS = (
    *(
        "",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "0x10",
        "--",
        "\t",
        "~",
        "!!python/name:os.system",
        "&a",
        "*a",
        "<<: *a",
    ),
    *(
        "? [a]",
        "1:",
        "2024-13-45",
        "[",
        "{",
        "}",
        ": :",
        "\ufeff",
        "\0",
        "|",
        "%YAML 9",
        "<",
        "</",
        "<a/>",
        "&lt;",
        "9" * 400,
    ),
)
EDGES = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\x80",
    b"\x80\0\0\0",
    b"\0\x01",
    b"\xff\xfe",
)


def mutated(seed: bytes, kind: str, rng: random.Random) -> bytes:
    """A seed with one to four changes."""
    data = seed
    for _ in range(rng.randint(1, 4)):
        if kind == "json" and rng.random() < 0.8:
            data = _json(data, rng)
        elif kind == "text" and rng.random() < 0.8:
            data = _text(data, rng)
        else:
            data = _bytes(data, rng)
    return data


def _json(data: bytes, rng: random.Random) -> bytes:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return _bytes(data, rng)
    places: list[tuple[Any, Any]] = []
    left = [content]
    while left:
        one = left.pop()
        items = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in items:
            places.append((one, key))
            left.append(value)
    if not places:
        return _bytes(data, rng)
    holder, key = rng.choice(places)
    way = rng.randrange(5)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[rng.choice(["", "k", str(key) + "s", "\n"])] = rng.choice(VALUES)
    elif way == 2:
        other, where = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[where]))
    elif way == 3:
        holder[key] = "@HERE@"
        return json.dumps(content).replace('"@HERE@"', rng.choice(LITERALS)).encode("utf-8", "surrogatepass")
    else:
        holder[key] = rng.choice(VALUES)
    return json.dumps(content).encode()


def _text(data: bytes, rng: random.Random) -> bytes:
    lines = data.decode("utf-8", "replace").split("\n")
    at = rng.randrange(len(lines))
    way = rng.randrange(4)
    if way == 0:
        lines.insert(at, rng.choice(lines))
    elif way == 1:
        del lines[at]
    else:
        words = lines[at].split(" ")
        place = rng.randrange(len(words))
        words[place] = rng.choice(WORDS) if way == 2 else words[place] + rng.choice(WORDS)
        lines[at] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _bytes(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return rng.randbytes(rng.randint(0, 20))
    at = rng.randrange(len(data))
    way = rng.randrange(6)
    if way == 0:
        return data[:at]
    if way == 1:
        return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
    if way == 2:
        edge = rng.choice(EDGES)
        return data[:at] + edge + data[at + len(edge) :]
    if way == 3:
        return data[:at] + rng.randbytes(rng.randint(1, 8)) + data[at:]
    if way == 4:
        end = min(len(data), at + rng.randint(1, 40))
        return data[:at] + data[end:]
    end = min(len(data), at + rng.randint(1, 40))
    return data[:end] + data[at:end] + data[end:]
