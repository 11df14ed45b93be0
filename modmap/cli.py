"""The command line: `modmap fit`, `calibrate`, `predict`, `watch`, `report`, `evaluate`, `check`, `figures`,
`encoders`.

Exit codes: 0 done; 1 a scan or file can't be used, or a check failed; 2 the command was used wrongly; 3 `modmap predict
--fail-on-defect` scored every scan and at least one failed; 4 none failed, but too little of at least one was seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

import tyro

from modmap.commands.calibrate import calibrate
from modmap.commands.check import check
from modmap.commands.encoders import encoders, list_all, pull
from modmap.commands.evaluate import evaluate
from modmap.commands.figures import evidence, features, figures, pairs, qualitative
from modmap.commands.fit import fit
from modmap.commands.predict import predict
from modmap.commands.report import report
from modmap.commands.watch import watch
from modmap.errors import ModMapError, UsageError

COMMANDS: dict[str, Callable[..., int | None]] = {
    "fit": fit,
    "calibrate": calibrate,
    "predict": predict,
    "watch": watch,
    "report": report,
    "evaluate": evaluate,
    "check": check,
    "figures": figures,
    "encoders": encoders,
}
# Commands that have commands of their own.
GROUPS: dict[str, dict[str, Callable[..., int | None]]] = {
    "figures": {"features": features, "pairs": pairs, "qualitative": qualitative, "evidence": evidence},
    "encoders": {"list": list_all, "pull": pull},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        print(f"modmap {version('modmap')}")
        sys.exit(0)
    commands, program = COMMANDS, "modmap"
    if words and words[0] in GROUPS:
        commands, program, words = GROUPS[words[0]], f"modmap {words[0]}", words[1:]
    try:
        code = tyro.extras.subcommand_cli_from_dict(commands, prog=program, args=words or ["--help"])
    except ModMapError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        code = 2 if isinstance(error, UsageError) else 1
    except OSError as error:  # a full disk, a place that may not be written to
        print(f"{program}: error: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
