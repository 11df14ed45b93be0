"""What a model's config.json says, and weights that it doesn't fit."""

from __future__ import annotations

import shutil
from typing import Any

import torch

from tests.bad_inputs.row_makers import MAPPING, NAN, FileRows, key
from tests.bad_inputs.table import Fault
from tests.bad_inputs.workspace import GONE

_SETTINGS = FileRows("{mapping}/config.json", MAPPING)
_MAPPED = FileRows("{mapping}/model.safetensors", MAPPING)


def _first(tensors: dict[str, Any]) -> str:
    return sorted(name for name in tensors if tensors[name].ndim == 2)[0]


CONFIG = Fault(
    "A model's settings that no model has",
    means="config.json was written by another version, changed by hand or damaged: a key is unknown, or a value is out of "
    "its range.",
    do="Fit the model again; don't change config.json by hand.",
    rows=(
        _SETTINGS.key("config_format_2", "format", 2, "expected a modmap model of format 1, found 2"),
        _SETTINGS.key("config_no_format", "format", GONE, "expected a modmap model of format 1, found None"),
        _SETTINGS.value(
            "config_unknown_key", "config/training/epoch", 3, "unknown key; did you mean epochs?"
        ),
        _SETTINGS.value("config_no_trained", "trained", GONE, "this key is required, found none"),
        _SETTINGS.value(
            "config_preset",
            "config/preset",
            "fastest",
            "expected 'inspect', 'memory', 'fast' or 'paper', found \"fastest\"",
        ),
        _SETTINGS.value(
            "config_size", "config/size", 10**9, "expected less than or equal to 8192, found 1000000000"
        ),
        _SETTINGS.value(
            "config_size_word",
            "config/size",
            "large",
            'expected a valid integer, unable to parse string as an integer, found "large"',
        ),
        _SETTINGS.value(
            "config_hidden",
            "config/mapping/modulator_hidden",
            10**9,
            "expected less than or equal to 65536, found 1000000000",
        ),
        _SETTINGS.value("config_voxel_zero", "config/inference/voxel", 0, "expected greater than 0, found 0"),
        _SETTINGS.key(
            "config_nothing_asked",
            "config/evidence/mapping",
            False,
            'config.evidence: expected at least one of mapping, geometry, appearance, texture and memory, found {"mapping": false, "geometry": false, "appearance": false...',
        ),
        _SETTINGS.value(
            "config_no_views",
            "trained/view_ids",
            [],
            "list should have at least 1 item after validation, not 0, found []",
        ),
        _SETTINGS.value(
            "config_views_twice",
            "trained/view_ids",
            ["00", "00", "02", "03"],
            'expected each name once, found ["00", "00", "02", "03"]',
        ),
        _MAPPED(
            "config_more_views",
            key("{mapping}/config.json", "trained/view_ids", ["00", "01", "02", "03", "04"]),
            "weight depth_modulator.mlp.0.weight: expected shape (128, 10), found (128, 8)",
        ),
        _SETTINGS.value(
            "config_channels_negative",
            "trained/image_channels",
            -1,
            "expected greater than or equal to 0, found -1",
        ),
        _MAPPED(
            "config_channels_other",
            key("{mapping}/config.json", "trained/image_channels", 33),
            "weight depth_to_image.layers.4.bias: expected shape (33,), found (32,)",
        ),
        _SETTINGS.value(
            "config_channels_many",
            "trained/depth_channels",
            10**9,
            "expected less than or equal to 65536, found 1000000000",
        ),
        _SETTINGS.key(
            "config_no_fingerprint",
            "trained/fingerprints",
            {},
            'trained: expected channels and a fingerprint of the image encoder, found {"format": 1, "config": {"preset": "fast", "size": 56, "c...',
        ),
        _SETTINGS.key(
            "config_no_losses",
            "trained/losses",
            [],
            'trained: expected the losses of some epochs, found {"format": 1, "config": {"preset": "fast", "size": 56, "c...',
        ),
        _SETTINGS.value(
            "config_score_nan", "trained/training_score", NAN, "expected a finite number, found NaN"
        ),
        _SETTINGS.value(
            "config_places",
            "trained/places",
            10**12,
            "expected less than or equal to 1048576, found 1000000000000",
        ),
        _SETTINGS.value(
            "config_grid_shape",
            "trained/grids/",
            {"origin": [0, 0, 0], "voxel": 2, "shape": [10**6] * 3},
            "voxel grid: voxel grid: expected 1 to 1,000,000,000 voxels, found 1000000 x 1000000 x 1000000 of 2.0 mm: stray depth far ...",
        ),
        _SETTINGS.value(
            "config_grid_nan",
            "trained/grids/",
            {"origin": [NAN, 0, 0], "voxel": 2, "shape": [9, 9, 9]},
            'voxel grid: voxel grid: expected a finite origin (3,) and a positive voxel, found [nan, 0.0, 0.0] and 2.0, found {"origin": [NaN, 0, 0], "voxel": 2, "shape": [9, 9, 9]}',
        ),
        _SETTINGS.value(
            "config_grid_voxel",
            "trained/grids/",
            {"origin": [0, 0, 0], "voxel": -2, "shape": [9, 9, 9]},
            'voxel grid: voxel grid: expected a finite origin (3,) and a positive voxel, found [0.0, 0.0, 0.0] and -2.0, found {"origin": [0, 0, 0], "voxel": -2, "shape": [9, 9, 9]}',
        ),
        _SETTINGS.value(
            "config_grid_keys",
            "trained/grids/",
            {"origin": [0, 0, 0]},
            "voxel grid: expected origin, voxel, shape, found {'origin': [0, 0, 0]}, found {\"origin\": [0, 0, 0]}",
        ),
        _SETTINGS.key(
            "config_window",
            "trained/windows",
            {"00": {"top": 0.9, "left": 0, "bottom": 0.1, "right": 1}},
            'trained.windows.00: expected a window that ends below and right of where it begins, found {"top": 0.9, "left": 0, "bottom": 0.1, "right": 1}',
        ),
    ),
)

WEIGHTS = Fault(
    "Weights that don't fit the model",
    means="A weight is missing, unknown, of another shape, or no finite number: config.json and model.safetensors aren't of one "
    "model, or the training didn't end well.",
    do="Copy both files from where the model was fitted, or fit it again.",
    rows=(
        _MAPPED.tensors(
            "weights_nan",
            lambda t: t[_first(t)].fill_(NAN),
            "weight depth_modulator.mlp.0.weight: expected finite numbers, found NaN or infinity",
        ),
        _MAPPED.tensors(
            "weights_infinite",
            lambda t: t[_first(t)].fill_(float("inf")),
            "weight depth_modulator.mlp.0.weight: expected finite numbers, found NaN or infinity",
        ),
        _MAPPED.tensors(
            "weights_missing",
            lambda t: t.pop(_first(t)),
            "expected every weight of the model and no other, missing: depth_modulator.mlp.0.weight; unknown: none",
        ),
        _MAPPED.tensors(
            "weights_unknown",
            lambda t: t.update(stranger=torch.ones(1)),
            "expected every weight of the model and no other, missing: none; unknown: stranger",
        ),
        _MAPPED.tensors(
            "weights_turned",
            lambda t: t.update({_first(t): t[_first(t)][:1].clone()}),
            "weight depth_modulator.mlp.0.weight: expected shape (128, 8), found (1, 8)",
        ),
        _MAPPED(
            "weights_of_other_model",
            lambda w: shutil.copyfile(w.model / "model.safetensors", w.mapping / "model.safetensors"),
            "expected every weight of the model and no other, missing: depth_modulator.mlp.0.bias, depth_modulator.mlp.0.weight, ...",
        ),
    ),
)

FAULTS = (CONFIG, WEIGHTS)
