"""The chains of events in one table of the database, each under its owner: a study, or a registered model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from luthier.canonical import canonical_json
from luthier.errors import StoreDamaged
from luthier.store.chain import EMPTY, Tip
from luthier.store.database import Database
from luthier.tuning.record import Event, check_chain

_FIELDS = ("seq", "at_utc", "kind", "body", "previous", "digest")


class Chains:
    """Reading and continuing chains of events.

    Parameters
    ----------
    database
        Where they are.
    table
        Their table; its first column names the owner.
    """

    def __init__(self, database: Database, table: sa.Table) -> None:
        self._database = database
        self._table = table
        self._owner = next(iter(table.c))
        self._insert = database.compiled(table.insert())

    def read(self, owner: str, connection: sa.Connection) -> list[Event]:
        """All events of an owner, in order, every seal recomputed.

        Raises
        ------
        StoreDamaged
            Naming the first event that was changed, torn or lost.
        """
        columns = (self._table.c[name] for name in _FIELDS)
        rows = connection.execute(sa.select(*columns).where(self._owner == owner).order_by(self._table.c.seq)).all()
        events = [
            Event(seq, at_utc, kind, self._parsed(body, owner, seq), *seals) for seq, at_utc, kind, body, *seals in rows
        ]
        check_chain(events)
        return events

    def newest(self, owner: str, connection: sa.Connection) -> Tip:
        """Where the chain of an owner stands."""
        newest = sa.select(self._table.c.seq, self._table.c.digest).where(self._owner == owner)
        row = connection.execute(newest.order_by(self._table.c.seq.desc()).limit(1)).first()
        return EMPTY if row is None else (row.seq, row.digest)

    def insert(self, owner: str, events: Sequence[Event], connection: sa.Connection) -> None:
        """Write events; the database refuses those whose place is taken."""
        rows: list[dict[str, Any]] = [
            {
                self._owner.name: owner,
                "seq": event.seq,
                "at_utc": event.at_utc,
                "kind": event.kind,
                "body": canonical_json(event.body).decode(),
                "previous": event.previous,
                "digest": event.digest,
            }
            for event in events
        ]
        # The same statement after every fold: compiled once, it costs a third less than going through Core.
        connection.exec_driver_sql(self._insert, rows)

    def _parsed(self, body: str, owner: str, seq: int) -> dict[str, object]:
        try:
            parsed: dict[str, object] = json.loads(body)
        except (TypeError, ValueError) as error:
            raise StoreDamaged(
                f"event {seq} of {self._owner.name} {owner} is not readable: {error}",
                fix="the record was changed after it was written: restore it from a copy, or tune again",
            ) from error
        return parsed
