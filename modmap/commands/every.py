"""Every command by its name."""

from __future__ import annotations

from collections.abc import Callable

Command = Callable[..., int | None]


def every_command() -> tuple[dict[str, Command], dict[str, dict[str, Command]]]:
    """The commands by name, and those of the commands that have some of their own."""
    from modmap.commands.calibrate import calibrate
    from modmap.commands.check import check
    from modmap.commands.completion import completion
    from modmap.commands.doctor import doctor
    from modmap.commands.encoders import encoders, list_all, pull
    from modmap.commands.evaluate import evaluate
    from modmap.commands.figures import defects, evidence, features, figures, pairs, qualitative
    from modmap.commands.fit import fit
    from modmap.commands.importing import import_scan
    from modmap.commands.nominal import nominal
    from modmap.commands.pod import pod
    from modmap.commands.predict import predict
    from modmap.commands.report import report
    from modmap.commands.schema import schema
    from modmap.commands.watch import watch

    commands: dict[str, Command] = {
        "fit": fit,
        "calibrate": calibrate,
        "predict": predict,
        "watch": watch,
        "pod": pod,
        "report": report,
        "evaluate": evaluate,
        "check": check,
        "import": import_scan,
        "nominal": nominal,
        "figures": figures,
        "encoders": encoders,
        "schema": schema,
        "doctor": doctor,
        "completion": completion,
    }
    groups: dict[str, dict[str, Command]] = {
        "figures": {
            "features": features,
            "pairs": pairs,
            "qualitative": qualitative,
            "evidence": evidence,
            "defects": defects,
        },
        "encoders": {"list": list_all, "pull": pull},
    }
    return commands, groups
