"""The way into the log: lines are made here, and waited for as the promise says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from luthier.errors import JournalBehind
from luthier.serving import Answer, ServedModel
from luthier.store.journal import Journal, Promise
from luthier.store.traffic import FEEDBACK_COLUMNS, PREDICTION_COLUMNS
from luthier.web.settings import ServeSettings


class Traffic:
    """The prediction log and the feedback store of one process; made within its event loop.

    Raises
    ------
    UnwritableFolder
        Their folder does not take files.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._redacted = frozenset(settings.redact)
        self._predictions = _Log(settings, "predictions", PREDICTION_COLUMNS, settings.promise)
        # A label is rare and cannot be asked for again: it is acknowledged when the disk has it.
        self._feedback = _Log(settings, "feedback", FEEDBACK_COLUMNS, "synced")

    @property
    def n_waiting(self) -> int:
        """Predictions that are not written yet."""
        return self._predictions.journal.n_waiting

    @property
    def lost(self) -> OSError | None:
        """Why the log cannot be written at this moment, if it cannot."""
        return self._predictions.journal.lost or self._feedback.journal.lost

    async def keep_predictions(self, lines: bytes, n_lines: int) -> bool:
        """Log the lines; True when they are as safe as promised, False when nothing is promised.

        Raises
        ------
        JournalBehind
            The log cannot follow, or cannot be written.
        """
        return await self._predictions.keep(lines, n_lines)

    def add_predictions(self, lines: bytes, n_lines: int) -> None:
        """Log the lines and do not wait."""
        self._predictions.journal.append(lines, n_lines)

    async def keep_feedback(self, lines: bytes, n_lines: int) -> None:
        """Store the lines.

        Raises
        ------
        JournalBehind
            As `keep_predictions`.
        """
        await self._feedback.keep(lines, n_lines)

    def prediction_lines(
        self,
        model: ServedModel,
        role: str,
        ids: Sequence[str],
        rows: Sequence[Mapping[str, Any]],
        answers: Sequence[Answer],
        latency_ms: float,
    ) -> bytes:
        """The lines of one request."""
        fields = [field for field in model.predictor.reader.fields if field not in self._redacted]
        at = now()
        lines = [
            to_json(
                {
                    "prediction_id": number,
                    "at": at,
                    "name": model.name,
                    "version": model.version,
                    "role": role,
                    "inputs": {field: row[field] for field in fields},
                    "prediction": answer.prediction,
                    "p": answer.probabilities,
                    "outside": bool(answer.outside),
                    "latency_ms": latency_ms,
                }
            )
            for number, row, answer in zip(ids, rows, answers, strict=True)
        ]
        return b"\n".join((*lines, b""))

    def close(self) -> None:
        """Write what waits."""
        self._predictions.journal.close()
        self._feedback.journal.close()


class _Log:
    """A journal that an event loop can wait for."""

    def __init__(self, settings: ServeSettings, part: str, columns: Mapping[str, str], promise: Promise) -> None:
        self._loop = asyncio.get_running_loop()
        self._promise = promise
        self.journal = Journal(
            settings.traffic / part,
            columns,
            promise=promise,
            on_kept=self._on_kept,
            keep_days=settings.keep_days,
            capacity=max(20_000, 2 * settings.limits.rows),
        )

    async def keep(self, lines: bytes, n_lines: int) -> bool:
        if self._promise == "queued":
            self.journal.append(lines, n_lines)
            return False
        kept: asyncio.Future[None] = self._loop.create_future()
        self.journal.append(lines, n_lines, kept)
        await kept
        return True

    def _on_kept(self, tickets: list[Any], error: OSError | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_settle, tickets, error)


def _settle(tickets: list[asyncio.Future[None] | None], error: OSError | None) -> None:
    for ticket in tickets:
        if ticket is None or ticket.done():  # nobody waits, or who waited went away
            continue
        if error is None:
            ticket.set_result(None)
        else:
            ticket.set_exception(
                JournalBehind(
                    f"the log cannot be written: {error.strerror or error}", fix="make room on the disk, then try again"
                )
            )


def now() -> str:
    """The moment as the log writes it: UTC, to the microsecond, without naming the zone."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def new_ids(n: int, milliseconds: int) -> list[str]:
    """Identifiers that sort by time: UUIDs of version 7.

    Parameters
    ----------
    n
        How many.
    milliseconds
        Since 1970, UTC.

    Source: RFC 9562, section 5.7.
    """
    noise = os.urandom(10 * n)
    head = f"{milliseconds:012x}"
    head = f"{head[:8]}-{head[8:]}-7"
    found = []
    for i in range(0, 10 * n, 10):
        bits = int.from_bytes(noise[i : i + 10])
        low = f"{(bits & (2**62 - 1)) | (2 << 62):016x}"
        found.append(f"{head}{bits >> 68:03x}-{low[:4]}-{low[4:]}")
    return found
