"""What a row of the table of bad inputs is, and the fault that rows have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.bad_inputs.workspace import Workspace

ANYTHING = "..."


@dataclass(frozen=True)
class Row:
    """One input, and what is expected of it.

    Attributes:
        name: Of the row; no two have the same.
        make: Spoils what the workspace has.
        run: The command's words, in which `{scan}` is a path of the workspace; or a call.
        says: The line that is expected: after what a command puts before an error, a note or a warning. `...` stands for
            anything, and `{scan}` for a path as above. Empty: the command succeeds and nothing of it is asked but
            `holds`.
        status: Of the command: 0 where the input is read, with a note or without.
        holds: What is true afterwards.
    """

    name: str
    make: Callable[[Workspace], object]
    run: str | Callable[[Workspace], object]
    says: str
    status: int = 1
    holds: Callable[[Workspace], bool] | None = None


@dataclass(frozen=True)
class Fault:
    """What is wrong with some inputs alike, as the page of errors tells it.

    Attributes:
        title: What a user would call it.
        means: What the messages say of the file or the words.
        do: What helps.
        rows: Inputs that have it.
    """

    title: str
    means: str
    do: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Subject:
    """A part of the page of errors: faults of one kind of file."""

    title: str
    faults: tuple[Fault, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all its faults."""
        return tuple(row for fault in self.faults for row in fault.rows)
