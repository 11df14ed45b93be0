"""All that is found out about a machine, and what of it keeps modmap from working."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from modmap.device import choose_device
from modmap.doctor.computing import Computing, computing_with
from modmap.doctor.packages import Extra, Package, extras, needed_packages
from modmap.doctor.places import EncoderState, Place, encoders, places
from modmap.doctor.speed import SIDE, Speed, measured_speed
from modmap.errors import one_line

FORMAT = 1


@dataclass(frozen=True)
class Examination:
    """What a machine has of what modmap needs.

    Attributes:
        format: Of this record.
        modmap: Its version.
        python: Its version, and where it lies.
        system: In words.
        packages: Those that modmap needs.
        extras: Those that can be added.
        computing: What networks are computed on; None where the device can't be used.
        places: Where weights and caches lie.
        encoders: Those that presets use, or that are there.
        speed: How fast it is; None where that can't be measured.
        problems: What keeps modmap from working, one line each.
    """

    format: int
    modmap: str | None
    python: tuple[str, str]
    system: str
    packages: tuple[Package, ...]
    extras: tuple[Extra, ...]
    computing: Computing | None
    places: tuple[Place, ...]
    encoders: tuple[EncoderState, ...]
    speed: Speed | None
    problems: tuple[str, ...]


def examine(device: str = "auto") -> Examination:
    """Examines this machine; takes seconds.

    Args:
        device: auto, cpu, cuda, cuda:1, mps.
    """
    from importlib.metadata import version

    needed = needed_packages()
    problems = [one.problem for one in needed if one.problem is not None]
    computing, speed = None, None
    try:
        where = choose_device(device)
        computing = computing_with(where)
        speed = measured_speed(where)
    except Exception as error:  # a driver's, an allocator's: whatever keeps a network from being computed
        problems.append(one_line(error))
    try:
        tempfile.TemporaryFile().close()
    except OSError as error:
        problems.append(
            f"temporary files: expected a directory that can be written to, found {one_line(error)}"
        )
    return Examination(
        format=FORMAT,
        modmap=version("modmap"),
        python=(platform.python_version(), sys.executable),
        system=platform.platform(),
        packages=needed,
        extras=extras(),
        computing=computing,
        places=places(),
        encoders=encoders(),
        speed=speed,
        problems=tuple(problems),
    )


def in_words(found: Examination) -> Iterator[str]:
    """An examination for people, line by line, without its problems."""
    yield f"modmap {found.modmap}, Python {found.python[0]} ({found.python[1]}), {found.system}"
    yield ""
    yield "packages"
    for package in found.packages:
        yield _line(package.name, package.problem or str(package.version))
    yield ""
    yield "extras"
    for extra in found.extras:
        yield _line(extra.name, _state(extra))
    if found.computing is not None:
        yield ""
        yield "networks"
        yield from _computing(found.computing)
    if found.speed is not None:
        yield ""
        yield "speed"
        rates = ", ".join(f"{rate:.0f} GFLOP/s in {name}" for name, rate in found.speed.gflops.items())
        yield _line("matrix product", rates)
        yield _line(
            "one view", f"{1000 * found.speed.view_seconds:.0f} ms at {SIDE} px, default preset's network"
        )
    yield ""
    yield "places"
    for place in found.places:
        size = "" if place.megabytes is None else f", {place.megabytes:.1f} MB"
        state = "" if place.there else ", not there yet"
        yield _line(place.what, f"{place.path}{size}{state}, {place.free_gb:.1f} GB free")
    yield ""
    yield "encoders"
    for encoder in found.encoders:
        yield _line(encoder.name, _encoder(encoder))


def _line(name: str, said: str) -> str:
    return f"  {name:<36}{said}"


def _state(extra: Extra) -> str:
    if extra.usable:
        return ", ".join(f"{one.name} {one.version}" for one in extra.packages)
    reasons = "; ".join(one.problem for one in extra.packages if one.problem is not None)
    return f"{extra.without} (pip install 'modmap[{extra.name}]'; {reasons})"


def _computing(computing: Computing) -> Iterator[str]:
    yield _line("device", f"auto is {computing.device}; there are {'; '.join(computing.devices)}")
    limits = f" ({', '.join(computing.threads_by)})" if computing.threads_by else ""
    yield _line("threads", f"{computing.threads} on {computing.cores} cores{limits}")
    yield _line("precision", f"auto is {computing.precision}: {computing.because}")
    yield _line("attention", computing.attention)
    yield _line("convolutions", computing.convolutions)


def _encoder(encoder: EncoderState) -> str:
    if encoder.broken is not None:
        state = f"broken: {encoder.broken}"
    else:
        state = "there" if encoder.there else f"not there: modmap encoders pull {encoder.name}"
    return state + (f" (preset {', '.join(encoder.presets)})" if encoder.presets else "")
