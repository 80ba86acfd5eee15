"""The report as JSON: its identity. parse_json(render_json(report)) == report.

The published schema is report.schema.json beside this file, made from the types by `json_schema`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from grader.models import SCHEMA, Report


def render_json(report: Report) -> str:
    """Return the report as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def parse_json(text: str) -> Report:
    """Return the report that text holds; msgspec.ValidationError for anything else."""
    return msgspec.json.decode(text, type=Report)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a report."""
    schema = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}
