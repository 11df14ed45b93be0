"""CAD parts of eight industrial families, as closed meshes with the places that a defect can act on."""

from __future__ import annotations

import itertools
import re
import zlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import build123d as cad
import numpy as np

from benchmarks.cadscan.errors import CadscanError
from benchmarks.cadscan.meshing import carved, join, tessellate
from benchmarks.cadscan.part import Array, Feature, Part, rest_on_table
from benchmarks.cadscan.parts import bearing, bolted, bracket, elbow, flange, gear, pulley, pump
from benchmarks.cadscan.parts.model import Carved, Model, within_tolerance

_FAMILIES: dict[str, ModuleType] = {
    "deep_groove_bearing": bearing,
    "weld_neck_flange": flange,
    "spur_gear": gear,
    "bolted_joint": bolted,
    "pipe_elbow": elbow,
    "machined_bracket": bracket,
    "pump_housing": pump,
    "belt_pulley": pulley,
}
CATEGORIES = tuple(_FAMILIES)
SMALLEST, LARGEST = 60.0, 350.0  # mm, the largest extent of a part
_DESIGN_SEEDS = {
    "deep_groove_bearing": 2,
    "weld_neck_flange": 6,
    "spur_gear": 0,
    "bolted_joint": 6,
    "pipe_elbow": 0,
    "machined_bracket": 2,
    "pump_housing": 0,
    "belt_pulley": 3,
}
_OCCURRENCE = r"(NEXT_ASSEMBLY_USAGE_OCCURRENCE\s*\(\s*)'\d+'"
_TIMESTAMP = "2000-01-01T00:00:00"  # in every STEP file, so that the same part gives the same bytes


class PartError(CadscanError):
    """A part that was asked for is not among the families, or cannot be built."""


def build(category: str, *, seed: int, tolerance: float = 0.05, design_seed: int | None = None) -> Part:
    """One made instance of a category.

    Args:
        category: One of `CATEGORIES`.
        seed: Of this instance: it moves every length of the category's design by at most `tolerance`.
        tolerance: mm; 0 gives the nominal part, whatever the seed.
        design_seed: Of the nominal sizes, which all instances share; by default the category's own.

    Returns:
        The part, meshed to 0.02 mm and 0.1 radians, on the table.

    Raises:
        PartError: No such category.
    """
    sizes = nominal_sizes(category, design_seed=design_seed)
    if tolerance > 0:
        rng = np.random.default_rng([zlib.crc32(category.encode()), seed])
        sizes = within_tolerance(sizes, tolerance, rng=rng)
    return _meshed(category, sizes, deflection=0.02, angle=0.1)


def random_part(seed: int, *, category: str | None = None) -> Part:
    """A part for a corpus of shapes, meshed to 0.1 mm and 0.3 radians: any size, scale, side and turn.

    Its bodies are put together as meshes, not as CAD.

    Args:
        seed: Of everything.
        category: Of `CATEGORIES`, and then the part's own; None draws one, and calls the part "random".

    Raises:
        PartError: No such category, or twenty draws in a row could not be built.
    """
    if category is not None:
        _require(category)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        drawn = category or CATEGORIES[int(rng.integers(len(CATEGORIES)))]
        sizes = _FAMILIES[drawn].draw(rng)
        try:
            part = _meshed(drawn, sizes, deflection=0.1, angle=0.3, exact=False)
        except (ValueError, RuntimeError):  # a draw whose fillets or bores the CAD kernel cannot make
            continue
        return replace(_turned_over(_scaled(part, rng), rng), category=category or "random")
    raise PartError(f"no part could be built from seed {seed} in twenty draws")


def export_cad(category: str, directory: Path, *, design_seed: int | None = None) -> tuple[Path, Path]:
    """Writes the nominal part as `<category>.step` and `<category>.stl`, in the frame of `build`.

    Returns:
        The two files' paths.

    Raises:
        PartError: No such category.
    """
    sizes = nominal_sizes(category, design_seed=design_seed)
    part, offset = _meshed(category, sizes, deflection=0.02, angle=0.1), _offset(category, sizes)
    solids = [cad.Pos(*offset) * solid for solid in _model(category, sizes).solids()]
    directory.mkdir(parents=True, exist_ok=True)
    step, stl = directory / f"{category}.step", directory / f"{category}.stl"
    assembly = cad.Compound(label=category, children=solids)
    cad.export_step(assembly, step, timestamp=_TIMESTAMP)
    _number_occurrences(step)
    _write_stl(part, stl)
    return step, stl


def nominal_sizes(category: str, *, design_seed: int | None = None) -> Any:
    """The dataclass of a category's nominal sizes.

    Raises:
        PartError: No such category.
    """
    _require(category)
    seed = _DESIGN_SEEDS[category] if design_seed is None else design_seed
    return _FAMILIES[category].draw(np.random.default_rng([zlib.crc32(category.encode()), seed]))


def _require(category: str) -> None:
    if category not in _FAMILIES:
        raise PartError(f"no part category {category!r}; there are {', '.join(CATEGORIES)}")


@lru_cache(maxsize=16)
def _model(category: str, sizes: Any) -> Model:
    model: Model = _FAMILIES[category].model(sizes)
    return model


@lru_cache(maxsize=16)
def _meshed(category: str, sizes: Any, *, deflection: float, angle: float, exact: bool = True) -> Part:
    model = _model(category, sizes)
    bodies = model.solids() if exact else model.bodies
    meshes = [_mesh(body, deflection=deflection, angle=angle) for body in bodies]
    vertices, faces, body = join(meshes)
    placed = rest_on_table(vertices)
    features = tuple(_shifted(feature, placed[0] - vertices[0]) for feature in model.features)
    for array in (placed, faces, body):
        array.flags.writeable = False  # the same part is handed to every caller
    return Part(category, placed, faces, body, features)


def _mesh(body: cad.Solid | Carved, *, deflection: float, angle: float) -> tuple[Array, Array]:
    if not isinstance(body, Carved):
        return tessellate(body, deflection=deflection, angle=angle)
    made = [tessellate(solid, deflection=deflection, angle=angle) for solid in (body.base, *body.joined)]
    tools = [tessellate(tool, deflection=deflection, angle=angle) for group in body.tools for tool in group]
    return carved(made, tools)


def _offset(category: str, sizes: Any) -> Array:
    """(3,) mm from the family's own frame to that of the part on the table."""
    features = _model(category, sizes).features
    placed = _meshed(category, sizes, deflection=0.02, angle=0.1).features
    offset: Array = placed[0].centre - features[0].centre
    return offset


def _shifted(feature: Feature, offset: Array) -> Feature:
    return replace(feature, centre=feature.centre + offset)


def _scaled(part: Part, rng: np.random.Generator) -> Part:
    """The part 0.75 to 1.3 times as large, kept within `SMALLEST` and `LARGEST`."""
    extent = float(np.ptp(part.vertices, axis=0).max())
    # The part may then lie on another side and at any angle, where its largest extent is up to 1.5 times this.
    low, high = max(0.75, 1.02 * SMALLEST / extent), min(1.3, 0.66 * LARGEST / extent)
    factor = float(rng.uniform(min(low, high), high))
    features = tuple(
        replace(f, centre=f.centre * factor, size=f.size * factor, depth=f.depth * factor)
        for f in part.features
    )
    return replace(part, vertices=part.vertices * factor, features=features)


def _turned_over(part: Part, rng: np.random.Generator) -> Part:
    """The part on another of its six sides, turned about the vertical by any angle."""
    down = int(rng.integers(3))
    side = np.roll(np.eye(3), down, axis=1)
    if rng.random() < 0.5:
        side = np.diag([1.0, -1.0, -1.0]) @ side
    yaw = float(rng.uniform(0, 2 * np.pi))
    c, s = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ side
    turned = part.vertices @ rotation.T
    placed = rest_on_table(turned)
    offset = placed[0] - turned[0]
    features = tuple(
        replace(
            f,
            centre=rotation @ f.centre + offset,
            axis=rotation @ f.axis,
            direction=None if f.direction is None else rotation @ f.direction,
        )
        for f in part.features
    )
    return replace(part, vertices=placed, features=features)


def _number_occurrences(step: Path) -> None:
    """Numbers an assembly's occurrences from 1: the CAD kernel goes on from the files it wrote before."""
    count = itertools.count(1)
    text = step.read_text(encoding="utf-8")
    step.write_text(re.sub(_OCCURRENCE, lambda match: f"{match[1]}'{next(count)}'", text), encoding="utf-8")


def _write_stl(part: Part, path: Path) -> None:
    """The mesh as binary STL."""
    corners = part.vertices[part.faces]
    record = np.zeros(
        len(part.faces), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]
    )
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    record["normal"] = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    record["corners"] = corners
    header = f"{part.category}, millimetres".encode().ljust(80)
    path.write_bytes(header + np.uint32(len(record)).tobytes() + record.tobytes())
