"""Recipes of pretraining, and settings of one on the command line."""

from __future__ import annotations

from tests.bad_inputs.row_makers import FileRows, words
from tests.bad_inputs.table import Fault, Row

_RECIPE = FileRows("{recipe}.yaml", "pretrain --config {recipe}.yaml", status=2)
_MISTAKE = _RECIPE.saying("expected YAML, found a mistake: ")


def _setting(name: str, settings: str, says: str) -> Row:
    return words(name, f"pretrain --config smoke {settings}", says, 2)


RECIPES = Fault(
    "A recipe that can't be used",
    means="A recipe is YAML of known settings. The nearest known key is named, and what a value may be.",
    do="Correct the file, or the setting on the command line: --optim.lr 5e-4.",
    rows=(
        _MISTAKE.text(
            "recipe_tab",
            "optim:\n\tlr: 1",
            "while scanning for the next token found character '\\t' that cannot start any token at line 2, column 1: lr: 1 ^",
        ),
        _MISTAKE.text(
            "recipe_open",
            "optim: {lr: 1",
            "while parsing a flow mapping at line 1, column 8: optim: {lr: 1 ^ expected ',' or '}', but got '<stream end>' at line 1, column 14: optim: {lr: 1 ^",
        ),
        _RECIPE.text("recipe_list", "- 1\n- 2\n", "expected keys and values, found list"),
        _RECIPE.text("recipe_text", "hello", "expected keys and values, found str"),
        _RECIPE.text("recipe_number", "17", "expected keys and values, found int"),
        _MISTAKE.text(
            "recipe_twice", "seed: 1\nseed: 2\n", "seed stands twice at line 1, column 1: seed: 1 ^"
        ),
        _MISTAKE.text(
            "recipe_twice_below",
            "optim:\n  lr: 0.1\n  lr: 0.2\n",
            "lr stands twice at line 2, column 3: lr: 0.1 ^",
        ),
        _MISTAKE.text(
            "recipe_code",
            "seed: !!python/object/apply:os.getcwd []\n",
            "could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.getcwd' at line 1, column 7: seed: !!python/object/apply:os.getcwd [] ^",
        ),
        _MISTAKE.text(
            "recipe_tag",
            "seed: !new 1\n",
            "could not determine a constructor for the tag '!new' at line 1, column 7: seed: !new 1 ^",
        ),
        _MISTAKE.text("recipe_no_date", "seed: 2024-99-99\n", "month must be in 1..12"),
        _MISTAKE.text("recipe_deep", "[" * 20_000, "maximum recursion depth exceeded..."),
        _MISTAKE.text(
            "recipe_latin1",
            "run: {out: Stück}".encode("latin-1"),
            "'utf-8' codec can't decode byte 0xfc in position 13: invalid start byte",
        ),
        _MISTAKE.text(
            "recipe_utf16",
            "seed: 1".encode("utf-16"),
            "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        _MISTAKE.text(
            "recipe_zero_byte",
            b"seed: 1\0\n",
            "unacceptable character #x0000: special characters are not allowed at position 7",
        ),
        _MISTAKE.text(
            "recipe_circle",
            "model: &a {options: *a}\n",
            "an alias (*name); write out what it stands for at line 1, column 21: model: &a {options: *a} ^",
        ),
        _MISTAKE.text(
            "recipe_laughs",
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
            ),
            "an alias (*name); write out what it stands for at line 2, column 8: b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a] ^",
        ),
        _RECIPE.text(
            "recipe_unknown_key",
            "optim: {learning_rate: 1}\n",
            "optim.learning_rate: unknown key, did you mean weight_decay?",
        ),
        _RECIPE.text(
            "recipe_unknown_section", "optimizer: {lr: 1}\n", "optimizer: unknown key, did you mean optim?"
        ),
        _RECIPE.text("recipe_key_is_number", "1: 2\n", "1: Keys should be strings, found 1"),
        _MISTAKE.text(
            "recipe_key_is_list",
            "? [a, b]\n: 1\n",
            "while constructing a mapping at line 1, column 1: ? [a, b] ^ found unhashable key at line 1, column 3: ? [a, b] ^",
        ),
        _RECIPE.text(
            "recipe_section_null",
            "optim:\n",
            "optim: Input should be a valid dictionary or instance of OptimSettings, found None",
        ),
        _MISTAKE.text("recipe_seed_big", "seed: " + "9" * 5000 + "\n", "Exceeds ..."),
        _RECIPE.text(
            "recipe_seed_word",
            "seed: lucky\n",
            "seed: Input should be a valid integer, unable to parse string as an integer, found 'lucky'",
        ),
        _RECIPE.text(
            "recipe_lr_nan", "optim: {lr: .nan}\n", "optim.lr: Input should be a finite number, found nan"
        ),
        _RECIPE.text(
            "recipe_lr_infinite",
            "optim: {lr: .inf}\n",
            "optim.lr: Input should be a finite number, found inf",
        ),
        _RECIPE.text(
            "recipe_lr_negative", "optim: {lr: -1}\n", "optim.lr: Input should be greater than 0, found -1"
        ),
        _RECIPE.text(
            "recipe_clip_infinite",
            "optim: {clip: .inf}\n",
            "optim.clip: Input should be a finite number, found inf",
        ),
        _RECIPE.text(
            "recipe_batch_zero",
            "optim: {batch_per_gpu: 0}\n",
            "optim.batch_per_gpu: Input should be greater than or equal to 1, found 0",
        ),
        _RECIPE.text(
            "recipe_batch_huge",
            "optim: {batch_per_gpu: 1000000000000000000000}\n",
            "optim.batch_per_gpu: Input should be less than or equal to 1048576, found 1000000000000000000000",
        ),
        _RECIPE.text(
            "recipe_scale_order",
            "crops: {global_scale: [0.9, 0.1]}\n",
            "crops.global_scale: expected the smaller number first, found [0.9, 0.1]",
        ),
        _RECIPE.text(
            "recipe_scale_three",
            "crops: {global_scale: [0.1, 0.2, 0.3]}\n",
            "crops.global_scale: Tuple should have at most 2 items after validation, not 3, found [0.1, 0.2, 0.3]",
        ),
        _RECIPE.text(
            "recipe_prototypes_huge",
            "heads: {prototypes: 10000000000000}\n",
            "heads.prototypes: Input should be less than or equal to 16777216, found 10000000000000",
        ),
        _RECIPE.text(
            "recipe_crop_huge",
            "crops: {global_size: 100000000}\n",
            "crops.global_size: Input should be less than or equal to 8192, found 100000000",
        ),
        _RECIPE.text(
            "recipe_weight_nan",
            "data: {weights: {a: .nan}}\n",
            "data.weights.a: Input should be a finite number, found nan",
        ),
        _setting(
            "recipe_nowhere",
            "",
            "data.corpus: expected a directory that dino_depth.prepare wrote, found none",
        ),
        words(
            "recipe_missing",
            "pretrain --config nowhere.yaml",
            "nowhere.yaml: expected a YAML file or one of smoke, vits14, vits14_from_dinov2, vits14_high_resolution, vitt14_cpu, found neither",
            2,
        ),
        words(
            "recipe_name_unknown",
            "pretrain --config vits15",
            "vits15: expected a YAML file or one of smoke, vits14, vits14_from_dinov2, vits14_high_resolution, vitt14_cpu, found neither",
            2,
        ),
        words(
            "recipe_none",
            "pretrain --optim.lr 1",
            "command line: expected --config with a recipe, such as vits14, found none",
            2,
        ),
        _setting(
            "recipe_word_without_dashes",
            "optim.lr 1",
            "command line: expected --SECTION.SETTING VALUE, found 'optim.lr'",
        ),
        _setting("recipe_no_value", "--optim.lr", "command line: --optim.lr: expected a value, found none"),
        _setting(
            "recipe_option_value", "--optim.lr [1", "command line: --optim.lr: expected a value, found '[1'"
        ),
        _setting(
            "recipe_option_deep",
            "--optim.lr " + "[" * 5000,
            "command line: --optim.lr: expected a value, found '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['",
        ),
        _setting(
            "recipe_option_unknown",
            "--optim.lrr 1",
            "...dino_depth/configs/smoke.yaml: optim.lrr: unknown key, did you mean lr?",
        ),
        _setting(
            "recipe_option_in_value",
            "--seed 1 --seed.x 2",
            "command line: --seed.x: seed has a value already",
        ),
        _setting(
            "recipe_architecture",
            "--model.architecture vit_colossal --data.corpus {corpus} --run.out {new}",
            "model.architecture: expected a ViT of timm, such as vit_small_patch14_dinov2, found vit_colossal",
        ),
        _setting(
            "recipe_options",
            "--model.options.heads 3 --data.corpus {corpus} --run.out {new}",
            "model.options: expected what timm's vit_tiny_patch16_224 can be made with, found ...",
        ),
        _setting(
            "recipe_corpus_nowhere",
            "--data.corpus {nowhere} --run.out {new}",
            "{nowhere}: expected the directory of a corpus, found none",
        ),
        _setting(
            "recipe_out_is_file",
            "--data.corpus {corpus} --run.out {corpus}/state.json",
            "run.out: expected a directory, found the file {corpus}/state.json",
        ),
        _setting(
            "recipe_weights_unknown",
            "--data.corpus {corpus} --run.out {new} --data.weights.shape 2",
            "data.weights: shape: expected a source of the corpus, did you mean shapes?",
        ),
        _setting(
            "recipe_start_nowhere",
            "--data.corpus {corpus} --run.out {new} --model.start_from {nowhere}",
            "model.start_from: {nowhere}: can't be loaded (Config file not found: {nowhere}/config.json)",
        ),
        _setting(
            "recipe_init_nowhere",
            "--data.corpus {corpus} --run.out {new} --model.init_from {nowhere}",
            "model.init_from: {nowhere}: expected a checkpoint, or a run with checkpoints/, found none",
        ),
        _setting(
            "recipe_keep_best",
            "--data.corpus {corpus} --run.out {new} --run.keep_best knn_accuracy",
            "run.keep_best: expected probes to choose by, found run.probe_every 0",
        ),
    ),
)

FAULTS = (RECIPES,)
