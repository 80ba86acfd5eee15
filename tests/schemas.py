"""JSON Schemas of what Gradescope and Classroom 50 read, written from their documentation."""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string"}
NAMED = {"type": "string", "minLength": 1}
POINTS = {"type": "integer", "minimum": 0}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$"}


def strict(required: str, **properties: Any) -> dict[str, Any]:
    """Return an object with no other properties; required are names with a space between."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


GRADESCOPE = {
    **strict(
        "",
        score={"type": "number"},
        execution_time={"type": "number", "minimum": 0},
        output=TEXT,
        output_format=FORMAT,
        test_output_format=FORMAT,
        test_name_format=FORMAT,
        visibility=VISIBILITY,
        stdout_visibility=VISIBILITY,
        extra_data={"type": "object"},
        tests={
            "type": "array",
            "items": strict(
                "",
                score={"type": "number"},
                max_score={"type": "number"},
                status={"enum": ["passed", "failed"]},
                name=TEXT,
                name_format=FORMAT,
                number={"type": "string", "pattern": r"^\d+(\.\d+)*$"},
                output={"type": "string", "pattern": r"^[^\r]*$"},
                output_format=FORMAT,
                tags={"type": "array", "items": TEXT},
                visibility=VISIBILITY,
                extra_data={"type": "object"},
            ),
        },
        leaderboard={
            "type": "array",
            "items": strict(
                "name value", name=TEXT, value={"type": ["number", "string"]}, order={"enum": ["asc", "desc"]}
            ),
        },
    ),
    "oneOf": [
        {"required": ["score"]},
        {"required": ["tests"], "properties": {"tests": {"minItems": 1, "items": {"required": ["score"]}}}},
    ],
}

CLASSROOM50 = strict(
    "schema classroom assignment assignment_type owner submission commit release review datetime score max-score tests",
    schema={"const": "classroom50/result/v1"},
    classroom=NAMED,
    assignment=NAMED,
    assignment_type={"enum": ["individual", "group", "team"]},
    owner=NAMED,
    submission={"type": "string", "pattern": "^submit/"},
    commit=NAMED,
    release=NAMED,
    review=NAMED,
    datetime=MOMENT,
    graded_at=MOMENT,
    submitted_by=strict("username", username=NAMED, id={"type": ["integer", "null"]}),
    score=POINTS,
    **{"max-score": POINTS},
    tests={
        "type": "array",
        "items": {
            **strict(
                "test-name passed score max-score",
                passed={"type": "boolean"},
                score=POINTS,
                **{"test-name": NAMED, "max-score": POINTS},
            ),
            "additionalProperties": True,
        },
    },
)
