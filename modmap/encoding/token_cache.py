"""Tokens kept on disk between runs, so that no view passes an encoder twice."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from modmap.errors import ModMapError
from modmap.files.atomic import atomic_file

GIGABYTE = 1_000_000_000
ROOM_AFTER_CLEARING = 0.8


class TokenCache:
    """A directory of tokens, found by what they were computed from: the encoder's input and its weights.

    Where the directory grows over its limit, what was last used longest ago goes first. Several processes may share it.

    Args:
        directory: Made where it is missing.
        limit_gb: Gigabytes (10^9 bytes) that it may hold.

    Raises:
        ModMapError: the directory cannot be made, or the limit isn't positive.
    """

    def __init__(self, directory: str | Path, *, limit_gb: float = 20.0) -> None:
        self.directory = Path(directory)
        if not 0 < limit_gb < math.inf:
            raise ModMapError(f"token cache: expected a positive limit in gigabytes, found {limit_gb}")
        self._limit = int(limit_gb * GIGABYTE)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModMapError(
                f"{self.directory}: expected a directory to keep tokens in ({error.strerror})"
            ) from error
        self._bytes = sum(size for _, size, _ in self._entries())

    @staticmethod
    def key(fingerprint: str, pixels: Tensor) -> str:
        """The name of an encoder's tokens.

        Args:
            fingerprint: Of the encoder's weights, and of what else its tokens depend on.
            pixels: (C, size, size) float32 prepared input.
        """
        digest = hashlib.sha256(f"{fingerprint} {tuple(pixels.shape)} ".encode())
        # An expanded channel is one channel: what is hashed is what the memory holds.
        plane = pixels[:1] if pixels.stride(0) == 0 else pixels
        digest.update(plane.contiguous().cpu().numpy().tobytes())
        return digest.hexdigest()

    def read(self, key: str, *, shape: tuple[int, ...] | None = None) -> Tensor | None:
        """What was kept under a name, or None.

        A damaged file counts as none, and so does one that holds what no encoder gives.

        Args:
            key: The name.
            shape: Of the tokens; None: any.
        """
        path = self._path(key)
        try:
            mapped = np.load(path, allow_pickle=False, mmap_mode="r")  # never more than the file holds
            if mapped.dtype != np.float32 or (shape is not None and mapped.shape != shape):
                return None
            tokens = np.array(mapped)
            os.utime(path)
        except (OSError, ValueError, EOFError, AttributeError):
            return None
        return torch.from_numpy(tokens) if np.isfinite(tokens).all() else None

    def write(self, key: str, tokens: Tensor) -> None:
        """Keeps an array, and clears out the oldest where there is no room."""
        path = self._path(key)
        with atomic_file(path, durable=False) as partial, partial.open("wb") as file:
            np.save(file, tokens.cpu().numpy())
        self._bytes += path.stat().st_size
        if self._bytes > self._limit:
            self._clear()

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key[2:]}.npy"

    def _entries(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of every file; one that another process removes meanwhile is left out."""
        found = []
        for path in self.directory.glob("??/*.npy"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def _clear(self) -> None:
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= ROOM_AFTER_CLEARING * self._limit:
                break
            path.unlink(missing_ok=True)
            total -= size
        self._bytes = total
