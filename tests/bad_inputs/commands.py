"""Settings and the words of the command line."""

from __future__ import annotations

from tests.bad_inputs.row_makers import words
from tests.bad_inputs.table import Fault, Row

KINDS = ("geometry", "appearance", "texture", "memory")
FIT = "modmap fit {scan} -o {new} --set "


def _set(name: str, assignment: str, says: str) -> Row:
    return words(f"set_{name}", FIT + assignment, says)


def _words(name: str, run: str, says: str = "", status: int = 2) -> Row:
    return words(f"words_{name}", run, says, status)


SETTINGS = Fault(
    "A setting that is unknown or out of its range",
    means="`--set` takes KEY=VALUE of the settings in modmap/config.py. The nearest known key is named, and what a value may be.",
    do="Correct the key or the value.",
    rows=(
        _set("unknown_section", "infrence.voxel=2", "config: infrence: unknown key; did you mean inference?"),
        _set("unknown_key", "inference.voxl=2", "config: inference.voxl: unknown key; did you mean voxel?"),
        _set(
            "far_key",
            "qqq=2",
            "config: qqq: unknown key; known are preset, size, crop, image_encoder, depth_encoder, mapping, training, inference, evidence",
        ),
        _set(
            "no_value",
            "inference.voxel",
            "setting: expected KEY=VALUE, e.g. training.epochs=20, found 'inference.voxel'",
        ),
        _set("no_key", "=2", "setting: expected KEY=VALUE, e.g. training.epochs=20, found '=2'"),
        _set(
            "empty_value",
            "inference.voxel=",
            'config: inference.voxel: expected a valid number, unable to parse string as a number, found ""',
        ),
        _set("voxel_zero", "inference.voxel=0", "config: inference.voxel: expected greater than 0, found 0"),
        _set(
            "voxel_negative",
            "inference.voxel=-2",
            "config: inference.voxel: expected greater than 0, found -2",
        ),
        _set(
            "voxel_nan", "inference.voxel=NaN", "config: inference.voxel: expected a finite number, found NaN"
        ),
        _set(
            "voxel_infinite",
            "inference.voxel=1e999",
            "config: inference.voxel: expected a finite number, found Infinity",
        ),
        _set(
            "voxel_word",
            "inference.voxel=fine",
            'config: inference.voxel: expected a valid number, unable to parse string as a number, found "fine"',
        ),
        _set(
            "voxel_tiny",
            "inference.voxel=1e-9",
            "scan ball: voxel grid: expected 1 to 1,000,000,000 voxels, found 127952783368 x 127952783368 x 110753743327 of 1e-09 mm: stray depth far from the part, or too small a voxel",
        ),
        _set("size_negative", "size=-5", "config: size: expected greater than or equal to 28, found -5"),
        _set("size_small", "size=13", "config: size: expected greater than or equal to 28, found 13"),
        _set(
            "size_large", "size=1000000", "config: size: expected less than or equal to 8192, found 1000000"
        ),
        _set(
            "size_half",
            "size=224.5",
            "config: size: expected a valid integer, got a number with a fractional part, found 224.5",
        ),
        _set(
            "size_digits",
            "size=" + "9" * 5000,
            'config: size: unable to parse input string as an integer, exceeded maximum size, found "99999999999999999999999999999999999999999999999999999999...',
        ),
        _set(
            "epochs_zero",
            "training.epochs=0",
            "config: training.epochs: expected greater than or equal to 1, found 0",
        ),
        _set(
            "seed_negative",
            "training.seed=-1",
            "config: training.seed: expected greater than or equal to 0, found -1",
        ),
        _set(
            "seed_large",
            f"training.seed={2**63}",
            "config: training.seed: expected less than 9223372036854775808, found 9223372036854775808",
        ),
        _set("warm_up", "training.warm_up=1.5", "config: training.warm_up: expected less than 1, found 1.5"),
        _set(
            "rate",
            "training.learning_rate=0",
            "config: training.learning_rate: expected greater than 0, found 0",
        ),
        _set(
            "aggregation",
            "inference.aggregation=median",
            "config: inference.aggregation: expected 'max', 'min', 'prod' or 'mean', found \"median\"",
        ),
        _set(
            "foreground",
            "inference.foreground=all",
            "config: inference.foreground: expected 'components', 'largest_component' or 'valid', found \"all\"",
        ),
        _set(
            "precision",
            "image_encoder.precision=float8",
            "config: image_encoder.precision: expected 'auto', 'float32' or 'bfloat16', found \"float8\"",
        ),
        _set(
            "normalisation",
            "depth_encoder.normalisation=log",
            "config: depth_encoder.normalisation: expected 'auto', 'reference', 'robust' or 'normals', found \"log\"",
        ),
        _set(
            "bool_word",
            "evidence.memory=maybe",
            'config: evidence.memory: expected a valid boolean, unable to interpret input, found "maybe"',
        ),
        _set(
            "none_asked",
            " evidence.".join(["evidence.mapping=false", *(f"{kind}=false" for kind in KINDS)]),
            "config: evidence: expected at least one of mapping, geometry, appearance, texture and memory, found ...",
        ),
        _set(
            "turns",
            "evidence.turns=0",
            "config: evidence.turns: expected greater than or equal to 1, found 0",
        ),
        _set(
            "least_inspected",
            "evidence.least_inspected=2",
            "config: evidence.least_inspected: expected less than or equal to 1, found 2",
        ),
        _set(
            "section_is_number",
            "inference=3",
            "config: inference: expected a valid dictionary or instance of InferenceSettings, found 3",
        ),
        _set("key_below_number", "size.x=3", 'config: size: expected a valid integer, found {"x": 3}'),
        _set(
            "nested",
            "inference=" + "[" * 3000,
            'config: inference: expected a valid dictionary or instance of InferenceSettings, found "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...',
        ),
        _set(
            "preset",
            "preset=quick",
            "config: preset: expected 'inspect', 'memory', 'fast' or 'paper', found \"quick\"",
        ),
    ),
)

PLACES = Fault(
    "A place that can't be written to",
    means="Results and models never take the place of other files.",
    do="Name another directory.",
    rows=(
        Row(
            "out_is_a_file",
            lambda w: w.write("file", "x"),
            "modmap fit {scan} -o {file}",
            "{file}: expected a directory to write a model to, found a file",
            2,
        ),
        Row(
            "out_predict_is_a_file",
            lambda w: w.write("file", "x"),
            "modmap predict {model} {scan} -o {file}",
            "{file}: expected a directory to write results to, found a file",
            2,
        ),
        Row(
            "out_evaluate_is_a_file",
            lambda w: w.write("file", "x"),
            "modmap evaluate {sim3d}/ball -o {file}",
            "{file}: expected a directory to write results to, found a file",
            2,
        ),
        Row(
            "out_has_other_config",
            lambda w: w.write("mine/config.json", "{}"),
            "modmap fit {scan} -o {mine}",
            "{mine}: expected a new directory or a model's to write a model to, found one with another "
            "config.json",
        ),
        Row(
            "out_has_other_summary",
            lambda w: w.write("mine/ball/summary.json", "{}"),
            "modmap predict {model} {scan} -o {mine}",
            "{mine}/ball: expected a new or empty directory, or one with a summary.json that is written "
            "anew, found one with another summary.json",
        ),
        words(
            "out_is_the_scan",
            "modmap watch {model} {scan} -o {scan} --idle 0.1",
            "watch: {scan}: expected an output outside {scan}, where scans arrive",
            2,
        ),
        Row(
            "cache_is_a_file",
            lambda w: w.write("file", "x"),
            "modmap evaluate {sim3d}/ball -o {new} --cache {file}",
            "{file}: expected a directory to keep tokens in (File exists)",
        ),
        words(
            "cache_limit",
            "modmap evaluate {sim3d}/ball -o {new} --cache {cache} --cache-gb 0",
            "token cache: expected a positive limit in gigabytes, found 0.0",
        ),
        words(
            "cache_limit_nan",
            "modmap evaluate {sim3d}/ball -o {new} --cache {cache} --cache-gb nan",
            "token cache: expected a positive limit in gigabytes, found nan",
        ),
    ),
)

WORDS = Fault(
    "Words that the command doesn't know",
    means="A command, an option or a choice is misspelt, or a value is missing. The exit status is 2 and nothing was done.",
    do="modmap --help, or modmap COMMAND --help.",
    rows=(
        _words("command", "modmap fitt"),
        _words("option", "modmap fit {scan} -o {new} --sizes 3"),
        _words("number", "modmap fit {scan} -o {new} --size big"),
        _words("no_output", "modmap fit {scan}"),
        _words("no_train", "modmap fit -o {new}"),
        _words("preset", "modmap fit {scan} -o {new} --preset quick"),
        _words("format", "modmap predict {model} {scan} -o {new} --formats stl"),
        _words("no_scan", "modmap predict {model} -o {new}"),
        _words(
            "pod_count",
            "modmap pod {model} {scan} -o {new} --kinds dent stain --count 30",
            "pod: count: expected 40 or more, of which each of 2 kinds has the fewest that a curve takes, found 30, 15 of "
            "a kind: give more, or fewer --kinds",
        ),
        _words("source", "modmap encoders pull dinov2_vits14 --source disk"),
        _words("figures", "modmap figures evidenc"),
        _words("check_two", "modmap check {scan} {scan}"),
        _words("calibrate_none", "modmap calibrate {model}"),
        _words("rate", "modmap calibrate {model} {scan} --false-alarm-rate often"),
        _words(
            "size_negative",
            "modmap fit {scan} -o {new} --size -5",
            "config: size: expected greater than or equal to 28, found -5",
            1,
        ),
        _words(
            "epochs_negative",
            "modmap fit {scan} -o {new} --epochs -5",
            "config: training.epochs: expected greater than or equal to 1, found -5",
            1,
        ),
        _words(
            "voxel_nan",
            "modmap fit {scan} -o {new} --voxel nan",
            'config: inference.voxel: expected a finite number, found "nan"',
            1,
        ),
        _words(
            "device",
            "modmap fit {scan} -o {new} --device gpu",
            "device: expected one that torch can use here, found 'gpu' (...)",
            1,
        ),
        _words(
            "device_number",
            "modmap fit {scan} -o {new} --device cuda:99",
            "device: expected one that torch can use here, found 'cuda:99' (...)",
            1,
        ),
        _words(
            "train_nowhere",
            "modmap fit {nowhere} -o {new}",
            "{nowhere}: expected a directory of scans, found none",
            1,
        ),
        _words(
            "predict_nowhere",
            "modmap predict {model} {nowhere} -o {new}",
            "{nowhere}: expected a directory of scans, found none",
            1,
        ),
        words(
            "words_scan_twice",
            "modmap predict {model} {scan} {scan} -o {new}",
            "predict: {scan} and {scan} would both write to ball: rename one of them",
            2,
        ),
        words(
            "words_watch_idle",
            "modmap watch {model} {scan} -o {new} --idle 0",
            "watch: idle: expected more than 0 seconds, at most 1e+06, found 0",
            2,
        ),
        words(
            "words_watch_nowhere",
            "modmap watch {model} {nowhere} -o {new} --idle 0.1",
            "watch: {nowhere}: expected a directory that scans arrive in, found none",
            2,
        ),
        words(
            "words_nominal_nowhere",
            "modmap predict {model} {scan} -o {new} --nominal {nowhere}",
            "{nowhere}: expected the directory of a scan, found none",
        ),
        words(
            "words_train_not_there",
            "modmap evaluate {scan} -o {new} --train {nowhere}",
            "{nowhere}: expected the directory of a scan, found none",
        ),
        words(
            "words_evaluate_one_scan",
            "modmap evaluate {scan} -o {new}",
            "{scan}: expected one scan in a folder called train, or --train to name the nominal scan, found "
            "0 such of 1",
            2,
        ),
        Row(
            "words_unknown_view",
            lambda w: w.set(w.scan / "scan.json", "views/0/id", "zz"),
            "modmap predict {model} {scan} -o {new}",
            "scan ball: expected views that the model was trained on (00, 01, 02, 03), found zz",
        ),
    ),
)

FAULTS = (SETTINGS, PLACES, WORDS)
