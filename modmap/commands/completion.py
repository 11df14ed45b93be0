"""`modmap completion`: scripts by which shells complete modmap's commands and options."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Annotated, Any, Literal, Union

import tyro
from tyro.conf import Positional, arg

from modmap.commands.every import Command, every_command
from modmap.errors import ModMapError

Shell = Literal["bash", "zsh", "fish", "tcsh"]
PROGRAM = "modmap"


def completion(shell: Annotated[Positional[Shell], arg(metavar="bash|zsh|fish|tcsh")], /) -> int:
    """Print a script by which a shell completes commands, options and their choices.

    It goes, for bash, to ~/.local/share/bash-completion/completions/modmap; for zsh, to a file _modmap in a directory
    of $fpath; for fish, to ~/.config/fish/completions/modmap.fish; for tcsh, whose script the package shtab makes, to
    any file that ~/.tcshrc sources. The first three ask the python3 of the PATH, which needs nothing installed.

    Example: modmap completion bash > ~/.local/share/bash-completion/completions/modmap

    Args:
        shell: Whose script.
    """
    print(completion_script(shell))
    return 0


def completion_script(shell: Shell) -> str:
    """The script of a shell.

    Raises:
        ModMapError: the package that makes it is missing, or too old for the shell.
    """
    commands, groups = every_command()
    nested = commands | {name: _group(inner) for name, inner in groups.items()}
    written = io.StringIO()
    try:
        with redirect_stdout(written):
            tyro.extras.subcommand_cli_from_dict(
                nested,
                prog=PROGRAM,
                args=["--tyro-write-completion", shell, "-"],
                config=(tyro.conf.OmitSubcommandPrefixes,),
            )
    except SystemExit as ended:
        if ended.code:
            raise ModMapError(
                f"completion: expected a tyro that knows {shell}, found {tyro.__version__}: pip install --upgrade tyro"
            ) from None
    except ImportError:
        raise ModMapError(
            f"completion: expected the package shtab for {shell}, found none: pip install shtab"
        ) from None
    return "\n".join(_on_one_line(line) for line in written.getvalue().splitlines())


def _group(commands: Mapping[str, Command]) -> Command:
    """A command that takes one of several of its own."""
    kinds = tuple(
        Annotated[Any, tyro.conf.subcommand(name=name, constructor=command)]
        for name, command in commands.items()
    )

    def chosen(command: Any) -> None:
        """Is never called: only its options are asked."""

    chosen.__annotations__["command"] = Union[kinds]  # noqa: UP007  (made of a tuple)
    return chosen


def _on_one_line(line: str) -> str:
    """A line of a script with each option's help on one line, as a shell would take the next for another option."""
    return re.sub(r"\\n\s*", " ", line) if line.startswith("COMPLETION_SPEC = ") else line
