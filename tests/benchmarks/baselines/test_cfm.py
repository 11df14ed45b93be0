"""CFM's scores against its formula on the features themselves, and against ModMap with all that it added left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from benchmarks.baselines.detector import Baseline, smoothed
from modmap.detector.model import ModMap
from modmap.scan import Scan
from tests.benchmarks.baselines.conftest import Make

CHANGES = {"depth_encoder": {"reference": "fpfh"}, "size": 448}


@pytest.fixture(scope="module")
def fitted(make: Make, nominal: Scan) -> Baseline:
    model = make("cfm", **CHANGES).fit(nominal)
    assert isinstance(model, Baseline)
    return model


class TestCFM:
    def test_score__the_formula(self, fitted: Baseline, tests: list[Scan]) -> None:
        view = fitted._read().read(next(iter(tests[-1].frames())))
        assert view is not None
        weights = fitted.method.state()

        def mapped(tokens: torch.Tensor, name: str) -> torch.Tensor:
            for index in (0, 2, 4):
                weight, bias = (weights[f"{name}.layers.{index}.{kind}"] for kind in ("weight", "bias"))
                tokens = tokens @ weight.T + bias
                if index < 4:
                    tokens = tokens * (1 + torch.erf(tokens / 2**0.5)) / 2
            return tokens

        found = fitted.method.score(view)
        image, depth = view.part("image"), view.part("depth")
        product = torch.ones(len(image))
        for seen, predicted in (
            (image, mapped(depth, "depth_to_image")),
            (depth, mapped(image, "image_to_depth")),
        ):
            product *= (F.normalize(seen) - F.normalize(predicted)).norm(dim=1)
        np.testing.assert_allclose(found.map[view.mapped], product.numpy(), rtol=2e-3, atol=1e-4)
        assert np.isinf(found.map[~view.mapped]).all()
        smooth = smoothed(found.map, fitted.settings.smoothing)
        assert found.score == np.float32(smooth[view.mapped].max())
        assert found.score < found.map[view.mapped].max()

    def test_score__modmap_without_what_it_adds(
        self, fitted: Baseline, nominal: Scan, tests: list[Scan], settings: Any
    ) -> None:
        """The same mappings, so its distances are ModMap's, view by view, not held against good parts."""
        small = settings["cfm"]
        modmap = ModMap(
            device="cpu",
            settings={
                "size": CHANGES["size"],
                "image_encoder": small["image_encoder"],
                "depth_encoder": {"reference": "none"},
                "mapping": {"cross_view": False, "view_conditioning": False},
                "training": {"epochs": 60, "pairs_per_batch": 3, "tokens_per_batch": 200},
                "inference": {"jittered_scans": 0, "aggregation": "prod"},
            },
            depth_features=lambda grid: fitted._read()._encoders["depth"],
        ).fit(nominal)
        ours = modmap.predict(tests[-1], volume=False).views["00"]
        view = fitted._read().read(tests[-1]["00"].load())
        assert view is not None
        expected = 2 * np.sqrt(np.maximum(ours.image_tokens, 0) * np.maximum(ours.depth_tokens, 0))
        found = fitted.method.score(view).map
        np.testing.assert_allclose(found[view.mapped], expected[view.mapped], rtol=1e-3, atol=1e-4)
