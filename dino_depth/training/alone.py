"""One run at a time in a directory: a second one would write over the first one's checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import gather_object  # type: ignore[import-untyped]

from dino_depth.atomic import PlaceError, held


@contextmanager
def alone(out: Path, accelerator: Accelerator) -> Iterator[None]:
    """Within it no other run writes to a directory; every process must call, the first one holds it.

    Args:
        out: Of the run; made where it is missing.
        accelerator: Of this process.

    Raises:
        PlaceError: on every process: another run is writing there, or the disk is full.
        OSError: the directory can't be written to.
    """
    with ExitStack() as holding:
        refused: PlaceError | None = None
        if accelerator.is_main_process:
            try:
                holding.enter_context(held(out, wait=0))
            except PlaceError as error:
                refused = error
        reasons = [reason for reason in gather_object([refused]) if reason is not None]
        if reasons:
            raise reasons[0]
        yield
