"""Settings: the presets to the letter, overrides, and what a mistake says."""

from __future__ import annotations

from typing import Any

import pytest

from modmap.config import make_config, merged, parse_assignments
from modmap.errors import ModMapError


class TestMakeConfig:
    def test_make_config__paper_to_the_letter(self) -> None:
        config = make_config("paper").model_dump()
        assert config == {
            "preset": "paper",
            "size": 896,
            "crop": False,
            "image_encoder": {
                "reference": "dinov2_vitb14",
                "normalisation": "auto",
                "layer": None,
                "colour": False,
                "precision": "float32",
            },
            "depth_encoder": {
                "reference": None,
                "normalisation": "auto",
                "layer": None,
                "colour": False,
                "precision": "float32",
            },
            "mapping": {
                "cross_view": True,
                "view_conditioning": True,
                "class_conditioning": False,
                "modulator_hidden": 128,
            },
            "training": {
                "epochs": 200,
                "pairs_per_batch": 48,
                "tokens_per_batch": None,
                "learning_rate": 1e-4,
                "peak_learning_rate": 5e-4,
                "warm_up": 0.1,
                "seed": 0,
            },
            "inference": {
                "aggregation": "max",
                "foreground": "components",
                "rim_share": 0.0,
                "jittered_scans": 0,
                "voxel": 2.0,
            },
            "evidence": {
                "mapping": True,
                "geometry": False,
                "appearance": False,
                "texture": False,
                "memory": False,
                "turns": 1,
                "least_inspected": 0.95,
            },
        }

    def test_make_config__fast_is_the_default_and_runs_without_the_papers_encoder(self) -> None:
        config = make_config()
        assert config.preset == "fast"
        assert config.image_encoder.reference == config.depth_encoder.reference == "dinov2_vits14"
        assert config.mapping == make_config("paper").mapping
        paper = make_config("paper").inference.model_dump()
        assert config.inference.model_dump() == paper | {"rim_share": 0.5, "jittered_scans": 4}
        assert config.evidence == make_config("paper").evidence
        assert config.size < 896
        assert config.training.epochs < 200

    def test_make_config__overrides_keep_their_neighbours(self) -> None:
        config = make_config(
            "paper", {"training": {"epochs": 3}, "depth_encoder": {"reference": "local-dir:x"}}
        )
        assert config.training.epochs == 3
        assert config.training.pairs_per_batch == 48
        assert config.depth_encoder.normalisation == "auto"
        assert make_config("paper").training.epochs == 200

    @pytest.mark.parametrize(
        ("overrides", "expected"),
        [
            ({"trainig": {}}, "config: trainig: unknown key; did you mean training?"),
            ({"training": {"epoch": 3}}, "config: training.epoch: unknown key; did you mean epochs?"),
            ({"inference": {"voxle": 3}}, "config: inference.voxle: unknown key; did you mean voxel?"),
            ({"depth_encoder": {"normalization": 1}}, "unknown key; did you mean normalisation?"),
        ],
    )
    def test_make_config__unknown_key(self, overrides: dict[str, Any], expected: str) -> None:
        with pytest.raises(ModMapError) as caught:
            make_config("fast", overrides)
        assert expected in str(caught.value)

    @pytest.mark.parametrize(
        ("section", "key", "value"),
        [
            ("training", "epochs", 0),
            ("training", "epochs", 1.5),
            ("training", "pairs_per_batch", 0),
            ("training", "tokens_per_batch", 0),
            ("training", "learning_rate", 0),
            ("training", "peak_learning_rate", -1),
            ("training", "warm_up", 0),
            ("training", "warm_up", 1),
            ("training", "seed", -1),
            ("mapping", "modulator_hidden", 0),
            ("mapping", "cross_view", "sometimes"),
            ("inference", "voxel", 0),
            ("inference", "rim_share", 1.1),
            ("inference", "aggregation", "median"),
            ("inference", "foreground", "all"),
            ("image_encoder", "normalisation", "none"),
        ],
    )
    def test_make_config__out_of_range(self, section: str, key: str, value: object) -> None:
        with pytest.raises(ModMapError) as caught:
            make_config("fast", {section: {key: value}})
        assert str(caught.value).startswith(f"config: {section}.{key}: ")
        assert "\n" not in str(caught.value)

    def test_make_config__size_out_of_range(self) -> None:
        with pytest.raises(ModMapError, match=r"^config: size: .*28.*, found 27$"):
            make_config("fast", {"size": 27})

    @pytest.mark.parametrize(
        ("preset", "expected"),
        [
            ("papr", "expected one of inspect, memory, fast, paper, found 'papr'; did you mean paper?"),
            ("x", "known are inspect, memory, fast, paper"),
        ],
    )
    def test_make_config__unknown_preset(self, preset: str, expected: str) -> None:
        with pytest.raises(ModMapError) as caught:
            make_config(preset)
        assert expected in str(caught.value)


class TestParseAssignments:
    def test_parse_assignments__json_else_text(self) -> None:
        found = parse_assignments(
            [
                "training.epochs=20",
                "training.learning_rate=1e-3",
                "mapping.cross_view=false",
                "training.tokens_per_batch=null",
                "depth_encoder.reference=local-dir:a=b",
                "size=448",
            ]
        )
        assert found == {
            "training": {"epochs": 20, "learning_rate": 1e-3, "tokens_per_batch": None},
            "mapping": {"cross_view": False},
            "depth_encoder": {"reference": "local-dir:a=b"},
            "size": 448,
        }

    def test_parse_assignments__last_one_wins(self) -> None:
        assert parse_assignments(["a.b=1", "a.b=2"]) == {"a": {"b": 2}}
        assert parse_assignments([]) == {}

    @pytest.mark.parametrize("text", ["training.epochs", "=3", ""])
    def test_parse_assignments__no_key_or_value(self, text: str) -> None:
        with pytest.raises(ModMapError, match="expected KEY=VALUE"):
            parse_assignments([text])


class TestMerged:
    def test_merged__nested_and_untouched(self) -> None:
        base, over = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "e": {"f": 5}}
        assert merged(base, over) == {"a": {"b": 1, "c": 4}, "d": 3, "e": {"f": 5}}
        assert base == {"a": {"b": 1, "c": 2}, "d": 3}
        assert over == {"a": {"c": 4}, "e": {"f": 5}}
        assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2}
        assert merged({"a": 2}, {"a": {"b": 1}}) == {"a": {"b": 1}}
