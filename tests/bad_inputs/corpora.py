"""Depth maps that a corpus is made of, and corpora."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bad_inputs.making import cut, saved, swollen_npz, tiff
from tests.bad_inputs.row_makers import FileRows, text, words
from tests.bad_inputs.table import Fault, Row

PREPARE = "prepare --out {new} --source folder={maps}"
PROBE = "probe {published} --corpus {corpus} --out {new} --count 4"
_CORPUS = FileRows(
    "{corpus}/state.json", PROBE, "{corpus}: expected a corpus that datasets can open, found ", 2
)


def _map(file: str, content: bytes | Callable[[], bytes], says: str) -> Row:
    return Row(
        f"map_{file.replace('.', '_')}",
        lambda w: w.write(f"maps/{file}", content if isinstance(content, bytes) else content()),
        PREPARE,
        f"{{maps}}/{file}: {says}",
        2,
    )


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


MAPS = Fault(
    "Depth maps that no corpus can be made of",
    means="`python -m dino_depth.prepare` reads the maps of data sets by the same rules as modmap reads a scan's.",
    do="Copy the file again, or leave it out.",
    rows=(
        _map("a.npy", b"", "expected a NumPy file, found a file of another kind"),
        _map(
            "b.npy",
            _npy(np.zeros((9, 9, 9))),
            "expected (H, W) depth in floating point or at least 16 bit, found (9, 9, 9) of float64",
        ),
        _map(
            "c.npy",
            _npy(np.zeros((9, 9), np.uint8)),
            "expected (H, W) depth in floating point or at least 16 bit, found (9, 9) of uint8",
        ),
        _map(
            "d.npy",
            _npy(np.ones((9, 9)))[:200],
            "expected a whole NumPy file, found a damaged one (mmap length is greater than file size)",
        ),
        _map(
            "e.npz",
            lambda: swollen_npz("depth", megabytes=150),
            "expected at most 134217728 pixels, found 1000 x 150000",
        ),
        _map(
            "f.png",
            saved(np.ones((9, 9), np.uint8), "PNG"),
            "expected (H, W) depth in floating point or at least 16 bit, found (9, 9) of uint8",
        ),
        _map(
            "g.png",
            saved(np.ones((90, 90), np.uint16), "PNG")[:-20],
            "truncated PNG: expected an end marker, found none in ... bytes",
        ),
        _map(
            "h.tiff",
            tiff(*[np.ones((9, 9), np.float32)] * 3),
            "expected one page, found 3: save the one that is meant as a file of its own",
        ),
        _map(
            "i.tiff",
            tiff(np.ones((99, 99), np.float32))[:3000],
            "truncated TIFF: expected 39428 bytes, found 3000",
        ),
        _map(
            "j.exr",
            b"v/1\x01",
            "expected a whole EXR file, found a damaged one (Unable to open '{maps}/j.exr' for read)",
        ),
        Row(
            "map_k_npy",
            lambda w: w.write("maps/k.npy", _npy(np.zeros((9, 9)))),
            PREPARE,
            "{new}: expected depth maps, found none with anything measured",
            2,
        ),
        words(
            "prepare_no_source",
            "prepare --out {new}",
            "--source: expected a data set, or --split with --root, found neither",
            2,
        ),
        words(
            "prepare_source_form",
            "prepare --out {new} --source {maps}",
            "--source {maps}: expected NAME=PATH, such as mvtec_3d_ad=data/mvtec_3d_ad",
            2,
        ),
        words(
            "prepare_source_unknown",
            "prepare --out {new} --source mvtec3d={maps}",
            "--source mvtec3d: unknown data set, did you mean mvtec_3d_ad?",
            2,
        ),
        words(
            "prepare_nowhere",
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
        words("prepare_workers", PREPARE + " --workers -1", "", 2),
        words("prepare_side", PREPARE + " --longest-side big", "", 2),
        words(
            "prepare_split_alone",
            "prepare --out {new} --split A",
            "--split: expected it together with --root, found only --split",
            2,
        ),
        words("prepare_split_unknown", "prepare --out {new} --split Z --root {maps}", "", 2),
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
        words(
            "corpus_nowhere",
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
        _CORPUS.text("corpus_state_broken", "{", "..."),
        _CORPUS.text("corpus_state_list", "[]", "..."),
        _CORPUS("corpus_info_broken", text("{corpus}/dataset_info.json", "{"), "..."),
        _CORPUS(
            "corpus_shard_missing", lambda w: [path.unlink() for path in w["corpus"].glob("*.arrow")], "..."
        ),
        _CORPUS(
            "corpus_shard_text",
            lambda w: [path.write_text("x") for path in w["corpus"].glob("*.arrow")],
            "...",
        ),
        _CORPUS(
            "corpus_shard_cut", lambda w: [cut(path, 0.2) for path in w["corpus"].glob("*.arrow")], "..."
        ),
        words(
            "probe_count",
            "probe {published} --corpus {corpus} --out {new} --count 1",
            "--count: expected at least 2 depth maps, found 1",
            2,
        ),
        words(
            "probe_of_nothing",
            "probe {published} --out {new}",
            "--corpus or --anomalies: expected what to measure on, found neither",
            2,
        ),
        words(
            "probe_anomalies_nowhere",
            "probe {published} --anomalies {nowhere} --out {new}",
            "{nowhere}/train/good/xyz: expected files .tiff, found none",
            2,
        ),
        words(
            "probe_no_encoder",
            "probe {nowhere} --corpus {corpus} --out {new}",
            "{nowhere}: expected an encoder that timm loads from a directory (...)",
            2,
        ),
        words(
            "probe_size",
            PROBE + " --size -9999",
            "probe: expected more measured patches than 64 to fit and one to hold out, found 3 and 1",
            2,
        ),
    ),
)

FAULTS = (MAPS, CORPORA)
