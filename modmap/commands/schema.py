"""`modmap schema`: the JSON Schemas of what other programs read and write."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from tyro.conf import Positional, arg


def schema(
    name: Annotated[Positional[Literal["summary", "defects", "scan"]], arg(metavar="summary|defects|scan")],
    /,
) -> int:
    """Print the JSON Schema (draft 2020-12) of a file: summary.json, defects.json or scan.json.

    Editors check a scan.json while it is written that has "$schema": "PATH" of the printed schema in it.

    Example: modmap schema scan > scan.schema.json

    Args:
        name: Of the file. modmap predict writes summary.json and defects.json, a scan's own is scan.json.
    """
    from modmap.runs.schemas import schema_of

    print(json.dumps(schema_of(name), indent=2))
    return 0
