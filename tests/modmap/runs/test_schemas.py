"""The schemas, by another library's reading of them: what modmap writes is valid, what it refuses isn't."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from modmap.datasets import load_scan, write_scan
from modmap.defects import read_defects
from modmap.detector.model import ModMap
from modmap.errors import ModMapError
from modmap.runs.predict import write_result
from modmap.runs.schemas import SchemaName, schema_of
from modmap.runs.stored_results import read_summary
from modmap.scan import Scan

NAMES: tuple[SchemaName, ...] = ("summary", "defects", "scan")


def _read_scan(place: Path) -> object:
    return load_scan(place)


READERS: dict[SchemaName, Callable[[Path], object]] = {
    "summary": read_summary,
    "defects": read_defects,
    "scan": _read_scan,
}


def _mistakes(name: SchemaName, content: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema_of(name)).iter_errors(content)]


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
    make_model: Callable[..., ModMap],
    make_scan: Callable[..., Scan],
) -> dict[SchemaName, Path]:
    """Where a scan, its result and its defects were written, with a defect among them."""
    root = tmp_path_factory.mktemp("written")
    model = make_model(inference={"voxel": 4.0})
    model.calibrate(make_scan())
    bad = make_scan(name="bad", change=("00", "01"))
    write_scan(bad, root / "scan")
    scan = load_scan(root / "scan")
    found = model.predict(scan)
    assert found.calibration is not None
    thresholds = dict.fromkeys(("scan_threshold", "voxel_threshold"), found.score / 2)
    found = replace(found, calibration=found.calibration.model_copy(update=thresholds))
    write_result(found, scan, root / "out", model=model, overlays=False, formats=("npz",))
    assert read_defects(root / "out")
    return {"summary": root / "out", "defects": root / "out", "scan": root / "scan"}


class TestSchemas:
    @pytest.mark.parametrize("name", NAMES)
    def test_schema__is_one(self, name: SchemaName) -> None:
        schema = schema_of(name)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)

    @pytest.mark.parametrize("name", NAMES)
    def test_schema__describes_every_field_in_one_line(self, name: SchemaName) -> None:
        schema = schema_of(name)
        for model in (schema, *schema["$defs"].values()):
            for text in (model["description"], *(one["description"] for one in model["properties"].values())):
                assert text.endswith(".")
                assert "\n" not in text

    @pytest.mark.parametrize("name", NAMES)
    def test_schema__of_what_is_written(self, name: SchemaName, written: dict[SchemaName, Path]) -> None:
        content = json.loads((written[name] / f"{name}.json").read_text())
        assert _mistakes(name, content) == []
        assert content["format"] == 1

    def test_schema__knows_every_key_of_a_summary(self, written: dict[SchemaName, Path]) -> None:
        """Other keys would be valid too, so that a key without a field would go unnoticed."""
        schema = schema_of("summary")
        content = json.loads((written["summary"] / "summary.json").read_text())
        assert set(content) <= set(schema["properties"])
        for key, model in (("provenance", "Provenance"), ("volume", "VolumeEntry")):
            assert set(content[key]) == set(schema["$defs"][model]["properties"])

    @pytest.mark.parametrize("units", ["mm", "m", "0.1mm", 0.25])
    def test_scan__by_hand(self, units: str | float) -> None:
        view = {"id": "00", "image": "a.png", "depth": "a.npy", "K": [[9, 0, 4], [0, 9, 4], [0, 0, 1]]}
        assert _mistakes("scan", {"$schema": "scan.schema.json", "depth_unit": units, "views": [view]}) == []

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("summary", {"score": "high"}),
            ("summary", {"verdict": "maybe"}),
            ("summary", {"views": None}),
            ("summary", {"format": 0}),
            ("defects", {"colour": "red"}),
            ("defects", {"defects": [{"index": 0}]}),
            ("scan", {"views": [{"id": "00"}]}),
            ("scan", {"depth_unit": "inch"}),
            ("scan", {"depth_unit": 0}),
            ("scan", {"name": 3}),
            ("scan", {"veiws": []}),
        ],
    )
    def test_mistake__is_refused_by_both(
        self, name: SchemaName, change: dict[str, Any], written: dict[SchemaName, Path], tmp_path: Path
    ) -> None:
        content = json.loads((written[name] / f"{name}.json").read_text()) | change
        assert _mistakes(name, content)
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
        with pytest.raises(ModMapError):
            READERS[name](tmp_path)

    @pytest.mark.parametrize("shape", [(2, 3), (3, 4), (4, 4)])
    def test_scan__a_matrix_of_another_shape(self, shape: tuple[int, int]) -> None:
        view = {"id": "00", "image": "a.png", "depth": "a.npy", "K": [[1.0] * shape[1]] * shape[0]}
        assert _mistakes("scan", {"views": [view]})

    @pytest.mark.parametrize("name", NAMES)
    def test_newer_format__is_refused_in_one_line(
        self, name: SchemaName, written: dict[SchemaName, Path], tmp_path: Path
    ) -> None:
        """Whatever else a newer file has, its format is what is told."""
        content = json.loads((written[name] / f"{name}.json").read_text())
        (tmp_path / f"{name}.json").write_text(json.dumps(content | {"format": 2, "new_key": 1}))
        assert _mistakes(name, content | {"format": 2})
        with pytest.raises(ModMapError) as refused:
            READERS[name](tmp_path)
        assert str(refused.value) == (
            f"{tmp_path / name}.json: expected format 1 at most, found 2: a newer modmap wrote it, which can read it"
        )

    @pytest.mark.parametrize("name", NAMES)
    def test_no_format__is_the_first(
        self, name: SchemaName, written: dict[SchemaName, Path], tmp_path: Path
    ) -> None:
        content = json.loads((written[name] / f"{name}.json").read_text())
        del content["format"]
        assert _mistakes(name, content) == []
        if name != "scan":  # its images lie elsewhere
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
            READERS[name](tmp_path)
