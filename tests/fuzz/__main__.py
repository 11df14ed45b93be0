"""`python -m tests.fuzz scan_json --minutes 10`: a parser on files that are slightly wrong, until one breaks it.

With atheris installed the search is led by the lines that are reached; else, or with --blind, it is by chance. What
breaks a parser is written to --crashes, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import time
import traceback
from pathlib import Path

import cv2

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import NAMES, Target, target


def main() -> int:
    """Runs one target."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz a parser.")
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--blind", action="store_true", help="by chance, without atheris")
    parser.add_argument("--crashes", type=Path, default=Path("crashes"))
    arguments = parser.parse_args()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if not arguments.blind:
        try:
            import atheris
        except ImportError:
            print("atheris isn't installed: by chance")
        else:
            return _led(atheris, arguments)
    return _by_chance(target(arguments.target), arguments)


def broken(one: Target, data: bytes) -> BaseException | None:
    """What a parser raises that isn't its own."""
    try:
        one.parse(data)
    except one.own:
        return None
    except Exception as error:  # whatever it is, it is what is looked for
        return error
    return None


def _by_chance(one: Target, arguments: argparse.Namespace) -> int:
    rng = random.Random(arguments.seed)
    end, count, kinds = time.monotonic() + 60 * arguments.minutes, 0, set()
    while time.monotonic() < end:
        data = mutated(rng.choice(one.seeds), one.kind, rng)
        count += 1
        error = broken(one, data)
        if error is not None:
            last = traceback.extract_tb(error.__traceback__)[-1]
            kind = (type(error).__name__, last.filename, last.lineno)
            if kind not in kinds:
                kinds.add(kind)
                _keep(data, error, arguments)
    print(
        f"{arguments.target}: {count} executions in {arguments.minutes:g} minutes, {len(kinds)} kinds of fault"
    )
    return 1 if kinds else 0


def _led(atheris: object, arguments: argparse.Namespace) -> int:
    """By atheris, whose own mutations are followed by ours; its process ends with it."""
    with atheris.instrument_imports(include=["modmap", "dino_depth", "tifffile"]):  # type: ignore[attr-defined]
        one = target(arguments.target)
        for seed in one.seeds:
            broken(one, seed)  # what is imported late is instrumented too

    def once(data: bytes) -> None:
        error = broken(one, data)
        if error is not None:
            _keep(data, error, arguments)
            raise error

    def change(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.3:
            return bytes(atheris.Mutate(data, most))  # type: ignore[attr-defined]
        return mutated(data, one.kind, rng)[:most]

    corpus = arguments.crashes / f"corpus_{arguments.target}"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in one.seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:12]).write_bytes(seed)
    words = [
        f"-max_total_time={round(60 * arguments.minutes)}",
        f"-seed={arguments.seed + 1}",
        "-max_len=20000",
    ]
    words += ["-rss_limit_mb=4096", "-timeout=30", "-print_final_stats=1"]
    if not os.environ.get("FUZZ_LOUD"):
        words += ["-verbosity=0"]
    atheris.Setup([sys.argv[0], *words, str(corpus)], once, custom_mutator=change)  # type: ignore[attr-defined]
    atheris.Fuzz()  # type: ignore[attr-defined]
    return 0


def _keep(data: bytes, error: BaseException, arguments: argparse.Namespace) -> None:
    arguments.crashes.mkdir(parents=True, exist_ok=True)
    path = arguments.crashes / f"{arguments.target}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    last = traceback.extract_tb(error.__traceback__)[-1]
    print(f"{path}: {type(error).__name__}: {error} ({last.filename}:{last.lineno})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
