"""How each category is scanned: how many views, how the part is held, what else is in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Placement = Literal["fixture", "hand"]


@dataclass(frozen=True)
class Setup:
    """The scanning set-up of a category.

    Attributes:
        views: How many viewpoints.
        placement: "fixture": held within 0.3 mm and 0.2 degrees; "hand": laid down within 3 mm and 1.5
            degrees.
        table: Table and fixture are in the real depth maps; elsewhere the workspace filter has removed them.
    """

    views: int
    placement: Placement
    table: bool = False


SETUPS: dict[str, Setup] = {
    "deep_groove_bearing": Setup(12, "hand"),
    "weld_neck_flange": Setup(12, "fixture"),
    "spur_gear": Setup(12, "hand"),
    "bolted_joint": Setup(12, "hand"),
    "pipe_elbow": Setup(36, "hand"),
    "machined_bracket": Setup(12, "fixture", table=True),
    "pump_housing": Setup(36, "fixture", table=True),
    "belt_pulley": Setup(12, "fixture"),
}


def setup_of(category: str) -> Setup:
    """The set-up of a category; one that is not in the list is laid down by hand before 12 views."""
    return SETUPS.get(category, Setup(12, "hand"))
