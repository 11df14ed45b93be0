"""What the parts are made of: reflectance and surface texture of every body of every category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Flow = Literal["even", "brushed", "turned"]


@dataclass(frozen=True)
class Layer:
    """One scale of surface texture.

    Attributes:
        flow: "even" in all directions; "brushed": drawn out along x; "turned": drawn out around the z axis.
        across: Size of its features, mm.
        along: Size along the flow, mm (unused for "even", and for "turned", which always has 64 cells a
            turn).
        albedo: Relative change of the albedo and the specular colour, amplitude.
        roughness: Change of the roughness, amplitude.
        tilt: Change of the normal, amplitude, radians.
    """

    flow: Flow
    across: float
    along: float
    albedo: float
    roughness: float
    tilt: float


@dataclass(frozen=True)
class Material:
    """Reflectance of one surface: diffuse albedo, specular colour head-on, GGX roughness in (0, 1]."""

    albedo: float
    f0: float
    roughness: float
    layers: tuple[Layer, ...] = ()


MOTTLE = Layer("even", across=17.0, along=17.0, albedo=0.10, roughness=0.03, tilt=0.0)
GRAIN = Layer("even", across=0.35, along=0.35, albedo=0.10, roughness=0.03, tilt=0.02)
CASTING_SKIN = (
    Layer("even", across=2.2, along=2.2, albedo=0.06, roughness=0.04, tilt=0.07),
    Layer("even", across=0.8, along=0.8, albedo=0.12, roughness=0.05, tilt=0.10),
    MOTTLE,
)
BRUSHING = (
    Layer("brushed", across=0.25, along=9.0, albedo=0.10, roughness=0.04, tilt=0.05),
    Layer("brushed", across=1.1, along=22.0, albedo=0.06, roughness=0.02, tilt=0.025),
    MOTTLE,
)
TURNING = (
    Layer("turned", across=0.22, along=0.0, albedo=0.08, roughness=0.03, tilt=0.05),
    Layer("turned", across=0.9, along=0.0, albedo=0.05, roughness=0.02, tilt=0.025),
    GRAIN,
    MOTTLE,
)

TURNED_STEEL = Material(0.17, 0.42, 0.40, TURNING)
GROUND_STEEL = Material(0.15, 0.48, 0.34, TURNING)
POLISHED_STEEL = Material(0.06, 0.55, 0.20, (MOTTLE,))
BRASS = Material(0.22, 0.40, 0.42, (GRAIN, MOTTLE))
FORGED_STEEL = Material(0.16, 0.24, 0.52, CASTING_SKIN)
MILLED_STEEL = Material(0.18, 0.38, 0.43, (*BRUSHING, GRAIN))
MILLED_ALUMINIUM = Material(0.30, 0.40, 0.46, (*BRUSHING, GRAIN))
TURNED_ALUMINIUM = Material(0.28, 0.42, 0.42, TURNING)
CAST_ALUMINIUM = Material(0.33, 0.25, 0.55, CASTING_SKIN)
CAST_IRON = Material(0.20, 0.12, 0.60, CASTING_SKIN)
ZINC_PLATED = Material(0.24, 0.42, 0.33, (GRAIN, MOTTLE))
BLACK_OXIDE = Material(0.06, 0.10, 0.42, (GRAIN, MOTTLE))
RUBBER_MAT = Material(0.035, 0.03, 0.75, (Layer("even", 0.7, 0.7, 0.15, 0.0, 0.06), MOTTLE))
TOOLING_PLATE = Material(0.22, 0.30, 0.50, (*BRUSHING, GRAIN))
FIXTURE_STEEL = Material(0.10, 0.22, 0.42, (GRAIN, MOTTLE))
PLAIN = Material(0.45, 0.04, 0.50)

OF_BODY: dict[str, tuple[Material, ...]] = {
    "deep_groove_bearing": (GROUND_STEEL, GROUND_STEEL, POLISHED_STEEL),
    "weld_neck_flange": (TURNED_STEEL,),
    "spur_gear": (MILLED_STEEL,),
    "bolted_joint": (MILLED_ALUMINIUM, BLACK_OXIDE, ZINC_PLATED),
    "pipe_elbow": (CAST_IRON,),
    "machined_bracket": (MILLED_ALUMINIUM,),
    "pump_housing": (CAST_ALUMINIUM,),
    "belt_pulley": (TURNED_ALUMINIUM,),
}


def of_bodies(category: str, count: int) -> tuple[Material, ...]:
    """The materials of a part's bodies, in order; the last one named for the category serves the rest."""
    named = OF_BODY.get(category, (CAST_ALUMINIUM, BLACK_OXIDE, ZINC_PLATED))
    return tuple(named[min(index, len(named) - 1)] for index in range(count))
