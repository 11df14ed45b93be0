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
from benchmarks.cadscan.sensor import Head, Light, Trace, trace
from benchmarks.cadscan.stage import Stage, Surroundings, surroundings
from benchmarks.cadscan.views import FOCAL, placed, reached, viewpoints
from modmap.scan import Camera

Array = npt.NDArray[Any]

METERING_SIZE = (96, 72)
METERING_SHARE = 0.5
RENDERER_GAMMA = 1 / 2.2
RENDERER_WHITE = 0.6
RENDERER_ALBEDO = (0.50, 0.30, 0.62)


@dataclass(frozen=True)
class Capture:
    """One view of a scan.

    Attributes:
        image: (H, W) uint8.
        depth: (H, W) float32 planar z in mm, inf where nothing was measured.
        trace: What was there to be seen.
        camera: Where the camera really was; the calibration has the nominal pose.
    """

    image: Array
    depth: Array
    trace: Trace
    camera: Camera


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
        stage: The part as placed, with its surroundings.
        light: Of its scan.
        T_part_to_world: (4, 4) the placement.
    """

    stage: Stage
    light: Light
    T_part_to_world: Array


def lay_down(
    cell: Cell, part: Part, *, marks: tuple[ReflectancePatch, ...], seed: np.random.SeedSequence
) -> Instance:
    """Places an instance: its own finish, its own placement, the light of its hour.

    Args:
        cell: Of its category.
        part: The instance, in its own frame.
        marks: All changes of its reflectance, harmless or not.
        seed: Of the scan.
    """
    finish_seed, place_seed, light_seed = seed.spawn(3)
    finish = Finish(_materials(part), int(finish_seed.generate_state(1)[0]), patches=marks)
    pose = placed(cell.setup.placement, np.random.default_rng(place_seed))
    stage = Stage(part, finish, T_part_to_world=pose, around=cell.around)
    return Instance(stage, Light.of_scan(np.random.default_rng(light_seed)), pose)


def scan(cell: Cell, instance: Instance, *, seed: np.random.SeedSequence) -> Iterator[Capture]:
    """Scans an instance, view after view; each view has a seed of its own."""
    for camera, exposure, view_seed in zip(
        cell.cameras, cell.exposures, seed.spawn(len(cell.cameras)), strict=True
    ):
        yield capture(cell, instance, camera=camera, exposure=exposure, seed=view_seed)


def capture(
    cell: Cell, instance: Instance, *, camera: Camera, exposure: float, seed: np.random.SeedSequence
) -> Capture:
    """One view, with the robot's, the camera's and the scanner's errors."""
    robot, image_rng, hole_rng, depth_rng = (np.random.default_rng(child) for child in seed.spawn(4))
    actual = replace(camera, T_world_to_camera=reached(camera.T_world_to_camera, robot))
    seen = trace(instance.stage, actual, cell.head, light=instance.light)
    scale = float(camera.K[0, 0] / FOCAL[0])
    signal = expose(seen.radiance, exposure=exposure, scale=scale)
    image = develop(signal, scale=scale, rng=image_rng)
    valid = measurable(seen, signal, exposure=exposure, K=camera.K, table=cell.setup.table, rng=hole_rng)
    depth = measure(seen, valid, head=cell.head, K=camera.K, rng=depth_rng)
    return Capture(image, depth, seen, actual)


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
        yield Capture(np.rint(255 * image).astype(np.uint8), seen.z, seen, camera)


def _evened(exposures: Sequence[float]) -> list[float]:
    """Exposures drawn half way (in stops) to their median: one glaring edge must not leave a view in the dark."""
    middle = float(np.median(exposures))
    return [float(middle * (exposure / middle) ** METERING_SHARE) for exposure in exposures]


def _materials(part: Part) -> tuple[Material, ...]:
    return of_bodies(part.category, int(part.body.max()) + 1)


def _plain(material: Material) -> Material:
    return replace(material, layers=())
