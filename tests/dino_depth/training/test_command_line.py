"""The words that a recipe is started with."""

from __future__ import annotations

import pytest

from dino_depth.errors import ConfigError
from dino_depth.training.command_line import config_of


class TestConfigOf:
    def test_config_of__settings_replace_the_recipes(self) -> None:
        words = ["--config", "vits14", "--optim.lr", "5e-4", "--crops.global_scale=[0.4,1.0]"]
        config = config_of([*words, "--data.corpus", "here", "--run.trackers", "[tensorboard]"])
        assert config is not None
        assert config.optim.lr == 5e-4
        assert config.crops.global_scale == (0.4, 1.0)
        assert config.data.corpus == "here"
        assert config.run.trackers == ("tensorboard",)
        assert config.optim.epochs == 100

    def test_config_of__no_is_a_word(self) -> None:
        """YAML takes it for false."""
        config = config_of(["--config", "smoke", "--run.mixed_precision", "no"])
        assert config is not None
        assert config.run.mixed_precision == "no"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "expected --config with a recipe, such as vits14, found none"),
            (["--config"], "--config: expected a value, found none"),
            (["vits14"], "expected --SECTION.SETTING VALUE, found 'vits14'"),
            (["--config", "vits14", "--optim.rl", "1"], r"optim.rl: unknown key, did you mean lr\?"),
            (["--config", "vits14", "--optimum.lr", "1"], r"optimum: unknown key, did you mean optim\?"),
            (["--config", "vits14", "--optim.lr", "-1"], "optim.lr: .*greater than 0"),
            (["--config", "vits14", "--optim.lr", "[1"], "--optim.lr: expected a value, found '\\[1'"),
            (["--config", "vits14", "--seed", "2026-13-01"], "--seed: expected a value, found '2026-13-01'"),
            (["--config", "vits14", "--optim", "3", "--optim.lr", "1"], "optim has a value already"),
            (["--config", "vits15"], "vits15: expected a YAML file or one of .*vits14"),
        ],
    )
    def test_config_of__mistakes(self, words: list[str], message: str) -> None:
        with pytest.raises(ConfigError, match=message) as error:
            config_of(words)
        assert "\n" not in str(error.value)

    def test_config_of__help(self) -> None:
        assert config_of(["--help"]) is None
