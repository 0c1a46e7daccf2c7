"""What the server says of itself: alive, ready, which models, how much."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from luthier.serving import ServedModel
from luthier.web.desk import desk_of
from luthier.web.metrics import CONTENT_TYPE
from luthier.web.refusals import SAFE_HEADERS, json_answer


async def health(_: Request) -> Response:
    """Say that the process is alive."""
    return json_answer({"status": "ok"})


async def ready(request: Request) -> Response:
    """Whether requests are answered and logged as promised: 200, else 503."""
    desk = desk_of(request)
    model, lost = desk.models.champion, desk.traffic.lost
    body = {
        "ready": lost is None,
        "model": model.name,
        "version": model.version,
        "log": "ok" if lost is None else f"cannot be written: {lost.strerror or lost}",
        # An older version that answers is better than none.
        "newest_version": "loaded" if desk.models.failed is None else f"not loaded: {desk.models.failed}",
    }
    return json_answer(body, 200 if lost is None else 503)


async def models(request: Request) -> Response:
    """List the versions that answer."""
    live = desk_of(request).models
    return json_answer(
        {"models": [_said(live.champion, "champion"), *([_said(live.shadow, "shadow")] if live.shadow else [])]}
    )


async def model(request: Request) -> Response:
    """Describe the version that answers."""
    return json_answer(_said(desk_of(request).model(request), "champion"))


async def metrics(request: Request) -> Response:
    """Give the counts to Prometheus."""
    desk = desk_of(request)
    return Response(desk.metrics.render(desk.models, desk.traffic), headers=SAFE_HEADERS, media_type=CONTENT_TYPE)


def _said(served: ServedModel, role: str) -> dict[str, Any]:
    manifest, golden = served.predictor.manifest, served.golden
    return {
        "name": served.name,
        "version": served.version,
        "role": role,
        "task": served.task,
        "target": manifest.schema.target,
        "classes": list(served.classes),
        "threshold": served.threshold if served.task == "binary" else None,
        "fields": served.predictor.reader.allowed(),
        "metric": manifest.metric,
        "score": manifest.score.to_json(),
        "study": manifest.study,
        "digest": manifest.digest,
        "path": "compiled" if served.compiled else "ordinary",
        "why_not_compiled": None
        if served.compiled
        else "the model takes frames"
        if golden is None
        else golden.difference,
    }
