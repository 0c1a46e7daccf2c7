"""Everything one worker process answers with; made when it starts, closed when it ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request

from luthier.serving import ServedModel
from luthier.web.asking import Asker
from luthier.web.live import LiveModels
from luthier.web.metrics import Metrics
from luthier.web.refusals import bad_request
from luthier.web.settings import ServeSettings
from luthier.web.shadowing import Shadowing
from luthier.web.traffic import Traffic


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """The parts that the verbs work with.

    Parameters
    ----------
    settings
        What was asked for.
    models
        The versions that answer.
    asker
        Asks them in batches.
    traffic
        The log and the feedback.
    shadowing
        Lets the challenger answer too.
    metrics
        Counts.
    """

    settings: ServeSettings
    models: LiveModels
    asker: Asker
    traffic: Traffic
    shadowing: Shadowing
    metrics: Metrics

    @classmethod
    def of(cls, settings: ServeSettings, models: LiveModels, metrics: Metrics) -> Desk:
        """Open the log and start the shadow; within the event loop."""
        traffic = Traffic(settings)
        return cls(settings, models, Asker(), traffic, Shadowing(models, traffic, metrics), metrics)

    def model(self, request: Request) -> ServedModel:
        """The version that answers this request.

        Raises
        ------
        Refused
            The address names another model (404).
        """
        champion = self.models.champion
        if request.path_params["name"] != champion.name:
            raise bad_request(
                404, f"no model is called {request.path_params['name']!r} here", fix=f"ask /v1/models/{champion.name}"
            )
        return champion

    async def close(self) -> None:
        """Stop the shadow, and write what waits for the log."""
        await self.shadowing.close()
        await asyncio.to_thread(self.traffic.close)


def desk_of(request: Request) -> Desk:
    """The desk of the application that got the request."""
    desk: Desk = request.app.state.desk
    return desk
