"""The words by which people write numbers, dates, yes and no, nothing, time and identity."""

from __future__ import annotations

import re

# One spelling of a number, understood alike by Python's `re` and by DuckDB's RE2, so that a CSV column is judged the
# same whether DuckDB or Python looks at it. Leading zeros are refused: "007" and "01067" are names, not quantities.
PLAIN_NUMBER = r"[+-]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]+)?"
PLAIN_INTEGER = r"-?(0|[1-9][0-9]*)"

_NUMBER = re.compile(rf"(?:{PLAIN_NUMBER}|[+-]?\.[0-9]+(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity))", re.IGNORECASE)
_INTEGER = re.compile(PLAIN_INTEGER)
_DATETIME = re.compile(
    r"(\d{4})([-/])(\d{2})\2(\d{2})"  # 2024-01-31, 2024/01/31
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"  # 12:30, 12:30:05, 12:30:05.123456
    r" ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?",  # Z, UTC, +01, +01:00, +0100
)

MISSING_WORDS = frozenset(
    {"", "?", "-", "--", ".", "na", "n/a", "#n/a", "nan", "-nan", "<na>", "nat", "null", "none", "nil", "missing"}
)
# In a target a word such as "none" or "-" is more often a class than a gap.
MISSING_LABELS = frozenset({"", "?", "na", "n/a", "#n/a", "nan", "<na>", "nat", "null"})

YES_NO = (  # (no, yes)
    ("false", "true"),
    ("no", "yes"),
    ("f", "t"),
    ("n", "y"),
    ("off", "on"),
    ("nein", "ja"),
    ("n", "j"),
    ("non", "oui"),
)
TRUTH = {word: value for pair in YES_NO for value, word in zip((0.0, 1.0), pair, strict=True)}

POSITIVE_WORDS = frozenset(
    """yes true t y ja oui on positive pos + bad churn churned fraud fraudulent default defaulted event case ill
    sick disease diseased malignant spam fail failed failure faulty defect defective abnormal anomaly attack
    died dead death cancelled canceled left leave lapsed clicked click converted purchase purchased""".split()  # noqa: SIM905 - words read best as words
)

TIME_WORDS = frozenset(
    """t ts time times timestamp datetime date dates step steps tick epoch period year month week day hour minute
    second quarter seq sequence zeit datum""".split()  # noqa: SIM905 - words read best as words
)
ID_WORDS = frozenset({"id", "ids", "uid", "uuid", "guid", "index", "idx", "rowid", "rownum", "rownames", "unnamed"})

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^A-Za-z]+")


def name_words(name: str) -> tuple[str, ...]:
    """The words a column's name is made of, in small letters.

    >>> name_words("PassengerId"), name_words("arrival_date_2")
    (('passenger', 'id'), ('arrival', 'date'))
    """
    return tuple(w.casefold() for part in _CAMEL.split(name) for w in _NOT_WORD.split(part) if w)


def suggests_time(name: str) -> bool:
    """Whether one word of the name speaks of time."""
    return not TIME_WORDS.isdisjoint(name_words(name))


def suggests_identity(name: str) -> bool:
    """Whether the name begins or ends as names of identifiers do, or is no name at all."""
    words = name_words(name)
    if not words:  # columns of an array are named 0, 1, 2, ..., which identifies nothing
        return not any(letter.isalnum() for letter in name)
    return words[0] in ID_WORDS or words[-1] in ID_WORDS


def find_number(text: str) -> float | None:
    """The number that the text spells, or None.

    >>> find_number(" 1.50"), find_number("1e3"), find_number("007"), find_number("1_000")
    (1.5, 1000.0, None, None)
    """
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def is_integer(text: str) -> bool:
    """Whether the text spells a whole number of 64 bits, without a decimal point."""
    return _INTEGER.fullmatch(text.strip()) is not None and -(2**63) <= int(text) < 2**63


def find_datetime(text: str) -> tuple[str, int] | None:
    """An ISO 8601 date or time as (form NumPy reads, minutes east of UTC), or None.

    >>> find_datetime("2024-01-31 12:30+01:00")
    ('2024-01-31T12:30:00.000000', 60)
    >>> find_datetime("31.01.2024") is None
    True
    """
    match = _DATETIME.fullmatch(text.strip())
    if match is None:
        return None
    year, _, month, day, hour, minute, second, fraction, zone = match.groups()
    clock = f"{hour or '00'}:{minute or '00'}:{second or '00'}.{(fraction or '')[:6]:0<6}"
    return f"{year}-{month}-{day}T{clock}", _minutes_east(zone)


def _minutes_east(zone: str | None) -> int:
    if zone is None or zone in {"Z", "UTC"}:
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[3:].lstrip(":") or 0)
    return -minutes if zone[0] == "-" else minutes
