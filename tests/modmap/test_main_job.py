"""The main job, on real photographs and a real DINO-v2: fit on one good scan, find what was painted into copies."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from modmap import ModMap, Result
from tests.painted_defects import KINDS, Kind, Place, paint_all, share_below
from tests.real_scans import sokrates_scan

# One fit and two predictions at the full size: some minutes on one core.
pytestmark = [pytest.mark.shared, pytest.mark.network, pytest.mark.timeout(1200)]


@dataclass(frozen=True)
class Job:
    """A model fitted on the good scan, and what it says of it and of the copy with all three defects."""

    model: ModMap
    untouched: Result
    defective: Result
    places: dict[Kind, Place]
    views_showing: dict[Kind, int]


@pytest.fixture(scope="module")
def job(dinov2_vits14: Path) -> Job:
    good = sokrates_scan()
    bad, places, showing = paint_all(good)
    model = ModMap("fast", image_encoder=str(dinov2_vits14), depth_encoder=str(dinov2_vits14)).fit(good)
    return Job(model, model.predict(good), model.predict(bad), places, showing)


class TestMainJob:
    @pytest.mark.parametrize("kind", KINDS)
    def test_defect__shows_in_several_views(self, job: Job, kind: Kind) -> None:
        assert job.views_showing[kind] >= 3

    @pytest.mark.parametrize("kind", KINDS)
    def test_defect__voxels_rank_above_the_nominal_ones(self, job: Job, kind: Kind) -> None:
        volume, nominal = job.defective.require_volume(), job.untouched.require_volume()
        shares = share_below(volume, job.places[kind], nominal=nominal)
        print(kind, len(shares), np.quantile(shares, [0.1, 0.5, 0.9, 1.0]).round(4))
        assert np.median(shares) > 0.99

    def test_score__is_higher_with_the_defects(self, job: Job) -> None:
        print(job.untouched.score, job.defective.score)
        assert job.defective.score > job.untouched.score
