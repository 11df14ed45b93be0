"""Encoders that a model is fitted with: their names, folders and weights."""

from __future__ import annotations

import json

from tests.bad_inputs.row_makers import MAPPING, NAN, FileRows, tensors, words
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import GONE

FIT = (
    "modmap fit {scan} -o {new} --preset fast --size 56 --epochs 1 --image-encoder local-dir:{encoder} "
    "--depth-encoder local-dir:{depth_encoder}"
)
_ENCODER = FileRows("{encoder}/config.json", FIT, "{encoder}: not a usable encoder: ")
_LOADED = FileRows("{encoder}/config.json", FIT, "encoder local-dir:{encoder}: ")
_WEIGHTS = FileRows("{encoder}/model.safetensors", FIT, "{encoder}: not a usable encoder: ")
_LOADED_WEIGHTS = FileRows("{encoder}/model.safetensors", FIT, "encoder local-dir:{encoder}: ")

ENCODERS = Fault(
    "An encoder that can't be used",
    means="An encoder is a folder, or a hub's repository, with a timm vision transformer's `config.json` and every one of its "
    "weights in `model.safetensors`; or a name that `modmap encoders list` shows.",
    do="Publish it again (`python -m dino_depth.publish`), or fetch it again (`modmap encoders pull NAME --force`).",
    rows=(
        words(
            "encoder_unknown",
            "modmap fit {scan} -o {new} --preset fast --image-encoder dinov9",
            "encoder 'dinov9': expected local-dir:PATH, hf-hub:ORG/NAME, an existing directory or one of dinov2_vits14, ...",
        ),
        words(
            "encoder_nowhere",
            "modmap fit {scan} -o {new} --preset fast --image-encoder local-dir:{nowhere}",
            "{nowhere}: not a usable encoder: expected a file config.json (No such file or directory)",
        ),
        words(
            "encoder_hub_name",
            "modmap fit {scan} -o {new} --preset fast --image-encoder hf-hub:me",
            "encoder 'hf-hub:me': expected hf-hub:ORG/NAME",
        ),
        words(
            "encoder_of_inspect",
            "modmap fit {scan} -o {new} --image-encoder local-dir:{encoder}",
            "image_encoder: expected a preset that maps features (fast, paper), or evidence.mapping=true, to name an encoder for, found preset inspect without",
        ),
        words(
            "encoder_none_for_paper",
            "modmap fit {scan} -o {new} --preset paper --size 56 --image-encoder local-dir:{encoder}",
            "depth_encoder: expected an encoder, found none: the paper's depth encoder isn't released; name one that dino_depth trained (local-dir:PATH or hf-hub:ORG/NAME), or dinov2_vits14",
        ),
        _ENCODER.gone("encoder_no_config", "expected a file config.json (No such file or directory)"),
        _ENCODER.text(
            "encoder_config_broken",
            "{",
            "config.json: broken JSON at line 1, column 2: Expecting property name enclosed in double quotes",
        ),
        _ENCODER.text(
            "encoder_config_bytes",
            b"\xff\xfe",
            "config.json is not JSON ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)",
        ),
        _ENCODER.text(
            "encoder_config_nested",
            "[" * 100_000,
            "config.json: expected JSON of a few levels, found lists or objects nested too deeply",
        ),
        _ENCODER.key(
            "encoder_no_architecture",
            "architecture",
            GONE,
            "config.json: expected a key 'architecture' that names a timm model",
        ),
        _LOADED.key(
            "encoder_architecture_unknown",
            "architecture",
            "vit_colossal",
            "cannot be loaded: Unknown model (vit_colossal)",
        ),
        _LOADED.text(
            "encoder_architecture_cnn",
            json.dumps({"architecture": "resnet18"}),
            "expected a timm vision transformer, found ResNet",
        ),
        _LOADED.key(
            "encoder_argument_unknown",
            "model_args/heads",
            3,
            "cannot be loaded: VisionTransformer.__init__() got an unexpected keyword argument 'heads'",
        ),
        _LOADED.key(
            "encoder_argument_negative",
            "model_args/embed_dim",
            -32,
            "cannot be loaded: Trying to create tensor with negative dimension -32: [-32, 3, 14, 14]",
        ),
        _LOADED.key(
            "encoder_channels_5", "model_args/in_chans", 5, "expected 1 or 3 input channels, found 5"
        ),
        _LOADED.key(
            "encoder_other_width",
            "model_args/embed_dim",
            64,
            "cannot be loaded: Error(s) in loading state_dict for VisionTransformer: size mismatch for ...",
        ),
        _WEIGHTS.gone("encoder_no_weights", "expected a file model.safetensors"),
        _WEIGHTS.cut("encoder_weights_cut", "model.safetensors is no readable safetensors file (...)"),
        _WEIGHTS.text(
            "encoder_weights_text", "weights", "model.safetensors is no readable safetensors file (...)"
        ),
        _LOADED_WEIGHTS.tensors(
            "encoder_weight_missing",
            lambda t: t.pop("norm.weight"),
            'cannot be loaded: Error(s) in loading state_dict for VisionTransformer: Missing key(s) in state_dict: "norm.weight".',
        ),
        _LOADED_WEIGHTS.tensors(
            "encoder_weight_renamed",
            lambda t: t.update({"norm.w": t.pop("norm.weight")}),
            'cannot be loaded: Error(s) in loading state_dict for VisionTransformer: Missing key(s) in state_dict: "norm.weight". Unexpected key(s) in state_dict: "norm.w".',
        ),
        _LOADED_WEIGHTS.tensors(
            "encoder_weight_nan",
            lambda t: t["norm.weight"].fill_(NAN),
            "weight norm.weight: expected finite numbers, found NaN or infinity",
        ),
        Row(
            "encoder_replaced",
            tensors("{encoder}/model.safetensors", lambda t: t["norm.weight"].mul_(2)),
            MAPPING + " --image-encoder local-dir:{encoder}",
            "image encoder local-dir:{encoder}: expected the weights that the model was trained with (...), found others (...)",
        ),
        words(
            "encoder_layer_9",
            FIT + " --set image_encoder.layer=9",
            "encoder local-dir:{encoder}: layer: expected one of its blocks 0 to 1, found 9",
        ),
        words(
            "encoder_pull_unknown",
            "modmap encoders pull dinov2_vits15",
            "unknown encoder 'dinov2_vits15': did you mean 'dinov2_vits14', of dinov2_vits14, dinov2_vitb14, dinov2_vitl14, dinov3_vits16, dinov3_vitb16?",
        ),
    ),
)

FAULTS = (ENCODERS,)
