"""Columns: numbers with words between them."""

from __future__ import annotations

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding

CODE = "columns.mixed"


def look(context: Context) -> Answer:
    """Columns of mixed types, as they were settled when the table was read.

    Numbers with a few words between them ("<5", "unknown"): the words count as missing. Values of several types in one
    column of a frame: all are read as text.
    """
    notes = [note for note in context.dataset.schema.notes if note.column and note.reason.startswith("mixed types")]
    words = {column.name: column.missing_words for column in context.dataset.schema.columns}
    return tuple(
        Finding(
            CODE,
            f"{note.column!r} holds {note.reason}",
            "warning",
            (str(note.column),),
            {"words": list(words.get(str(note.column), ()))},
            "write what is unknown as an empty cell, and limits ('<5') as numbers, before the table is read",
        )
        for note in notes
    )


CHECK = Check(CODE, "Does a column mix numbers and words?", look)
