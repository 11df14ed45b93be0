"""What a frozen network computes in, and whether the machine has it."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch

from modmap.errors import ModMapError
from modmap.types import Precision

_logger = logging.getLogger(__name__)


def computing_in(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """A context in which matrix products and convolutions are computed in a precision; weights stay as they are.

    Weights are rounded wherever they are used, so steps of a training may share a context: torch would keep what it
    rounded first until the context ends, and learn nothing from there on. Where a machine must emulate the precision, a
    warning says so once, since it takes many times as long there.

    Raises:
        ModMapError: torch computes in nothing but float32 on this kind of device.
    """
    wanted = settled(precision, device) != "float32"
    if not torch.amp.is_autocast_available(device.type):
        if wanted:
            raise ModMapError(
                f"precision: expected float32, all that torch {torch.__version__} computes in on {device.type}, found "
                f"{precision}"
            )
        return nullcontext()
    if wanted:
        _tell_if_emulated(device.type)
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted, cache_enabled=False)


@cache
def _tell_if_emulated(device_type: str) -> None:
    if emulates_bfloat16(device_type):
        _logger.warning(
            "precision: this machine (%s) has no bfloat16 and emulates it, which can take a hundred times as long; "
            "float32 is faster here",
            device_type,
        )


def settled(precision: Precision, device: torch.device) -> Precision:
    """`float32` or `bfloat16`: of `auto`, bfloat16 where the device is known to have it."""
    if precision != "auto":
        return precision
    return "bfloat16" if _has_bfloat16(device.type) else "float32"


def emulates_bfloat16(device_type: str) -> bool:
    """Whether a kind of device is known to have no bfloat16 of its own."""
    return _has_bfloat16(device_type) is False


def _has_bfloat16(device_type: str) -> bool | None:
    """Whether it has bfloat16 of its own; None where torch can't tell."""
    found = bfloat16_by(device_type)
    return None if found is None else bool(found)


def bfloat16_by(device_type: str) -> tuple[str, ...] | None:
    """What of a kind of device computes in bfloat16, such as `amx_bf16`; None where torch can't tell."""
    if device_type == "cuda":
        return ("cuda",) if torch.cuda.is_bf16_supported(including_emulation=False) else ()
    capabilities = getattr(torch.cpu, "get_capabilities", None)  # of newer releases of torch
    if device_type != "cpu" or capabilities is None:
        return None
    # avx512_bf16 and amx_bf16 on x86; ARM's names end alike.
    return tuple(name for name, has in capabilities().items() if has and name.endswith("bf16"))
