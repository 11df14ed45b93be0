"""A part's CAD model: its solids and the places for defects, and the few ways its solids are made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import build123d as cad
import numpy as np

from benchmarks.cadscan.part import Array, Feature

Sizes = TypeVar("Sizes")
Point2 = tuple[float, float]
Point3 = tuple[float, float, float]
UP: Point3 = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Carved:
    """A solid that isn't put together yet: CAD does it exactly in seconds, meshes do it roughly in milliseconds.

    Attributes:
        base: What the rest is joined to.
        joined: Solids that overlap it.
        tools: Groups of shapes to take away, one group after the other.
    """

    base: cad.Solid
    joined: tuple[cad.Solid, ...] = ()
    tools: tuple[tuple[cad.Shape[Any], ...], ...] = ()

    def solid(self) -> cad.Solid:
        """The solid, by CAD."""
        whole = fuse(self.base, self.joined) if self.joined else self.base
        for group in self.tools:
            whole = cut(whole, group)
        return whole


@dataclass(frozen=True)
class Model:
    """A part as CAD, wherever its family found it easiest to build.

    Attributes:
        bodies: One solid per body.
        features: Places for defects, in the solids' frame.
    """

    bodies: tuple[cad.Solid | Carved, ...]
    features: tuple[Feature, ...]

    def solids(self) -> tuple[cad.Solid, ...]:
        """The bodies by CAD."""
        return tuple(body.solid() if isinstance(body, Carved) else body for body in self.bodies)


def within_tolerance(sizes: Sizes, tolerance: float, *, rng: np.random.Generator) -> Sizes:
    """The sizes of one made instance: every length off by a uniform draw of at most `tolerance` mm.

    Args:
        sizes: A dataclass; its float fields are lengths in mm, its integers and strings are left as they are.
        tolerance: mm.
        rng: Drawn from once per length, in the order of the fields.
    """
    lengths = [f.name for f in fields(sizes) if isinstance(getattr(sizes, f.name), float)]  # type: ignore[arg-type]
    changed = {name: getattr(sizes, name) + float(rng.uniform(-tolerance, tolerance)) for name in lengths}
    return replace(sizes, **changed)  # type: ignore[type-var]


def feature(kind: str, centre: Point3, axis: Point3, size: float, **more: Any) -> Feature:
    """A `Feature` from plain tuples."""
    return Feature(kind, np.array(centre, float), np.array(axis, float), size, **more)


def tab(centre: Point3, axis: Point3, outward: Point3, *, length: float, width: float) -> Feature:
    """A piece that a blow can bend: `length` from root to free edge (along `outward`), `width` wide."""
    return feature("tab", centre, axis, length, depth=width, direction=np.array(outward, float))


def turned(profile: Sequence[Point2]) -> cad.Solid:
    """The solid of revolution about z of a closed outline of (radius, z) points in mm."""
    outline = cad.make_face(cad.Polyline(*profile, close=True))
    return single(cad.revolve(cad.Plane.XZ * outline, cad.Axis.Z))


def plate(outline: Sequence[Point2], thickness: float, *, corner: float = 0.0) -> cad.Solid:
    """A plate on z = 0 of a closed outline of (x, y) points, its upright edges rounded by `corner` mm."""
    solid = single(cad.extrude(cad.make_face(cad.Polyline(*outline, close=True)), amount=thickness))
    return rounded(solid, solid.edges().filter_by(cad.Axis.Z), corner) if corner > 0 else solid


def block(x: Point2, y: Point2, z: Point2) -> cad.Solid:
    """The box between two corners, mm."""
    size = (x[1] - x[0], y[1] - y[0], z[1] - z[0])
    return moved(cad.Solid.make_box(*size), (x[0], y[0], z[0]))


def rod(base: Point3, axis: Point3, *, diameter: float, length: float) -> cad.Solid:
    """A cylinder from the middle of its base along `axis`, mm."""
    return cad.Solid.make_cylinder(diameter / 2, length, cad.Plane(origin=base, z_dir=axis))


def moved(solid: cad.Solid, offset: Point3) -> cad.Solid:
    """The solid moved by `offset` mm."""
    return single(cad.Pos(*offset) * solid)


def placed(solid: cad.Solid, origin: Point3, *, x: Point3, z: Point3) -> cad.Solid:
    """The solid with its own origin, x axis and z axis laid on these."""
    return single(cad.Plane(origin=origin, x_dir=x, z_dir=z).location * solid)


def rounded(solid: cad.Solid, edges: Iterable[cad.Edge], radius: float) -> cad.Solid:
    """The solid with the edges rounded by `radius` mm."""
    return single(solid.fillet(radius, list(edges))) if radius > 0 else solid


def chamfered(solid: cad.Solid, edges: Iterable[cad.Edge], length: float) -> cad.Solid:
    """The solid with the edges broken by `length` mm."""
    return single(solid.chamfer(length, None, list(edges)))


def cut(solid: cad.Solid, tools: Sequence[cad.Shape[Any]]) -> cad.Solid:
    """The solid less the tools."""
    return single(solid.cut(*tools))


def fuse(solid: cad.Solid, others: Sequence[cad.Shape[Any]]) -> cad.Solid:
    """One solid of several that overlap."""
    return single(solid.fuse(*others))


def single(shape: Any) -> cad.Solid:
    """The one solid of a CAD operation's result.

    Raises:
        ValueError: The operation left none or several.
    """
    solids = shape.solids() if hasattr(shape, "solids") else shape
    if len(solids) != 1:
        raise ValueError(f"a CAD operation was to leave one solid, and left {len(solids)}")
    solid: cad.Solid = solids[0]
    return solid


def around(count: int, radius: float, *, phase: float = 0.0) -> list[Point2]:
    """`count` points evenly around a circle of `radius` mm, the first at the angle `phase` (radians)."""
    angles = [phase + 2 * math.pi * i / count for i in range(count)]
    return [(radius * math.cos(a), radius * math.sin(a)) for a in angles]


def polar(point: Point2) -> tuple[Point3, Point3]:
    """The unit directions outward and around (counterclockwise) at an (x, y) point."""
    r = math.hypot(*point)
    return (point[0] / r, point[1] / r, 0.0), (-point[1] / r, point[0] / r, 0.0)


def as_point(values: Array) -> Point3:
    """A plain tuple of a (3,) array."""
    return (float(values[0]), float(values[1]), float(values[2]))
