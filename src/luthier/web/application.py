"""The application: the verbs under their addresses, and what every request goes through."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luthier.errors import LuthierError
from luthier.version import __version__
from luthier.web import about
from luthier.web.access import Access
from luthier.web.contract import openapi
from luthier.web.desk import Desk
from luthier.web.explaining import explain
from luthier.web.feedback import feedback
from luthier.web.live import LiveModels, stopped
from luthier.web.metrics import Metrics
from luthier.web.predicting import predict
from luthier.web.refusals import Refused, say_error, say_http, say_refused
from luthier.web.settings import ServeSettings

log = logging.getLogger("luthier.serve")


def make_application(settings: ServeSettings, models: Callable[[], LiveModels]) -> FastAPI:
    """The application of one worker process.

    Parameters
    ----------
    settings
        What was asked for.
    models
        Finds and loads the models; called once, when the process starts.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        live = await asyncio.to_thread(models)
        app.state.desk = desk = Desk.of(settings, live, metrics)
        watch = asyncio.get_running_loop().create_task(live.watch())
        yield
        await stopped(watch)
        await desk.close()

    app = FastAPI(
        title="Luthier",
        version=__version__,
        lifespan=life,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        exception_handlers={Refused: say_refused, LuthierError: say_error, HTTPException: say_http},
    )
    # The plain routes of Starlette: FastAPI's would parse and validate what is parsed and validated here.
    app.add_route("/v1/models/{name}/predict", predict, ["POST"])
    app.add_route("/v1/models/{name}/feedback", feedback, ["POST"])
    app.add_route("/v1/models/{name}/explain", explain, ["POST"])
    app.add_route("/v1/models/{name}", about.model, ["GET"])
    app.add_route("/v1/models", about.models, ["GET"])
    app.add_route("/health", about.health, ["GET"])
    app.add_route("/ready", about.ready, ["GET"])
    app.add_route("/metrics", about.metrics, ["GET"])
    app.add_route("/openapi.json", openapi, ["GET"])
    app.add_middleware(Counted, metrics=metrics)
    app.add_middleware(Access, settings=settings)
    return app


class Counted:
    """Counts and times every request by the last word of its address."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = scope["path"].rpartition("/")[2]
            route = route if route in _ROUTES else "other"
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - start)


_ROUTES = frozenset({"predict", "explain", "feedback", "health", "ready", "metrics", "models", "openapi.json"})
