"""The JSON Schemas of the files that other programs read or write: made from the models that modmap reads them by."""

from __future__ import annotations

from typing import Any, Literal

import docstring_parser
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from modmap.datasets.plain import ScanRecord
from modmap.defects.files import DefectsRecord
from modmap.runs.summary_record import Summary

SchemaName = Literal["summary", "defects", "scan"]

_MODELS: dict[SchemaName, type[BaseModel]] = {
    "summary": Summary,
    "defects": DefectsRecord,
    "scan": ScanRecord,
}


class _FromDocstrings(GenerateJsonSchema):
    """Describes a model and its fields by the model's docstring."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        told = docstring_parser.parse(schema["cls"].__doc__ or "", docstring_parser.DocstringStyle.GOOGLE)
        # White space as it stands in the file would stand in the schema.
        said = {one.arg_name: " ".join((one.description or "").split()) for one in told.params}
        fields = {info.alias or name: name for name, info in schema["cls"].model_fields.items()}
        made["description"] = told.short_description or ""
        for key, entry in made.get("properties", {}).items():
            entry.pop("title", None)
            entry["description"] = said[fields[key]]
        return made


def schema_of(name: SchemaName) -> dict[str, Any]:
    """The JSON Schema, draft 2020-12, of `summary.json`, `defects.json` or `scan.json`.

    What is valid by it can still be refused for what no schema says: that a matrix is no rotation, or a file missing.

    Args:
        name: The file's, without its ending.
    """
    made = _MODELS[name].model_json_schema(schema_generator=_FromDocstrings)
    return {"$schema": GenerateJsonSchema.schema_dialect, **made, "title": f"{name}.json of modmap"}
