"""Small parts made of primitives, for the scanner's tests."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from benchmarks.cadscan.part import Part, rest_on_table


def part_of(mesh: trimesh.Trimesh) -> Part:
    return Part(
        "random",
        vertices=rest_on_table(np.asarray(mesh.vertices, dtype=np.float64)),
        faces=np.asarray(mesh.faces, dtype=np.int32),
        body=np.zeros(len(mesh.faces), dtype=np.int16),
    )


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
