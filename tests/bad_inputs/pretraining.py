"""Pretraining: recipes, corpora and what they are made of, runs, and what is published of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch

from tests.bad_inputs.making import cut, saved, swollen_npz, tiff
from tests.bad_inputs.table import Fault, Row, Subject
from tests.bad_inputs.workspace import GONE, Workspace

NAN = float("nan")
PREPARE = "prepare --out {new} --source folder={maps}"
PUBLISH = "publish {run} --out {new}"
PROBE = "probe {published} --corpus {corpus} --out {new} --count 4"


def _nothing(_: Workspace) -> None:
    """What is wrong is in the words."""


def _recipe(name: str, content: str | bytes, says: str) -> Row:
    return Row(
        f"recipe_{name}",
        lambda w: w.write("recipe.yaml", content),
        "pretrain --config {recipe}.yaml",
        says,
        2,
    )


def _setting(name: str, words: str, says: str) -> Row:
    return Row(f"recipe_{name}", _nothing, f"pretrain --config smoke {words}", says, 2)


def _map(name: str, content: Callable[[], bytes], says: str) -> Row:
    return Row(
        f"map_{name.replace('.', '_')}", lambda w: w.write(f"maps/{name}", content()), PREPARE, says, 2
    )


def _record(keys: str, value: Any) -> Callable[[Workspace], object]:
    return lambda w: w.set(_checkpoint(w) / "checkpoint.json", keys, value)


def _checkpoint(w: Workspace) -> Path:
    return w["run"] / "checkpoints" / "step_00000040"


def _weights(
    path: Callable[[Workspace], Path], change: Callable[[dict[str, Any]], object]
) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        tensors = safetensors.torch.load_file(path(w))
        change(tensors)
        path(w).write_bytes(safetensors.torch.save(tensors))

    return spoil


def _teacher(w: Workspace) -> Path:
    return _checkpoint(w) / "model.safetensors"


def _of_teacher(tensors: dict[str, Any]) -> str:
    return next(
        name
        for name in sorted(tensors)
        if name.startswith("teacher.backbone.") and tensors[name].is_floating_point()
    )


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


RECIPES = Fault(
    "A recipe that can't be used",
    means="A recipe is YAML of known settings. The nearest known key is named, and what a value may be.",
    do="Correct the file, or the setting on the command line: --optim.lr 5e-4.",
    rows=(
        _recipe(
            "tab",
            "optim:\n\tlr: 1",
            "{recipe}.yaml: expected YAML, found a mistake: while scanning for the next token found character '\\t' that cannot start any token at line 2, column 1: lr: 1 ^",
        ),
        _recipe(
            "open",
            "optim: {lr: 1",
            "{recipe}.yaml: expected YAML, found a mistake: while parsing a flow mapping at line 1, column 8: optim: {lr: 1 ^ expected ',' or '}', but got '<stream end>' at line 1, column 14: optim: {lr: 1 ^",
        ),
        _recipe("list", "- 1\n- 2\n", "{recipe}.yaml: expected keys and values, found list"),
        _recipe("text", "hello", "{recipe}.yaml: expected keys and values, found str"),
        _recipe("number", "17", "{recipe}.yaml: expected keys and values, found int"),
        _recipe(
            "twice",
            "seed: 1\nseed: 2\n",
            "{recipe}.yaml: expected YAML, found a mistake: seed stands twice at line 1, column 1: seed: 1 ^",
        ),
        _recipe(
            "twice_below",
            "optim:\n  lr: 0.1\n  lr: 0.2\n",
            "{recipe}.yaml: expected YAML, found a mistake: lr stands twice at line 2, column 3: lr: 0.1 ^",
        ),
        _recipe(
            "code",
            "seed: !!python/object/apply:os.getcwd []\n",
            "{recipe}.yaml: expected YAML, found a mistake: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.getcwd' at line 1, column 7: seed: !!python/object/apply:os.getcwd [] ^",
        ),
        _recipe(
            "tag",
            "seed: !new 1\n",
            "{recipe}.yaml: expected YAML, found a mistake: could not determine a constructor for the tag '!new' at line 1, column 7: seed: !new 1 ^",
        ),
        _recipe(
            "no_date",
            "seed: 2024-99-99\n",
            "{recipe}.yaml: expected YAML, found a mistake: month must be in 1..12",
        ),
        _recipe(
            "deep",
            "[" * 20_000,
            "{recipe}.yaml: expected YAML, found a mistake: maximum recursion depth exceeded...",
        ),
        _recipe(
            "latin1",
            "run: {out: Stück}".encode("latin-1"),
            "{recipe}.yaml: expected YAML, found a mistake: 'utf-8' codec can't decode byte 0xfc in position 13: invalid start byte",
        ),
        _recipe(
            "utf16",
            "seed: 1".encode("utf-16"),
            "{recipe}.yaml: expected YAML, found a mistake: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        _recipe(
            "zero_byte",
            b"seed: 1\0\n",
            "{recipe}.yaml: expected YAML, found a mistake: unacceptable character #x0000: special characters are not allowed at position 7",
        ),
        _recipe(
            "circle",
            "model: &a {options: *a}\n",
            "{recipe}.yaml: expected YAML, found a mistake: an alias (*name); write out what it stands for at line 1, column 21: model: &a {options: *a} ^",
        ),
        _recipe(
            "laughs",
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
            ),
            "{recipe}.yaml: expected YAML, found a mistake: an alias (*name); write out what it stands for at line 2, column 8: b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a] ^",
        ),
        _recipe(
            "unknown_key",
            "optim: {learning_rate: 1}\n",
            "{recipe}.yaml: optim.learning_rate: unknown key, did you mean weight_decay?",
        ),
        _recipe(
            "unknown_section",
            "optimizer: {lr: 1}\n",
            "{recipe}.yaml: optimizer: unknown key, did you mean optim?",
        ),
        _recipe("key_is_number", "1: 2\n", "{recipe}.yaml: 1: Keys should be strings, found 1"),
        _recipe(
            "key_is_list",
            "? [a, b]\n: 1\n",
            "{recipe}.yaml: expected YAML, found a mistake: while constructing a mapping at line 1, column 1: ? [a, b] ^ found unhashable key at line 1, column 3: ? [a, b] ^",
        ),
        _recipe(
            "section_null",
            "optim:\n",
            "{recipe}.yaml: optim: Input should be a valid dictionary or instance of OptimSettings, found None",
        ),
        _recipe(
            "seed_big",
            "seed: " + "9" * 5000 + "\n",
            "{recipe}.yaml: expected YAML, found a mistake: Exceeds ...",
        ),
        _recipe(
            "seed_word",
            "seed: lucky\n",
            "{recipe}.yaml: seed: Input should be a valid integer, unable to parse string as an integer, found 'lucky'",
        ),
        _recipe(
            "lr_nan",
            "optim: {lr: .nan}\n",
            "{recipe}.yaml: optim.lr: Input should be a finite number, found nan",
        ),
        _recipe(
            "lr_infinite",
            "optim: {lr: .inf}\n",
            "{recipe}.yaml: optim.lr: Input should be a finite number, found inf",
        ),
        _recipe(
            "lr_negative",
            "optim: {lr: -1}\n",
            "{recipe}.yaml: optim.lr: Input should be greater than 0, found -1",
        ),
        _recipe(
            "clip_infinite",
            "optim: {clip: .inf}\n",
            "{recipe}.yaml: optim.clip: Input should be a finite number, found inf",
        ),
        _recipe(
            "batch_zero",
            "optim: {batch_per_gpu: 0}\n",
            "{recipe}.yaml: optim.batch_per_gpu: Input should be greater than or equal to 1, found 0",
        ),
        _recipe(
            "batch_huge",
            "optim: {batch_per_gpu: 1000000000000000000000}\n",
            "{recipe}.yaml: optim.batch_per_gpu: Input should be less than or equal to 1048576, found 1000000000000000000000",
        ),
        _recipe(
            "scale_order",
            "crops: {global_scale: [0.9, 0.1]}\n",
            "{recipe}.yaml: crops.global_scale: expected the smaller number first, found [0.9, 0.1]",
        ),
        _recipe(
            "scale_three",
            "crops: {global_scale: [0.1, 0.2, 0.3]}\n",
            "{recipe}.yaml: crops.global_scale: Tuple should have at most 2 items after validation, not 3, found [0.1, 0.2, 0.3]",
        ),
        _recipe(
            "prototypes_huge",
            "heads: {prototypes: 10000000000000}\n",
            "{recipe}.yaml: heads.prototypes: Input should be less than or equal to 16777216, found 10000000000000",
        ),
        _recipe(
            "crop_huge",
            "crops: {global_size: 100000000}\n",
            "{recipe}.yaml: crops.global_size: Input should be less than or equal to 8192, found 100000000",
        ),
        _recipe(
            "weight_nan",
            "data: {weights: {a: .nan}}\n",
            "{recipe}.yaml: data.weights.a: Input should be a finite number, found nan",
        ),
        _setting(
            "nowhere", "", "data.corpus: expected a directory that dino_depth.prepare wrote, found none"
        ),
        Row(
            "recipe_missing",
            _nothing,
            "pretrain --config nowhere.yaml",
            "nowhere.yaml: expected a YAML file or one of smoke, vits14, vits14_from_dinov2, "
            "vits14_high_resolution, vitt14_cpu, found neither",
            2,
        ),
        Row(
            "recipe_name_unknown",
            _nothing,
            "pretrain --config vits15",
            "vits15: expected a YAML file or one of smoke, vits14, vits14_from_dinov2, "
            "vits14_high_resolution, vitt14_cpu, found neither",
            2,
        ),
        Row(
            "recipe_none",
            _nothing,
            "pretrain --optim.lr 1",
            "command line: expected --config with a recipe, such as vits14, found none",
            2,
        ),
        _setting(
            "word_without_dashes",
            "optim.lr 1",
            "command line: expected --SECTION.SETTING VALUE, found 'optim.lr'",
        ),
        _setting("no_value", "--optim.lr", "command line: --optim.lr: expected a value, found none"),
        _setting("option_value", "--optim.lr [1", "command line: --optim.lr: expected a value, found '[1'"),
        _setting(
            "option_deep",
            "--optim.lr " + "[" * 5000,
            "command line: --optim.lr: expected a value, found '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['",
        ),
        _setting(
            "option_unknown",
            "--optim.lrr 1",
            "...dino_depth/configs/smoke.yaml: optim.lrr: unknown key, did you mean lr?",
        ),
        _setting(
            "option_in_value", "--seed 1 --seed.x 2", "command line: --seed.x: seed has a value already"
        ),
        _setting(
            "architecture",
            "--model.architecture vit_colossal --data.corpus {corpus} --run.out {new}",
            "model.architecture: expected a ViT of timm, such as vit_small_patch14_dinov2, found vit_colossal",
        ),
        _setting(
            "options",
            "--model.options.heads 3 --data.corpus {corpus} --run.out {new}",
            "model.options: expected what timm's vit_tiny_patch16_224 can be made with, found ...",
        ),
        _setting(
            "corpus_nowhere",
            "--data.corpus {nowhere} --run.out {new}",
            "{nowhere}: expected the directory of a corpus, found none",
        ),
        _setting(
            "out_is_file",
            "--data.corpus {corpus} --run.out {corpus}/state.json",
            "run.out: expected a directory, found the file {corpus}/state.json",
        ),
        _setting(
            "weights_unknown",
            "--data.corpus {corpus} --run.out {new} --data.weights.shape 2",
            "data.weights: shape: expected a source of the corpus, did you mean shapes?",
        ),
        _setting(
            "start_nowhere",
            "--data.corpus {corpus} --run.out {new} --model.start_from {nowhere}",
            "model.start_from: {nowhere}: can't be loaded (Config file not found: {nowhere}/config.json)",
        ),
        _setting(
            "init_nowhere",
            "--data.corpus {corpus} --run.out {new} --model.init_from {nowhere}",
            "model.init_from: {nowhere}: expected a checkpoint, or a run with checkpoints/, found none",
        ),
        _setting(
            "keep_best",
            "--data.corpus {corpus} --run.out {new} --run.keep_best knn_accuracy",
            "run.keep_best: expected probes to choose by, found run.probe_every 0",
        ),
    ),
)

MAPS = Fault(
    "Depth maps that no corpus can be made of",
    means="`python -m dino_depth.prepare` reads the maps of data sets by the same rules as modmap reads a scan's.",
    do="Copy the file again, or leave it out.",
    rows=(
        _map("a.npy", lambda: b"", "{maps}/a.npy: expected a NumPy file, found a file of another kind"),
        _map(
            "b.npy",
            lambda: _npy(np.zeros((9, 9, 9))),
            "{maps}/b.npy: expected (H, W) depth in floating point or at least 16 bit, found (9, 9, 9) of float64",
        ),
        _map(
            "c.npy",
            lambda: _npy(np.zeros((9, 9), np.uint8)),
            "{maps}/c.npy: expected (H, W) depth in floating point or at least 16 bit, found (9, 9) of uint8",
        ),
        _map(
            "d.npy",
            lambda: _npy(np.ones((9, 9)))[:200],
            "{maps}/d.npy: expected a whole NumPy file, found a damaged one (mmap length is greater than file size)",
        ),
        _map(
            "e.npz",
            lambda: swollen_npz("depth", megabytes=150),
            "{maps}/e.npz: expected at most 134217728 pixels, found 1000 x 150000",
        ),
        _map(
            "f.png",
            lambda: saved(np.ones((9, 9), np.uint8), "PNG"),
            "{maps}/f.png: expected (H, W) depth in floating point or at least 16 bit, found (9, 9) of uint8",
        ),
        _map(
            "g.png",
            lambda: saved(np.ones((90, 90), np.uint16), "PNG")[:-20],
            "{maps}/g.png: truncated PNG: expected an end marker, found none in ... bytes",
        ),
        _map(
            "h.tiff",
            lambda: tiff(*[np.ones((9, 9), np.float32)] * 3),
            "{maps}/h.tiff: expected one page, found 3: save the one that is meant as a file of its own",
        ),
        _map(
            "i.tiff",
            lambda: tiff(np.ones((99, 99), np.float32))[:3000],
            "{maps}/i.tiff: truncated TIFF: expected 39428 bytes, found 3000",
        ),
        _map(
            "j.exr",
            lambda: b"v/1\x01",
            "{maps}/j.exr: expected a whole EXR file, found a damaged one (Unable to open '{maps}/j.exr' for read)",
        ),
        _map(
            "k.npy",
            lambda: _npy(np.zeros((9, 9))),
            "{new}: expected depth maps, found none with anything measured",
        ),
        Row(
            "prepare_no_source",
            _nothing,
            "prepare --out {new}",
            "--source: expected a data set, or --split with --root, found neither",
            2,
        ),
        Row(
            "prepare_source_form",
            _nothing,
            "prepare --out {new} --source {maps}",
            "--source {maps}: expected NAME=PATH, such as mvtec_3d_ad=data/mvtec_3d_ad",
            2,
        ),
        Row(
            "prepare_source_unknown",
            _nothing,
            "prepare --out {new} --source mvtec3d={maps}",
            "--source mvtec3d: unknown data set, did you mean mvtec_3d_ad?",
            2,
        ),
        Row(
            "prepare_nowhere",
            _nothing,
            "prepare --out {new} --source folder={nowhere}",
            "{nowhere}: expected a folder of depth maps, found none",
            2,
        ),
        Row(
            "prepare_empty",
            lambda w: (w.root / "maps").mkdir(),
            PREPARE,
            "{maps}: expected depth maps (.npy, .npz, .exr, .tif, .tiff, .png), found none",
            2,
        ),
        Row(
            "prepare_unit",
            lambda w: w.write("maps/a.npy", b""),
            PREPARE + " --depth-unit -1",
            "--depth-unit: expected millimetres per stored unit, or 0, found -1.0",
            2,
        ),
        Row(
            "prepare_unit_nan",
            lambda w: w.write("maps/a.npy", b""),
            PREPARE + " --depth-unit nan",
            "--depth-unit: expected millimetres per stored unit, or 0, found nan",
            2,
        ),
        Row("prepare_workers", _nothing, PREPARE + " --workers -1", "", 2),
        Row("prepare_side", _nothing, PREPARE + " --longest-side big", "", 2),
        Row(
            "prepare_split_alone",
            _nothing,
            "prepare --out {new} --split A",
            "--split: expected it together with --root, found only --split",
            2,
        ),
        Row("prepare_split_unknown", _nothing, "prepare --out {new} --split Z --root {maps}", "", 2),
        Row(
            "prepare_layout",
            lambda w: w.write("maps/a.txt", "x"),
            "prepare --out {new} --source mvtec_3d_ad={maps}",
            "{maps}: expected a folder a category, with train/good/xyz in each, found a.txt",
            2,
        ),
        Row(
            "prepare_cadscan",
            lambda w: w.write("maps/a.txt", "x"),
            "prepare --out {new} --source cadscan={maps}",
            "{maps}: expected a corpus as datasets.save_to_disk writes it, found none",
            2,
        ),
    ),
)

CORPORA = Fault(
    "A corpus that can't be opened",
    means="The directory isn't a whole corpus of `datasets`, or lacks a column.",
    do="Run prepare again with the same words: it does what is missing.",
    rows=(
        Row(
            "corpus_nowhere",
            _nothing,
            "probe {published} --corpus {nowhere} --out {new}",
            "{nowhere}: expected the directory of a corpus, found none",
            2,
        ),
        Row(
            "corpus_of_others",
            lambda w: w.write("other/a.txt", "x"),
            "probe {published} --corpus {other} --out {new}",
            "{other}: expected a corpus as datasets.save_to_disk writes it, found none",
            2,
        ),
        Row(
            "corpus_state_broken",
            lambda w: (w["corpus"] / "state.json").write_text("{"),
            PROBE,
            "{corpus}: expected a corpus that datasets can open, found ...",
            2,
        ),
        Row(
            "corpus_state_list",
            lambda w: (w["corpus"] / "state.json").write_text("[]"),
            PROBE,
            "{corpus}: expected a corpus that datasets can open, found ...",
            2,
        ),
        Row(
            "corpus_info_broken",
            lambda w: (w["corpus"] / "dataset_info.json").write_text("{"),
            PROBE,
            "{corpus}: expected a corpus that datasets can open, found ...",
            2,
        ),
        Row(
            "corpus_shard_missing",
            lambda w: [path.unlink() for path in w["corpus"].glob("*.arrow")],
            PROBE,
            "{corpus}: expected a corpus that datasets can open, found ...",
            2,
        ),
        Row(
            "corpus_shard_text",
            lambda w: [path.write_text("x") for path in w["corpus"].glob("*.arrow")],
            PROBE,
            "{corpus}: expected a corpus that datasets can open, found ...",
            2,
        ),
        Row(
            "corpus_shard_cut",
            lambda w: [cut(path, 0.2) for path in w["corpus"].glob("*.arrow")],
            PROBE,
            "{corpus}: expected a corpus that datasets can open, found ...",
            2,
        ),
        Row(
            "probe_count",
            _nothing,
            "probe {published} --corpus {corpus} --out {new} --count 1",
            "--count: expected at least 2 depth maps, found 1",
            2,
        ),
        Row(
            "probe_of_nothing",
            _nothing,
            "probe {published} --out {new}",
            "--corpus or --anomalies: expected what to measure on, found neither",
            2,
        ),
        Row(
            "probe_anomalies_nowhere",
            _nothing,
            "probe {published} --anomalies {nowhere} --out {new}",
            "{nowhere}/train/good/xyz: expected files .tiff, found none",
            2,
        ),
        Row(
            "probe_no_encoder",
            _nothing,
            "probe {nowhere} --corpus {corpus} --out {new}",
            "{nowhere}: expected an encoder that timm loads from a directory (...)",
            2,
        ),
        Row(
            "probe_size",
            _nothing,
            PROBE + " --size -9999",
            "probe: expected more measured patches than 64 to fit and one to hold out, found 3 and 1",
            2,
        ),
    ),
)

RUNS = Fault(
    "A run or a published encoder that can't be read",
    means="A checkpoint's file is missing, damaged, of another recipe, or holds numbers that aren't finite.",
    do="Take an earlier checkpoint (`checkpoints/step_...`), or go on from the last with the same command.",
    rows=(
        Row(
            "publish_nowhere",
            _nothing,
            "publish {nowhere} --out {new}",
            "{nowhere}: expected a checkpoint, or a run with checkpoints/, found none",
            2,
        ),
        Row(
            "publish_out_there",
            lambda w: w.write("new/a", "x"),
            PUBLISH,
            "{new}: expected a new directory, found one",
            2,
        ),
        Row(
            "publish_no_out",
            _nothing,
            "publish {run}",
            "--out: expected where the encoder goes, or --push of one, found neither",
            2,
        ),
        Row("publish_name", _nothing, "publish {run} --push name", "--push name: expected ORG/NAME", 2),
        Row(
            "publish_record_broken",
            lambda w: (_checkpoint(w) / "checkpoint.json").write_text("{"),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: expected a checkpoint's record, found a "
            "damaged file (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
            2,
        ),
        Row(
            "publish_record_list",
            lambda w: (_checkpoint(w) / "checkpoint.json").write_text("[]"),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: expected a checkpoint's record, found a list",
            2,
        ),
        Row(
            "publish_record_nested",
            lambda w: (_checkpoint(w) / "checkpoint.json").write_text("[" * 100_000),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: expected a checkpoint's record, found a "
            "damaged file (lists or objects nested too deeply)",
            2,
        ),
        Row(
            "publish_record_no_config",
            _record("config", GONE),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: expected config, step, steps, total_batch, "
            "found no config",
            2,
        ),
        Row(
            "publish_record_config_list",
            _record("config", [1]),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: expected a checkpoint's record, found "
            "config '[1]': input should be a valid dictionary",
            2,
        ),
        Row(
            "publish_record_key",
            _record("config/optim/lrr", 1),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: optim.lrr: unknown key, did you mean lr?",
            2,
        ),
        Row(
            "publish_record_sources",
            _record("sources", 5),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: expected a checkpoint's record, found "
            "sources '5': input should be a valid dictionary",
            2,
        ),
        Row(
            "publish_record_step",
            _record("step", "many"),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: expected a checkpoint's record, found "
            "step 'many': input should be a valid integer",
            2,
        ),
        Row(
            "publish_architecture",
            _record("config/model/architecture", "vit_colossal"),
            PUBLISH,
            "{run}/checkpoints/step_00000040/checkpoint.json: model: expected a ViT of timm, found another "
            "(Unknown model (vit_colossal))",
            2,
        ),
        Row(
            "publish_no_weights",
            lambda w: _teacher(w).unlink(),
            PUBLISH,
            "{run}/checkpoints/step_00000040/model.safetensors: expected the state of a run, found no file",
            2,
        ),
        Row(
            "publish_weights_cut",
            lambda w: cut(_teacher(w)),
            PUBLISH,
            "{run}/checkpoints/step_00000040/model.safetensors: expected a whole safetensors file, found a "
            "damaged one (...)",
            2,
        ),
        Row(
            "publish_weights_text",
            lambda w: _teacher(w).write_text("x"),
            PUBLISH,
            "{run}/checkpoints/step_00000040/model.safetensors: expected a whole safetensors file, found a "
            "damaged one (...)",
            2,
        ),
        Row(
            "publish_weights_nan",
            _weights(_teacher, lambda t: t[_of_teacher(t)].fill_(NAN)),
            PUBLISH,
            "{run}/checkpoints/step_00000040/model.safetensors: expected finite numbers, found 32 of 32 of "
            "teacher.backbone.blocks.0.attn.proj.bias that are NaN or infinite",
            2,
        ),
        Row(
            "publish_weights_missing",
            _weights(_teacher, lambda t: t.pop(_of_teacher(t))),
            PUBLISH,
            "....partial-...-new: timm can't load what was written (...",
            2,
        ),
        Row(
            "publish_no_teacher",
            _weights(_teacher, lambda t: [t.pop(name) for name in list(t) if name.startswith("teacher")]),
            PUBLISH,
            "{run}/checkpoints/step_00000040/model.safetensors: expected weights named teacher.backbone.*, "
            "found none",
            2,
        ),
        Row(
            "publish_figures_word",
            lambda w: w.write("figures", json.dumps({"a": "b"})),
            PUBLISH + " --probe {figures}",
            "{figures}: expected the figures that dino_depth.probe wrote, found a 'b'",
            2,
        ),
        Row(
            "publish_figures_list",
            lambda w: w.write("figures", "[]"),
            PUBLISH + " --probe {figures}",
            "{figures}: expected the figures that dino_depth.probe wrote, found a list",
            2,
        ),
        Row(
            "publish_remarks",
            lambda w: w.write("remarks", b"\xff\xfe"),
            PUBLISH + " --remarks {remarks}",
            "{remarks}: expected text in UTF-8, found 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte",
            2,
        ),
        Row(
            "push_no_card",
            lambda w: (w["published"] / "README.md").unlink(),
            "publish {published} --push a/b",
            "{published}: expected a published encoder, found no README.md in it",
            2,
        ),
        Row(
            "push_config",
            lambda w: (w["published"] / "config.json").write_text("[]"),
            "publish {published} --push a/b",
            "{published}/config.json: expected an encoder's settings, found a list",
            2,
        ),
        Row(
            "push_weights",
            lambda w: cut(w["published"] / "model.safetensors"),
            "publish {published} --push a/b",
            "{published}/model.safetensors: expected a whole safetensors file, found a damaged one (...)",
            2,
        ),
        Row(
            "published_cut",
            lambda w: cut(w["published"] / "model.safetensors"),
            PROBE,
            "{published}: expected an encoder that timm loads from a directory (...)",
            2,
        ),
        Row(
            "published_no_config",
            lambda w: (w["published"] / "config.json").unlink(),
            PROBE,
            "{published}: expected an encoder that timm loads from a directory (...)",
            2,
        ),
        Row(
            "published_config_nested",
            lambda w: (w["published"] / "config.json").write_text("[" * 100_000),
            PROBE,
            "{published}: expected an encoder that timm loads from a directory (maximum recursion depth "
            "exceeded...",
            2,
        ),
        Row(
            "published_normalisation",
            lambda w: w.set(w["published"] / "config.json", "depth_normalisation", "log"),
            PROBE,
            "{published}: expected depth_normalisation reference or robust, found log",
            2,
        ),
        Row(
            "published_no_vit",
            lambda w: w.set(w["published"] / "config.json", "architecture", "resnet18"),
            PROBE,
            "{published}: expected an encoder that timm loads from a directory (ResNet.__init__() got an "
            "unexpected keyword argument 'img_size')",
            2,
        ),
        Row(
            "run_is_empty",
            lambda w: shutil.rmtree(w["run"] / "checkpoints"),
            PUBLISH,
            "{run}: expected a checkpoint, or a run with checkpoints/, found none",
            2,
        ),
    ),
)

SUBJECT = Subject("Pretraining", (RECIPES, MAPS, CORPORA, RUNS))
