"""Small parts made of primitives, for the scanner's tests."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from benchmarks.cadscan.meshing import join
from benchmarks.cadscan.part import Feature, Part, rest_on_table


def part_of(*meshes: trimesh.Trimesh, features: tuple[Feature, ...] = ()) -> Part:
    """A part of one body per mesh."""
    vertices, faces, body = join([(np.asarray(m.vertices, np.float64), np.asarray(m.faces)) for m in meshes])
    return Part("random", vertices=rest_on_table(vertices), faces=faces, body=body, features=features)


@pytest.fixture(scope="session")
def ball() -> Part:
    """A ball of 40 mm radius."""
    return part_of(trimesh.creation.icosphere(5, radius=40.0))


@pytest.fixture(scope="session")
def cube() -> Part:
    """A cube of 40 mm."""
    return part_of(trimesh.creation.box((40.0, 40.0, 40.0)))


@pytest.fixture(scope="session")
def plate() -> Part:
    """A plate of 120 x 90 x 12 mm with a post of 20 mm radius and 50 mm height, and a bore of 16 mm."""
    slab = trimesh.creation.box((120, 90, 12))
    slab.apply_translation([0, 0, 6])
    post = trimesh.creation.cylinder(20, 50, sections=96)
    post.apply_translation([-25, 0, 25])
    bore = trimesh.creation.cylinder(8, 60, sections=64)
    bore.apply_translation([35, 20, 6])
    return part_of(trimesh.boolean.union([slab, post]).difference(bore))


@pytest.fixture(scope="session")
def topped() -> Part:
    """A plate of 121 x 91 x 13 mm, and a cube of 21 mm on its middle that can be missing."""
    slab = trimesh.creation.box((121, 91, 13))
    slab.apply_translation([0, 0, 6.5])
    block = trimesh.creation.box((21, 21, 21))
    block.apply_translation([0, 0, 13 + 10.5])
    top = Feature("screw", np.array([0.0, 0, 34]), np.array([0.0, 0, 1]), 21.0, bodies=(1,))
    return part_of(slab, block, features=(top,))
