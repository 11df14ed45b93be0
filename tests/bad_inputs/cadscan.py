"""The simulated scanner."""

from __future__ import annotations

from tests.bad_inputs.row_makers import words
from tests.bad_inputs.table import Fault, Row


def _row(name: str, asked: str, says: str) -> Row:
    return words(f"cadscan_{name}", f"cadscan {asked}", says, 2)


ASKED = Fault(
    "A data set that can't be made as asked",
    means="A part, a size or a count is none that the scanner has, or the directory was begun with other settings.",
    do="Correct the words; python -m benchmarks.cadscan dataset --help.",
    rows=(
        _row("nowhere", "dataset", "out: expected a directory, or --split work or report, found neither"),
        _row(
            "size_word",
            "dataset --out {new} --size big",
            "size: expected WIDTHxHEIGHT, such as 1024x768, found 'big'",
        ),
        _row("size_zero", "dataset --out {new} --size 0x0", "size: expected 1x1 to 4096x3000, found 0x0"),
        _row(
            "size_huge",
            "dataset --out {new} --size 99999x99999",
            "size: expected 1x1 to 4096x3000, found 99999x99999",
        ),
        _row(
            "category",
            "dataset --out {new} --categories teapot",
            "categories: expected some of deep_groove_bearing, weld_neck_flange, spur_gear, bolted_joint, pipe_elbow, machined_bracket, pump_housing, belt_pulley, found 'teapot'",
        ),
        _row("good_negative", "dataset --out {new} --good -1", "good: expected 0 or more, found -1"),
        _row("bad_negative", "dataset --out {new} --bad -1", "bad: expected 0 or more, found -1"),
        _row("seed_negative", "dataset --out {new} --seed -1", "seed: expected 0 or more, found -1"),
        _row(
            "sizes_swapped",
            "dataset --out {new} --smallest 9 --largest 3",
            "smallest, largest: expected 0 < smallest <= largest, found 9.0 and 3.0 mm",
        ),
        _row(
            "size_nan",
            "dataset --out {new} --smallest nan",
            "smallest, largest: expected 0 < smallest <= largest, found nan and 20.0 mm",
        ),
        _row(
            "detectability",
            "dataset --out {new} --least-detectability -1",
            "least_detectability: expected 0 or more, found -1.0",
        ),
        _row(
            "split_seed",
            "dataset --split work --seed 7",
            "seed: expected 0, as the work split has it, found 7",
        ),
        _row("corpus_none", "corpus --out {new} --count 0", "count: expected 1 or more, found 0"),
        _row("corpus_size", "corpus --out {new} --size 0", "size: expected 1x1 to 4096x3000, found 0x0"),
        _row("corpus_seed", "corpus --out {new} --seed -3", "seed: expected 0 or more, found -3"),
        _row(
            "floor_nowhere",
            "floor --data {nowhere}",
            "{nowhere}: expected the directory of SiM3D's categories, found none",
        ),
        _row(
            "floor_of_scan",
            "floor --data {scan}",
            "{scan}: expected a directory per category, such as container/container_real, found depth, image, scan.json",
        ),
        _row(
            "floor_category",
            "floor --data {sim3d} --categories teapot",
            "{sim3d}: no category 'teapot'; known are ball",
        ),
        _row(
            "sheets_nowhere",
            "sheets --data {nowhere} --out {new}",
            "{nowhere}: expected the directory of SiM3D's categories, found none",
        ),
        Row(
            "cadscan_other_files",
            lambda w: w.write("mine/a.txt", "x"),
            "cadscan dataset --out {mine}",
            "{mine}: expected a new or empty directory, or one with a cadscan.json",
            2,
        ),
        Row(
            "cadscan_settings",
            lambda w: w.write("mine/cadscan.json", "{"),
            "cadscan dataset --out {mine}",
            "{mine}/cadscan.json: broken JSON at line 1, column 2: Expecting property name enclosed in "
            "double quotes",
            2,
        ),
        Row(
            "cadscan_settings_list",
            lambda w: w.write("mine/cadscan.json", "[]"),
            "cadscan dataset --out {mine}",
            "{mine}/cadscan.json: expected settings by name, found list",
            2,
        ),
        Row(
            "cadscan_other_seed",
            lambda w: w.write("mine/cadscan.json", '{"seed": 3}'),
            "cadscan dataset --out {mine}",
            "{mine}/cadscan.json: expected bad None, as {mine} was begun with, found 16; name another directory",
            2,
        ),
    ),
)

FAULTS = (ASKED,)
