"""The OpenAPI document: the verbs, and a row as the training table makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from luthier.data.columns import Column, Feature
from luthier.serving import ServedModel, class_name
from luthier.serving.typical import typical_row
from luthier.version import __version__
from luthier.web.bodies import JSON, TABLES
from luthier.web.desk import MOST_UNIT, desk_of
from luthier.web.feedback import ID_PATTERN, MOST_SOURCE
from luthier.web.refusals import json_answer
from luthier.web.settings import Limits

MOST_LEVELS = 200

Json = dict[str, Any]


async def openapi(request: Request) -> Response:
    """Give the document for the version that answers now."""
    desk = desk_of(request)
    return json_answer(document(desk.models.champion, desk.settings.limits))


def document(model: ServedModel, limits: Limits) -> Json:
    """Make the OpenAPI document of a served model."""
    verbs = f"/v1/models/{model.name}"
    answers = {"200": _json("The answers, in the order of the rows.", "Answers")}
    abstain = {
        "name": "abstain",
        "in": "query",
        "required": False,
        "description": "Decide nothing for rows outside of what the model was trained on.",
        "schema": {"type": "boolean"},
    }
    unit = {
        "name": "unit",
        "in": "query",
        "required": False,
        "description": "Who asks or is asked about: where answers are split, the same unit gets the same model's.",
        "schema": {"type": "string", "maxLength": MOST_UNIT},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{model.name}, by Luthier", "version": model.version, "description": _described(model)},
        "paths": {
            f"{verbs}/predict": {
                "post": _verb("predict", "Answer one row or many.", _rows_body(model), answers, [abstain, unit])
            },
            f"{verbs}/explain": {
                "post": _verb(
                    "explain",
                    f"Say what each field adds to the answers for at most {limits.explained_rows} rows.",
                    _rows_body(model, "ExplainedRows"),
                    {"200": _json("The explanations, in the order of the rows.", "Explanations")},
                )
            },
            f"{verbs}/feedback": {
                "post": _verb(
                    "feedback",
                    "Tell what turned out to be true, by prediction id; a later label corrects an earlier one.",
                    {"required": True, "content": {JSON: {"schema": _one_or_many("Label", limits.rows)}}},
                    {"200": _json("The labels are stored.", "Received")},
                )
            },
            verbs: {"get": _verb("model", "Describe the version that answers.")},
            "/v1/models": {"get": _verb("models", "List the versions that answer.")},
            "/health": {"get": _verb("health", "Whether the process is alive.")},
            "/ready": {"get": _verb("ready", "Whether requests are answered and logged (503 if not).")},
            "/metrics": {"get": _verb("metrics", "Counts for Prometheus.", media="text/plain")},
        },
        "components": {
            "schemas": {
                "Row": row_schema(model),
                "Rows": _one_or_many("Row", limits.rows),
                "ExplainedRows": _one_or_many("Row", limits.explained_rows),
                "Answers": _answers(model),
                "Explanations": {"type": "object", "properties": {"explanations": {"type": "array"}}},
                "Label": _label(model),
                "Received": {"type": "object", "properties": {"received": {"type": "integer"}}},
                "Error": _ERROR,
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def row_schema(model: ServedModel) -> Json:
    """A row as a JSON schema: types and words are what is taken, `x-trained-on` is what training showed."""
    schema = model.predictor.schema
    parts: dict[str, Feature] = {}
    for feature in schema.features:
        parts.setdefault(feature.source, feature)
    example = typical_row(schema)
    return {
        "type": "object",
        "properties": {
            source: {**_field(schema.column(source), part), "examples": [example[source]]}
            for source, part in parts.items()
        },
        "required": list(parts),
        "additionalProperties": True,
        "examples": [example],
    }


def _field(column: Column, part: Feature) -> Json:
    gaps = f"missing in {column.missing:.0%} of the rows" if column.missing else "never missing"
    if part.kind == "categorical":
        words = list(part.levels[:MOST_LEVELS])
        more = f" and {len(part.levels) - len(words):,} more" if len(part.levels) > len(words) else ""
        return {
            "type": ["string", "number", "boolean", "null"],
            "description": f"one of {len(part.levels):,} known values{more}, {gaps}; others are taken as not known",
            "x-trained-on": {"values": words},
        }
    if part.kind == "boolean":
        return {
            "enum": [True, False, "yes", "no", 0, 1, None],
            "description": f"yes or no, {gaps}",
            "x-trained-on": {"values": [word for word, _ in column.top]},
        }
    if part.kind == "text_hash":
        return {"type": ["string", "number", "boolean", "null"], "description": f"text, {gaps}"}
    ends = {"minimum": column.low, "maximum": column.high}
    if part.kind == "datetime_part":
        return {
            "type": ["string", "null"],
            "description": f"a date such as 2024-01-31 or 2024-01-31T12:30Z; training showed {column.low} to "
            f"{column.high}, {gaps}",
            "x-trained-on": ends,
        }
    seen = "" if column.low is None else f"training showed {column.low:g} to {column.high:g}, "
    return {"type": ["number", "null"], "description": f"a number; {seen}{gaps}", "x-trained-on": ends}


def _described(model: ServedModel) -> str:
    manifest = model.predictor.manifest
    return (
        f"Predicts {manifest.schema.target!r} ({model.task}). Honest {manifest.metric}: {manifest.score}. "
        f"Luthier {__version__}, study {manifest.study}. Rows outside of what training showed are answered and marked."
    )


def _rows_body(model: ServedModel, rows: str = "Rows") -> Json:
    tables: Json = {kind: {"schema": {"type": "string", "format": "binary", "minLength": 1}} for kind in TABLES}
    return {
        "required": True,
        "description": f"One row as an object, many as a list or as a table, with the columns {model.name} reads.",
        "content": {JSON: {"schema": _ref(rows)}, **tables},
    }


def _one_or_many(name: str, most: int) -> Json:
    many = {"type": "array", "items": _ref(name), "minItems": 1, "maxItems": most}
    key = "rows" if name == "Row" else "feedback"
    wrapped = {"type": "object", "properties": {key: many}, "required": [key], "additionalProperties": False}
    return {"anyOf": [_ref(name), many, wrapped]}


def _answers(model: ServedModel) -> Json:
    answer: Json = {
        "prediction_id": {"type": "string", "pattern": ID_PATTERN},
        "prediction": {"type": ["number", "null"]}
        if model.task == "regression"
        else {"enum": [*model.classes, None], "description": "null where the model abstains"},
        "outside": {"type": "array", "items": {"type": "string"}, "description": "fields unlike any training row's"},
        "abstained": {"type": "boolean"},
    }
    if model.classes:
        chance = {"type": "number", "minimum": 0, "maximum": 1}
        answer["probabilities"] = {
            "type": "object",
            "properties": {class_name(label): chance for label in model.classes},
        }
    body: Json = {
        "model": {"type": "string"},
        "version": {"type": "string"},
        "predictions": {"type": "array", "items": {"type": "object", "properties": answer, "required": list(answer)}},
        "logged": {
            "type": "boolean",
            "description": "whether every answer is in the log, as safe as the server promises",
        },
    }
    if model.task == "binary":
        body["threshold"] = {"type": "number", "description": "the positive class is decided above this probability"}
    return {"type": "object", "properties": body, "required": list(body)}


def _label(model: ServedModel) -> Json:
    label = {"type": "number"} if model.task == "regression" else {"enum": list(model.classes)}
    return {
        "type": "object",
        "properties": {
            "prediction_id": {"type": "string", "pattern": ID_PATTERN},
            "label": label,
            "known_at": {"type": ["string", "null"], "format": "date-time", "minLength": len("2024-01-31")},
            "source": {"type": ["string", "null"], "maxLength": MOST_SOURCE},
        },
        "required": ["prediction_id", "label"],
    }


_ERROR: Json = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "what": {"type": "string"},
                "fix": {"type": "string"},
                "fields": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "row": {"type": "integer"},
                            "field": {"type": "string"},
                            "got": {},
                            "allowed": {"type": "string"},
                        },
                    },
                },
            },
            "required": ["code", "what", "fix"],
        }
    },
}
_REFUSALS: Mapping[str, str] = {
    "400": "The body is not of the form its type says.",
    "401": "There is no valid token.",
    "403": "The token's role does not allow this.",
    "408": "The body came too slowly.",
    "413": "The body, or its rows or columns, are too many.",
    "415": "The body's type is not read.",
    "422": "Fields cannot be read: each is named, with what was got and what is allowed.",
    "429": "Too many requests.",
    "503": "The log cannot follow.",
}


def _verb(
    name: str,
    summary: str,
    body: Json | None = None,
    answers: Json | None = None,
    parameters: list[Json] | None = None,
    media: str = JSON,
) -> Json:
    plain = {"200": {"description": "OK", "content": {media: {"schema": {}}}}}
    refused = _REFUSALS if body else {status: _REFUSALS[status] for status in ("401", "403", "429", "503")}
    verb: Json = {
        "operationId": name,
        "summary": summary,
        "responses": {**(answers or plain), **{status: _json(why, "Error") for status, why in refused.items()}},
    }
    if parameters:
        verb["parameters"] = parameters
    return verb if body is None else {**verb, "requestBody": body}


def _json(description: str, name: str) -> Json:
    return {"description": description, "content": {JSON: {"schema": _ref(name)}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
