"""The pretraining recipe."""

from pathlib import Path

import pytest

from dino_depth.config import PretrainConfig, load_config
from dino_depth.errors import ConfigError
from dino_depth.training.command_line import USAGE

CONFIGS = Path(__file__).parents[2] / "dino_depth" / "configs"


class TestLoadConfig:
    def test_load_config__brought_recipe_is_the_default_and_as_long_as_dino_v2s(self) -> None:
        config = load_config("vits14")
        assert config == PretrainConfig()
        assert config.optim.epochs * (config.data.steps_per_epoch or 0) == 125_000

    @pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
    def test_load_config__every_brought_recipe_loads_and_is_named_in_the_help(self, name: str) -> None:
        load_config(name)
        assert name in USAGE

    def test_load_config__last_phase_begins_with_the_recipes_weights_and_heads(self) -> None:
        first, last = load_config("vits14"), load_config("vits14_high_resolution")
        assert last.optim.epochs * (last.data.steps_per_epoch or 0) == 10_000
        assert last.model == first.model
        heads = {"frozen_last_layer_epochs": last.heads.frozen_last_layer_epochs}
        assert last.heads == first.heads.model_copy(update=heads)

    def test_load_config__overrides_replace_single_keys(self) -> None:
        config = load_config("vits14", overrides={"optim": {"lr": 5e-4}})
        assert config.optim.lr == 5e-4
        assert config.optim.epochs == 100

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"optim:\n  lr: 1.0\n  lr: 2.0\n", "lr stands twice"),
            (b"seed: " + b"9" * 5000, "Exceeds the limit"),
            (b"a: " + b"[" * 100_000, "recursion"),
            ("run: {out: \u00e4}".encode("latin1"), "can't decode byte"),
            ("seed: 1".encode("utf-16"), "can't decode byte"),
        ],
        ids=["twice", "digits", "deep", "latin1", "utf16"],
    )
    def test_load_config__hostile_files(self, tmp_path: Path, content: bytes, found: str) -> None:
        path = tmp_path / "mine.yaml"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=rf"mine.yaml: expected YAML, found a mistake: [^\n]*{found}"):
            load_config(path)

    def test_load_config__a_byte_order_mark(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_bytes(b"\xef\xbb\xbfseed: 7\n")
        assert load_config(path).seed == 7

    def test_load_config__unknown_key_names_the_nearest(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text("optim:\n  warmup_epochs: 3\n")
        with pytest.raises(
            ConfigError, match=r"mine.yaml: optim.warmup_epochs: unknown key, did you mean warm_up_epochs"
        ):
            load_config(path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("optim:\n  lr: -1\n", r"optim.lr: .*greater than 0, found -1"),
            ("model: {in_chans: 3}\n", r"model.in_chans: .*found 3"),
            (
                "crops: {local_scale: [0.3, 0.1]}\n",
                r"crops.local_scale: expected the smaller number first, found \[0.3, 0.1\]$",
            ),
            (
                "crops: {global_scale: [0.3, 1.1]}\n",
                r"crops.global_scale.1: .*less than or equal to 1, found 1.1",
            ),
            ("masks: {ratio: [0.5, 0.1]}\n", r"masks.ratio: expected the smaller number first"),
            ("teacher: {temperature: [0, 0.07]}\n", r"teacher.temperature.0: .*greater than 0, found 0"),
            ("- 1\n- 2\n", r"expected keys and values, found list"),
            ("optim: [\n", r"expected YAML, found a mistake"),
            ("seed: 2026-13-01\n", r"expected YAML, found a mistake: month must be in 1..12"),
        ],
    )
    def test_load_config__mistakes_are_one_line(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=message) as error:
            load_config(path)
        assert "\n" not in str(error.value)

    def test_load_config__not_utf_8_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_bytes("# für Tiefe\n".encode("latin-1"))
        with pytest.raises(ConfigError, match=r"mine.yaml: expected YAML, found a mistake: 'utf-8' codec"):
            load_config(path)

    def test_load_config__unknown_name_lists_what_there_is(self) -> None:
        with pytest.raises(ConfigError, match="vits14"):
            load_config("vitl14")
