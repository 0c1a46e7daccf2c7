"""The registered models of a store: their histories, and the objects that their releases consist of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from luthier.errors import UnknownModel
from luthier.registry import ModelHistory
from luthier.store.chain import Tip, tip_of
from luthier.store.chains import Chains
from luthier.store.database import Database
from luthier.store.objects import Objects
from luthier.store.tables import MODEL_EVENTS, MODELS
from luthier.tuning.record import Event, chained


@dataclass(frozen=True, slots=True)
class Step:
    """An event that is to be recorded, and bytes to keep because of it."""

    kind: str
    body: Mapping[str, Any]
    objects: Sequence[bytes] = ()


_CLAIM = sa.text("INSERT INTO models (name, created_at) VALUES (:name, :created_at) ON CONFLICT DO NOTHING")
_KEEP = sa.text(
    "INSERT INTO released_objects (model, digest, n_bytes) VALUES (:model, :digest, :n_bytes) ON CONFLICT DO NOTHING"
)


class RegisteredModels:
    """The registered models of a store. Reached as `Store.models`.

    Parameters
    ----------
    database, objects
        Of the store.
    """

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects
        self._chains = Chains(database, MODEL_EVENTS)

    def names(self) -> list[str]:
        """Every registered name, in alphabetical order."""
        with self._database.reading() as connection:
            return list(connection.scalars(sa.select(MODELS.c.name).order_by(MODELS.c.name)))

    def is_registered(self, name: str) -> bool:
        """Whether there is a model of that name."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(MODELS.c.name).where(MODELS.c.name == name)) is not None

    def events(self, name: str) -> list[Event]:
        """Everything that happened to a model, in order, every seal recomputed.

        Raises
        ------
        UnknownModel
            There is no model of that name.
        StoreDamaged
            Naming the first event that was changed, torn or lost.
        """
        with self._database.reading() as connection:
            events = self._chains.read(name, connection)
        if not events:
            raise self._unknown(name)
        return events

    def history(self, name: str, *, at_utc: str | None = None) -> ModelHistory:
        """The versions of a model and who held its aliases, now or at a moment (ISO 8601, UTC).

        Raises
        ------
        UnknownModel, StoreDamaged
            As `events`.
        """
        return ModelHistory.of(name, self.events(name), at_utc=at_utc)

    def record(
        self,
        name: str,
        decide: Callable[[ModelHistory, Tip, str], Sequence[Step]],
        *,
        create: bool = False,
        objects: Sequence[bytes] = (),
    ) -> ModelHistory:
        """Decide what happens next to a model and record it, while nobody else can change its history.

        Parameters
        ----------
        name
            The model's.
        decide
            Called with its history, where its chain stands, and the time (UTC) of the events it returns. What it raises
            leaves everything as it was.
        create
            Whether a model of a new name may begin.
        objects
            Bytes to keep with the model, however long that takes.

        Returns
        -------
        ModelHistory
            With the new events.

        Raises
        ------
        UnknownModel
            There is no model of that name.
        StoreDamaged
            Its record was changed, or the objects cannot be kept.
        """
        for content in objects:  # the slow part, before anybody has to wait for us
            self._objects.put(content)
        with self._database.writing() as connection:
            self._database.server.claim_objects(connection, alone=False)
            now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            if create:
                connection.execute(_CLAIM, {"name": name, "created_at": now})
            # Whoever comes second waits here, on databases where several may write at once.
            connection.execute(sa.select(MODELS.c.name).where(MODELS.c.name == name).with_for_update())
            known = self._chains.read(name, connection)
            if not known and not create:
                raise self._unknown(name)
            # A clock that was set back must not make the history run backwards.
            at_utc = max(now, known[-1].at_utc) if known else now
            steps = decide(ModelHistory.of(name, known), tip_of(known), at_utc)
            events = list(known)
            for step in steps:
                events.append(chained(events[-1] if events else None, step.kind, step.body, at_utc))
            self._chains.insert(name, events[len(known) :], connection)
            for content in (*objects, *(part for step in steps for part in step.objects)):
                # Those put before are put again, which costs nothing unless they were collected meanwhile.
                digest = self._objects.put(content)
                connection.execute(_KEEP, {"model": name, "digest": digest, "n_bytes": len(content)})
        return ModelHistory.of(name, events)

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, verified.

        Raises
        ------
        StoreDamaged
            When they are missing or changed.
        """
        return self._objects.get(digest)

    def _unknown(self, name: str) -> UnknownModel:
        known = self.names()
        return UnknownModel(
            f"no model {name!r} is registered here",
            fix=f"use one of: {', '.join(known)}" if known else "release one: luthier release STUDY --name NAME",
        )
