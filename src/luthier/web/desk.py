"""Everything one worker process answers with; made when it starts, closed when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request

from luthier.serving import ReadRows, ServedModel
from luthier.serving.split import place_of
from luthier.web.asking import Asker
from luthier.web.live import LiveModels
from luthier.web.looking_up import EntityLookup
from luthier.web.metrics import Metrics
from luthier.web.refusals import bad_request
from luthier.web.settings import ServeSettings
from luthier.web.shadowing import Shadowing
from luthier.web.traffic import Traffic

MOST_UNIT = 200
"""Letters of what a client may call the one it asks for."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """Who answers a request, in which role, the rows as that model reads them, and who answers them unseen."""

    model: ServedModel
    role: str
    read: ReadRows
    unseen: ServedModel | None


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
        Lets the model that did not answer answer too.
    metrics
        Counts.
    lookup
        Knows the features of the entities that rows name.
    """

    settings: ServeSettings
    models: LiveModels
    asker: Asker
    traffic: Traffic
    shadowing: Shadowing
    metrics: Metrics
    lookup: EntityLookup

    @classmethod
    def of(cls, settings: ServeSettings, models: LiveModels, metrics: Metrics) -> Desk:
        """Open the log and start the shadow; within the event loop."""
        traffic = Traffic(settings)
        lookup = EntityLookup(settings.features)
        return cls(settings, models, Asker(), traffic, Shadowing(traffic, metrics), metrics, lookup)

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

    def turn(self, request: Request, rows: Sequence[Mapping[str, Any]]) -> Turn:
        """Who answers these rows: the champion, or the challenger for its share of those who ask.

        Who asks is the query's `unit`, else the rows themselves. What the challenger cannot read the champion answers.

        Raises
        ------
        Refused
            The unit is too long (422), or the address names another model (404).
        """
        champion, challenger, share = self.model(request), self.models.shadow, self.settings.split
        unit = request.query_params.get("unit", "")
        if len(unit) > MOST_UNIT:
            raise bad_request(422, "the unit is too long", fix=f"send at most {MOST_UNIT} letters")
        if challenger is not None and share > 0 and place_of(unit or to_json(rows).decode(), champion.name) < share:
            read = challenger.read(rows)
            if not read.problems:
                return Turn(challenger, "challenger", read, champion)
        return Turn(champion, "champion", champion.read(rows), challenger)

    async def close(self) -> None:
        """Stop the shadow, and write what waits for the log."""
        await self.shadowing.close()
        await asyncio.to_thread(self.traffic.close)
        self.lookup.close()


def desk_of(request: Request) -> Desk:
    """The desk of the application that got the request."""
    desk: Desk = request.app.state.desk
    return desk
