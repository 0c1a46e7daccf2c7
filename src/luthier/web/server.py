"""A server on an address, by one process or several, until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

from luthier.errors import NoAccess, UsageError
from luthier.store.tokens import read_tokens
from luthier.web.finding import find_models
from luthier.web.settings import ServeSettings

KEEP_ALIVE_S = 15
GRACE_S = 20
"""Seconds that running requests get to finish when the server is told to stop."""
MOST_CONNECTIONS = 1000


def serve_model(settings: ServeSettings, *, on_bound: Callable[[str, int], None] | None = None) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    settings
        What was asked for.
    on_bound
        Called with the model's name and the port once the address is taken.

    Raises
    ------
    NoAccess
        The address can be reached from elsewhere and there is no token.
    UsageError
        The address is taken or not this machine's.
    LuthierError
        The model cannot be found or loaded.
    """
    check_access(settings)
    models = find_models(settings)
    models.check()
    if settings.workers > 1:
        # prediction counts of all processes meet in this folder; it must be named before the library is imported
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="luthier-metrics-")

    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from luthier.web.connections import Connection

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    config = uvicorn.Config(
        partial(_application, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,  # ours above; addresses of requests, which may hold what is private, are not logged
        access_log=False,
        server_header=False,
        lifespan="on",
        http=Connection,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    try:
        listening = config.bind_socket()
    except SystemExit as error:
        raise UsageError(
            f"{settings.host}:{settings.port} cannot be listened on",
            fix="say another --port, or --port 0 for a free one",
        ) from error
    with listening:
        listening.listen()  # whoever asks while the workers start waits, and is not turned away
        if on_bound is not None:
            on_bound(models.name, int(listening.getsockname()[1]))
        if settings.workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])


def check_access(settings: ServeSettings) -> None:
    """Refuse to be reached from elsewhere without a token.

    Raises
    ------
    NoAccess
        So it would be.
    """
    if settings.is_private or (settings.tokens is not None and read_tokens(settings.tokens)):
        return
    raise NoAccess(
        f"{settings.host} can be reached from other machines, and there is no token yet",
        fix="make one with `luthier token new --role predictor`, or serve on 127.0.0.1",
    )


def _application(settings: ServeSettings) -> Any:
    from luthier.web.application import make_application

    return make_application(settings, find_models(settings).live)
