"""A category's scanning cell: cameras, head, exposure times; and the scan of one instance in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.categories import Setup
from benchmarks.cadscan.depth_errors import measurable, measure
from benchmarks.cadscan.finish import Finish
from benchmarks.cadscan.materials import Material, of_bodies
from benchmarks.cadscan.part import Part, ReflectancePatch
from benchmarks.cadscan.photograph import develop, expose, exposure_for
from benchmarks.cadscan.sensor import Head, Light, Trace, sky_step, trace
from benchmarks.cadscan.stage import Stage, Surroundings, surroundings
from benchmarks.cadscan.views import FOCAL, placed, reached, viewpoints
from benchmarks.cadscan.window import Window
from modmap.scan import Camera

Array = npt.NDArray[Any]

METERING_SIZE = (96, 72)
METERING_SHARE = 0.5
RENDERER_GAMMA = 1 / 2.2
RENDERER_WHITE = 0.6
RENDERER_ALBEDO = (0.50, 0.30, 0.62)

Marks = tuple[ReflectancePatch, ...]


@dataclass(frozen=True)
class Capture:
    """One view of a scan.

    Attributes:
        image: (H, W) uint8.
        depth: (H, W) float32 planar z in mm, inf where nothing was measured.
        trace: What was there to be seen.
    """

    image: Array
    depth: Array
    trace: Trace


@dataclass(frozen=True)
class Cell:
    """What stays the same for all scans of a category.

    Attributes:
        setup: Views, placement, table.
        cameras: Nominal cameras.
        head: The scanning head.
        around: Table and fixture.
        exposures: Factor from radiance to signal, one a view, set once on a first, plain part.
    """

    setup: Setup
    cameras: tuple[Camera, ...]
    head: Head
    around: Surroundings
    exposures: tuple[float, ...]


def cell_for(nominal: Part, setup: Setup, *, size: tuple[int, int]) -> Cell:
    """Sets up the cell for a category on its nominal part, for images of (width, height)."""
    cameras = viewpoints(nominal.vertices, setup.views, size=size)
    middle = (nominal.vertices.min(axis=0) + nominal.vertices.max(axis=0)) / 2
    head = Head.for_distance(float(np.median([np.linalg.norm(camera.centre - middle) for camera in cameras])))
    around = surroundings(nominal, setup)
    plain = Finish([_plain(material) for material in _materials(nominal)], None)
    stage = Stage(nominal, plain, T_part_to_world=np.eye(4), around=around)
    exposures = []
    for camera in viewpoints(nominal.vertices, setup.views, size=METERING_SIZE):
        seen = trace(stage, camera, head, antialias=False, shut_off=False)
        exposures.append(exposure_for([seen.radiance[seen.part]]))
    return Cell(setup, cameras, head, around, tuple(_evened(exposures)))


@dataclass(frozen=True)
class Instance:
    """One part on the table of its cell.

    Attributes:
        part: The part, in its own frame.
        marks: All changes of its reflectance.
        stage: The part as placed, with its surroundings.
        light: Of its scan.
        finish_seed: Of its surface.
        materials: Of its bodies.
    """

    part: Part
    marks: Marks
    stage: Stage
    light: Light
    finish_seed: int
    materials: tuple[Material, ...]

    @property
    def T_part_to_world(self) -> Array:
        """(4, 4) the placement."""
        return self.stage.T_part_to_world

    def exchanged(self, cell: Cell, part: Part, *, marks: Marks) -> Instance:
        """The same part with or without defects and marks: the same surface, in the same place and light."""
        finish = Finish(self.materials, self.finish_seed, patches=marks)
        caster = self.stage.caster if part is self.part else None
        stage = Stage(part, finish, T_part_to_world=self.T_part_to_world, around=cell.around, caster=caster)
        return replace(self, part=part, marks=marks, stage=stage)


def lay_down(cell: Cell, part: Part, *, marks: Marks, seed: np.random.SeedSequence) -> Instance:
    """Places an instance: its own finish, its own placement, the light of its hour.

    Args:
        cell: Of its category.
        part: The instance, in its own frame.
        marks: All changes of its reflectance, harmless or not.
        seed: Of the scan.
    """
    finish_seed, place_seed, light_seed = seed.spawn(3)
    materials, number = _materials(part), int(finish_seed.generate_state(1)[0])
    finish = Finish(materials, number, patches=marks)
    pose = placed(cell.setup.placement, np.random.default_rng(place_seed))
    stage = Stage(part, finish, T_part_to_world=pose, around=cell.around)
    return Instance(part, marks, stage, Light.of_scan(np.random.default_rng(light_seed)), number, materials)


@dataclass(frozen=True)
class Shot:
    """One view that is to be taken.

    Attributes:
        camera: Where the robot really puts the camera; the calibration has the nominal pose.
        exposure: Factor from radiance to signal.
        image_seed: Of the image's noise.
        hole_seed: Of the frayed borders of what is measured.
        depth_seed: Of the depth's noise.
    """

    camera: Camera
    exposure: float
    image_seed: np.random.SeedSequence
    hole_seed: np.random.SeedSequence
    depth_seed: np.random.SeedSequence

    @classmethod
    def of(cls, camera: Camera, exposure: float, seed: np.random.SeedSequence) -> Shot:
        """A view from a nominal camera, with the robot's error in it."""
        robot_seed, *others = seed.spawn(4)
        pose = reached(camera.T_world_to_camera, np.random.default_rng(robot_seed))
        return cls(replace(camera, T_world_to_camera=pose), exposure, *others)


def shots(cell: Cell, seed: np.random.SeedSequence) -> tuple[Shot, ...]:
    """The views of a scan, each with a seed of its own."""
    seeds = seed.spawn(len(cell.cameras))
    return tuple(map(Shot.of, cell.cameras, cell.exposures, seeds))


def look(
    cell: Cell, instance: Instance, shot: Shot, *, window: Window | None = None
) -> tuple[Trace, Array, Camera]:
    """What one view, or a piece of it, would be without noise: its trace, the sensor's signal, and its camera."""
    whole = shot.camera
    assert whole.size is not None
    window = window or Window(0, 0, *whole.size)
    camera = window.of_camera(whole)
    seen = trace(instance.stage, camera, cell.head, light=instance.light, step=sky_step(whole))
    corner, scale = (window.left, window.top), image_scale(whole)
    signal = expose(seen.radiance, exposure=shot.exposure, scale=scale, corner=corner, of=whole.size)
    return seen, signal, camera


def capture(cell: Cell, instance: Instance, shot: Shot, *, window: Window | None = None) -> Capture:
    """Takes one view, with the camera's and the scanner's errors; of a piece, with other errors than the whole's."""
    seen, signal, camera = look(cell, instance, shot, window=window)
    image_rng, hole_rng, depth_rng = map(
        np.random.default_rng, (shot.image_seed, shot.hole_seed, shot.depth_seed)
    )
    image = develop(signal, scale=image_scale(camera), rng=image_rng)
    table = cell.setup.table
    valid = measurable(seen, signal, exposure=shot.exposure, K=camera.K, table=table, rng=hole_rng)
    depth = measure(seen, valid, head=cell.head, K=camera.K, rng=depth_rng)
    return Capture(image, depth, seen)


def image_scale(camera: Camera) -> float:
    """Size of a camera's image relative to the whole sensor's; it is binned."""
    return float(camera.K[0, 0] / FOCAL[0])


def render(cell: Cell, nominal: Part) -> Iterator[Capture]:
    """The nominal part as a renderer shows it: a lamp on the camera, plain gray, no texture, table or error.

    Depth outside the part is inf.
    """
    count = int(nominal.body.max()) + 1
    grays = [Material(RENDERER_ALBEDO[min(body, 2)], 0.04, 0.5) for body in range(count)]
    stage = Stage(nominal, Finish(grays, None), T_part_to_world=np.eye(4))
    headlamp = Head(np.zeros(3), cell.head.second_camera, distance=cell.head.distance)
    for camera in cell.cameras:
        seen = trace(stage, camera, headlamp)
        image = np.clip(seen.radiance * RENDERER_WHITE, 0, 1) ** RENDERER_GAMMA
        yield Capture(np.rint(255 * image).astype(np.uint8), seen.z, seen)


def _evened(exposures: Sequence[float]) -> list[float]:
    """Exposures drawn half way (in stops) to their median: one glaring edge must not leave a view in the dark."""
    middle = float(np.median(exposures))
    return [float(middle * (exposure / middle) ** METERING_SHARE) for exposure in exposures]


def _materials(part: Part) -> tuple[Material, ...]:
    return of_bodies(part.category, int(part.body.max()) + 1)


def _plain(material: Material) -> Material:
    return replace(material, layers=())
