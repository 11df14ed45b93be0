"""Numbers as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

NO_NUMBER = "–"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, *, decimals: int = 3) -> str:
    """A number with so many decimals, or a dash."""
    return NO_NUMBER if value is None else f"{value:,.{decimals}f}"
