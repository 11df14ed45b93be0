"""One-line errors for broken and mistaken configuration files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from modmap.errors import ModMapError
from modmap.files.validated_json import did_you_mean, read_json, validate


def _even(value: object) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError("expected an even number")
    return value


class Wheel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    radius: float
    spokes: Annotated[int, BeforeValidator(_even)] = 8


class Cart(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    kind: Literal["hand", "horse"] = "hand"
    wheels: list[Wheel] = []
    spare: Wheel | None = None
    parts: dict[str, Wheel] = {}
    load_limit: float = Field(default=1.0, gt=0)


def _error(data: object) -> str:
    with pytest.raises(ModMapError) as raised:
        validate(Cart, data, where="cart.json")
    message = str(raised.value)
    assert "\n" not in message
    return message


class TestValidate:
    def test_validate__good(self) -> None:
        cart = validate(Cart, {"name": "a", "wheels": [{"radius": 2}]}, where="cart.json")
        assert cart.wheels[0].radius == 2.0

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            ({"name": "a", "lod_limit": 2}, "cart.json: lod_limit: unknown key; did you mean load_limit?"),
            (
                {"name": "a", "wheels": [{"radius": 1}, {"raduis": 1}]},
                "cart.json: wheels.1.raduis: unknown key; did you mean radius? (and 1 more)",
            ),
            (
                {"name": "a", "spare": {"radius": 1, "spoke": 4}},
                "cart.json: spare.spoke: unknown key; did you mean spokes?",
            ),
            (
                {"name": "a", "parts": {"x": {"radius": 1, "zzz": 4}}},
                "cart.json: parts.x.zzz: unknown key; known are radius, spokes",
            ),
            ({}, "cart.json: name: this key is required, found none"),
            ([], "cart.json: expected an object of keys and values, found []"),
            ({"name": 3}, "cart.json: name: expected a valid string, found 3"),
            (
                {"name": "a", "spare": {"radius": 1, "spokes": 3}},
                "cart.json: spare.spokes: expected an even number, found 3",
            ),
            ({"name": "a", "kind": "dog"}, "cart.json: kind: expected 'hand' or 'horse', found \"dog\""),
            ({"name": "a", "load_limit": 0}, "cart.json: load_limit: expected greater than 0, found 0"),
        ],
    )
    def test_validate__mistake(self, data: object, expected: str) -> None:
        assert _error(data) == expected

    def test_validate__long_value_is_cut(self) -> None:
        assert len(_error({"name": list(range(1000))})) < 150


class TestReadJson:
    def test_read_json__good(self, tmp_path: Path) -> None:
        file = tmp_path / "a.json"
        file.write_bytes(b'\xef\xbb\xbf{"a": [1, null]}')
        assert read_json(file) == {"a": [1, None]}

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b'{"a": 1,\n  "b" 2}', "broken JSON at line 2, column 7"),
            (b'{"a": 1', "broken JSON at line 1, column 8"),
            (b" \n", "expected JSON, found an empty file"),
            (b'{"v": {"a": 1, "a": 2}}', "expected each key once, found a twice"),
            (b'{"a": "\xff"}', "expected JSON text (UTF-8)"),
            (b'{"K": ' + b"9" * 5000 + b"}", "expected numbers of at most 300 digits, found 5000"),
            (b"[" * 100_000, "expected JSON of a few levels, found lists or objects nested too deeply"),
            (b'{"a": "\\ud800.png"}', "expected characters of Unicode, found half of one"),
        ],
    )
    def test_read_json__broken(self, tmp_path: Path, content: bytes, expected: str) -> None:
        file = tmp_path / "a.json"
        file.write_bytes(content)
        with pytest.raises(ModMapError) as raised:
            read_json(file)
        assert str(raised.value).startswith(f"{file}: {expected}")
        assert "\n" not in str(raised.value)

    def test_read_json__a_whole_character_of_two_escapes(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text('{"a": "\\ud83d\\ude00"}')
        assert read_json(tmp_path / "a.json") == {"a": "\U0001f600"}

    def test_read_json__missing(self, tmp_path: Path) -> None:
        with pytest.raises(ModMapError, match="expected a JSON file, found none"):
            read_json(tmp_path / "a.json")
        with pytest.raises(ModMapError, match="expected a JSON file, found a directory"):
            read_json(tmp_path)


class TestDidYouMean:
    def test_did_you_mean__near_and_far(self) -> None:
        assert did_you_mean("plastic_stol", ["plastic_stool", "container"]) == "; did you mean plastic_stool?"
        assert did_you_mean("qqq", ["plastic_stool", "container"]) == "; known are plastic_stool, container"
