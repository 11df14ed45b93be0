"""Where tensors live."""

from __future__ import annotations

import torch

from modmap.errors import ModMapError, one_line


def choose_device(name: str) -> torch.device:
    """The device of a name; `auto` is CUDA where there is any, else the CPU.

    Raises:
        ModMapError: torch can't use it here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception as error:
        raise ModMapError(
            f"device: expected one that torch can use here, found {name!r} ({one_line(error)})"
        ) from None
    return device
