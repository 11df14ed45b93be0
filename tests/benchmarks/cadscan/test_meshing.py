"""Meshes put together without CAD, against volumes in closed form and against CAD itself."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from benchmarks.cadscan.meshing import MeshError, carved, is_closed, refine, tessellate
from benchmarks.cadscan.parts.model import Carved, block, rod


def volume(mesh: tuple[np.ndarray, np.ndarray]) -> float:
    return float(trimesh.Trimesh(*mesh, process=False).volume)


class TestCarved:
    def test_carved__boxes_in_closed_form(self) -> None:
        one = tessellate(block((0, 10), (0, 10), (0, 10)))
        two = tessellate(block((5, 15), (0, 10), (0, 10)))
        tool = tessellate(block((-1, 16), (4, 6), (4, 6)))
        made = carved([one, two], [tool])
        assert is_closed(made[1])
        assert volume(made) == pytest.approx(15 * 10 * 10 - 15 * 2 * 2)

    def test_carved__as_cad_does(self) -> None:
        drill = rod((5, 5, -1), (0, 0, 1), diameter=4, length=20)
        pin = rod((5, 5, 8), (0, 0, 1), diameter=6, length=6)
        body = Carved(block((0, 10), (0, 10), (0, 10)), (pin,), ((drill,),))
        exact = tessellate(body.solid(), deflection=0.01)
        rough = carved(
            [tessellate(solid, deflection=0.01) for solid in (body.base, *body.joined)],
            [tessellate(drill, deflection=0.01)],
        )
        assert volume(rough) == pytest.approx(volume(exact), rel=2e-3)
        np.testing.assert_allclose(rough[0].min(axis=0), exact[0].min(axis=0), atol=1e-5)
        np.testing.assert_allclose(rough[0].max(axis=0), exact[0].max(axis=0), atol=1e-5)

    def test_carved__nothing_left(self) -> None:
        small, large = block((1, 2), (1, 2), (1, 2)), block((0, 3), (0, 3), (0, 3))
        with pytest.raises(MeshError, match="left nothing"):
            carved([tessellate(small)], [tessellate(large)])


class TestRefine:
    def test_refine__the_limit_is_on_the_faces_added(self) -> None:
        """A corner of a ball of 20,480 faces takes a few hundred more; the ball itself counts nothing."""
        ball = trimesh.creation.icosphere(5, radius=40.0)
        vertices, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
        place = {"path": vertices[:1], "reach": 3.0, "edge": 0.4}
        fine, pieces, _ = refine(vertices, faces, most=2000, **place)
        added = len(pieces) - len(faces)
        assert 200 < added <= 2000
        assert is_closed(pieces)
        assert volume((fine, pieces)) == pytest.approx(volume((vertices, faces)))
        with pytest.raises(MeshError, match=f"over {added - 1} faces more"):
            refine(vertices, faces, most=added - 1, **place)
