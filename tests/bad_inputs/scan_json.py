"""`scan.json`: what a scan says of its views."""

from __future__ import annotations

import json

from tests.bad_inputs.row_makers import CHECK, FileRows, Make, words
from tests.bad_inputs.table import Fault, Row
from tests.bad_inputs.workspace import GONE, Workspace

_SCAN = FileRows("{scan}/scan.json", CHECK)
_NO_FOLDER = _SCAN.saying(
    "scan name: expected one that a directory can have, without slashes or a dot before it, found "
)
_NO_UNIT = _SCAN.saying(
    'depth_unit: expected "mm", "m", "0.1mm" or a positive number of millimetres per unit, from 1e-06 to 1e+06, found '
)


def _raw(keys: str, text: str) -> Make:
    """A value that Python's writer of JSON doesn't write."""

    def change(w: Workspace) -> None:
        path = w.scan / "scan.json"
        w.set(path, keys, "HERE")
        path.write_text(path.read_text().replace('"HERE"', text))

    return change


def _encoded(encoding: str) -> Make:
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
        _SCAN.text("scan_empty", "", "expected JSON, found an empty file"),
        _SCAN.text("scan_white_space", " \n", "expected JSON, found an empty file"),
        _SCAN.cut("scan_cut", "broken JSON at line 9, column 385: Expecting value"),
        _SCAN.text(
            "scan_comma",
            '{"depth_unit": "mm", "views": [],}',
            "broken JSON at line 1, column 34: Expecting property name enclosed in double quotes",
        ),
        _SCAN.text(
            "scan_comment",
            '{"depth_unit": "mm", // millimetres\n "views": []}',
            "broken JSON at line 1, column 22: Expecting property name enclosed in double quotes",
        ),
        _SCAN.text(
            "scan_single_quotes",
            "{'depth_unit': 'mm'}",
            "broken JSON at line 1, column 2: Expecting property name enclosed in double quotes",
        ),
        _SCAN.text(
            "scan_two_objects", '{"views": []} {"views": []}', "broken JSON at line 1, column 15: Extra data"
        ),
        _SCAN.text("scan_list", "[1, 2]", "expected an object of keys and values, found [1, 2]"),
        _SCAN.text("scan_text", '"scan"', 'expected an object of keys and values, found "scan"'),
        _SCAN.text("scan_null", "null", "expected an object of keys and values, found null"),
        _SCAN.text(
            "scan_keys_twice",
            '{"depth_unit": "mm", "depth_unit": "m", "views": []}',
            "expected each key once, found depth_unit twice in one object",
        ),
        _SCAN.text(
            "scan_nested",
            "[" * 100_000,
            "expected JSON of a few levels, found lists or objects nested too deeply",
        ),
        _SCAN(
            "scan_long_number",
            _raw("views/0/K/0/0", "9" * 5000),
            "expected numbers of at most 300 digits, found 5000",
        ),
        _SCAN(
            "scan_surrogate",
            _raw("views/0/image", '"\\ud800.png"'),
            "expected characters of Unicode, found half of one (a surrogate by itself)",
        ),
        _SCAN(
            "scan_latin1",
            _encoded("latin-1"),
            "expected JSON text (UTF-8), found invalid start byte at byte 25",
        ),
        _SCAN(
            "scan_utf16", _encoded("utf-16"), "expected JSON text (UTF-8), found invalid start byte at byte 0"
        ),
        _SCAN.text("scan_zero_bytes", bytes(200), "broken JSON at line 1, column 1: Expecting value"),
        Row("scan_byte_order_mark", _encoded("utf-8-sig"), CHECK, "", 0),
    ),
)

KEYS = Fault(
    "A key that is missing or unknown",
    means="Only known keys may stand in scan.json, so that a misspelt one isn't passed over. The nearest known one is named.",
    do="Write the key as README.md has it; leave out what isn't known.",
    rows=(
        _SCAN.value("scan_unknown_key", "depth_units", "mm", "unknown key; did you mean depth_unit?"),
        _SCAN.value("scan_unknown_view_key", "views/0/imag", "a.png", "unknown key; did you mean image?"),
        _SCAN.value(
            "scan_far_key",
            "zzz",
            1,
            "unknown key; known are $schema, format, name, category, anomalous, depth_unit, depth_limit, "
            "ground_truth, views",
        ),
        _SCAN.value("scan_no_views", "views", GONE, "this key is required, found none"),
        _SCAN.key("scan_no_view", "views", [], "scan ball: expected at least one view, found none"),
        _SCAN.value("scan_views_null", "views", None, "expected a valid list, found null"),
        _SCAN.value("scan_views_object", "views", {}, "expected a valid list, found {}"),
        _SCAN.value(
            "scan_view_is_text",
            "views/1",
            "01",
            'expected a valid dictionary or instance of ViewRecord, found "01"',
        ),
        _SCAN.value("scan_no_id", "views/0/id", GONE, "this key is required, found none"),
        _SCAN.value("scan_no_image", "views/0/image", GONE, "this key is required, found none"),
        _SCAN.value("scan_no_depth", "views/0/depth", GONE, "this key is required, found none"),
        _SCAN.value("scan_id_number", "views/0/id", 0, "expected a valid string, found 0"),
        _SCAN.value("scan_image_null", "views/0/image", None, "expected a valid string, found null"),
        _SCAN.value("scan_category_number", "category", 5, "expected a valid string, found 5"),
        _SCAN.value(
            "scan_anomalous_word",
            "anomalous",
            "perhaps",
            'expected a valid boolean, unable to interpret input, found "perhaps"',
        ),
    ),
)

NAMES = Fault(
    "A name that no file can have",
    means="A scan's results go to a folder of its name, and a view's pictures are called after it. So neither may be empty or "
    "longer than files' names are, nor may a scan's name have a slash.",
    do="Give the scan a `name`, and the views ids, of letters, digits, `_` and `-`.",
    rows=(
        _NO_FOLDER.key("scan_name_slash", "name", "a/b", "'a/b'"),
        _NO_FOLDER.key("scan_name_up", "name", "..", "'..'"),
        _NO_FOLDER.key("scan_name_dot", "name", ".hidden", "'.hidden'"),
        _NO_FOLDER.key("scan_name_empty", "name", "", "''"),
        _SCAN.key(
            "scan_name_long",
            "name",
            "x" * 5000,
            "scan name: expected one that files can be named after, of at most 200 bytes, found 5000: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...",
        ),
        _NO_FOLDER.key("scan_name_zero", "name", "a\0b", "'a\\x00b'"),
        _SCAN.value("scan_name_number", "name", 7, "expected a valid string, found 7"),
        _SCAN.key(
            "scan_id_empty", "views/0/id", "", "view id: expected one that files can be named after, found ''"
        ),
        _SCAN.key(
            "scan_id_long",
            "views/0/id",
            "x" * 300,
            "view id: expected one that files can be named after, of at most 200 bytes, found 300: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...",
        ),
        _SCAN.key("scan_id_twice", "views/1/id", "00", "scan ball: expected unique view ids, found 00 twice"),
    ),
)

FILES = Fault(
    "A file that isn't there",
    means="scan.json names a file that isn't beside it.",
    do="Look for the file under another name or in another folder. Names of files are relative to scan.json.",
    rows=(
        _SCAN.key(
            "scan_image_missing",
            "views/0/image",
            "image/99.png",
            "view 00: image: expected a file, found none at {scan}/image/99.png",
        ),
        _SCAN.key(
            "scan_depth_missing",
            "views/0/depth",
            "depth/99.npy",
            "view 00: depth: expected a file, found none at {scan}/depth/99.npy",
        ),
        _SCAN.key(
            "scan_image_is_folder",
            "views/0/image",
            "image",
            "view 00: image: expected a file, found none at {scan}/image",
        ),
        _SCAN.key(
            "scan_image_empty_name",
            "views/0/image",
            "",
            "view 00: image: expected a file, found none at {scan}",
        ),
        _SCAN.key(
            "scan_image_long_name",
            "views/0/image",
            "x" * 5000,
            "view 00: image: expected a file, found 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'...: File name too long",
        ),
        _SCAN.key(
            "scan_image_zero",
            "views/0/image",
            "a\0.png",
            "view 00: image: expected a file, found none at {scan}/a\x00.png",
        ),
        _SCAN.value(
            "scan_truth_missing", "ground_truth", "gt.npz", "expected a file, found none at {scan}/gt.npz"
        ),
        _SCAN.value(
            "scan_truth_is_folder", "ground_truth", "depth", "expected a file, found none at {scan}/depth"
        ),
        words(
            "scan_nowhere", "modmap check {nowhere}", "{nowhere}: expected a directory of scans, found none"
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
            "{empty}: expected at least one scan at or below it (scan.json or transforms.json, or folders depth and rgb, or DEPTH and RGB), found none",
        ),
        Row(
            "scan_folder_of_others",
            lambda w: w.write("other/a.txt", "x"),
            "modmap check {other}",
            "{other}: expected at least one scan at or below it (scan.json or transforms.json, or folders depth and rgb, or DEPTH and RGB), found none",
        ),
    ),
)

UNITS = Fault(
    "A unit or a limit that is none",
    means="Depth is in `mm`, `m`, `0.1mm`, or so many millimetres per stored unit. In scan.json the unit is never guessed.",
    do="Write the unit that the scanner's manual gives.",
    rows=(
        _SCAN.value(
            "scan_unit_missing",
            "depth_unit",
            GONE,
            'expected "mm", "m", "0.1mm" or millimetres per unit, for the scan or for view 00, found none (it is never guessed)',
        ),
        _NO_UNIT.key("scan_unit_inch", "depth_unit", "inch", '"inch"'),
        _NO_UNIT.key("scan_unit_zero", "depth_unit", 0, "0"),
        _NO_UNIT.key("scan_unit_negative", "depth_unit", -1, "-1"),
        _NO_UNIT.key("scan_unit_true", "depth_unit", True, "true"),
        _NO_UNIT.key("scan_unit_text", "depth_unit", "1", '"1"'),
        _NO_UNIT("scan_unit_nan", _raw("depth_unit", "NaN"), "NaN"),
        _NO_UNIT("scan_unit_infinite", _raw("depth_unit", "1e999"), "Infinity"),
        _NO_UNIT("scan_unit_huge", _raw("depth_unit", "1e300"), "1e+300"),
        _SCAN.value("scan_limit_zero", "depth_limit", 0, "expected greater than 0, found 0"),
        _SCAN(
            "scan_limit_nan", _raw("depth_limit", "NaN"), "depth_limit: expected a finite number, found NaN"
        ),
        _SCAN.value("scan_pose_unit", "views/0/pose_unit", "cm", "expected 'mm' or 'm', found \"cm\""),
        _SCAN.value(
            "scan_background_word",
            "views/0/far_is_background",
            "often",
            'expected a valid boolean, unable to interpret input, found "often"',
        ),
    ),
)

FAULTS = (BROKEN, KEYS, NAMES, FILES, UNITS)
