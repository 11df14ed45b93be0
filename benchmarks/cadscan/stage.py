"""What stands before the camera: the part where it was laid, the table, the fixture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cadscan.categories import Setup
from benchmarks.cadscan.finish import Finish, SurfaceSample
from benchmarks.cadscan.materials import FIXTURE_STEEL, RUBBER_MAT, TOOLING_PLATE
from benchmarks.cadscan.part import Part
from benchmarks.cadscan.render import Caster, Hits

Array = npt.NDArray[Any]

TABLE_SEED, FIXTURE_SEED = 11, 12
JAW_CLEARANCE = 1.0


@dataclass(frozen=True)
class Surroundings:
    """What a category's part stands on and beside; the same for all its scans.

    Attributes:
        vertices: (V, 3) world frame, mm.
        faces: (F, 3).
        table: (F,) bool: the table's faces; the rest are the fixture's.
        table_finish: Of the table.
        fixture_finish: Of the fixture.
        measured: They are in the depth maps; else the workspace filter removes them.
    """

    vertices: Array
    faces: Array
    table: Array
    table_finish: Finish
    fixture_finish: Finish
    measured: bool


def surroundings(nominal: Part, setup: Setup) -> Surroundings:
    """A rubber mat, or, where the set-up has its table in the picture, a tooling plate with jaws and pins."""
    low, high = nominal.vertices.min(axis=0), nominal.vertices.max(axis=0)
    reach = 1.6 * float(np.linalg.norm(high - low))
    boxes = [(np.array([-reach, -reach, -20.0]), np.array([reach, reach, 0.0]))]
    if setup.table:
        boxes += _fixture(low, high)
    vertices = np.concatenate([_box_vertices(*box) for box in boxes])
    faces = np.concatenate([_BOX_FACES + 8 * index for index in range(len(boxes))])
    table = np.arange(len(faces)) < len(_BOX_FACES)
    top = TOOLING_PLATE if setup.table else RUBBER_MAT
    return Surroundings(
        vertices,
        faces,
        table,
        Finish([top], TABLE_SEED),
        Finish([FIXTURE_STEEL], FIXTURE_SEED),
        measured=setup.table,
    )


class Stage:
    """A part as placed in the world, with or without its surroundings.

    Args:
        part: The part, in its own frame.
        T_part_to_world: (4, 4) its placement.
        finish: Its surface.
        around: Table and fixture, or None.
        caster: Of the same part in the same place, where there is one.
    """

    def __init__(
        self,
        part: Part,
        finish: Finish,
        *,
        T_part_to_world: Array,
        around: Surroundings | None = None,
        caster: Caster | None = None,
    ) -> None:
        self.finish, self.around = finish, around
        self.T_part_to_world = T_part_to_world
        self._body = part.body
        self.part_faces = len(part.faces)
        self.caster = caster or _caster(part, T_part_to_world, around)

    def is_part(self, face: Array) -> Array:
        """(M,) bool: which faces are the part's."""
        return (face >= 0) & (face < self.part_faces)

    def is_measured(self, face: Array) -> Array:
        """(M,) bool: which faces depth maps have."""
        return (face >= 0) if self.around is not None and self.around.measured else self.is_part(face)

    def surface(self, hits: Hits, points: Array, *, footprint: float) -> SurfaceSample:
        """The surface where rays ended; every ray must have hit something.

        Args:
            hits: The hits.
            points: (M, 3) where, world frame.
            footprint: Size of a pixel on the surface, mm.

        Returns:
            The sample, its normals in the world frame.
        """
        rotation, shift = self.T_part_to_world[:3, :3], self.T_part_to_world[:3, 3]
        count = len(points)
        albedo, f0, roughness = np.empty((3, count), np.float32)
        merged = SurfaceSample(albedo, f0, roughness, normals=np.empty((count, 3), np.float32))
        part = np.flatnonzero(self.is_part(hits.face))
        local = ((points[part] - shift) @ rotation).astype(np.float32)
        normals = hits.normals[part] @ rotation.astype(np.float32)
        sample = self.finish.sample(local, normals, self._body[hits.face[part]], footprint=footprint)
        turned = SurfaceSample(
            sample.albedo, sample.f0, sample.roughness, sample.normals @ rotation.T.astype(np.float32)
        )
        _put(merged, part, turned)
        if self.around is not None:
            other = hits.face - self.part_faces
            table = np.zeros(count, dtype=bool)
            table[other >= 0] = self.around.table[other[other >= 0]]
            groups = ((table, self.around.table_finish), ((other >= 0) & ~table, self.around.fixture_finish))
            for mask, finish in groups:
                where = np.flatnonzero(mask)
                body = np.zeros(len(where), dtype=np.int16)
                _put(
                    merged,
                    where,
                    finish.sample(points[where], hits.normals[where], body, footprint=footprint),
                )
        return merged


def _caster(part: Part, T_part_to_world: Array, around: Surroundings | None) -> Caster:
    """The part where it is, and what is around it, for rays."""
    rotation, shift = T_part_to_world[:3, :3], T_part_to_world[:3, 3]
    vertices, faces = part.vertices @ rotation.T + shift, part.faces
    tilt = None if part.tilt is None else part.tilt @ rotation.T.astype(np.float32)
    if around is not None:
        faces = np.concatenate([faces, around.faces + len(vertices)])
        vertices = np.concatenate([vertices, around.vertices])
        if tilt is not None:
            tilt = np.concatenate([tilt, np.zeros((len(around.faces), 3, 3), np.float32)])
    return Caster(vertices, faces, tilt=tilt)


def _put(merged: SurfaceSample, where: Array, sample: SurfaceSample) -> None:
    merged.albedo[where], merged.f0[where] = sample.albedo, sample.f0
    merged.roughness[where], merged.normals[where] = sample.roughness, sample.normals


def _fixture(low: Array, high: Array) -> list[tuple[Array, Array]]:
    """Two jaws along x and two stops along y, low enough to leave most of the part free."""
    size = high - low
    height, depth = 0.22 * size[2] + 4, 0.12 * max(size[0], size[1]) + 5
    half = 0.16 * size[1] + 3
    boxes = []
    for sign, edge in ((-1, low[0]), (1, high[0])):
        near, far = edge + sign * JAW_CLEARANCE, edge + sign * (JAW_CLEARANCE + depth)
        boxes.append((np.array([min(near, far), -half, 0.01]), np.array([max(near, far), half, height])))
        near, far = far, far + sign * 0.8 * depth
        boxes.append(
            (
                np.array([min(near, far), -1.6 * half, 0.01]),
                np.array([max(near, far), 1.6 * half, 0.5 * height]),
            )
        )
    for x in (-0.25 * size[0], 0.25 * size[0]):
        near = low[1] - JAW_CLEARANCE
        boxes.append((np.array([x - 5, near - 10, 0.01]), np.array([x + 5, near, 0.7 * height])))
    return boxes


_BOX_FACES = np.array(
    [
        [0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4],
        [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7],
    ],
    dtype=np.int32,
)  # fmt: skip


def _box_vertices(low: Array, high: Array) -> Array:
    corners = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]
    return np.asarray(low + np.array(corners, dtype=np.float64) * (high - low))
