"""What a column holds, whatever it came in: text that spells numbers, dates or true and false is settled as such.

Only conversions that lose nothing are made here, so that the same table settles to the same cells from CSV and from
Parquet. What a column is *for*, and conversions that need judgement, are the business of `data.roles`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.columns import Floats
from luthier.data.words import MISSING_WORDS, find_datetime, find_number, is_integer

Values = (
    NDArray[Any] | pd.Categorical
)  # a raw column: typed numbers or dates, words and objects, or declared categories
CellKind = Literal["number", "boolean", "datetime", "text", "nested", "empty"]

_NESTED = (list, tuple, dict, set, frozenset, bytes, bytearray, np.ndarray)
_OBJECT_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal"})
_DATES = frozenset({"datetime", "datetime64", "date"})


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A settled column.

    Parameters
    ----------
    kind
        What the values are.
    array
        (n,): number int64 (nothing missing) or float64; boolean float64 0, 1, NaN; datetime datetime64[us] in UTC;
        text and nested int64 codes into `levels`, -1 missing; empty float64 NaN.
    levels
        Text: the different words in order of first appearance, without blanks at their ends.
    declared
        A pandas, polars or Arrow category: its words stay words even if they spell numbers.
    remarks
        What was converted, in plain words.
    """

    kind: CellKind
    array: NDArray[Any]
    levels: NDArray[np.object_] | None = None
    declared: bool = False
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.array)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(n,) where there is no value."""
        if self.levels is not None:
            return np.asarray(self.array < 0)
        if self.array.dtype.kind == "M":
            return np.asarray(np.isnat(self.array))
        return np.asarray(np.isnan(self.array)) if self.array.dtype.kind == "f" else np.zeros(len(self), dtype=bool)

    def take(self, rows: NDArray[np.int64]) -> Cells:
        """These rows only; words that no longer occur are forgotten."""
        if self.missing[rows].all():
            return replace(_empty(len(rows)), remarks=self.remarks)
        if self.levels is None:
            return replace(self, array=self.array[rows])
        codes, kept = pd.factorize(np.where(self.array[rows] < 0, np.nan, self.array[rows]))
        return replace(self, array=codes.astype(np.int64), levels=self.levels[kept.astype(np.int64)])

    def words(self) -> pd.Categorical:
        """Text as a categorical in the order of first appearance."""
        assert self.levels is not None
        return categorical(self.array, self.levels)


def categorical(codes: NDArray[np.int64], levels: NDArray[np.object_]) -> pd.Categorical:
    """Codes and their words as a pandas categorical."""
    return pd.Categorical.from_codes(codes, categories=pd.Index(levels, dtype=object))


def settle(values: Values) -> Cells:
    """What the raw column holds.

    Numbers stay numbers (float32 as the shortest decimal that names it, so that 0.1 is 0.1), text becomes numbers,
    dates or booleans when every word spells one or is a usual word for "missing"; anything else is text.
    """
    if isinstance(values, pd.Categorical):
        return _settle_categories(values)
    kind = values.dtype.kind
    if kind in "iu":
        return _settle_integers(values)
    if kind == "f":
        return _number(as_float64(values))
    if kind == "b":
        return Cells("boolean", values.astype(np.float64))
    if kind == "M":
        return _datetime(values)
    if kind == "m":
        return _number(values.astype("timedelta64[us]").astype(np.float64) / 1e6, "durations are read as seconds")
    if kind == "c":
        return _nested(values.astype(object), "complex numbers")
    return _settle_objects(values.astype(object, copy=False))


def undeclared(cells: Cells) -> Cells:
    """What the column would have settled to, had its words not been declared to be categories."""
    if not cells.declared or cells.levels is None:
        return cells
    codes, first = pd.factorize(np.where(cells.array < 0, np.nan, cells.array))
    return _text(codes.astype(np.int64), cells.levels[first.astype(np.int64)])


def as_float64(values: NDArray[Any]) -> Floats:
    """Floats of any width as float64; narrow ones as their shortest decimal (float32 0.1 as 0.1, not 0.10000000149)."""
    width = values.dtype.itemsize
    if width >= 8:
        return values.astype(np.float64, copy=False)
    return _from_single(values) if width == 4 else _half_table()[values.view(np.uint16)]


@lru_cache(maxsize=1)
def _half_table() -> Floats:
    return _printed(np.arange(2**16, dtype=np.uint16).view(np.float16))


def _printed(values: NDArray[Any]) -> Floats:
    # NumPy prints a float with the fewest digits that read back to it.
    return values.astype("U32").astype(np.float64)


def _from_single(values: NDArray[np.float32]) -> Floats:
    with np.errstate(invalid="ignore"):  # a signalling NaN in the file becomes a quiet one, which is all we need of it
        wide = values.astype(np.float64)
    out = wide.copy()
    # In between the scaling below is exact: 10^22 is a float.
    usual = np.isfinite(wide) & (np.abs(wide) > 1e-12) & (np.abs(wide) < 1e15)
    todo = np.flatnonzero(usual)
    exponent = np.floor(np.log10(np.abs(wide[todo]))).astype(np.int64)
    # 6 digits always survive a float32, so the nearest such decimal is the shortest one if it reads back; else one more
    # digit is tried, up to the 9 that always suffice.
    for digits in (6, 7, 8, 9):
        shift = digits - 1 - exponent
        up, down = 10.0 ** np.maximum(shift, 0), 10.0 ** np.maximum(-shift, 0)
        candidate = np.rint(wide[todo] * up / down) / up * down
        same = candidate.astype(np.float32) == values[todo]
        out[todo[same]] = candidate[same]
        todo, exponent = todo[~same], exponent[~same]
    rest = np.concatenate([todo, np.flatnonzero(np.isfinite(wide) & (wide != 0) & ~usual)])
    out[rest] = _printed(values[rest])
    return out


def _number(values: NDArray[Any], *remarks: str) -> Cells:
    if values.dtype.kind == "f" and len(values) and np.isnan(values).all():
        return _empty(len(values))
    return Cells("number", values, remarks=remarks)


def _empty(n: int) -> Cells:
    return Cells("empty", np.full(n, np.nan))


def _settle_integers(values: NDArray[Any]) -> Cells:
    if values.dtype == np.uint64 and len(values) and values.max() > np.iinfo(np.int64).max:
        return _number(values.astype(np.float64))
    return _number(values.astype(np.int64, copy=False))


def _datetime(values: NDArray[Any], *remarks: str) -> Cells:
    stamps = values.astype("datetime64[us]")
    return _empty(len(stamps)) if np.isnat(stamps).all() else Cells("datetime", stamps, remarks=remarks)


def _settle_categories(values: pd.Categorical) -> Cells:
    # By hand rather than by settling the categories: levels nobody uses must not decide what the column is.
    codes = np.asarray(values.codes, dtype=np.int64)
    used = np.unique(codes[codes >= 0])
    if len(used) == 0:
        return _empty(len(codes))
    words = np.array([level_text(values.categories[code]) for code in used], dtype=object)
    position = np.full(len(values.categories) + 1, -1, dtype=np.int64)
    position[used] = np.arange(len(used))
    cells = _text(position[codes], words, spell_check=False)
    return replace(cells, declared=True) if cells.kind == "text" else cells


def _settle_objects(values: NDArray[np.object_]) -> Cells:
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred in {"string", "empty"}:
        codes, words = pd.factorize(values)
        return _text(codes.astype(np.int64), np.asarray(words, dtype=object))
    if inferred in _OBJECT_NUMBERS:
        return settle_numbers(values)
    if inferred == "boolean":
        gone = pd.isna(values)
        return Cells("boolean", np.where(gone, np.nan, np.where(gone, False, values).astype(np.float64)))
    if inferred in _DATES:
        return _datetime(np.asarray(pd.to_datetime(pd.Series(values), utc=True).dt.tz_localize(None)))
    if inferred in {"timedelta", "timedelta64"}:
        return settle(np.asarray(pd.to_timedelta(pd.Series(values))))
    if any(isinstance(value, _NESTED) for value in values):
        return _nested(values, "lists, mappings or bytes")
    return _mixed(values)


def settle_numbers(values: NDArray[np.object_]) -> Cells:
    """Python numbers of several types as one array."""
    gone = np.asarray(pd.isna(values))
    if not gone.any() and all(isinstance(value, (int, np.integer)) and abs(int(value)) < 2**63 for value in values):
        return _number(values.astype(np.int64))
    return _number(np.array([np.nan if lost else float(v) for v, lost in zip(values, gone, strict=True)]))


def _mixed(values: NDArray[np.object_]) -> Cells:
    kinds = sorted({type(value).__name__ for value in values[~pd.isna(values)]})
    words = np.array([None if lost else str(v) for v, lost in zip(values, pd.isna(values), strict=True)], dtype=object)
    codes, levels = pd.factorize(words)
    cells = _text(codes.astype(np.int64), np.asarray(levels, dtype=object))
    return replace(cells, remarks=(f"mixed types ({', '.join(kinds)}) are read as text", *cells.remarks))


def _nested(values: NDArray[np.object_], what: str) -> Cells:
    words = np.array([None if v is None else str(v) for v in values], dtype=object)
    codes, levels = pd.factorize(words)
    return Cells("nested", codes.astype(np.int64), np.asarray(levels, dtype=object), remarks=(f"holds {what}",))


def _text(codes: NDArray[np.int64], words: NDArray[np.object_], *, spell_check: bool = True) -> Cells:
    codes, words = _without_blanks(codes, words)
    if len(words) == 0:
        return _empty(len(codes))
    if spell_check:
        for spelled in (_spelled_numbers, _spelled_booleans, _spelled_datetimes):
            cells = spelled(codes, words)
            if cells is not None:
                return cells
    return Cells("text", codes, words)


def _without_blanks(
    codes: NDArray[np.int64], words: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    # Blanks at the ends of words are accidents of typing ("a, b" in a CSV), and a word of blanks only is no word.
    stripped = np.array([word.strip() for word in words], dtype=object)
    stripped[stripped == ""] = None
    merged, levels = pd.factorize(stripped)
    lookup = np.append(merged, -1).astype(np.int64)  # the last one for code -1
    return lookup[codes], np.asarray(levels, dtype=object)


def _spelled_numbers(codes: NDArray[np.int64], words: NDArray[np.object_]) -> Cells | None:
    table = np.empty(len(words) + 1)
    table[-1] = np.nan
    whole, some = (codes >= 0).all(), False
    for i, word in enumerate(words):
        number = find_number(word)
        if number is None and word.casefold() not in MISSING_WORDS:
            return None
        some |= number is not None
        whole &= is_integer(word)
        table[i] = np.nan if number is None else number
    if not some:
        return None
    if whole:
        return _number(
            np.array([int(word) for word in words], dtype=np.int64)[codes], *_gaps(words, np.isnan(table[:-1]))
        )
    return _number(table[codes], *_gaps(words, np.isnan(table[:-1])))


def _spelled_booleans(codes: NDArray[np.int64], words: NDArray[np.object_]) -> Cells | None:
    truth = {"true": 1.0, "false": 0.0}
    folded = [word.casefold() for word in words]
    if not set(folded) <= MISSING_WORDS | truth.keys() or truth.keys().isdisjoint(folded):
        return None
    table = np.array([*(truth.get(word, np.nan) for word in folded), np.nan])
    return Cells("boolean", table[codes], remarks=_gaps(words, np.isnan(table[:-1])))


def _spelled_datetimes(codes: NDArray[np.int64], words: NDArray[np.object_]) -> Cells | None:
    forms, shifts = [], []
    for word in words:
        found = find_datetime(word)
        if found is None and word.casefold() not in MISSING_WORDS:
            return None
        form, shift = found or ("NaT", 0)
        forms.append(form)
        shifts.append(shift)
    try:
        table = np.array([*forms, "NaT"], dtype="datetime64[us]")
    except ValueError:  # 2024-02-30 has the shape of a date and is none
        return None
    if np.isnat(table).all():
        return None
    table[:-1] -= np.array(shifts, dtype="timedelta64[m]")
    zoned = ("times with a zone are read as UTC",) if any(shifts) else ()
    return _datetime(table[codes], *zoned, *_gaps(words, np.isnat(table[:-1])))


def _gaps(words: NDArray[np.object_], lost: NDArray[np.bool_]) -> tuple[str, ...]:
    gaps = sorted({str(word) for word in words[lost]})
    return (f"{', '.join(map(repr, gaps))} read as missing",) if gaps else ()


def level_text(value: Any) -> str:
    """The word for a level: 1 and 1.0 are "1", True is "true".

    >>> level_text(1.0), level_text(np.int8(3)), level_text(True), level_text(" x ")
    ('1', '3', 'true', 'x')
    """
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(value).strip()
