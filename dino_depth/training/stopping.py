"""A run that is told to stop, as a cluster tells one whose time is up, keeps what it has done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accelerate import Accelerator  # type: ignore[import-untyped]

STOPPED = 128 + int(signal.SIGTERM)
"""The exit status of a process that SIGTERM ended."""


@contextmanager
def stopping_on_sigterm(accelerator: Accelerator) -> Iterator[None]:
    """Within it, SIGTERM sets the accelerator's trigger, which `accelerator.check_trigger` tells all processes of.

    Outside of a main thread, which alone may say what a signal does, it does what it did.

    Args:
        accelerator: Of this process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def trigger(*_: Any) -> None:
        accelerator.set_trigger()

    before = signal.signal(signal.SIGTERM, trigger)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
