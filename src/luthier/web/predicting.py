"""`POST /v1/models/{name}/predict`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from luthier.serving import Answer, ServedModel
from luthier.web.bodies import read_request_rows
from luthier.web.desk import desk_of
from luthier.web.refusals import bad_request, json_answer, unfit_rows
from luthier.web.traffic import new_ids

_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")


async def predict(request: Request) -> Response:
    """Answer rows: read, ask, log, say; the shadow hears of it last."""
    desk = desk_of(request)
    fields = desk.model(request).predictor.reader.fields
    abstain = _flag(request, "abstain", default=desk.settings.abstain)
    rows = await read_request_rows(request, desk.settings.limits, len(fields))
    start = time.perf_counter()
    rows = desk.lookup.completed(rows, fields)
    turn = desk.turn(request, rows)
    model, read = turn.model, turn.read
    if read.problems:
        raise unfit_rows(read.problems)
    p = await desk.asker.ask(model, rows, read)
    answers = model.say(p, read.outside, abstain=abstain)
    ids = new_ids(len(rows), time.time_ns() // 1_000_000)
    took_ms = round(1000 * (time.perf_counter() - start), 3)
    lines = desk.traffic.prediction_lines(model, turn.role, ids, rows, answers, took_ms)
    logged = await desk.traffic.keep_predictions(lines, len(rows))
    desk.metrics.predictions.labels(model.version, turn.role).inc(len(rows))
    if n_outside := sum(1 for beyond in read.outside if beyond):
        desk.metrics.outside.labels(model.version).inc(n_outside)
    desk.shadowing.offer(turn.unseen, ids, rows)
    return json_answer(body_of(model, ids, answers, logged=logged))


def body_of(model: ServedModel, ids: Sequence[str], answers: Sequence[Answer], *, logged: bool) -> dict[str, Any]:
    """The answer's body."""
    body: dict[str, Any] = {"model": model.name, "version": model.version}
    if model.task == "binary":
        body["threshold"] = model.threshold
    body["predictions"] = [_said(number, answer) for number, answer in zip(ids, answers, strict=True)]
    body["logged"] = logged
    return body


def _said(number: str, answer: Answer) -> Mapping[str, Any]:
    said: dict[str, Any] = {"prediction_id": number, "prediction": answer.prediction}
    if answer.probabilities is not None:
        said["probabilities"] = answer.probabilities
    said["outside"] = answer.outside
    said["abstained"] = answer.prediction is None
    return said


def _flag(request: Request, name: str, *, default: bool) -> bool:
    if not request.scope["query_string"]:
        return default
    said = request.query_params.get(name)
    if said is None:
        return default
    if said.lower() not in (*_YES, *_NO):
        raise bad_request(422, f"{name} is {said[:40]!r}", fix=f"say {name}=true or {name}=false")
    return said.lower() in _YES
