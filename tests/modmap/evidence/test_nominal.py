"""What a good part's surface may seem to differ by."""

from __future__ import annotations

import numpy as np

from modmap.evidence.nominal import SCALES, NominalSurface
from tests.modmap.alignment.blobs import ring, surfaces

BALL = (((0.0, 0.0, 0.0), 60.0),)


class TestNominalSurface:
    def test_of__more_noise_more_is_expected(self) -> None:
        quiet, loud = (
            np.median(NominalSurface.of(surfaces(ring(8), balls=BALL, noise=noise)).expected["00"])
            for noise in (0.02, 0.2)
        )
        assert 3 < loud / quiet < 12

    def test_of__one_view_alone_has_a_floor(self) -> None:
        found = NominalSurface.of(surfaces(ring(8)[:1]))
        assert found.expected["00"].shape == (*found.views["00"].depth.shape, len(SCALES))
        assert (found.expected["00"] > 0).all()
        assert not found.supported

    def test_of__tells_what_the_part_lies_on(self) -> None:
        assert NominalSurface.of(surfaces(ring(6), table=-31.0)).supported
