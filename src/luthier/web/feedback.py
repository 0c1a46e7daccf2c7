"""`POST /v1/models/{name}/feedback`: labels that come later, by prediction id, in any order, corrected at will."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from luthier.data.schema import label_keys
from luthier.serving import Problem, ServedModel
from luthier.web.bodies import read_json
from luthier.web.desk import desk_of
from luthier.web.refusals import bad_request, json_answer, unfit_rows
from luthier.web.traffic import now

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
MOST_SOURCE = 200
_ID = re.compile(ID_PATTERN)


async def feedback(request: Request) -> Response:
    """Store labels; the answer is sent when the disk has them."""
    desk = desk_of(request)
    model = desk.model(request)
    given = _items(await read_json(request, desk.settings.limits), desk.settings.limits.rows)
    received_at = now()
    problems: list[Problem] = []
    lines = [_line(i, item, model, received_at, problems) for i, item in enumerate(given)]
    if problems:
        raise unfit_rows(problems)
    await desk.traffic.keep_feedback(b"\n".join((*lines, b"")), len(lines))
    desk.metrics.labels.inc(len(lines))
    return json_answer({"model": model.name, "received": len(lines), "received_at": f"{received_at}Z", "logged": True})


def _items(value: Any, most: int) -> Sequence[Any]:
    if isinstance(value, dict) and isinstance(value.get("feedback"), list) and len(value) == 1:
        value = value["feedback"]
    items = value if isinstance(value, list) else [value]
    if not items:
        raise bad_request(422, "there are no labels", fix="send at least one")
    if len(items) > most:
        raise bad_request(413, f"{len(items):,} labels are more than the {most:,} of one request", fix="send several")
    return items


def _line(i: int, item: Any, model: ServedModel, received_at: str, problems: list[Problem]) -> bytes:
    if not isinstance(item, Mapping):
        problems.append(Problem(i, "", item, 'an object {"prediction_id": ..., "label": ...}'))
        return b""
    number, source, known_at = item.get("prediction_id"), item.get("source"), item.get("known_at")
    if not (isinstance(number, str) and _ID.match(number)):
        problems.append(Problem(i, "prediction_id", number, "the prediction_id of an answer"))
    label = _label(model, item.get("label"))
    if label is None:
        problems.append(Problem(i, "label", item.get("label"), allowed_labels(model)))
    if not (source is None or (isinstance(source, str) and len(source) <= MOST_SOURCE)):
        problems.append(Problem(i, "source", source, f"text of at most {MOST_SOURCE} letters, or null"))
    moment = received_at if known_at is None else _moment(known_at)
    if moment is None:
        problems.append(Problem(i, "known_at", known_at, "a moment such as 2024-01-31T12:30:00Z, or null"))
    return to_json(
        {"prediction_id": number, "label": label, "known_at": moment, "received_at": received_at, "source": source}
        if not problems
        else None
    )


def allowed_labels(model: ServedModel) -> str:
    """What a label may be, in words."""
    if model.task == "regression":
        return "a finite number"
    return "one of " + ", ".join(repr(label) for label in model.classes)


def _label(model: ServedModel, given: Any) -> Any:
    """The label in the model's own spelling, None where it is none of its labels."""
    if model.task == "regression":
        usable = isinstance(given, (int, float)) and not isinstance(given, bool) and abs(given) < 1e308
        return float(given) if usable and math.isfinite(given) else None
    if not isinstance(given, (str, bool, int, float)):
        return None
    spelled = set(label_keys(given))
    return next((label for label in model.classes if spelled & set(label_keys(label))), None)


def _moment(given: Any) -> str | None:
    """A moment in UTC as the store writes it; None where it is none."""
    if not isinstance(given, str) or len(given) > 40:
        return None
    try:
        read = datetime.fromisoformat(given)
        read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return read.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0")
