"""The report as JSON, without loss: parse_json(render_json(report)) == report.

The published schema is report.schema.json beside this file; `json_schema` generates it from the types.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any

import msgspec

from grader.core.report import SCHEMA, Report

# Control and direction characters that JSON does not escape, and the start of a command for a CI runner that reads
# the log; all of them can only occur inside strings.
UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|#(?=#\\[)")


def render_json(report: Report) -> str:
    """Return the report as indented JSON with a final newline; it contains no terminal or CI commands."""
    text = msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def parse_json(text: str) -> Report:
    """Return the report in a JSON text; raise msgspec.ValidationError if it is none."""
    return msgspec.json.decode(text, type=Report)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a report."""
    schema = _cleaned(msgspec.json.schema(Report))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


def _cleaned(schema: Any) -> Any:
    """Return a schema without what depends on versions: indented descriptions (before Python 3.13), the order of alternatives."""
    if isinstance(schema, list):
        return list(map(_cleaned, schema))
    if not isinstance(schema, dict):
        return schema
    made = {key: _cleaned(item) for key, item in schema.items()}
    if isinstance(made.get("description"), str):
        made["description"] = cleandoc(made["description"])
    if "anyOf" in made:
        made["anyOf"].sort(key=str)
    return made
