"""A teacher's weights from both kinds of file, and from a damaged one."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from benchmarks.baselines.teacher_file import is_file, load_teacher
from modmap.errors import ModMapError


class TestTeacherFile:
    @pytest.mark.parametrize("ending", [".pth", ".safetensors"])
    def test_load_teacher__released_format_and_ours(self, ending: str, tmp_path: Path) -> None:
        from anomalib.models.image.efficient_ad.torch_model import SmallPatchDescriptionNetwork

        stored, filled = (SmallPatchDescriptionNetwork(out_channels=384) for _ in range(2))
        path = tmp_path / f"teacher{ending}"
        weights = stored.state_dict()
        if ending == ".pth":
            torch.save(weights, path)
        else:
            safetensors.torch.save_file(weights, path)
        load_teacher(filled, path)
        assert all(torch.equal(one, weights[name]) for name, one in filled.state_dict().items())

    def test_load_teacher__damaged(self, tmp_path: Path) -> None:
        (tmp_path / "teacher.pth").write_bytes(b"nothing")
        with pytest.raises(ModMapError, match=r"teacher.pth: expected the weights of EfficientAD's teacher"):
            load_teacher(torch.nn.Linear(1, 1), tmp_path / "teacher.pth")

    def test_load_teacher__other_weights(self, tmp_path: Path) -> None:
        safetensors.torch.save_file({"other": torch.zeros(1)}, tmp_path / "teacher.safetensors")
        with pytest.raises(ModMapError, match=r"EfficientAD's teacher: .*other") as error:
            load_teacher(torch.nn.Linear(1, 1), tmp_path / "teacher.safetensors")
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("teacher", "file"), [("a/b.pth", True), ("b.safetensors", True), ("dinov2_vits14", False)]
    )
    def test_is_file(self, teacher: str, file: bool) -> None:
        assert is_file(teacher) is file
