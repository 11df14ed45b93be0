"""Checkpoints of pretraining, and encoders that are published of them."""

from __future__ import annotations

import json
import shutil
from typing import Any

from tests.bad_inputs.corpora import PROBE
from tests.bad_inputs.making import cut
from tests.bad_inputs.row_makers import DAMAGED_WEIGHTS, NAN, FileRows, at, tensors, words
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import GONE

PUBLISH = "publish {run} --out {new}"
PUSH = "publish {published} --push a/b"
_STEP = "{run}/checkpoints/step_00000040"
_RECORD = FileRows(f"{_STEP}/checkpoint.json", PUBLISH, status=2)
_BROKEN_RECORD = _RECORD.saying("expected a checkpoint's record, found ")
_WEIGHTS = FileRows(f"{_STEP}/model.safetensors", PUBLISH, status=2)
_PUSHED = FileRows("{published}/config.json", PUSH, status=2)
_PUSHED_WEIGHTS = FileRows("{published}/model.safetensors", PUSH, status=2)
_LOADED = FileRows("{published}/config.json", PROBE, "{published}: ", 2)
_UNLOADED = _LOADED.saying("expected an encoder that timm loads from a directory ")


def _of_teacher(tensors: dict[str, Any]) -> str:
    return next(
        name
        for name in sorted(tensors)
        if name.startswith("teacher.backbone.") and tensors[name].is_floating_point()
    )


RUNS = Fault(
    "A run or a published encoder that can't be read",
    means="A checkpoint's file is missing, damaged, of another recipe, or holds numbers that aren't finite.",
    do="Take an earlier checkpoint (`checkpoints/step_...`), or go on from the last with the same command.",
    rows=(
        words(
            "publish_nowhere",
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
        words(
            "publish_no_out",
            "publish {run}",
            "--out: expected where the encoder goes, or --push of one, found neither",
            2,
        ),
        words("publish_name", "publish {run} --push name", "--push name: expected ORG/NAME", 2),
        _BROKEN_RECORD.text(
            "publish_record_broken",
            "{",
            "a damaged file (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
        ),
        _BROKEN_RECORD.text("publish_record_list", "[]", "a list"),
        _BROKEN_RECORD.text(
            "publish_record_nested", "[" * 100_000, "a damaged file (lists or objects nested too deeply)"
        ),
        _RECORD.key(
            "publish_record_no_config",
            "config",
            GONE,
            "expected config, step, steps, total_batch, found no config",
        ),
        _BROKEN_RECORD.key(
            "publish_record_config_list", "config", [1], "config '[1]': input should be a valid dictionary"
        ),
        _RECORD.key("publish_record_key", "config/optim/lrr", 1, "optim.lrr: unknown key, did you mean lr?"),
        _BROKEN_RECORD.key(
            "publish_record_sources", "sources", 5, "sources '5': input should be a valid dictionary"
        ),
        _BROKEN_RECORD.key(
            "publish_record_step", "step", "many", "step 'many': input should be a valid integer"
        ),
        _RECORD.key(
            "publish_architecture",
            "config/model/architecture",
            "vit_colossal",
            "model: expected a ViT of timm, found another (Unknown model (vit_colossal))",
        ),
        _WEIGHTS.gone("publish_no_weights", "expected the state of a run, found no file"),
        _WEIGHTS.cut("publish_weights_cut", DAMAGED_WEIGHTS),
        _WEIGHTS.text("publish_weights_text", "x", DAMAGED_WEIGHTS),
        _WEIGHTS.tensors(
            "publish_weights_nan",
            lambda t: t[_of_teacher(t)].fill_(NAN),
            "expected finite numbers, found 32 of 32 of teacher.backbone.blocks.0.attn.proj.bias that are NaN or infinite",
        ),
        Row(
            "publish_weights_missing",
            tensors(f"{_STEP}/model.safetensors", lambda t: t.pop(_of_teacher(t))),
            PUBLISH,
            "....partial-...-new: timm can't load what was written (...",
            2,
        ),
        _WEIGHTS.tensors(
            "publish_no_teacher",
            lambda t: [t.pop(name) for name in list(t) if name.startswith("teacher")],
            "expected weights named teacher.backbone.*, found none",
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
            "{remarks}: expected text in UTF-8, found 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
            2,
        ),
        Row(
            "push_no_card",
            lambda w: (w["published"] / "README.md").unlink(),
            PUSH,
            "{published}: expected a published encoder, found no README.md in it",
            2,
        ),
        _PUSHED.text("push_config", "[]", "expected an encoder's settings, found a list"),
        _PUSHED_WEIGHTS.cut("push_weights", DAMAGED_WEIGHTS),
        _UNLOADED("published_cut", lambda w: cut(at(w, "{published}/model.safetensors")), "(...)"),
        _UNLOADED.gone("published_no_config", "(...)"),
        _UNLOADED.text("published_config_nested", "[" * 100_000, "(maximum recursion depth exceeded..."),
        _LOADED.key(
            "published_normalisation",
            "depth_normalisation",
            "log",
            "expected depth_normalisation reference or robust, found log",
        ),
        _UNLOADED.key(
            "published_no_vit",
            "architecture",
            "resnet18",
            "(ResNet.__init__() got an unexpected keyword argument 'img_size')",
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

FAULTS = (RUNS,)
