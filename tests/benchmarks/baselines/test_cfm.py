"""CFM's scores against its formula on the features themselves, and against ModMap with all that it added left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from benchmarks.baselines.cfm import CFM
from benchmarks.baselines.detector import Baseline, smoothed
from benchmarks.baselines.methods import open_detector
from benchmarks.baselines.views import SeenView
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
        smooth = smoothed(found.map, fitted.config.smoothing)
        assert found.score == np.float32(smooth[view.mapped].max())
        assert found.score < found.map[view.mapped].max()

    def test_score__standardised(self, make: Make, nominal: Scan, tests: list[Scan], tmp_path: Path) -> None:
        """What one channel is measured in makes no difference, and the scale comes back with the model."""
        model = make("cfm", **CHANGES, standardised=True).fit(nominal)
        assert isinstance(model, Baseline)
        frames = [next(iter(scan.frames())) for scan in (nominal, tests[-1])]
        views = [model._read().read(frame) for frame in frames]
        assert views[0] is not None
        assert views[1] is not None
        scale = torch.ones(views[0].tokens["image"].shape[1])
        scale[3] = 1000.0

        def scored(seen: SeenView, by: torch.Tensor) -> Any:
            return replace(seen, tokens={**seen.tokens, "image": seen.tokens["image"] * by + by})

        plain, scaled = CFM(model.config, device=model.device), CFM(model.config, device=model.device)
        plain.fit([scored(views[0], torch.ones_like(scale))])
        scaled.fit([scored(views[0], scale)])
        expected = plain.score(scored(views[1], torch.ones_like(scale)))
        found = scaled.score(scored(views[1], scale))
        np.testing.assert_allclose(found.map, expected.map, rtol=0.02, atol=1e-3)
        opened = open_detector("cfm", model.save_pretrained(tmp_path / "model"), device="cpu")
        assert opened.predict(tests[-1], volume=False).score == model.predict(tests[-1], volume=False).score

    def test_score__modmap_without_what_it_adds(
        self, fitted: Baseline, nominal: Scan, tests: list[Scan], settings: Any
    ) -> None:
        """The same mappings, so its distances are ModMap's, view by view, not compared with good parts."""
        small = settings["cfm"]
        modmap = ModMap(
            "fast",
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
