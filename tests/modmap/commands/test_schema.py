"""`modmap schema`, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator

Run = Callable[..., int]


class TestSchema:
    @pytest.mark.parametrize("name", ["summary", "defects", "scan"])
    def test_schema__is_printed_alone(self, run: Run, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("schema", name) == 0
        out, error = capsys.readouterr()
        Draft202012Validator.check_schema(json.loads(out))
        assert error == ""

    @pytest.mark.parametrize("words", [(), ("sumary",)])
    def test_schema__of_no_file(self, run: Run, words: tuple[str, ...]) -> None:
        assert run("schema", *words) == 2
