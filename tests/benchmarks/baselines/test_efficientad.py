"""EfficientAD with a random teacher and random photographs: what it loads and finds, and that it says what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from benchmarks.baselines.methods import make_detector, open_detector
from modmap.errors import ModMapError
from modmap.scan import Scan


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A teacher of random weights and two photographs of noise."""
    from anomalib.models.image.efficient_ad.torch_model import SmallPatchDescriptionNetwork

    root = tmp_path_factory.mktemp("efficientad")
    torch.manual_seed(0)
    teacher = SmallPatchDescriptionNetwork(out_channels=384)
    safetensors.torch.save_file(teacher.state_dict(), root / "teacher.safetensors")
    torch.save(teacher.state_dict(), root / "teacher.pth")
    pictures = root / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for index in range(2):
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(pictures / f"{index}.png")
    return {
        "teacher": str(root / "teacher.safetensors"),
        "penalty_images": str(pictures),
        "steps": 1,  # of 256 pixels, which is the least: seconds each
        "learning_rate": 1e-3,
    }


@pytest.fixture(scope="session")
def two_views(nominal: Scan) -> Scan:
    """Of the nominal scan: one to train on and one that is held out: each takes the networks seconds."""
    return nominal.subset(nominal.view_ids[:2])


class TestEfficientAD:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"teacher": None}, "efficientad: needs teacher, .*found none"),
            ({"teacher": "/nowhere.pth"}, "efficientad: needs teacher, .*found nothing at /nowhere.pth"),
            ({"teacher": "none"}, "expected teacher to be a file or an encoder, found 'none'"),
            ({"penalty_images": None}, "efficientad: needs penalty_images, a folder of photographs"),
            ({"image_encoder": {"reference": "dinov2_vits14"}}, "efficientad: expected no encoder"),
        ],
    )
    def test_fit__says_what_it_needs(
        self,
        given: dict[str, Any],
        nominal: Scan,
        changes: dict[str, Any],
        said: str,
        vit: str,
    ) -> None:
        if "image_encoder" in changes:
            changes = {"image_encoder": {"reference": vit}}
        with pytest.raises(ModMapError, match=said) as error:
            make_detector("efficientad", "fast", {**given, **changes}, device="cpu").fit(nominal)
        assert "\n" not in str(error.value)

    def test_save__predicts_the_same_once_loaded(
        self, given: dict[str, Any], two_views: Scan, tests: list[Scan], tmp_path: Path
    ) -> None:
        model = make_detector("efficientad", "fast", given, device="cpu").fit(two_views)
        again = open_detector("efficientad", model.save_pretrained(tmp_path / "model"), device="cpu")
        assert again.fingerprint == model.fingerprint
        test = tests[-1].subset(["00"])
        found = model.predict(test).map("00")
        np.testing.assert_array_equal(again.predict(test).map("00"), found)

    @pytest.mark.slow
    @pytest.mark.timeout(1200)
    def test_predict__finds_the_planted_defect(
        self, given: dict[str, Any], nominal: Scan, tests: list[Scan]
    ) -> None:
        """Fifty steps of seconds each; the teacher is random, but the student never learnt what it says of a dent."""
        model = make_detector("efficientad", "fast", {**given, "steps": 50}, device="cpu").fit(nominal)
        good, bad = (model.predict(tests[index]) for index in (0, -1))
        assert bad.score == bad.require_volume().score > 2 * good.score
        found = bad.map("00")
        row, column = np.unravel_index(np.nanargmax(found), found.shape)
        assert 25 - 8 <= row <= 35 + 8
        assert 35 - 8 <= column <= 45 + 8

    def test_fit__a_training_that_diverges(self, given: dict[str, Any], two_views: Scan) -> None:
        model = make_detector(
            "efficientad", "fast", {**given, "learning_rate": 1e30, "steps": 2}, device="cpu"
        )
        with pytest.raises(
            ModMapError, match=r"expected finite weights after 2 steps, .* lower learning_rate"
        ):
            model.fit(two_views)

    @pytest.mark.slow
    @pytest.mark.timeout(1200)
    def test_predict__bfloat16_scores_as_float32_does(
        self, given: dict[str, Any], nominal: Scan, tests: list[Scan]
    ) -> None:
        """bfloat16 has eight bits: a distance of sums of hundreds of products keeps about two digits."""
        found = {}
        for precision in ("float32", "bfloat16"):
            model = make_detector("efficientad", "fast", {**given, "precision": precision}, device="cpu")
            found[precision] = model.fit(nominal).predict(tests[-1]).map("00")
        assert found["bfloat16"].dtype == np.float32
        known = np.isfinite(found["float32"])
        np.testing.assert_array_equal(np.isfinite(found["bfloat16"]), known)
        exact, rough = found["float32"][known], found["bfloat16"][known]
        assert not np.array_equal(exact, rough)
        assert np.corrcoef(exact, rough)[0, 1] > 0.99
        np.testing.assert_allclose(rough, exact, atol=0.1 * np.ptp(exact))
