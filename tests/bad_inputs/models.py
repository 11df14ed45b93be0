"""Models: their folders, their thresholds, and the encoders that they name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from tests.bad_inputs.making import changed_npz, cut, flip
from tests.bad_inputs.table import Fault, Row, Subject
from tests.bad_inputs.workspace import GONE, Workspace

INSPECT = "modmap predict {model} {scan} -o {new}"
MAPPING = "modmap predict {mapping} {scan} -o {new}"
FIT = "modmap fit {scan} -o {new} --preset fast --size 56 --epochs 1 --image-encoder local-dir:{encoder} --depth-encoder local-dir:{depth_encoder}"
NAN = float("nan")


def _config(keys: str, value: Any) -> Callable[[Workspace], object]:
    return lambda w: w.set(w.mapping / "config.json", keys, value)


def _thresholds(keys: str, value: Any) -> Callable[[Workspace], object]:
    return lambda w: w.set(w.mapping / "calibration.json", keys, value)


def _encoder(keys: str, value: Any) -> Callable[[Workspace], object]:
    return lambda w: w.set(w["encoder"] / "config.json", keys, value)


def _text(path: Callable[[Workspace], Path], content: str | bytes) -> Callable[[Workspace], object]:
    return lambda w: path(w).write_bytes(content.encode() if isinstance(content, str) else content)


def _weights(
    path: Callable[[Workspace], Path], change: Callable[[dict[str, Any]], object]
) -> Callable[[Workspace], object]:
    def spoil(w: Workspace) -> None:
        tensors = safetensors.torch.load_file(path(w))
        change(tensors)
        path(w).write_bytes(safetensors.torch.save(tensors))

    return spoil


def _of_mapping(w: Workspace) -> Path:
    return w.mapping / "model.safetensors"


def _of_encoder(w: Workspace) -> Path:
    return w["encoder"] / "model.safetensors"


def _reference(change: Callable[[dict[str, Any]], object]) -> Callable[[Workspace], object]:
    return lambda w: changed_npz(w.model / "reference.npz", change)


def _first(tensors: dict[str, Any]) -> str:
    return sorted(name for name in tensors if tensors[name].ndim == 2)[0]


FILES = Fault(
    "A model's file that is missing or damaged",
    means="A model's folder has `config.json`, `model.safetensors`, `reference.npz` where it compares, and "
    "`calibration.json` where it is calibrated. One of them is gone, cut off, or of another program.",
    do="Copy the folder again as a whole, or fit the model again.",
    rows=(
        Row(
            "model_nowhere",
            lambda w: None,
            "modmap predict {nowhere} {scan} -o {new}",
            "{nowhere}: expected a model's directory or a hub repo ORG/NAME, found neither",
        ),
        Row(
            "model_is_a_scan",
            lambda w: None,
            "modmap predict {scan} {scan} -o {new}",
            "{scan}/config.json: expected a JSON file, found none",
        ),
        Row(
            "model_is_a_file",
            lambda w: w.write("file", "x"),
            "modmap predict {file} {scan} -o {new}",
            "{file}: expected a model's directory or a hub repo ORG/NAME, found neither",
        ),
        Row(
            "model_no_config",
            lambda w: (w.model / "config.json").unlink(),
            INSPECT,
            "{model}/config.json: expected a JSON file, found none",
        ),
        Row(
            "model_config_empty",
            _text(lambda w: w.model / "config.json", ""),
            INSPECT,
            "{model}/config.json: expected JSON, found an empty file",
        ),
        Row(
            "model_config_cut",
            lambda w: cut(w.model / "config.json"),
            INSPECT,
            "{model}/config.json: broken JSON at line ..., column ...: ...",
        ),
        Row(
            "model_config_bytes",
            _text(lambda w: w.model / "config.json", b"\xff\xfe\0"),
            INSPECT,
            "{model}/config.json: expected JSON text (UTF-8), found invalid start byte at byte 0",
        ),
        Row(
            "model_config_list",
            _text(lambda w: w.model / "config.json", "[]"),
            INSPECT,
            "{model}/config.json: expected a modmap model of format 1, found None",
        ),
        Row(
            "model_config_nested",
            _text(lambda w: w.model / "config.json", '{"format":' * 50_000),
            INSPECT,
            "{model}/config.json: expected JSON of a few levels, found lists or objects nested too deeply",
        ),
        Row(
            "model_config_digits",
            _text(lambda w: w.model / "config.json", '{"format": ' + "9" * 5000 + "}"),
            INSPECT,
            "{model}/config.json: expected numbers of at most 300 digits, found 5000",
        ),
        Row(
            "model_no_weights",
            lambda w: (w.model / "model.safetensors").unlink(),
            INSPECT,
            "{model}/model.safetensors: expected the model's weights, found no file",
        ),
        Row(
            "model_weights_empty",
            _text(lambda w: w.model / "model.safetensors", ""),
            INSPECT,
            "{model}/model.safetensors: expected a whole safetensors file, found a damaged one (...)",
        ),
        Row(
            "model_weights_text",
            _text(lambda w: w.model / "model.safetensors", "hello, weights"),
            INSPECT,
            "{model}/model.safetensors: expected a whole safetensors file, found a damaged one (...)",
        ),
        Row(
            "model_weights_header",
            _text(lambda w: w.model / "model.safetensors", b"\xff" * 16),
            INSPECT,
            "{model}/model.safetensors: expected a whole safetensors file, found a damaged one (...)",
        ),
        Row(
            "model_weights_cut",
            lambda w: cut(w.mapping / "model.safetensors"),
            MAPPING,
            "{mapping}/model.safetensors: expected a whole safetensors file, found a damaged one (...)",
        ),
        Row(
            "model_weights_cut_at_end",
            lambda w: cut(w.mapping / "model.safetensors", 0.999),
            MAPPING,
            "{mapping}/model.safetensors: expected a whole safetensors file, found a damaged one (...)",
        ),
        Row(
            "model_no_reference",
            lambda w: (w.model / "reference.npz").unlink(),
            INSPECT,
            "{model}/reference.npz: expected the nominal views that scans are compared with, found no file",
        ),
        Row(
            "model_reference_empty",
            _text(lambda w: w.model / "reference.npz", ""),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (...)",
        ),
        Row(
            "model_reference_text",
            _text(lambda w: w.model / "reference.npz", "hello"),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (...)",
        ),
        Row(
            "model_reference_cut",
            lambda w: cut(w.model / "reference.npz"),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (...)",
        ),
        Row(
            "model_reference_flipped",
            lambda w: flip(w.model / "reference.npz", 0.5),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (...)",
        ),
        Row(
            "model_reference_no_depth",
            _reference(lambda a: a.pop("depth_0_1")),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file ('depth_0_1')",
        ),
        Row(
            "model_reference_stranger",
            _reference(lambda a: a.update(stranger=np.zeros(2))),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (unknown: "
            "stranger)",
        ),
        Row(
            "model_reference_nan",
            _reference(lambda a: a["depth_0_0"].fill(np.nan)),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (view 00: "
            "expected depth of 0 and more, found other values)",
        ),
        Row(
            "model_reference_negative",
            _reference(lambda a: a["depth_0_0"].fill(-1)),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (view 00: "
            "expected depth of 0 and more, found other values)",
        ),
        Row(
            "model_reference_double",
            _reference(lambda a: a.update(depth_0_0=a["depth_0_0"].astype(float))),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (view 00: "
            "expected float32 depth (H, W) and an image of its size, found float64 (60, 80) and (60, 80))",
        ),
        Row(
            "model_reference_size",
            _reference(lambda a: a.update(image_0_0=a["image_0_0"][:, :4])),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (view 00: "
            "expected float32 depth (H, W) and an image of its size, found float32 (60, 80) and (60, 4))",
        ),
        Row(
            "model_reference_camera",
            _reference(lambda a: a["pose_0_0"].fill(1)),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file "
            "(T_world_to_camera: expected a rotation and a translation with last row 0 0 0 1, found |R R^T "
            "- 1| = 3, det R = 0, last row [1.0, 1.0, 1.0, 1.0])",
        ),
        Row(
            "model_reference_memory",
            _reference(lambda a: a["image_patches_0_0"].fill(np.nan)),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (memory: "
            "image of view 00: expected finite patches, found none or others)",
        ),
        Row(
            "model_reference_factor",
            _reference(lambda a: a.update(memory_factor_0=np.array(-1.0))),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (memory: "
            "expected a positive factor, found -1.0)",
        ),
        Row(
            "model_reference_no_classes",
            _reference(lambda a: a.pop("classes")),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file ('classes')",
        ),
        Row(
            "model_reference_class",
            _reference(lambda a: a.update(classes=np.array(["other"]))),
            INSPECT,
            "{model}/reference.npz: expected nominal views of one class, found those of other",
        ),
        Row(
            "model_reference_flat_image",
            _reference(lambda a: a.update(image_0_0=np.zeros(3, np.uint8))),
            INSPECT,
            "{model}/reference.npz: expected the nominal views of a model, found a damaged file (view 00: "
            "expected float32 depth (H, W) and an image of its size, found float32 (60, 80) and (3,))",
        ),
    ),
)

CONFIG = Fault(
    "A model's settings that no model has",
    means="config.json was written by another version, changed by hand or damaged: a key is unknown, or a value is out of "
    "its range.",
    do="Fit the model again; don't change config.json by hand.",
    rows=(
        Row(
            "config_format_2",
            _config("format", 2),
            MAPPING,
            "{mapping}/config.json: expected a modmap model of format 1, found 2",
        ),
        Row(
            "config_no_format",
            _config("format", GONE),
            MAPPING,
            "{mapping}/config.json: expected a modmap model of format 1, found None",
        ),
        Row(
            "config_unknown_key",
            _config("config/training/epoch", 3),
            MAPPING,
            "{mapping}/config.json: config.training.epoch: unknown key; did you mean epochs?",
        ),
        Row(
            "config_no_trained",
            _config("trained", GONE),
            MAPPING,
            "{mapping}/config.json: trained: this key is required, found none",
        ),
        Row(
            "config_preset",
            _config("config/preset", "fastest"),
            MAPPING,
            "{mapping}/config.json: config.preset: expected 'inspect', 'memory', 'fast' or 'paper', found "
            '"fastest"',
        ),
        Row(
            "config_size",
            _config("config/size", 10**9),
            MAPPING,
            "{mapping}/config.json: config.size: expected less than or equal to 8192, found 1000000000",
        ),
        Row(
            "config_size_word",
            _config("config/size", "large"),
            MAPPING,
            "{mapping}/config.json: config.size: expected a valid integer, unable to parse string as an "
            'integer, found "large"',
        ),
        Row(
            "config_hidden",
            _config("config/mapping/modulator_hidden", 10**9),
            MAPPING,
            "{mapping}/config.json: config.mapping.modulator_hidden: expected less than or equal to 65536, "
            "found 1000000000",
        ),
        Row(
            "config_voxel_zero",
            _config("config/inference/voxel", 0),
            MAPPING,
            "{mapping}/config.json: config.inference.voxel: expected greater than 0, found 0",
        ),
        Row(
            "config_nothing_asked",
            _config("config/evidence/mapping", False),
            MAPPING,
            "{mapping}/config.json: config.evidence: expected at least one of mapping, geometry, "
            'appearance, texture and memory, found {"mapping": false, "geometry": false, "appearance": '
            "false...",
        ),
        Row(
            "config_no_views",
            _config("trained/view_ids", []),
            MAPPING,
            "{mapping}/config.json: trained.view_ids: list should have at least 1 item after validation, "
            "not 0, found []",
        ),
        Row(
            "config_views_twice",
            _config("trained/view_ids", ["00", "00", "02", "03"]),
            MAPPING,
            '{mapping}/config.json: trained.view_ids: expected each name once, found ["00", "00", "02", '
            '"03"]',
        ),
        Row(
            "config_more_views",
            _config("trained/view_ids", ["00", "01", "02", "03", "04"]),
            MAPPING,
            "{mapping}/model.safetensors: weight depth_modulator.mlp.0.weight: expected shape (128, 10), "
            "found (128, 8)",
        ),
        Row(
            "config_channels_negative",
            _config("trained/image_channels", -1),
            MAPPING,
            "{mapping}/config.json: trained.image_channels: expected greater than or equal to 0, found -1",
        ),
        Row(
            "config_channels_other",
            _config("trained/image_channels", 33),
            MAPPING,
            "{mapping}/model.safetensors: weight depth_to_image.layers.4.bias: expected shape (33,), found "
            "(32,)",
        ),
        Row(
            "config_channels_many",
            _config("trained/depth_channels", 10**9),
            MAPPING,
            "{mapping}/config.json: trained.depth_channels: expected less than or equal to 65536, found "
            "1000000000",
        ),
        Row(
            "config_no_fingerprint",
            _config("trained/fingerprints", {}),
            MAPPING,
            "{mapping}/config.json: trained: expected channels and a fingerprint of the image encoder, "
            'found {"format": 1, "config": {"preset": "fast", "size": 56, "c...',
        ),
        Row(
            "config_no_losses",
            _config("trained/losses", []),
            MAPPING,
            '{mapping}/config.json: trained: expected the losses of some epochs, found {"format": 1, '
            '"config": {"preset": "fast", "size": 56, "c...',
        ),
        Row(
            "config_score_nan",
            _config("trained/training_score", NAN),
            MAPPING,
            "{mapping}/config.json: trained.training_score: expected a finite number, found NaN",
        ),
        Row(
            "config_places",
            _config("trained/places", 10**12),
            MAPPING,
            "{mapping}/config.json: trained.places: expected less than or equal to 1048576, found 1000000000000",
        ),
        Row(
            "config_grid_shape",
            _config("trained/grids/", {"origin": [0, 0, 0], "voxel": 2, "shape": [10**6] * 3}),
            MAPPING,
            "{mapping}/config.json: trained.grids.: voxel grid: voxel grid: expected 1 to 1,000,000,000 "
            "voxels, found 1000000 x 1000000 x 1000000 of 2.0 mm: stray depth far ...",
        ),
        Row(
            "config_grid_nan",
            _config("trained/grids/", {"origin": [NAN, 0, 0], "voxel": 2, "shape": [9, 9, 9]}),
            MAPPING,
            "{mapping}/config.json: trained.grids.: voxel grid: voxel grid: expected a finite origin (3,) "
            'and a positive voxel, found [nan, 0.0, 0.0] and 2.0, found {"origin": [NaN, 0, 0], "voxel": 2, '
            '"shape": [9, 9, 9]}',
        ),
        Row(
            "config_grid_voxel",
            _config("trained/grids/", {"origin": [0, 0, 0], "voxel": -2, "shape": [9, 9, 9]}),
            MAPPING,
            "{mapping}/config.json: trained.grids.: voxel grid: voxel grid: expected a finite origin (3,) "
            'and a positive voxel, found [0.0, 0.0, 0.0] and -2.0, found {"origin": [0, 0, 0], "voxel": -2, '
            '"shape": [9, 9, 9]}',
        ),
        Row(
            "config_grid_keys",
            _config("trained/grids/", {"origin": [0, 0, 0]}),
            MAPPING,
            "{mapping}/config.json: trained.grids.: voxel grid: expected origin, voxel, shape, found "
            "{'origin': [0, 0, 0]}, found {\"origin\": [0, 0, 0]}",
        ),
        Row(
            "config_window",
            _config("trained/windows", {"00": {"top": 0.9, "left": 0, "bottom": 0.1, "right": 1}}),
            MAPPING,
            "{mapping}/config.json: trained.windows.00: expected a window that ends below and right of "
            'where it begins, found {"top": 0.9, "left": 0, "bottom": 0.1, "right": 1}',
        ),
    ),
)

WEIGHTS = Fault(
    "Weights that don't fit the model",
    means="A weight is missing, unknown, of another shape, or no finite number: config.json and model.safetensors aren't of one "
    "model, or the training didn't end well.",
    do="Copy both files from where the model was fitted, or fit it again.",
    rows=(
        Row(
            "weights_nan",
            _weights(_of_mapping, lambda t: t[_first(t)].fill_(NAN)),
            MAPPING,
            "{mapping}/model.safetensors: weight depth_modulator.mlp.0.weight: expected finite numbers, "
            "found NaN or infinity",
        ),
        Row(
            "weights_infinite",
            _weights(_of_mapping, lambda t: t[_first(t)].fill_(float("inf"))),
            MAPPING,
            "{mapping}/model.safetensors: weight depth_modulator.mlp.0.weight: expected finite numbers, "
            "found NaN or infinity",
        ),
        Row(
            "weights_missing",
            _weights(_of_mapping, lambda t: t.pop(_first(t))),
            MAPPING,
            "{mapping}/model.safetensors: expected every weight of the model and no other, missing: "
            "depth_modulator.mlp.0.weight; unknown: none",
        ),
        Row(
            "weights_unknown",
            _weights(_of_mapping, lambda t: t.update(stranger=torch.ones(1))),
            MAPPING,
            "{mapping}/model.safetensors: expected every weight of the model and no other, missing: none; "
            "unknown: stranger",
        ),
        Row(
            "weights_turned",
            _weights(_of_mapping, lambda t: t.update({_first(t): t[_first(t)][:1].clone()})),
            MAPPING,
            "{mapping}/model.safetensors: weight depth_modulator.mlp.0.weight: expected shape (128, 8), "
            "found (1, 8)",
        ),
        Row(
            "weights_of_other_model",
            lambda w: shutil.copyfile(w.model / "model.safetensors", w.mapping / "model.safetensors"),
            MAPPING,
            "{mapping}/model.safetensors: expected every weight of the model and no other, missing: "
            "depth_modulator.mlp.0.bias, depth_modulator.mlp.0.weight, ...",
        ),
    ),
)

THRESHOLDS = Fault(
    "Thresholds that can't be believed",
    means="calibration.json is damaged, of another version or another model, or holds a value that no calibration gives. "
    "Without sound thresholds there is no verdict.",
    do="Calibrate the model again: modmap calibrate MODEL GOOD_SCANS.",
    rows=(
        Row(
            "thresholds_empty",
            _text(lambda w: w.mapping / "calibration.json", ""),
            MAPPING,
            "{mapping}/calibration.json: expected JSON, found an empty file",
        ),
        Row(
            "thresholds_cut",
            lambda w: cut(w.mapping / "calibration.json"),
            MAPPING,
            "{mapping}/calibration.json: broken JSON at line 23, column 7: Expecting value",
        ),
        Row(
            "thresholds_nested",
            _text(lambda w: w.mapping / "calibration.json", "[" * 100_000),
            MAPPING,
            "{mapping}/calibration.json: expected JSON of a few levels, found lists or objects nested too "
            "deeply",
        ),
        Row(
            "thresholds_format",
            _thresholds("format", 7),
            MAPPING,
            "{mapping}/calibration.json: expected thresholds of format 1, found 7",
        ),
        Row(
            "thresholds_of_other_model",
            _thresholds("model", "0" * 64),
            MAPPING,
            "{mapping}/calibration.json: expected thresholds of this model (...), found those of another, or of this "
            "one with other settings or encoders (000000000000): calibrate it again",
        ),
        Row(
            "thresholds_key",
            _thresholds("categories//scan_thresholds", 1),
            MAPPING,
            "{mapping}/calibration.json: categories..scan_thresholds: unknown key; did you mean scan_threshold?",
        ),
        Row(
            "thresholds_nan",
            _thresholds("categories//scan_threshold", NAN),
            MAPPING,
            "{mapping}/calibration.json: categories..scan_threshold: expected a finite number, found NaN",
        ),
        Row(
            "thresholds_infinite",
            _thresholds("categories//voxel_threshold", float("inf")),
            MAPPING,
            "{mapping}/calibration.json: categories..voxel_threshold: expected a finite number, found Infinity",
        ),
        Row(
            "thresholds_null",
            _thresholds("categories//pixel_threshold", None),
            MAPPING,
            "{mapping}/calibration.json: categories..pixel_threshold: expected a valid number, found null",
        ),
        Row(
            "thresholds_rate_2",
            _thresholds("categories//false_alarm_rate", 2),
            MAPPING,
            "{mapping}/calibration.json: categories..false_alarm_rate: expected less than 1, found 2",
        ),
        Row(
            "thresholds_rate_0",
            _thresholds("categories//false_alarm_rate", 0),
            MAPPING,
            "{mapping}/calibration.json: categories..false_alarm_rate: expected greater than 0, found 0",
        ),
        Row(
            "thresholds_share",
            _thresholds("categories//surface_share", 1.5),
            MAPPING,
            "{mapping}/calibration.json: categories..surface_share: expected less than 1, found 1.5",
        ),
        Row(
            "thresholds_basis",
            _thresholds("categories//basis", "feeling"),
            MAPPING,
            "{mapping}/calibration.json: categories..basis: expected 'conformal', 'jittered_copies', "
            "'leave_one_view_out' or 'nominal_scan', found \"feeling\"",
        ),
        Row(
            "thresholds_scores_nan",
            _thresholds("categories//scores", [NAN]),
            MAPPING,
            "{mapping}/calibration.json: categories..scores.0: expected a finite number, found NaN",
        ),
        Row(
            "thresholds_no_scores",
            _thresholds("categories//scores", []),
            MAPPING,
            "{mapping}/calibration.json: categories.: expected scores with basis jittered_copies, found "
            '{"basis": "jittered_copies", "false_alarm_rate": 0.05, "s...',
        ),
        Row(
            "thresholds_no_views",
            _thresholds("categories//views", []),
            MAPPING,
            "{mapping}/calibration.json: categories..views: list should have at least 1 item after "
            "validation, not 0, found []",
        ),
        Row(
            "thresholds_no_scans",
            _thresholds("categories//scans", []),
            MAPPING,
            "{mapping}/calibration.json: categories..scans: list should have at least 1 item after "
            "validation, not 0, found []",
        ),
        Row(
            "thresholds_wrong_count",
            lambda w: (
                _thresholds("categories//basis", "conformal")(w),
                _thresholds("categories//scans", ["a", "b"])(w),
            ),
            MAPPING,
            "{mapping}/calibration.json: categories.: expected a score of each of 2 scans, found 16, found "
            '{"basis": "conformal", "false_alarm_rate": 0.05, "surface...',
        ),
        Row(
            "thresholds_missing_asked",
            lambda w: (w.mapping / "calibration.json").unlink(),
            MAPPING + " --fail-on-defect",
            "predict: --fail-on-defect: expected a calibrated model, found no thresholds for ball in "
            "{mapping}: run modmap calibrate first",
            2,
        ),
        Row(
            "calibrate_rate_0",
            lambda w: None,
            "modmap calibrate {mapping} {scan} --false-alarm-rate 0",
            "calibrate: false-alarm rate: expected a number between 0 and 1, found 0.0",
        ),
        Row(
            "calibrate_rate_nan",
            lambda w: None,
            "modmap calibrate {mapping} {scan} --false-alarm-rate nan",
            "calibrate: false-alarm rate: expected a number between 0 and 1, found nan",
        ),
        Row(
            "calibrate_share_1",
            lambda w: None,
            "modmap calibrate {mapping} {scan} --surface-share 1",
            "calibrate: surface share: expected a number from 0 to below 1, found 1.0",
        ),
        Row(
            "calibrate_few_scans",
            lambda w: w.set(w.scan / "scan.json", "name", "another"),
            "modmap calibrate {mapping} {scan} --false-alarm-rate 0.01",
            "calibrate: a false-alarm rate of 0.01: expected at least 99 good scans, found 1; they can hold "
            "0.5 at the lowest",
        ),
        Row(
            "calibrate_no_model",
            lambda w: None,
            "modmap calibrate {nowhere} {scan}",
            "calibrate: {nowhere}: expected the directory of a model, found none",
            2,
        ),
        Row(
            "calibrate_no_scan",
            lambda w: None,
            "modmap calibrate {mapping} {nowhere}",
            "{nowhere}: expected a directory of scans, found none",
        ),
    ),
)

ENCODERS = Fault(
    "An encoder that can't be used",
    means="An encoder is a folder, or a hub's repository, with a timm vision transformer's `config.json` and every one of its "
    "weights in `model.safetensors`; or a name that `modmap encoders list` shows.",
    do="Publish it again (`python -m dino_depth.publish`), or fetch it again (`modmap encoders pull NAME --force`).",
    rows=(
        Row(
            "encoder_unknown",
            lambda w: None,
            "modmap fit {scan} -o {new} --preset fast --image-encoder dinov9",
            "encoder 'dinov9': expected local-dir:PATH, hf-hub:ORG/NAME, an existing directory or one of "
            "dinov2_vits14, ...",
        ),
        Row(
            "encoder_nowhere",
            lambda w: None,
            "modmap fit {scan} -o {new} --preset fast --image-encoder local-dir:{nowhere}",
            "{nowhere}: not a usable encoder: expected a file config.json (No such file or directory)",
        ),
        Row(
            "encoder_hub_name",
            lambda w: None,
            "modmap fit {scan} -o {new} --preset fast --image-encoder hf-hub:me",
            "encoder 'hf-hub:me': expected hf-hub:ORG/NAME",
        ),
        Row(
            "encoder_of_inspect",
            lambda w: None,
            "modmap fit {scan} -o {new} --image-encoder local-dir:{encoder}",
            "image_encoder: expected a preset that maps features (fast, paper), or evidence.mapping=true, "
            "to name an encoder for, found preset inspect without",
        ),
        Row(
            "encoder_none_for_paper",
            lambda w: None,
            "modmap fit {scan} -o {new} --preset paper --size 56 --image-encoder local-dir:{encoder}",
            "depth_encoder: expected an encoder, found none: the paper's depth encoder isn't released; name "
            "one that dino_depth trained (local-dir:PATH or hf-hub:ORG/NAME), or dinov2_vits14",
        ),
        Row(
            "encoder_no_config",
            lambda w: (w["encoder"] / "config.json").unlink(),
            FIT,
            "{encoder}: not a usable encoder: expected a file config.json (No such file or directory)",
        ),
        Row(
            "encoder_config_broken",
            _text(lambda w: w["encoder"] / "config.json", "{"),
            FIT,
            "{encoder}: not a usable encoder: config.json: broken JSON at line 1, column 2: Expecting "
            "property name enclosed in double quotes",
        ),
        Row(
            "encoder_config_bytes",
            _text(lambda w: w["encoder"] / "config.json", b"\xff\xfe"),
            FIT,
            "{encoder}: not a usable encoder: config.json is not JSON ('utf-8' codec can't decode byte 0xff "
            "in position 0: invalid start byte)",
        ),
        Row(
            "encoder_config_nested",
            _text(lambda w: w["encoder"] / "config.json", "[" * 100_000),
            FIT,
            "{encoder}: not a usable encoder: config.json: expected JSON of a few levels, found lists or "
            "objects nested too deeply",
        ),
        Row(
            "encoder_no_architecture",
            _encoder("architecture", GONE),
            FIT,
            "{encoder}: not a usable encoder: config.json: expected a key 'architecture' that names a timm "
            "model",
        ),
        Row(
            "encoder_architecture_unknown",
            _encoder("architecture", "vit_colossal"),
            FIT,
            "encoder local-dir:{encoder}: cannot be loaded: Unknown model (vit_colossal)",
        ),
        Row(
            "encoder_architecture_cnn",
            lambda w: (w["encoder"] / "config.json").write_text(json.dumps({"architecture": "resnet18"})),
            FIT,
            "encoder local-dir:{encoder}: expected a timm vision transformer, found ResNet",
        ),
        Row(
            "encoder_argument_unknown",
            _encoder("model_args/heads", 3),
            FIT,
            "encoder local-dir:{encoder}: cannot be loaded: VisionTransformer.__init__() got an unexpected "
            "keyword argument 'heads'",
        ),
        Row(
            "encoder_argument_negative",
            _encoder("model_args/embed_dim", -32),
            FIT,
            "encoder local-dir:{encoder}: cannot be loaded: Trying to create tensor with negative dimension "
            "-32: [-32, 3, 14, 14]",
        ),
        Row(
            "encoder_channels_5",
            _encoder("model_args/in_chans", 5),
            FIT,
            "encoder local-dir:{encoder}: expected 1 or 3 input channels, found 5",
        ),
        Row(
            "encoder_other_width",
            _encoder("model_args/embed_dim", 64),
            FIT,
            "encoder local-dir:{encoder}: cannot be loaded: Error(s) in loading state_dict for "
            "VisionTransformer: size mismatch for ...",
        ),
        Row(
            "encoder_no_weights",
            lambda w: _of_encoder(w).unlink(),
            FIT,
            "{encoder}: not a usable encoder: expected a file model.safetensors",
        ),
        Row(
            "encoder_weights_cut",
            lambda w: cut(_of_encoder(w)),
            FIT,
            "{encoder}: not a usable encoder: model.safetensors is no readable safetensors file (...)",
        ),
        Row(
            "encoder_weights_text",
            _text(_of_encoder, "weights"),
            FIT,
            "{encoder}: not a usable encoder: model.safetensors is no readable safetensors file (...)",
        ),
        Row(
            "encoder_weight_missing",
            _weights(_of_encoder, lambda t: t.pop("norm.weight")),
            FIT,
            "encoder local-dir:{encoder}: cannot be loaded: Error(s) in loading state_dict for "
            'VisionTransformer: Missing key(s) in state_dict: "norm.weight".',
        ),
        Row(
            "encoder_weight_renamed",
            _weights(_of_encoder, lambda t: t.update({"norm.w": t.pop("norm.weight")})),
            FIT,
            "encoder local-dir:{encoder}: cannot be loaded: Error(s) in loading state_dict for "
            'VisionTransformer: Missing key(s) in state_dict: "norm.weight". Unexpected key(s) in '
            'state_dict: "norm.w".',
        ),
        Row(
            "encoder_weight_nan",
            _weights(_of_encoder, lambda t: t["norm.weight"].fill_(NAN)),
            FIT,
            "encoder local-dir:{encoder}: weight norm.weight: expected finite numbers, found NaN or infinity",
        ),
        Row(
            "encoder_replaced",
            lambda w: _weights(_of_encoder, lambda t: t["norm.weight"].mul_(2))(w),
            MAPPING + " --image-encoder local-dir:{encoder}",
            "image encoder local-dir:{encoder}: expected the weights that the model was trained with (...), "
            "found others (...)",
        ),
        Row(
            "encoder_layer_9",
            lambda w: None,
            FIT + " --set image_encoder.layer=9",
            "encoder local-dir:{encoder}: layer: expected one of its blocks 0 to 1, found 9",
        ),
        Row(
            "encoder_pull_unknown",
            lambda w: None,
            "modmap encoders pull dinov2_vits15",
            "unknown encoder 'dinov2_vits15': did you mean 'dinov2_vits14', of dinov2_vits14, "
            "dinov2_vitb14, dinov2_vitl14, dinov3_vits16, dinov3_vitb16?",
        ),
    ),
)

SUBJECT = Subject("Models", (FILES, CONFIG, WEIGHTS, THRESHOLDS, ENCODERS))
