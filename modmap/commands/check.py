"""`modmap check`: what a scan holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def check(
    directory: Annotated[Positional[Path], arg(metavar="DIR")],
    /,
    model: Annotated[str | None, arg(metavar="MODEL")] = None,
) -> int:
    """Print what a scan holds, what was guessed and missed, how well its views agree in 3D, and what a fit refuses.

    Exits with 1 if a scan can't be used, and with 4 if one can, but shows too little of MODEL's nominal part to pass.

    Example: modmap check new_part/ --model model/

    Args:
        directory: A scan, or a directory of scans.
        model: Also ask what a prediction by this model would: the views, the unit, how much of the part is shown.
    """
    from modmap.check.check import check_status

    if model is None:
        return check_status(directory)
    from modmap.detector.model import ModMap

    return check_status(directory, model=ModMap.from_pretrained(model, device="cpu"))
