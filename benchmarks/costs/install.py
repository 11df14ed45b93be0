"""What an installation into an empty environment takes: seconds, and megabytes by package.

`python -m benchmarks.install_cost` makes a virtual environment, installs the package as a user does, and looks at what
was pulled in and whether the package's own dependencies are all met (`pip check`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.runs.command_line import command
from benchmarks.runs.files import write_report
from benchmarks.runs.markdown import markdown
from modmap.errors import ModMapError

LARGEST = 12  # packages that have a row of their own
LISTED = """
import importlib.metadata, json, pathlib
def size(one):
    files = [pathlib.Path(file.locate()) for file in one.files or ()]
    return sum(file.stat().st_size for file in files if file.is_file())
print(json.dumps({one.name: size(one) for one in importlib.metadata.distributions()}))
"""


@dataclass(frozen=True)
class Arguments:
    """Install a package into an empty environment, and say what that takes."""

    package: str = "./modmap"
    """As pip is given it."""
    out: Path = Path("results/install")
    """Where the figures go."""


@dataclass(frozen=True)
class Installed:
    """An installation.

    Attributes:
        package: As pip was given it.
        python: Version of Python.
        seconds: Of pip, the downloads among them.
        megabytes: On disk by package, 10^6 bytes, without what an empty environment has.
    """

    package: str
    python: str
    seconds: float
    megabytes: dict[str, float]


def installed(package: str) -> Installed:
    """Installs a package into an environment that is thrown away.

    Raises:
        ModMapError: there is no such package, it can't be installed, or something that it needs is missing afterwards.
    """
    where = Path(package.partition("[")[0])
    if len(where.parts) > 1 and not where.exists():
        raise ModMapError(f"{where}: expected a package's directory or wheel, found nothing")
    with tempfile.TemporaryDirectory() as place:
        _run([sys.executable, "-m", "venv", place])
        python = str(Path(place) / "bin" / "python")
        before = _sizes(python)
        started = time.perf_counter()
        _run([python, "-m", "pip", "install", "--quiet", "--no-cache-dir", package])
        seconds = time.perf_counter() - started
        _run([python, "-m", "pip", "check"])
        sizes = {name: size / 1e6 for name, size in _sizes(python).items() if name not in before}
    return Installed(package, sys.version.split()[0], seconds, sizes)


def _sizes(python: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(_run([python, "-c", LISTED]))
    return found


def _run(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        last = " ".join((done.stderr or done.stdout).split())[-500:]
        raise ModMapError(f"{' '.join(words)}: expected it to succeed, found {last}")
    return done.stdout


def table(found: Installed) -> str:
    """The largest packages, and all."""
    rows = sorted(found.megabytes.items(), key=lambda one: -one[1])
    rest = sum(size for _, size in rows[LARGEST:])
    shown = [[name, f"{size:.0f}"] for name, size in rows[:LARGEST]]
    if rows[LARGEST:]:
        shown.append([f"{len(rows) - LARGEST} others", f"{rest:.0f}"])
    shown.append([f"**all {len(rows)}, {found.seconds:.0f} s**", f"**{sum(found.megabytes.values()):.0f}**"])
    return markdown(["package", "MB"], shown)


def _run_command(arguments: Arguments) -> int:
    found = installed(arguments.package)
    write_report(arguments.out, asdict(found), table(found))
    return 0


def main(words: list[str] | None = None) -> int:
    """The command line."""
    return command(Arguments, _run_command, prog="python -m benchmarks.install_cost", words=words)
