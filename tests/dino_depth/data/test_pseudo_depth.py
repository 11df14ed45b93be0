"""Pseudo-depth with the real architecture, tiny and with random weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoImageProcessor

from dino_depth.data.pseudo_depth import PseudoDepth, disparity_to_depth
from dino_depth.errors import DinoDepthError
from tests.dino_depth.data.tiny_depth_model import write_depth_model

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("depth-model")
    write_depth_model(path)
    return path


def _images(*shapes: tuple[int, int]) -> list[Array]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (*shape, 3)).astype(np.uint8) for shape in shapes]


class TestDisparityToDepth:
    def test_closed_form(self) -> None:
        # 201 values: the 1st and the 99th percentile are the 3rd and the 199th of them.
        disparity = np.arange(201, dtype=np.float32)[None] * 3 - 50
        depth = disparity_to_depth(disparity)
        nearness = np.clip((np.arange(201) - 2) / 196, 0, 1)
        np.testing.assert_allclose(depth[0], 2 / (1 + nearness), rtol=1e-6)
        assert (depth[0, :3] == 2).all()
        assert (depth[0, -3:] == 1).all()

    def test_scale_and_shift_do_not_matter(self) -> None:
        disparity = np.random.default_rng(0).random((30, 40))
        np.testing.assert_allclose(
            disparity_to_depth(disparity), disparity_to_depth(1000 * disparity + 7), rtol=1e-6
        )

    def test_holes_and_flat_maps(self) -> None:
        disparity = np.array([[1.0, np.nan], [np.inf, 1.0]])
        np.testing.assert_array_equal(disparity_to_depth(disparity), [[2, np.nan], [np.nan, 2]])
        assert np.isnan(disparity_to_depth(np.full((2, 2), np.nan))).all()


class TestPseudoDepth:
    def test_against_the_model_itself(self, directory: Path, tmp_path: Path) -> None:
        image = _images((100, 140))[0]
        model = write_depth_model(tmp_path)
        processor = AutoImageProcessor.from_pretrained(directory)
        inputs = processor(images=image, return_tensors="pt")
        assert inputs["pixel_values"].shape == (1, 3, 56, 84)
        with torch.no_grad():
            outputs = model(**inputs)
        disparity = torch.nn.functional.interpolate(
            outputs.predicted_depth[None], (100, 140), mode="bilinear", align_corners=False
        )
        expected = disparity_to_depth(disparity[0, 0].numpy())
        found = PseudoDepth(str(directory))([image])[0]
        assert found.std() > 0.05
        np.testing.assert_allclose(found, expected, atol=1e-4)

    def test_batches__as_one_by_one(self, directory: Path) -> None:
        images = _images((60, 80), (60, 60), (60, 80), (90, 40))
        model = PseudoDepth(str(directory), device="cpu")
        together = model(images, longest_side=64)
        assert [depth.shape for depth in together] == [(48, 64), (60, 60), (48, 64), (64, 28)]
        for image, depth in zip(images, together, strict=True):
            np.testing.assert_allclose(model([image], longest_side=64)[0], depth, atol=1e-4)

    def test_metric_model__its_depth_as_it_is(self, tmp_path: Path) -> None:
        model = write_depth_model(tmp_path, kind="metric")
        image = _images((56, 56))[0]
        inputs = AutoImageProcessor.from_pretrained(tmp_path)(images=image, return_tensors="pt")
        with torch.no_grad():
            expected = model(**inputs).predicted_depth[0].numpy()
        np.testing.assert_allclose(PseudoDepth(str(tmp_path))([image])[0], expected, atol=1e-3)

    def test_no_model__one_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        for name in ("depth-anything/Depth-Anything-V2-Small-hf", str(tmp_path / "nowhere")):
            with pytest.raises(
                DinoDepthError,
                match=rf"--pseudo-model {name}: expected a depth-estimation model on the hub, or a directory with one",
            ) as error:
                PseudoDepth(name)
            assert "\n" not in str(error.value)

    def test_another_kind_of_model__one_line(self, directory: Path, tmp_path: Path) -> None:
        shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
        AutoConfig.for_model("dinov2").save_pretrained(tmp_path)
        with pytest.raises(
            DinoDepthError, match=r"expected a depth-estimation model .* found none: "
        ) as error:
            PseudoDepth(str(tmp_path))
        assert "\n" not in str(error.value)

    def test_missing_weights__named(self, directory: Path, tmp_path: Path) -> None:
        shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
        weights = load_file(tmp_path / "model.safetensors")
        del weights["head.conv1.weight"]
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(
            DinoDepthError, match=r"expected all weights, found no head.conv1.weight and 0 others"
        ):
            PseudoDepth(str(tmp_path))

    def test_missing_processor__one_line(self, directory: Path, tmp_path: Path) -> None:
        shutil.copytree(directory, tmp_path, dirs_exist_ok=True)
        (tmp_path / "preprocessor_config.json").unlink()
        with pytest.raises(DinoDepthError, match="expected a depth-estimation model on the hub, or"):
            PseudoDepth(str(tmp_path))

    @pytest.mark.parametrize("device", ["gpu", "mps:9"])
    def test_no_such_device__one_line(self, directory: Path, device: str) -> None:
        with pytest.raises(
            DinoDepthError, match=f"--device {device}: expected a device of this machine, found"
        ):
            PseudoDepth(str(directory), device=device)
