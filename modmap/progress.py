"""Progress on the terminal: how far a fit or a prediction is, and what the loss does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Stage:
    """One line of progress; silent where progress was not asked for."""

    def __init__(self, progress: Progress | None, description: str, total: int) -> None:
        self._progress = progress
        self._task = None if progress is None else progress.add_task(description, total=total, detail="")

    def advance(self, detail: str = "") -> None:
        """One more step is done."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, advance=1, detail=detail)


@contextmanager
def stage(description: str, *, total: int, shown: bool) -> Iterator[Stage]:
    """Shows a bar on standard error while its body runs."""
    if not shown:
        yield Stage(None, description, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Stage(progress, description, total)
