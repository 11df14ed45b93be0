"""`scan.json`: what a scan says of its views."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.bad_inputs.making import cut
from tests.bad_inputs.table import Fault, Row, Subject
from tests.bad_inputs.workspace import GONE, Workspace

CHECK = "modmap check {scan}"


def _text(content: str | bytes) -> Callable[[Workspace], object]:
    return lambda w: (w.scan / "scan.json").write_bytes(
        content.encode() if isinstance(content, str) else content
    )


def _set(keys: str, value: Any) -> Callable[[Workspace], object]:
    return lambda w: w.set(w.scan / "scan.json", keys, value)


def _raw(keys: str, text: str) -> Callable[[Workspace], object]:
    """A value that Python's writer of JSON doesn't write."""

    def change(w: Workspace) -> None:
        path = w.scan / "scan.json"
        w.set(path, keys, "HERE")
        path.write_text(path.read_text().replace('"HERE"', text))

    return change


def _encoded(encoding: str) -> Callable[[Workspace], object]:
    def change(w: Workspace) -> None:
        path = w.scan / "scan.json"
        w.set(path, "name", "Stück")
        path.write_bytes(json.dumps(json.loads(path.read_text()), ensure_ascii=False).encode(encoding))

    return change


BROKEN = Fault(
    "scan.json isn't JSON",
    means="The file is empty, ends too early, or has a sign too many or too few, which the line and the column tell.",
    do="Open it in an editor that shows JSON's mistakes. Comments, single quotes and a comma after the last entry aren't "
    "JSON.",
    rows=(
        Row("scan_empty", _text(""), CHECK, "{scan}/scan.json: expected JSON, found an empty file"),
        Row("scan_white_space", _text(" \n"), CHECK, "{scan}/scan.json: expected JSON, found an empty file"),
        Row(
            "scan_cut",
            lambda w: cut(w.scan / "scan.json"),
            CHECK,
            "{scan}/scan.json: broken JSON at line 9, column 385: Expecting value",
        ),
        Row(
            "scan_comma",
            _text('{"depth_unit": "mm", "views": [],}'),
            CHECK,
            "{scan}/scan.json: broken JSON at line 1, column 34: Expecting property name enclosed in double "
            "quotes",
        ),
        Row(
            "scan_comment",
            _text('{"depth_unit": "mm", // millimetres\n "views": []}'),
            CHECK,
            "{scan}/scan.json: broken JSON at line 1, column 22: Expecting property name enclosed in double "
            "quotes",
        ),
        Row(
            "scan_single_quotes",
            _text("{'depth_unit': 'mm'}"),
            CHECK,
            "{scan}/scan.json: broken JSON at line 1, column 2: Expecting property name enclosed in double "
            "quotes",
        ),
        Row(
            "scan_two_objects",
            _text('{"views": []} {"views": []}'),
            CHECK,
            "{scan}/scan.json: broken JSON at line 1, column 15: Extra data",
        ),
        Row(
            "scan_list",
            _text("[1, 2]"),
            CHECK,
            "{scan}/scan.json: expected an object of keys and values, found [1, 2]",
        ),
        Row(
            "scan_text",
            _text('"scan"'),
            CHECK,
            '{scan}/scan.json: expected an object of keys and values, found "scan"',
        ),
        Row(
            "scan_null",
            _text("null"),
            CHECK,
            "{scan}/scan.json: expected an object of keys and values, found null",
        ),
        Row(
            "scan_keys_twice",
            _text('{"depth_unit": "mm", "depth_unit": "m", "views": []}'),
            CHECK,
            "{scan}/scan.json: expected each key once, found depth_unit twice in one object",
        ),
        Row(
            "scan_nested",
            _text("[" * 100_000),
            CHECK,
            "{scan}/scan.json: expected JSON of a few levels, found lists or objects nested too deeply",
        ),
        Row(
            "scan_long_number",
            _raw("views/0/K/0/0", "9" * 5000),
            CHECK,
            "{scan}/scan.json: expected numbers of at most 300 digits, found 5000",
        ),
        Row(
            "scan_surrogate",
            _raw("views/0/image", '"\\ud800.png"'),
            CHECK,
            "{scan}/scan.json: expected characters of Unicode, found half of one (a surrogate by itself)",
        ),
        Row(
            "scan_latin1",
            _encoded("latin-1"),
            CHECK,
            "{scan}/scan.json: expected JSON text (UTF-8), found invalid start byte at byte 25",
        ),
        Row(
            "scan_utf16",
            _encoded("utf-16"),
            CHECK,
            "{scan}/scan.json: expected JSON text (UTF-8), found invalid start byte at byte 0",
        ),
        Row(
            "scan_zero_bytes",
            _text(bytes(200)),
            CHECK,
            "{scan}/scan.json: broken JSON at line 1, column 1: Expecting value",
        ),
        Row("scan_byte_order_mark", _encoded("utf-8-sig"), CHECK, "", 0),
    ),
)

KEYS = Fault(
    "A key that is missing or unknown",
    means="Only known keys may stand in scan.json, so that a misspelt one isn't passed over. The nearest known one is named.",
    do="Write the key as README.md has it; leave out what isn't known.",
    rows=(
        Row(
            "scan_unknown_key",
            _set("depth_units", "mm"),
            CHECK,
            "{scan}/scan.json: depth_units: unknown key; did you mean depth_unit?",
        ),
        Row(
            "scan_unknown_view_key",
            _set("views/0/imag", "a.png"),
            CHECK,
            "{scan}/scan.json: views.0.imag: unknown key; did you mean image?",
        ),
        Row(
            "scan_far_key",
            _set("zzz", 1),
            CHECK,
            "{scan}/scan.json: zzz: unknown key; known are $schema, format, name, category, anomalous, "
            "depth_unit, depth_limit, ground_truth, views",
        ),
        Row(
            "scan_no_views",
            _set("views", GONE),
            CHECK,
            "{scan}/scan.json: views: this key is required, found none",
        ),
        Row(
            "scan_no_view",
            _set("views", []),
            CHECK,
            "{scan}/scan.json: scan ball: expected at least one view, found none",
        ),
        Row(
            "scan_views_null",
            _set("views", None),
            CHECK,
            "{scan}/scan.json: views: expected a valid list, found null",
        ),
        Row(
            "scan_views_object",
            _set("views", {}),
            CHECK,
            "{scan}/scan.json: views: expected a valid list, found {}",
        ),
        Row(
            "scan_view_is_text",
            _set("views/1", "01"),
            CHECK,
            '{scan}/scan.json: views.1: expected a valid dictionary or instance of ViewRecord, found "01"',
        ),
        Row(
            "scan_no_id",
            _set("views/0/id", GONE),
            CHECK,
            "{scan}/scan.json: views.0.id: this key is required, found none",
        ),
        Row(
            "scan_no_image",
            _set("views/0/image", GONE),
            CHECK,
            "{scan}/scan.json: views.0.image: this key is required, found none",
        ),
        Row(
            "scan_no_depth",
            _set("views/0/depth", GONE),
            CHECK,
            "{scan}/scan.json: views.0.depth: this key is required, found none",
        ),
        Row(
            "scan_id_number",
            _set("views/0/id", 0),
            CHECK,
            "{scan}/scan.json: views.0.id: expected a valid string, found 0",
        ),
        Row(
            "scan_image_null",
            _set("views/0/image", None),
            CHECK,
            "{scan}/scan.json: views.0.image: expected a valid string, found null",
        ),
        Row(
            "scan_category_number",
            _set("category", 5),
            CHECK,
            "{scan}/scan.json: category: expected a valid string, found 5",
        ),
        Row(
            "scan_anomalous_word",
            _set("anomalous", "perhaps"),
            CHECK,
            "{scan}/scan.json: anomalous: expected a valid boolean, unable to interpret input, found "
            '"perhaps"',
        ),
    ),
)

NAMES = Fault(
    "A name that no file can have",
    means="A scan's results go to a folder of its name, and a view's pictures are called after it. So neither may be empty or "
    "longer than files' names are, nor may a scan's name have a slash.",
    do="Give the scan a `name`, and the views ids, of letters, digits, `_` and `-`.",
    rows=(
        Row(
            "scan_name_slash",
            _set("name", "a/b"),
            CHECK,
            "{scan}/scan.json: scan name: expected one that a directory can have, without slashes or a dot "
            "before it, found 'a/b'",
        ),
        Row(
            "scan_name_up",
            _set("name", ".."),
            CHECK,
            "{scan}/scan.json: scan name: expected one that a directory can have, without slashes or a dot "
            "before it, found '..'",
        ),
        Row(
            "scan_name_dot",
            _set("name", ".hidden"),
            CHECK,
            "{scan}/scan.json: scan name: expected one that a directory can have, without slashes or a dot "
            "before it, found '.hidden'",
        ),
        Row(
            "scan_name_empty",
            _set("name", ""),
            CHECK,
            "{scan}/scan.json: scan name: expected one that a directory can have, without slashes or a dot "
            "before it, found ''",
        ),
        Row(
            "scan_name_long",
            _set("name", "x" * 5000),
            CHECK,
            "{scan}/scan.json: scan name: expected one that files can be named after, of at most 200 bytes, "
            "found 5000: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...",
        ),
        Row(
            "scan_name_zero",
            _set("name", "a\0b"),
            CHECK,
            "{scan}/scan.json: scan name: expected one that a directory can have, without slashes or a dot "
            "before it, found 'a\\x00b'",
        ),
        Row(
            "scan_name_number",
            _set("name", 7),
            CHECK,
            "{scan}/scan.json: name: expected a valid string, found 7",
        ),
        Row(
            "scan_id_empty",
            _set("views/0/id", ""),
            CHECK,
            "{scan}/scan.json: view id: expected one that files can be named after, found ''",
        ),
        Row(
            "scan_id_long",
            _set("views/0/id", "x" * 300),
            CHECK,
            "{scan}/scan.json: view id: expected one that files can be named after, of at most 200 bytes, "
            "found 300: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...",
        ),
        Row(
            "scan_id_twice",
            _set("views/1/id", "00"),
            CHECK,
            "{scan}/scan.json: scan ball: expected unique view ids, found 00 twice",
        ),
    ),
)

FILES = Fault(
    "A file that isn't there",
    means="scan.json names a file that isn't beside it.",
    do="Look for the file under another name or in another folder. Names of files are relative to scan.json.",
    rows=(
        Row(
            "scan_image_missing",
            _set("views/0/image", "image/99.png"),
            CHECK,
            "{scan}/scan.json: view 00: image: expected a file, found none at {scan}/image/99.png",
        ),
        Row(
            "scan_depth_missing",
            _set("views/0/depth", "depth/99.npy"),
            CHECK,
            "{scan}/scan.json: view 00: depth: expected a file, found none at {scan}/depth/99.npy",
        ),
        Row(
            "scan_image_is_folder",
            _set("views/0/image", "image"),
            CHECK,
            "{scan}/scan.json: view 00: image: expected a file, found none at {scan}/image",
        ),
        Row(
            "scan_image_empty_name",
            _set("views/0/image", ""),
            CHECK,
            "{scan}/scan.json: view 00: image: expected a file, found none at {scan}",
        ),
        Row(
            "scan_image_long_name",
            _set("views/0/image", "x" * 5000),
            CHECK,
            "{scan}/scan.json: view 00: image: expected a file, found "
            "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'...: File name too long",
        ),
        Row(
            "scan_image_zero",
            _set("views/0/image", "a\0.png"),
            CHECK,
            "{scan}/scan.json: view 00: image: expected a file, found none at {scan}/a\u0000.png",
        ),
        Row(
            "scan_truth_missing",
            _set("ground_truth", "gt.npz"),
            CHECK,
            "{scan}/scan.json: ground_truth: expected a file, found none at {scan}/gt.npz",
        ),
        Row(
            "scan_truth_is_folder",
            _set("ground_truth", "depth"),
            CHECK,
            "{scan}/scan.json: ground_truth: expected a file, found none at {scan}/depth",
        ),
        Row(
            "scan_nowhere",
            lambda w: None,
            "modmap check {nowhere}",
            "{nowhere}: expected a directory of scans, found none",
        ),
        Row(
            "scan_is_a_file",
            lambda w: w.write("file", "x"),
            "modmap check {file}",
            "{file}: expected a directory of scans, found a file",
        ),
        Row(
            "scan_folder_empty",
            lambda w: (w.root / "empty").mkdir(),
            "modmap check {empty}",
            "{empty}: expected at least one scan at or below it (scan.json or transforms.json, or folders depth and rgb, or "
            "DEPTH and RGB), found none",
        ),
        Row(
            "scan_folder_of_others",
            lambda w: w.write("other/a.txt", "x"),
            "modmap check {other}",
            "{other}: expected at least one scan at or below it (scan.json or transforms.json, or folders depth and rgb, or "
            "DEPTH and RGB), found none",
        ),
    ),
)

UNITS = Fault(
    "A unit or a limit that is none",
    means="Depth is in `mm`, `m`, `0.1mm`, or so many millimetres per stored unit. In scan.json the unit is never guessed.",
    do="Write the unit that the scanner's manual gives.",
    rows=(
        Row(
            "scan_unit_missing",
            _set("depth_unit", GONE),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or millimetres per unit, for the '
            "scan or for view 00, found none (it is never guessed)",
        ),
        Row(
            "scan_unit_inch",
            _set("depth_unit", "inch"),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            'per unit, from 1e-06 to 1e+06, found "inch"',
        ),
        Row(
            "scan_unit_zero",
            _set("depth_unit", 0),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            "per unit, from 1e-06 to 1e+06, found 0",
        ),
        Row(
            "scan_unit_negative",
            _set("depth_unit", -1),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            "per unit, from 1e-06 to 1e+06, found -1",
        ),
        Row(
            "scan_unit_true",
            _set("depth_unit", True),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            "per unit, from 1e-06 to 1e+06, found true",
        ),
        Row(
            "scan_unit_text",
            _set("depth_unit", "1"),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            'per unit, from 1e-06 to 1e+06, found "1"',
        ),
        Row(
            "scan_unit_nan",
            _raw("depth_unit", "NaN"),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            "per unit, from 1e-06 to 1e+06, found NaN",
        ),
        Row(
            "scan_unit_infinite",
            _raw("depth_unit", "1e999"),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            "per unit, from 1e-06 to 1e+06, found Infinity",
        ),
        Row(
            "scan_unit_huge",
            _raw("depth_unit", "1e300"),
            CHECK,
            '{scan}/scan.json: depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres '
            "per unit, from 1e-06 to 1e+06, found 1e+300",
        ),
        Row(
            "scan_limit_zero",
            _set("depth_limit", 0),
            CHECK,
            "{scan}/scan.json: depth_limit: expected greater than 0, found 0",
        ),
        Row(
            "scan_limit_nan",
            _raw("depth_limit", "NaN"),
            CHECK,
            "{scan}/scan.json: depth_limit: expected a finite number, found NaN",
        ),
        Row(
            "scan_pose_unit",
            _set("views/0/pose_unit", "cm"),
            CHECK,
            "{scan}/scan.json: views.0.pose_unit: expected 'mm' or 'm', found \"cm\"",
        ),
        Row(
            "scan_background_word",
            _set("views/0/far_is_background", "often"),
            CHECK,
            "{scan}/scan.json: views.0.far_is_background: expected a valid boolean, unable to interpret "
            'input, found "often"',
        ),
    ),
)

SUBJECT = Subject("scan.json", (BROKEN, KEYS, NAMES, FILES, UNITS))
