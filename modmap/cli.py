"""The command line: `modmap fit`, `calibrate`, `predict`, `watch`, `pod`, `report`, `evaluate`, `check`, `import`,
`nominal`, `figures`, `encoders`, `schema`, `doctor`, `completion`.

Exit codes: 0 done; 1 a scan or file can't be used, or a check failed; 2 the command was used wrongly; 3 `modmap predict
--fail-on-defect` scored every scan and at least one failed; 4 none failed, but too little of at least one was seen.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import wraps
from inspect import getdoc
from typing import Any

from modmap.commands.every import Command, every_command

DESCRIPTION: str | None = """\
Find defects in 3D on scanned parts, from one good part: fit learns it, predict finds them.

Example: modmap fit good_part/ -o model/"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:  # also while modules are imported, which takes longest
        print("modmap: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)


def _run(words: list[str]) -> int | None:
    """Runs a command; returns its exit status."""
    from importlib.metadata import version

    from modmap.errors import ModMapError, UsageError

    if words in (["--version"], ["-V"]):
        print(f"modmap {version('modmap')}")
        return 0
    try:
        import tyro

        commands, groups = every_command()
    except ImportError as error:
        return _say_what_lacks(error)
    program, description = "modmap", DESCRIPTION
    if words and words[0] in groups:
        program, description = f"modmap {words[0]}", getdoc(commands[words[0]])
        commands, words = groups[words[0]], words[1:]
    words = words or ["--help"]
    if words[0] in ("--help", "-h"):
        commands = {name: _in_brief(command) for name, command in commands.items()}
    try:
        return tyro.extras.subcommand_cli_from_dict(
            commands, prog=program, description=description, args=words
        )
    except ImportError as error:  # commands import what is heavy as they are run
        return _say_what_lacks(error)
    except ModMapError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:  # a full disk, a place that may not be written to
        print(f"{program}: error: {error}", file=sys.stderr)
        return 1


def _in_brief(command: Command) -> Command:
    """A command whose help is its first line, as an overview shows it."""

    @wraps(command)
    def brief(*words: Any, **options: Any) -> int | None:
        return command(*words, **options)

    brief.__doc__ = (getdoc(command) or "").partition("\n")[0]
    return brief


def _say_what_lacks(error: ImportError) -> int:
    """Names the packages that are needed and can't be imported; returns the exit status."""
    from modmap.doctor.packages import needed_packages

    try:
        problems = [one.problem for one in needed_packages() if one.problem is not None]
    except ImportError:  # also of what reads the list of packages
        problems = []
    for problem in problems or [str(error)]:
        print(f"modmap: error: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
