"""Asking the model from an event loop: what arrives together is answered together.

A compiled model answers a few rows in a fraction of a millisecond, so it is asked where the requests are. Larger
questions, and models that are not compiled, go to one thread; what arrives while it works forms the next batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from luthier.data.columns import Floats
from luthier.serving import ReadRows, ServedModel

MOST_INLINE = 64
"""Rows that a compiled model answers within the event loop; about two milliseconds for the slowest family."""
MOST_TOGETHER = 2000

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    model: ServedModel
    rows: Sequence[Row]
    read: ReadRows
    answer: asyncio.Future[Floats]


class Asker:
    """Collects questions and asks them in batches; made within the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Question] = []
        self._scheduled = False
        self._working = False

    async def ask(self, model: ServedModel, rows: Sequence[Row], read: ReadRows) -> Floats:
        """Predictions (n, k), as `ServedModel.ask` gives them."""
        question = _Question(model, rows, read, self._loop.create_future())
        self._waiting.append(question)
        self._schedule()
        return await question.answer

    def _schedule(self) -> None:
        if not self._scheduled and not self._working:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        batch: list[_Question] = []
        n_rows = 0
        while self._waiting and (not batch or n_rows + len(self._waiting[0].rows) <= MOST_TOGETHER):
            question = self._waiting.pop(0)
            n_rows += len(question.rows)
            batch.append(question)
        if n_rows <= MOST_INLINE and all(question.model.compiled for question in batch):
            self._tell(_answered(batch))
            if self._waiting:
                self._schedule()
            return
        self._working = True
        self._loop.run_in_executor(None, _answered, batch).add_done_callback(self._done)

    def _done(self, work: asyncio.Future[_Answered]) -> None:
        self._working = False
        self._tell(work.result())
        if self._waiting:
            self._schedule()

    def _tell(self, answered: _Answered) -> None:
        for question, found in answered:
            if question.answer.done():  # who asked went away
                continue
            if isinstance(found, Exception):
                question.answer.set_exception(found)
            else:
                question.answer.set_result(found)


_Answered = list[tuple[_Question, Floats | Exception]]


def _answered(batch: Sequence[_Question]) -> _Answered:
    """Every question with its answer or its error; those to the same compiled model in one call."""
    by_model: dict[int, list[_Question]] = {}
    for question in batch:
        by_model.setdefault(id(question.model), []).append(question)
    found: _Answered = []
    for questions in by_model.values():
        model = questions[0].model
        if len(questions) > 1 and model.compiled:
            try:
                p = model.predictor.ask_matrix(np.vstack([question.read.X for question in questions]))
            except Exception as error:  # noqa: BLE001  # told to everyone who asked
                found += [(question, error) for question in questions]
                continue
            ends = np.cumsum([len(question.rows) for question in questions])[:-1]
            found += zip(questions, np.split(p, ends), strict=True)
            continue
        for question in questions:
            try:
                found.append((question, model.ask(question.rows, question.read)))
            except Exception as error:  # noqa: BLE001  # told to the one who asked
                found.append((question, error))
    return found
