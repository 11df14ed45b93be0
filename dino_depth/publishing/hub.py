"""Uploading a published encoder to the Hugging Face hub, in one commit."""

from __future__ import annotations

import re
from pathlib import Path

import safetensors
from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError

from dino_depth.errors import DinoDepthError, one_line
from dino_depth.files import read_json, read_text
from dino_depth.publishing.card import card_on_hub

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
MESSAGE = "Publish the depth encoder"
LONGEST_REASON = 200


def push(directory: Path, repo_id: str, *, private: bool = False) -> str:
    """Uploads a published encoder (to `HF_ENDPOINT`); returns the repo's address.

    The repo is made if there is none. Its files change in one commit: nobody ever loads half an encoder.

    Args:
        directory: What `publish` wrote.
        repo_id: `ORG/NAME`.
        private: Of a repo that is made.

    Raises:
        DinoDepthError: the directory isn't whole, there is no token, the hub is out of reach or doesn't take it.
    """
    require_name(repo_id)
    require_published(directory)
    if get_token() is None:
        raise DinoDepthError(
            f"{repo_id}: expected a token that may write to the hub, found none; `hf auth login`, or set HF_TOKEN"
        )
    text = card_on_hub(read_text(directory / CARD), repo_id)
    operations = [
        CommitOperationAdd(CONFIG, directory / CONFIG),
        CommitOperationAdd(WEIGHTS, directory / WEIGHTS),
        CommitOperationAdd(CARD, text.encode()),
    ]
    api = HfApi()
    try:
        address = api.create_repo(repo_id, private=private, exist_ok=True)
        api.create_commit(repo_id, operations, commit_message=MESSAGE)
    except HfHubHTTPError as error:
        raise DinoDepthError(f"{repo_id}: {_refusal(error)}; {_again(directory, repo_id)}") from None
    except Exception as error:  # each version of the client has others for a broken connection
        reason = one_line(error, longest=LONGEST_REASON)
        raise DinoDepthError(
            f"{repo_id}: the hub at {api.endpoint} is out of reach ({reason}); {_again(directory, repo_id)}"
        ) from None
    return str(address)


def require_name(repo_id: str) -> None:
    """Checks the name of a hub repo.

    Raises:
        DinoDepthError: it isn't ORG/NAME.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo_id, re.ASCII):
        raise DinoDepthError(f"--push {repo_id}: expected ORG/NAME")


def require_published(directory: Path) -> None:
    """Checks that a directory has all that an encoder is loaded from, each file whole.

    Raises:
        DinoDepthError: a file is missing or damaged.
    """
    for name in (CONFIG, WEIGHTS, CARD):
        if not (directory / name).is_file():
            raise DinoDepthError(f"{directory}: expected a published encoder, found no {name} in it")
    if "architecture" not in read_json(directory / CONFIG, what="an encoder's settings"):
        raise DinoDepthError(f"{directory / CONFIG}: expected an encoder's settings, found no architecture")
    try:
        with safetensors.safe_open(directory / WEIGHTS, framework="pt"):
            pass
    except (safetensors.SafetensorError, OSError) as error:
        raise DinoDepthError(
            f"{directory / WEIGHTS}: expected a whole safetensors file, found a damaged one ({one_line(error)})"
        ) from None


def _refusal(error: HfHubHTTPError) -> str:
    status = error.response.status_code if error.response is not None else 0
    said = one_line(error.server_message or "", longest=LONGEST_REASON)
    reason = f" ({said})" if said else ""
    if status == 401:
        return f"expected a token that the hub knows, found another{reason}"
    if status == 403:
        return f"expected a token that may write there, found one that may not{reason}"
    if status == 404:
        return f"expected a repo that the token may see, found none{reason}"
    return f"the hub doesn't take it, status {status} ({said or one_line(error, longest=LONGEST_REASON)})"


def _again(directory: Path, repo_id: str) -> str:
    return f"try again with `python -m dino_depth.publish {directory} --push {repo_id}`"
