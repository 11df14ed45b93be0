"""What a benchmark writes: its figures as JSON and its table as Markdown, each file in one piece."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modmap.files.atomic import atomic_file

RESULTS, TABLE = "results.json", "table.md"


def write_text(path: Path, text: str) -> None:
    """Writes a file in one piece."""
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Writes what `json` can, indented, in one piece."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_report(out: Path, results: Any, table: str) -> None:
    """Writes `results.json` and `table.md`, and prints the table.

    Args:
        out: The directory; made where there is none.
        results: What `json` can write.
        table: Markdown.
    """
    text = table.rstrip("\n") + "\n"
    write_json(out / RESULTS, results)
    write_text(out / TABLE, text)
    print(text)
