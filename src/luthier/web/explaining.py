"""`POST /v1/models/{name}/explain`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from luthier.serving.explaining import explain_row
from luthier.web.bodies import read_request_rows
from luthier.web.desk import desk_of
from luthier.web.refusals import bad_request, json_answer, unfit_rows


async def explain(request: Request) -> Response:
    """Say what each field adds to the answers, compared with a typical row."""
    desk = desk_of(request)
    model = desk.model(request)
    limits = desk.settings.limits
    rows = await read_request_rows(request, limits, len(model.predictor.reader.fields))
    if len(rows) > limits.explained_rows:
        most = limits.explained_rows
        raise bad_request(413, f"{len(rows):,} rows are more than the {most} explained at once", fix="send fewer")
    read = model.read(rows)
    if read.problems:
        raise unfit_rows(read.problems)
    found = await asyncio.to_thread(lambda: [asdict(explain_row(model, row)) for row in rows])
    return json_answer({"model": model.name, "version": model.version, "explanations": found})
