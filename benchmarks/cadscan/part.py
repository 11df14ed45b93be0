"""What passes between the rooms of the simulated scanner: a meshed part, its surface finish, its defects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Modality = Literal["image", "depth", "both"]  # what can show a defect


@dataclass(frozen=True)
class Feature:
    """A place on the part that a defect can act on.

    Attributes:
        kind: "hole", "tooth", "ball", "screw", "edge", "plate", "rib" ...
        centre: (3,) mm, part frame: the middle of a hole's mouth, of a tooth's tip, of a tab's free edge.
        axis: (3,) unit direction: a hole's axis out of the part, an edge's tangent, a plate's normal; for a
            tooth or a tab, the direction in which a blow would bend it.
        size: mm; a hole's diameter, an edge's length, the free length of a tooth or a tab.
        depth: mm; a hole's depth, a tooth's width along the gear's axis, a tab's width; else 0.
        direction: (3,) unit direction from the root of a tooth or a tab to its free edge; None for the rest.
        bodies: The bodies that go with it (a ball, a screw with its washer); empty for a piece of one.
    """

    kind: str
    centre: Array
    axis: Array
    size: float
    depth: float = 0.0
    direction: Array | None = None
    bodies: tuple[int, ...] = ()


@dataclass(frozen=True)
class Part:
    """A meshed part in its own frame: millimetres, z up, resting on z = 0, centred on x = y = 0.

    Attributes:
        category: One of the eight families, or "random".
        vertices: (V, 3) float64.
        faces: (F, 3) int32, outward by the right hand; the mesh is closed.
        body: (F,) int16, which solid of an assembly a face belongs to (each may have a finish of its own).
        features: Places for defects.
        tilt: (F, 3, 3) float32, what is added to the smooth normals of the faces' corners to shade a surface that a
            defect cut into other faces as it was; None: nothing.
    """

    category: str
    vertices: Array
    faces: Array
    body: Array
    features: tuple[Feature, ...] = ()
    tilt: Array | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ReflectancePatch:
    """A place where the surface reflects otherwise, with the geometry untouched.

    The weight of the change at a point is 1 inside `radius` around the polyline `path` (one point: a blob),
    falls to 0 over `softness`, and is modulated by a noise of the patch's own seed.
    """

    kind: Literal["stain", "roughness", "dust", "fingerprint", "scratch", "crack"]
    path: Array  # (K, 3) mm, part frame
    radius: float
    softness: float
    albedo_factor: float
    roughness_offset: float
    seed: int


def _same(part: Part) -> Part:
    return part


@dataclass(frozen=True)
class Defect:
    """One defect, as its record in `defects.json`.

    Attributes:
        kind: "dent", "bump", "scratch", "crack", "chip", "missing_feature", "extra_hole", "bent_feature",
            "stain", "roughness", "warp".
        centre: (3,) mm, part frame.
        size: Largest extent along the surface, mm.
        depth: Largest displacement of the surface, mm; 0 for a change of reflectance.
        modality: What can show it: "image", "depth" or "both".
        changed_points: (M, 3) samples, at most a third of a voxel apart, of every changed piece of surface, as
            it is after the change and, where surface vanished, as it was before.
        before: The part without this defect, but with those made before it.
        patch: The changed reflectance of a scratch, a crack, a stain or a roughness.
        again: Makes the same change of the geometry to another part.
        carried: Where a warp takes points of the part before it, (N, 3) to (N, 3); None for other kinds.
    """

    kind: str
    centre: Array
    size: float
    depth: float
    modality: Modality
    changed_points: Array = field(repr=False)
    before: Part | None = field(default=None, repr=False)
    patch: ReflectancePatch | None = field(default=None, repr=False)
    again: Callable[[Part], Part] = field(default=_same, repr=False)
    carried: Callable[[Array], Array] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class DefectivePart:
    """A part after its defects: the changed mesh, the changed reflectance, and the record of each."""

    part: Part
    patches: tuple[ReflectancePatch, ...]
    defects: tuple[Defect, ...]


def rest_on_table(vertices: Array) -> Array:
    """(V, 3) the vertices moved so that the part stands on z = 0, centred on x = y = 0."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    placed: Array = vertices - np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return placed
