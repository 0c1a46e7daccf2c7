"""Columns: dates that are read as words because of how they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding

CODE = "columns.dates"
LEAST_SHARE = 0.95
LEAST_LEVELS = 3
MOST_LOOKED_AT = 500
_CLOCK = re.compile(r"[T ]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?$")
FORMS = {
    "%d.%m.%Y": "day.month.year",
    "%d/%m/%Y": "day/month/year",
    "%m/%d/%Y": "month/day/year",
    "%d-%m-%Y": "day-month-year",
    "%m-%d-%Y": "month-day-year",
    "%Y.%m.%d": "year.month.day",
    "%d.%m.%y": "day.month.year",
    "%d/%m/%y": "day/month/year",
    "%m/%d/%y": "month/day/year",
    "%d %b %Y": "day month year",
    "%d %B %Y": "day month year",
    "%b %d, %Y": "month day, year",
    "%B %d, %Y": "month day, year",
    "%d-%b-%Y": "day-month-year",
    "%d-%b-%y": "day-month-year",
}


def look(context: Context) -> Answer:
    """Columns of words that are dates, written otherwise than 2024-01-31.

    They were taken as categories, or left out as names of rows: their order, and with it the order of the rows in time,
    is lost. Nothing is guessed, because 03/04/2024 is one day here and another there.
    """
    found = []
    for name, cells in context.columns.items():
        if (
            cells.kind != "text"
            or cells.levels is None
            or len(cells.levels) < LEAST_LEVELS
            or name == context.dataset.schema.target
        ):
            continue
        step = max(1, len(cells.levels) // MOST_LOOKED_AT)
        words = [str(word) for word in cells.levels[::step]]
        forms = forms_of(words)
        if not forms:
            continue
        ambiguous = len({FORMS[form] for form in forms}) > 1
        found.append(
            Finding(
                CODE,
                f"{name!r} holds dates as words, such as {words[0]!r}"
                + (", which could be read in more than one way" if ambiguous else f" ({FORMS[forms[0]]})"),
                "warning",
                (name,),
                {"examples": words[:3], "read_as": sorted({FORMS[form] for form in forms})},
                f"write them as 2024-01-31; in pandas: frame[{name!r}] = pd.to_datetime(frame[{name!r}], "
                f"format={forms[0]!r})",
            )
        )
    return tuple(found)


def forms_of(words: Sequence[str]) -> list[str]:
    """The ways of writing dates by which nearly all of these words can be read."""
    days = [_CLOCK.sub("", word.strip()) for word in words]
    if sum(any(letter.isdigit() for letter in day) for day in days) < LEAST_SHARE * len(days):
        return []
    return [form for form in FORMS if sum(_reads(day, form) for day in days) >= LEAST_SHARE * len(days)]


def _reads(day: str, form: str) -> bool:
    try:
        datetime.strptime(day, form)  # noqa: DTZ007  # a day has no zone
    except ValueError:
        return False
    return True


CHECK = Check(CODE, "Are dates read as words?", look)
