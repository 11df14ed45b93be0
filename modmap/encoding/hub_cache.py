"""Encoders of the Hugging Face hub: in its client's own cache, fetched into it, and a hub that does not answer."""

from __future__ import annotations

import threading
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

from modmap.encoding.stored_encoder import CONFIG_NAME, ENCODER_FILES, WEIGHTS_NAME
from modmap.errors import ModMapError, one_line

LONGEST_REASON = 300
_TIMEOUT_S = 8.0


def cached_encoder(hub_id: str, revision: str | None = None, *, whole: bool = True) -> Path | None:
    """The directory in the hub's cache that holds an encoder, named by its commit; asks nothing of the network.

    Args:
        hub_id: The repository, ORG/NAME.
        revision: A branch, tag or commit of it; None: `main`.
        whole: Whether the config and the weights must both be there; otherwise one of them is enough.

    Returns:
        None if it isn't there.
    """
    # Not hf_hub_download(local_files_only=True), which goes to the network for its own purposes.
    answers = [try_to_load_from_cache(hub_id, name, revision=revision) for name in ENCODER_FILES]
    files = [Path(answer) for answer in answers if isinstance(answer, str)]
    return files[0].parent if len(files) >= (len(ENCODER_FILES) if whole else 1) else None


def download(hub_id: str, *, force: bool = False) -> Path:
    """Has the hub's client fetch an encoder into its cache.

    Args:
        hub_id: The repository, ORG/NAME.
        force: Fetch it again although it is there.

    Returns:
        The directory in the hub's cache that holds it.

    Raises:
        ModMapError: the hub is out of reach, which is found out within seconds, or fails on the way.
    """
    found = None if force else cached_encoder(hub_id)
    if found is not None:
        return found
    try:
        _ask_hub(hub_id)
        config = Path(hf_hub_download(hub_id, CONFIG_NAME, force_download=force))
        # Of the same commit, should the repository change in between.
        hf_hub_download(hub_id, WEIGHTS_NAME, revision=config.parent.name, force_download=force)
    except Exception as error:
        # Which exceptions a failing connection raises changes from one huggingface_hub to the next.
        raise ModMapError(f"{hub_id} is out of reach ({one_line(error, LONGEST_REASON)})") from error
    return config.parent


def require_on_hub(hub_id: str, revision: str | None = None) -> None:
    """Checks, within a few seconds, that a hub repository is in the hub's cache or that the hub answers for it.

    Raises:
        ModMapError: neither is the case.
    """
    try:
        answers = [try_to_load_from_cache(hub_id, name, revision=revision) for name in ENCODER_FILES]
        # A file that the repository is known not to have isn't waited for.
        if None in answers:
            _ask_hub(hub_id, revision)
    except Exception as error:
        reason = one_line(error, LONGEST_REASON)
        raise ModMapError(f"encoder hf-hub:{hub_id}: out of reach ({reason})") from error


def _ask_hub(hub_id: str, revision: str | None = None) -> None:
    """Raises, within a few seconds, if the hub does not answer: a download would try again for minutes."""
    failures: list[Exception] = []

    def ask() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(hub_id, CONFIG_NAME, revision=revision), timeout=_TIMEOUT_S)
        except Exception as error:
            failures.append(error)

    # The timeout holds for each address the name resolves to, and not for the resolving: hence a thread.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_TIMEOUT_S)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {_TIMEOUT_S:g} s")
    if failures:
        raise failures[0]
