"""Rows that are alike: of words alone, or of one file that is spoilt in many ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch

from tests.bad_inputs.making import changed_npz, cut, flip
from tests.bad_inputs.table import Row
from tests.bad_inputs.workspace import Workspace

CHECK = "modmap check {scan}"
MAPPING = "modmap predict {mapping} {scan} -o {new}"
NAN = float("nan")
DAMAGED_WEIGHTS = "expected a whole safetensors file, found a damaged one (...)"
Make = Callable[[Workspace], object]
Change = Callable[[dict[str, Any]], object]


def nothing(_: Workspace) -> None:
    """What is wrong is in the words."""


def words(name: str, run: str, says: str, status: int = 1) -> Row:
    """A row of words that ask for what can't be done."""
    return Row(name, nothing, run, says, status)


def at(w: Workspace, file: str) -> Path:
    """Where a file is, by its path as a command's words have it."""
    return Path(file.format_map(w))


def text(file: str, content: str | bytes) -> Make:
    """Writes a file anew."""
    return lambda w: at(w, file).write_bytes(content.encode() if isinstance(content, str) else content)


def key(file: str, keys: str, value: Any) -> Make:
    """Gives a key of a JSON file another value."""
    return lambda w: w.set(at(w, file), keys, value)


def tensors(file: str, change: Change) -> Make:
    """Changes the tensors of a safetensors file."""

    def spoil(w: Workspace) -> None:
        stored = safetensors.torch.load_file(at(w, file))
        change(stored)
        at(w, file).write_bytes(safetensors.torch.save(stored))

    return spoil


@dataclass(frozen=True)
class FileRows:
    """Makes rows of one file: it is spoilt, and the line that is expected begins with its path.

    Attributes:
        file: Its path, as a command's words have it.
        run: The command.
        begins: What each line begins with, where it isn't the path.
        status: The command's.
    """

    file: str
    run: str
    begins: str = ""
    status: int = 1

    def __call__(self, name: str, make: Make, says: str) -> Row:
        """A row of any fault."""
        return Row(name, make, self.run, self._begins + says, self.status)

    def saying(self, more: str) -> FileRows:
        """Rows whose lines say more in common."""
        return FileRows(self.file, self.run, self._begins + more, self.status)

    def gone(self, name: str, says: str) -> Row:
        """A row of no file."""
        return self(name, lambda w: at(w, self.file).unlink(), says)

    def text(self, name: str, content: str | bytes, says: str) -> Row:
        """A row of another file in its place."""
        return self(name, text(self.file, content), says)

    def cut(self, name: str, says: str, share: float = 0.5) -> Row:
        """A row of its beginning alone."""
        return self(name, lambda w: cut(at(w, self.file), share), says)

    def flip(self, name: str, share: float, says: str) -> Row:
        """A row of some bytes inverted."""
        return self(name, lambda w: flip(at(w, self.file), share), says)

    def key(self, name: str, keys: str, value: Any, says: str) -> Row:
        """A row of another value in JSON."""
        return self(name, key(self.file, keys, value), says)

    def value(self, name: str, keys: str, value: Any, says: str) -> Row:
        """The same, where the key stands before what is said, with dots between its parts."""
        return self.key(name, keys, value, f"{keys.replace('/', '.')}: {says}")

    def arrays(self, name: str, change: Change, says: str) -> Row:
        """A row of other arrays in an archive."""
        return self(name, lambda w: changed_npz(at(w, self.file), change), says)

    def tensors(self, name: str, change: Change, says: str) -> Row:
        """A row of other tensors."""
        return self(name, tensors(self.file, change), says)

    @property
    def _begins(self) -> str:
        return self.begins or f"{self.file}: "
