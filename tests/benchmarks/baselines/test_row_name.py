"""What stands in a run's row when it isn't the method as published."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.baselines.methods import MethodName, heading, make_detector
from benchmarks.baselines.row_name import row_name
from modmap.config import make_config

LITE0, TEACHER = {"reference": "efficientnet_lite0"}, "weights/pretrained_teacher_small.pth"


class TestRowName:
    @pytest.mark.parametrize(
        ("method", "settings", "name"),
        [
            ("difference", {}, "Registered difference"),
            ("difference", {"align": True}, "Registered difference (aligned)"),
            ("patchcore", {}, "PatchCore (image wide_resnet101_2)"),
            (
                "patchcore",
                {"image_encoder": LITE0},
                "PatchCore (image efficientnet_lite0 for wide_resnet101_2)",
            ),
            (
                "patchcore",
                {"image_encoder": {"reference": "dinov2_vitb14"}, "coreset": 0.01},
                "PatchCore (image dinov2_vitb14, coreset 0.01 for 0.1)",
            ),
            (
                "cfm",
                {"image_encoder": {"reference": "dinov2_vitb14", "precision": "bfloat16"}},
                "CFM (image dinov2_vitb14 in bfloat16, depth fpfh)",
            ),
            (
                "cfm",
                {"image_encoder": {"precision": "bfloat16"}, "depth_encoder": {"normalisation": "reference"}},
                "CFM (image dinov2_vits14 in bfloat16 for dinov2_vitb14, depth fpfh)",
            ),
            (
                "cfm",
                {"standardised": True, "colour": False},
                "CFM (image dinov2_vits14 on gray for dinov2_vitb14, depth fpfh, standardised)",
            ),
            ("m3dm", {}, "M3DM (image dinov2_vits14 for dinov2_vitb14, depth fpfh)"),
            ("ast", {"size": 768}, "AST (image tf_efficientnet_b5)"),
            (
                "ast",
                {"image_encoder": LITE0, "size": 448, "student_channels": 64, "student_epochs": 60},
                "AST (image efficientnet_lite0 for tf_efficientnet_b5, size 448 for 768, student_channels 64 for 1024, "
                "student_epochs 60 for 240)",
            ),
            ("efficientad", {"teacher": TEACHER}, "EfficientAD (teacher from a file)"),
            (
                "efficientad",
                {"teacher": "dinov2_vits14", "steps": 100},
                "EfficientAD (teacher distilled from dinov2_vits14 for the released one, steps 100 for 70000)",
            ),
        ],
    )
    def test_heading__substitutes_and_narrower_networks(
        self, method: MethodName, settings: dict[str, Any], name: str
    ) -> None:
        assert heading(method, make_detector(method, "fast", settings, device="cpu")) == name

    def test_row_name__modmap_says_by_what_evidence(self) -> None:
        names = [
            row_name("modmap", make_config(preset, {"evidence": evidence}).model_dump(mode="json"))
            for preset, evidence in (("inspect", {}), ("fast", {}), ("fast", {"geometry": True}))
        ]
        tokens = "image dinov2_vits14, depth dinov2_vits14"
        assert names == [
            "ModMap (geometry, appearance, texture, memory)",
            f"ModMap ({tokens})",
            f"ModMap (geometry, {tokens})",
        ]
