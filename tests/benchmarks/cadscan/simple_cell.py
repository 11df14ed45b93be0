"""A scanning cell of few, small views, for tests of what they can show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.cadscan.categories import Setup
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.scanner import Cell, Instance, Shot, cell_for, lay_down, shots
from benchmarks.cadscan.sensor import Head
from benchmarks.cadscan.stage import surroundings
from benchmarks.cadscan.views import binned_intrinsics, look_at
from modmap.scan import Camera

SIZE = (320, 240)


def cell_above(part: Part, *, height: float, size: tuple[int, int] = SIZE) -> Cell:
    """One camera that looks straight down from a height above the table, its projector and second camera beside it."""
    pose = look_at(np.array([1e-6, 0, height]), np.zeros(3))
    camera = Camera(binned_intrinsics(size), pose, size=size)
    head = Head(np.array([1.0, 0, 0]), np.array([2.0, 0, 0]), distance=height)
    setup = Setup(1, "fixture")
    return Cell(setup, (camera,), head, surroundings(part, setup), (0.8,))


def cell_around(part: Part, *, size: tuple[int, int] = SIZE) -> Cell:
    """Three cameras, one above the other."""
    return cell_for(part, Setup(3, "hand"), size=size)


def placed(cell: Cell, part: Part, *, seed: int = 1) -> tuple[Instance, tuple[Shot, ...]]:
    """A part with no marks where it lies, and the views."""
    return (
        lay_down(cell, part, marks=(), seed=np.random.SeedSequence(seed)),
        shots(cell, np.random.SeedSequence([seed, 1])),
    )


def where_drawn(cell: Cell, part: Part) -> tuple[Instance, tuple[Shot, ...]]:
    """A part exactly where it was drawn, and views from exactly where the cameras are to be."""
    instance, views = placed(cell, part)
    stage = type(instance.stage)(part, instance.stage.finish, T_part_to_world=np.eye(4), around=cell.around)
    exact = tuple(replace(shot, camera=camera) for shot, camera in zip(views, cell.cameras, strict=True))
    return replace(instance, stage=stage), exact
