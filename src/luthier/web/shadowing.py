"""The shadow: the challenger answers what the champion answered, or the champion what the challenger did, after the
fact, and only the log hears of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.errors import LuthierError
from luthier.serving import ServedModel
from luthier.web.live import stopped
from luthier.web.metrics import Metrics
from luthier.web.traffic import Traffic

MOST_WAITING = 1000
"""Requests the shadow may be behind; what comes on top it does not answer, and that is counted."""

log = logging.getLogger("luthier.serve")


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    model: ServedModel
    ids: Sequence[str]
    rows: Sequence[Mapping[str, Any]]


class Shadowing:
    """One task that lets the other model answer; made within the event loop."""

    def __init__(self, traffic: Traffic, metrics: Metrics) -> None:
        self._traffic, self._metrics = traffic, metrics
        self._waiting: asyncio.Queue[_Asked] = asyncio.Queue(MOST_WAITING)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def offer(self, model: ServedModel | None, ids: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Let the other model, if there is one, answer these rows when there is time."""
        if model is None:
            return
        try:
            self._waiting.put_nowait(_Asked(model, ids, rows))
        except asyncio.QueueFull:
            self._metrics.dropped.inc()

    async def settled(self) -> None:
        """Wait until everything offered was answered."""
        await self._waiting.join()

    async def close(self) -> None:
        """Stop; what still waits is not answered."""
        await stopped(self._task)

    async def _run(self) -> None:
        while True:
            asked = await self._waiting.get()
            try:
                await asyncio.to_thread(self._answer, asked)
            except LuthierError as error:
                self._metrics.dropped.inc()
                log.warning("shadow.failed version=%s reason=%s", asked.model.version, error.what)
            except Exception:
                self._metrics.dropped.inc()
                log.exception("shadow.failed version=%s", asked.model.version)
            finally:
                self._waiting.task_done()

    def _answer(self, asked: _Asked) -> None:
        start = time.perf_counter()
        model = asked.model
        # It may read other columns than the model that answered: what it cannot read it does not answer.
        read = model.read(asked.rows)
        if read.problems:
            self._metrics.dropped.inc()
            return
        answers = model.say(model.ask(asked.rows, read), read.outside)
        took_ms = round(1000 * (time.perf_counter() - start), 3)
        lines = self._traffic.prediction_lines(model, "shadow", asked.ids, asked.rows, answers, took_ms)
        self._traffic.add_predictions(lines, len(answers))
        self._metrics.predictions.labels(model.version, "shadow").inc(len(answers))
