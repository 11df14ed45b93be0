"""`modmap watch`: score scans as they arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

Formats = tuple[Literal["npz", "ply", "vti"], ...]


def watch(
    model: Annotated[Positional[str], arg(metavar="MODEL")],
    directory: Annotated[Positional[Path], arg(metavar="DIR")],
    /,
    output: Annotated[Path, arg(aliases=["-o"], metavar="DIR")],
    formats: Formats = ("npz", "ply", "vti"),
    overlays: bool = True,
    category: Annotated[str | None, arg(metavar="NAME")] = None,
    image_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    depth_encoder: Annotated[str | None, arg(metavar="NAME")] = None,
    device: str = "auto",
    nominal: Annotated[Path | None, arg(metavar="DIR")] = None,
    settled: Annotated[float, arg(metavar="SECONDS")] = 5.0,
    every: Annotated[float, arg(metavar="SECONDS")] = 1.0,
    idle: Annotated[float | None, arg(metavar="SECONDS")] = None,
) -> int:
    """Score scans as they arrive in DIR, a line each, with the results of `modmap predict` in OUTPUT/SCAN/.

    The model stays loaded. A scan is taken once none of its files has changed for some seconds; one that OUTPUT already
    has isn't scored again, and one that changes later is. A scan that can't be used is told on standard error and left.
    Ctrl-C or SIGTERM ends it after the scan in hand, with exit status 0.

    Example: modmap watch model/ arriving/ -o out/ --settled 10

    Args:
        model: Directory of a model, or ORG/NAME on the Hugging Face hub.
        directory: Where scans arrive, each in a directory of its own.
        output: Where the results go; not in DIR.
        formats: Of the volume: npz for NumPy, ply for CloudCompare, vti for ParaView.
        overlays: Write a picture of every view.
        category: The class of the scans, for a multi-class model that can't tell from the scans.
        image_encoder: Where the image encoder is, if elsewhere than on the machine that trained.
        depth_encoder: Where the depth encoder is.
        device: auto, cpu, cuda, cuda:1, mps.
        nominal: As for `modmap predict`.
        settled: So long none of a scan's files may have changed; longer than the longest pause of what writes them.
        every: Between two looks.
        idle: End once nothing has arrived for so long; by default it never ends.
    """
    from modmap.runs.predict import Desk
    from modmap.runs.watch import watch_directory

    desk = Desk.opened(
        model,
        output=output,
        formats=formats,
        overlays=overlays,
        category=category,
        encoders=(image_encoder, depth_encoder),
        device=device,
        nominal=nominal,
    )
    return watch_directory(desk, directory, settled=settled, every=every, idle=idle)
