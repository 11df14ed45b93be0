"""A model's folder: which files it has, and whether they are whole."""

from __future__ import annotations

import numpy as np

from tests.bad_inputs.row_makers import DAMAGED_WEIGHTS, MAPPING, FileRows, words
from tests.bad_inputs.table import Fault, Row

INSPECT = "modmap predict {model} {scan} -o {new}"
_CONFIG = FileRows("{model}/config.json", INSPECT)
_WEIGHTS = FileRows("{model}/model.safetensors", INSPECT)
_MAPPED = FileRows("{mapping}/model.safetensors", MAPPING)
_REFERENCE = FileRows("{model}/reference.npz", INSPECT)
_DAMAGED = _REFERENCE.saying("expected the nominal views of a model, found a damaged file ")

FILES = Fault(
    "A model's file that is missing or damaged",
    means="A model's folder has `config.json`, `model.safetensors`, `reference.npz` where it compares, and "
    "`calibration.json` where it is calibrated. One of them is gone, cut off, or of another program.",
    do="Copy the folder again as a whole, or fit the model again.",
    rows=(
        words(
            "model_nowhere",
            "modmap predict {nowhere} {scan} -o {new}",
            "{nowhere}: expected a model's directory or a hub repo ORG/NAME, found neither",
        ),
        words(
            "model_is_a_scan",
            "modmap predict {scan} {scan} -o {new}",
            "{scan}/config.json: expected a JSON file, found none",
        ),
        Row(
            "model_is_a_file",
            lambda w: w.write("file", "x"),
            "modmap predict {file} {scan} -o {new}",
            "{file}: expected a model's directory or a hub repo ORG/NAME, found neither",
        ),
        _CONFIG.gone("model_no_config", "expected a JSON file, found none"),
        _CONFIG.text("model_config_empty", "", "expected JSON, found an empty file"),
        _CONFIG.cut("model_config_cut", "broken JSON at line ..., column ...: ..."),
        _CONFIG.text(
            "model_config_bytes",
            b"\xff\xfe\0",
            "expected JSON text (UTF-8), found invalid start byte at byte 0",
        ),
        _CONFIG.text("model_config_list", "[]", "expected a modmap model of format 1, found None"),
        _CONFIG.text(
            "model_config_nested",
            '{"format":' * 50_000,
            "expected JSON of a few levels, found lists or objects nested too deeply",
        ),
        _CONFIG.text(
            "model_config_digits",
            '{"format": ' + "9" * 5000 + "}",
            "expected numbers of at most 300 digits, found 5000",
        ),
        _WEIGHTS.gone("model_no_weights", "expected the model's weights, found no file"),
        _WEIGHTS.text("model_weights_empty", "", DAMAGED_WEIGHTS),
        _WEIGHTS.text("model_weights_text", "hello, weights", DAMAGED_WEIGHTS),
        _WEIGHTS.text("model_weights_header", b"\xff" * 16, DAMAGED_WEIGHTS),
        _MAPPED.cut("model_weights_cut", DAMAGED_WEIGHTS),
        _MAPPED.cut("model_weights_cut_at_end", DAMAGED_WEIGHTS, 0.999),
        _REFERENCE.gone(
            "model_no_reference", "expected the nominal views that scans are compared with, found no file"
        ),
        _DAMAGED.text("model_reference_empty", "", "(...)"),
        _DAMAGED.text("model_reference_text", "hello", "(...)"),
        _DAMAGED.cut("model_reference_cut", "(...)"),
        _DAMAGED.flip("model_reference_flipped", 0.5, "(...)"),
        _DAMAGED.arrays("model_reference_no_depth", lambda a: a.pop("depth_0_1"), "('depth_0_1')"),
        _DAMAGED.arrays(
            "model_reference_stranger", lambda a: a.update(stranger=np.zeros(2)), "(unknown: stranger)"
        ),
        _DAMAGED.arrays(
            "model_reference_nan",
            lambda a: a["depth_0_0"].fill(np.nan),
            "(view 00: expected depth of 0 and more, found other values)",
        ),
        _DAMAGED.arrays(
            "model_reference_negative",
            lambda a: a["depth_0_0"].fill(-1),
            "(view 00: expected depth of 0 and more, found other values)",
        ),
        _DAMAGED.arrays(
            "model_reference_double",
            lambda a: a.update(depth_0_0=a["depth_0_0"].astype(float)),
            "(view 00: expected float32 depth (H, W) and an image of its size, found float64 (60, 80) and (60, 80))",
        ),
        _DAMAGED.arrays(
            "model_reference_size",
            lambda a: a.update(image_0_0=a["image_0_0"][:, :4]),
            "(view 00: expected float32 depth (H, W) and an image of its size, found float32 (60, 80) and (60, 4))",
        ),
        _DAMAGED.arrays(
            "model_reference_camera",
            lambda a: a["pose_0_0"].fill(1),
            "(T_world_to_camera: expected a rotation and a translation with last row 0 0 0 1, found |R R^T - 1| = 3, det R = 0, last row [1.0, 1.0, 1.0, 1.0])",
        ),
        _DAMAGED.arrays(
            "model_reference_memory",
            lambda a: a["image_patches_0_0"].fill(np.nan),
            "(memory: image of view 00: expected finite patches, found none or others)",
        ),
        _DAMAGED.arrays(
            "model_reference_factor",
            lambda a: a.update(memory_factor_0=np.array(-1.0)),
            "(memory: expected a positive factor, found -1.0)",
        ),
        _DAMAGED.arrays("model_reference_no_classes", lambda a: a.pop("classes"), "('classes')"),
        _REFERENCE.arrays(
            "model_reference_class",
            lambda a: a.update(classes=np.array(["other"])),
            "expected nominal views of one class, found those of other",
        ),
        _DAMAGED.arrays(
            "model_reference_flat_image",
            lambda a: a.update(image_0_0=np.zeros(3, np.uint8)),
            "(view 00: expected float32 depth (H, W) and an image of its size, found float32 (60, 80) and (3,))",
        ),
    ),
)

FAULTS = (FILES,)
