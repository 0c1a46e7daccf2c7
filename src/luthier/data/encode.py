"""From the columns of a frame to the float matrix that models take, by a rule written down in features and columns.

Training and prediction use this one path. Nothing here is fitted: levels and parts stand in the schema, hashed words
need no vocabulary. In every column NaN is a missing value; in categorical columns it is also a level never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.cells import Values, as_float64, level_text
from luthier.data.columns import Column, Feature, Floats
from luthier.data.words import MISSING_WORDS, TRUTH, find_datetime, find_number
from luthier.errors import UnfitRows

N_BUCKETS = 32  # hashed words of one text column; our judgement: enough for a few telling words, cheap in every model

_FEW = 64  # up to so many rows a plain loop beats making a table of the distinct words
_DAY_US = 86_400_000_000
Read = Callable[[Any], float | None]  # a value as a number; NaN missing, None unreadable

A_NUMBER = "a number"
YES_OR_NO = "yes or no (or true, false, 1, 0)"
A_DATE = "a date such as 2024-01-31 or 2024-01-31T12:30"


def encode(
    features: Sequence[Feature], columns: Mapping[str, Column], column: Callable[[str], Values], n_rows: int
) -> Floats:
    """The feature matrix.

    Parameters
    ----------
    features
        The columns of the matrix; those of one source stand together.
    columns
        Source name -> what is known of it.
    column
        Source name -> raw values (n_rows,).

    Returns
    -------
    (n_rows, len(features)) float64.

    Raises
    ------
    UnfitRows
        A value is not of the kind its column is, or infinite.
    """
    X = np.empty((n_rows, len(features)))
    at = 0
    for source, group in groupby(features, key=lambda feature: feature.source):
        parts = list(group)
        values = column(source)
        for part in _encoded(values, columns[source], parts):
            X[:, at] = part
            at += 1
    if np.isinf(X).any():
        _refuse_infinite(X, features)
    return X


def _encoded(values: Values, column: Column, features: Sequence[Feature]) -> Sequence[NDArray[Any]]:
    kind = features[0].kind
    if kind == "numeric":
        return [as_numbers(values, column)]
    if kind == "boolean":
        return [as_booleans(values, column)]
    if kind == "categorical":
        return [as_levels(values, features[0])]
    if kind == "datetime_part":
        stamps = as_datetimes(values, column)
        return [datetime_part(stamps, feature.part) for feature in features]
    counts, lengths = hashed_words(as_texts(values))
    return [lengths if feature.part == "words" else counts[:, int(feature.part)] for feature in features]


def _refuse_infinite(X: Floats, features: Sequence[Feature]) -> NoReturn:
    infinite = np.isinf(X)
    at = int(np.argmax(infinite.any(axis=0)))
    raise UnfitRows(
        f"column {features[at].source!r} holds {int(infinite[:, at].sum()):,} infinite values, the first in row "
        f"{int(np.argmax(infinite[:, at])) + 1:,}",
        fix="leave the value empty if it is not known, or give the number that was meant",
    )


# --- one reader a kind ---


def as_numbers(values: Values, column: Column) -> Floats:
    """The values of a numeric column as float64, NaN missing.

    Raises
    ------
    UnfitRows
        A value is neither a number nor one of the usual words for missing, nor one of the column's own.
    """
    if not isinstance(values, pd.Categorical):
        kind = values.dtype.kind
        if kind == "f":
            return as_float64(values)
        if kind in "iub":
            return values.astype(np.float64)
        if kind == "m":
            return np.asarray(values.astype("timedelta64[us]").astype(np.float64) / 1e6)
        if kind == "O" and len(values) > _FEW and not column.missing_words:
            numbers = _all_numbers(values)
            if numbers is not None:
                return numbers
    return _read_each(values, number_reader(column), column.name, A_NUMBER)


def number_reader(column: Column) -> Read:
    """How one value of a numeric column is read."""
    ours = {word.casefold() for word in column.missing_words}

    def read(value: Any) -> float | None:
        folded = str(value).strip().casefold()
        if folded in MISSING_WORDS or folded in ours:
            return np.nan
        if isinstance(value, str):
            return _lenient_number(folded)
        return None if isinstance(value, np.datetime64) or hasattr(value, "year") else _float(value)

    return read


def _all_numbers(values: NDArray[Any]) -> Floats | None:
    """The fast way for text that holds numbers throughout, or None."""
    if pd.api.types.infer_dtype(values, skipna=True) != "string":
        return None
    try:
        numbers = values.astype(np.float64)
    except ValueError:
        return None
    return None if any("_" in value for value in values if value is not None) else np.asarray(numbers)


def _lenient_number(text: str) -> float | None:
    # In a column known to be of numbers "007" can only be 7. "1_000" is Python's spelling, not people's.
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):  # the last for whole numbers beyond 1e308
        return None


def as_booleans(values: Values, column: Column) -> Floats:
    """The values of a yes-or-no column as 1.0 and 0.0, NaN missing.

    Raises
    ------
    UnfitRows
        A value is neither 0 or 1 nor a known word for yes or no.
    """
    if not isinstance(values, pd.Categorical) and values.dtype.kind == "b":
        return values.astype(np.float64)
    return _read_each(values, read_truth, column.name, YES_OR_NO)


def read_truth(value: Any) -> float | None:
    """Read one value of a yes-or-no column: 1.0, 0.0, NaN for a missing one, None for anything else."""
    if isinstance(value, str):
        folded = value.strip().casefold()
        if folded in TRUTH:
            return TRUTH[folded]
        if folded in MISSING_WORDS:
            return np.nan
        value = find_number(folded)
    number = _float(value)
    return number if number in {0.0, 1.0} or number != number else None  # noqa: PLR0124


def as_datetimes(values: Values, column: Column) -> NDArray[np.datetime64]:
    """The values of a date column as datetime64[us] in UTC, NaT missing.

    Raises
    ------
    UnfitRows
        A value is no date.
    """
    if not isinstance(values, pd.Categorical):
        if values.dtype.kind == "M":
            return values.astype("datetime64[us]")
        if values.dtype.kind == "f" and np.isnan(values).all():
            return np.full(len(values), "NaT", dtype="datetime64[us]")
    microseconds = _read_each(values, read_microseconds, column.name, A_DATE)
    gone = np.isnan(microseconds)
    stamps = np.where(gone, 0, microseconds).astype(np.int64).astype("datetime64[us]")
    stamps[gone] = np.datetime64("NaT")
    return stamps


def read_microseconds(value: Any) -> float | None:
    """Read one value of a date column: microseconds since 1970 in UTC, NaN for a missing one, None for no date."""
    # A float holds microseconds exactly up to the year 2255; beyond it loses the last one.
    if isinstance(value, str):
        found = find_datetime(value)
        if found is None:
            return np.nan if value.strip().casefold() in MISSING_WORDS else None
        form, east = found
        try:
            return float(np.datetime64(form, "us").astype(np.int64) - east * 60_000_000)
        except ValueError:
            return None
    if isinstance(value, np.datetime64) or hasattr(value, "year"):
        stamp = pd.Timestamp(value)
        if stamp.tzinfo is not None:
            stamp = stamp.tz_convert("UTC").tz_localize(None)
        return float(stamp.to_datetime64().astype("datetime64[us]").astype(np.int64))
    return None


def as_levels(values: Values, feature: Feature) -> Floats:
    """The values of a categorical column as codes of the feature's levels; NaN missing or never seen."""
    return _read_each(values, level_reader(feature), feature.source, "a level")


def level_reader(feature: Feature) -> Callable[[Any], float]:
    """How one value of a categorical column is read."""
    known = _codes(feature.levels)
    unknown = np.nan if feature.rare is None else float(known[feature.rare])

    def read(value: Any) -> float:
        # As written first; then in the canonical form, for "1.0" in a file and 1 in a frame are one level.
        code = known.get(value)
        if code is not None:
            return code
        for word in _spellings(value):
            code = known.get(word)
            if code is not None:
                return code
            if word.casefold() in MISSING_WORDS:
                return np.nan
        return unknown

    return read


@lru_cache(maxsize=1024)
def _codes(levels: tuple[str, ...]) -> dict[str, int]:
    return {level: code for code, level in enumerate(levels)}


def _spellings(value: Any) -> Sequence[str]:
    if not isinstance(value, str):
        return str(value).strip(), level_text(value)
    word = value.strip()
    number = find_number(word)
    if number is not None:
        return word, level_text(number)
    folded = word.casefold()
    return (word, folded) if folded in {"true", "false"} else (word,)


def as_texts(values: Values) -> list[str]:
    """The values of a text column, "" missing."""
    objects = np.asarray(values.astype(object), dtype=object)
    return ["" if gone else str(value) for value, gone in zip(objects, np.asarray(pd.isna(objects)), strict=True)]


def _read_each(values: Values, read: Read, name: str, expected: str) -> Floats:
    """Every value as a number, each distinct word being read once."""
    if isinstance(values, pd.Categorical):
        codes, distinct = np.asarray(values.codes), list(values.categories)
        distinct = [value if code in codes else None for code, value in enumerate(distinct)]  # only what occurs is read
    elif len(values) <= _FEW:
        codes, distinct = np.arange(len(values)), list(values)
    elif values.dtype.kind == "O" and pd.api.types.infer_dtype(values, skipna=True) != "string":
        # 1 and True would be one key to `factorize`, but they are not one word.
        codes, distinct = np.arange(len(values)), list(values)
    else:
        codes, found = pd.factorize(as_float64(values) if values.dtype.kind == "f" else values)
        distinct = list(found)
    gone = pd.isna(np.array([*distinct, None], dtype=object))
    table = np.full(len(distinct) + 1, np.nan)  # the last one for code -1
    unread = np.zeros(len(distinct) + 1, dtype=bool)
    for i, value in enumerate(distinct):
        if not gone[i]:
            number = read(value)
            table[i], unread[i] = (np.nan, True) if number is None else (number, False)
    if unread.any():
        row = int(np.argmax(unread[codes]))
        raise UnfitRows(
            f"column {name!r} holds {distinct[codes[row]]!r} in row {row + 1}, where {expected} is expected",
            fix="correct the value, or leave it empty if it is not known",
        )
    return np.asarray(table[codes])


# --- dates and words ---

CALENDAR = {"month": 365, "day": 31, "weekday": 7, "dayofyear": 365, "hour": 1}  # part -> days of its cycle


def datetime_part(stamps: NDArray[np.datetime64], part: str) -> Floats:
    """One part of every date: month 1-12, day 1-31, weekday 0-6 from Monday, dayofyear 1-366, hour as a fraction of the
    day in [0, 24), or days since 1970-01-01 with their fraction. NaN for NaT.
    """
    gone = np.isnat(stamps)
    if gone.any():
        stamps = np.where(gone, np.datetime64(0, "us"), stamps)
    microseconds = stamps.view(np.int64)
    out: NDArray[Any]
    if part == "hour":
        out = microseconds % _DAY_US / 3.6e9
    elif part == "days":
        out = microseconds / _DAY_US
    elif part == "weekday":
        out = (microseconds // _DAY_US + 3) % 7.0  # 1970-01-01 was a Thursday
    elif part == "month":
        out = stamps.astype("datetime64[M]").view(np.int64) % 12 + 1.0
    else:
        unit = {"day": "M", "dayofyear": "Y"}[part]
        start = stamps.astype(f"datetime64[{unit}]").astype("datetime64[D]")
        out = (stamps.astype("datetime64[D]") - start).view(np.int64) + 1.0
    return np.where(gone, np.nan, out)


def hashed_words(texts: Sequence[str]) -> tuple[Floats, Floats]:
    """Signed counts of hashed words (n, N_BUCKETS), and the number of words (n,), of every text.

    Source: the hashing trick, Weinberger et al. (2009), as scikit-learn's HashingVectorizer has it.
    """
    if not texts:  # which scikit-learn refuses
        return np.empty((0, N_BUCKETS)), np.empty(0)
    counts: Floats = _vectorizer().transform(texts).toarray()
    return counts, np.array([len(text.split()) for text in texts], dtype=np.float64)


@lru_cache(maxsize=1)
def _vectorizer() -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(n_features=N_BUCKETS, norm=None, alternate_sign=True)
