"""`modmap doctor`: what this machine has of what modmap needs."""

from __future__ import annotations

import sys


def doctor(json: bool = False, device: str = "auto") -> int:
    """Tell what is installed, what networks are computed on and how fast, where weights lie, and what is missing.

    Takes some ten seconds. Pages of reports are made without a browser; one is needed only to look at them. The exit
    status is 1 where modmap can't work here, with a line on each reason.

    Example: modmap doctor --json

    Args:
        json: Print it as JSON, for other programs.
        device: auto, cpu, cuda, cuda:1, mps.
    """
    from dataclasses import asdict
    from json import dumps

    from modmap.doctor.examination import examine, in_words

    found = examine(device)
    print(dumps(asdict(found), indent=2) if json else "\n".join(in_words(found)))
    for problem in found.problems:
        print(f"modmap doctor: error: {problem}", file=sys.stderr)
    return 1 if found.problems else 0
