"""The pages' templates, and what they may call."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from modmap.drawing.colours import palette
from modmap.drawing.legend import score_ticks

FOLDER = "page"
LEGEND_STOPS = 24


def render(template: str, **values: Any) -> str:
    """HTML from a template of the folder `page`.

    Args:
        template: File name.
        values: What the template speaks of; text is escaped unless the template says that it is safe.

    Raises:
        jinja2.UndefinedError: The template speaks of a value that isn't there.
    """
    return _environment().get_template(template).render(values)


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("modmap.report", FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.globals.update(page_file=_page_file, gradient=_gradient, score_ticks=score_ticks)
    return environment


def number(value: float | None, digits: int = 3) -> str:
    """A number for people; empty where there is none."""
    return "" if value is None else f"{value:.{digits}g}"


def _gradient() -> str:
    """The colours of the scale, as a CSS background."""
    colours = palette()[np.linspace(0, 255, LEGEND_STOPS).astype(int)]
    stops = ", ".join(f"rgb({r},{g},{b})" for r, g, b in colours.tolist())
    return f"linear-gradient(to right, {stops})"


def _page_file(name: str) -> str:
    """A stylesheet or script as it is: Jinja would read some of a script's braces as its own."""
    return files("modmap.report").joinpath(FOLDER, name).read_text(encoding="utf-8")
