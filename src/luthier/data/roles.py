"""What each column is for: feature, time, group, weight, or to be left out, with the reason in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.cells import Cells
from luthier.data.columns import Column, Feature, Floats, Held, Kind, Note, Role
from luthier.data.encode import CALENDAR, N_BUCKETS, datetime_part
from luthier.data.fingerprint import content_digest
from luthier.data.times import runs_with_rows
from luthier.data.words import MISSING_WORDS, YES_NO, find_number, suggests_identity

# All our judgement; each stands in a note where it decided something.
MOST_LEVELS = 1000  # beyond, rare levels are pooled
ID_SHARE = 0.5  # different words per row from which a word tells too little of other rows
ID_LEAST_DISTINCT = 20  # so many different words must there be, lest a small table loses all its columns
TEXT_WORDS = 3.0  # words per value from which it is text rather than a name
MIXED_NUMBERS = 0.9  # share of numbers from which the rest counts as missing ...
MIXED_WORDS = 20  # ... unless it is made of more different words
TOP = 10  # words listed in the summary of a column


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A column with its role.

    Parameters
    ----------
    column
        What is to be known of it.
    features
        The columns of the matrix made of it, in order.
    array
        Its values for `Dataset.frame` and for encoding, or None where it is no source of features.
    notes
        What was decided.
    """

    column: Column
    features: tuple[Feature, ...] = ()
    array: NDArray[Any] | pd.Categorical | None = None
    notes: tuple[Note, ...] = ()


def find_role(name: str, cells: Cells, *, running: bool = False, keep: bool = False) -> Found:
    """The role of a column that the user gave none.

    Parameters
    ----------
    running
        Whether the rows are ordered in time, so that a second column that runs with them is of no use.
    keep
        Make a feature of it even if it is constant, numbers or names the rows, or runs with their time.
    """
    if cells.kind == "empty":
        return dropped(name, cells, "empty", "it is empty in every row")
    if cells.kind == "nested":
        return dropped(name, cells, "nested", f"it {cells.remarks[0]}, which no model here takes")
    distinct = n_distinct(cells)
    if distinct == 1 and not cells.missing.any() and not keep:
        return dropped(name, cells, "constant", f"it is {_shown(cells)} in every row")
    if cells.kind == "datetime":
        return _datetime_feature(name, cells, running=running and not keep and runs_with_rows(name, cells))
    if cells.kind == "boolean":
        return _feature(name, cells, "boolean", "boolean", cells.array)
    if cells.kind == "number":
        reason = "" if keep else _useless_number(name, cells, distinct, running=running)
        return (
            dropped(name, cells, "id", reason + _unless_kept(name))
            if reason
            else _number_feature(name, cells, distinct)
        )
    return _word_feature(name, cells, distinct, keep=keep)


def dropped(name: str, cells: Cells, kind: Kind, reason: str) -> Found:
    """A column that is left out."""
    return Found(summary(name, cells, "dropped", kind, reason=reason), notes=(Note(name, "dropped", reason),))


def dropped_as_asked(name: str, cells: Cells) -> Found:
    """A column that the user leaves out."""
    return Found(
        summary(name, cells, "dropped", _kind(cells), reason="as asked"), notes=(Note(name, "dropped", "as asked"),)
    )


def _unless_kept(name: str) -> str:
    return f"; to use it all the same say keep=[{name!r}]"


def with_role(name: str, cells: Cells, role: Role, *notes: Note) -> Found:
    """A column that has a role other than feature."""
    return Found(summary(name, cells, role, _kind(cells)), notes=notes)


def time_role(name: str, cells: Cells, *, found: bool) -> Found:
    """The column that orders the rows: itself no feature, for models cannot extrapolate it; its calendar parts are."""
    notes = []
    if found:
        notes.append(
            Note(
                name,
                "assumed",
                "it orders the rows in time, so folds look forward; to change it say time=False or time='...'",
            )
        )
    if cells.kind == "number":
        notes.append(Note(name, "dropped", "running time is no feature: models cannot extrapolate it"))
        return Found(summary(name, cells, "time", "numeric"), notes=tuple(notes))
    parts = calendar_parts(cells)
    told = ", ".join(parts) if parts else "no part of it recurs within the span of the table"
    notes.append(
        Note(
            name, "converted", f"running time is no feature, for models cannot extrapolate it; its calendar is: {told}"
        )
    )
    return Found(summary(name, cells, "time", "datetime"), _date_features(name, parts), cells.array, tuple(notes))


# --- kinds of feature ---


def _feature(
    name: str, cells: Cells, kind: Kind, held: Held, array: NDArray[Any] | pd.Categorical, *notes: Note, **known: Any
) -> Found:
    column = replace(summary(name, cells, "feature", kind), held=held)
    converted = tuple(Note(name, "converted", remark) for remark in cells.remarks)
    features = (Feature(name, name, kind, **known),) if kind in {"numeric", "boolean", "categorical"} else ()
    return Found(column, features, array, (*converted, *notes))


def _useless_number(name: str, cells: Cells, distinct: int, *, running: bool) -> str:
    """Why a column of numbers would teach nothing, or ""."""
    if running and runs_with_rows(name, cells):
        return "it runs with the time of the rows, which models cannot extrapolate"
    values = cells.array
    if distinct < len(cells) or len(cells) < ID_LEAST_DISTINCT or (values != np.rint(values)).any():
        return ""
    steps = np.diff(values)
    if (steps == 1).all() or (steps == -1).all():
        return "it numbers the rows one by one"
    return f"it identifies rows: {distinct:,} different values in as many rows" if suggests_identity(name) else ""


def _number_feature(name: str, cells: Cells, distinct: int) -> Found:
    notes: tuple[Note, ...] = ()
    if suggests_identity(name) and ID_LEAST_DISTINCT < distinct < len(cells):
        hint = f"its name is that of an identifier; if rows of one {name!r} belong together say group={name!r}"
        notes = (Note(name, "kept", hint),)
    return _feature(name, cells, "numeric", "number", cells.array, *notes)


def _datetime_feature(name: str, cells: Cells, *, running: bool) -> Found:
    parts = calendar_parts(cells)
    if running and not parts:
        return dropped(name, cells, "datetime", "it runs with the time of the rows, which models cannot extrapolate")
    parts = parts if running else (*parts, "days")
    note = Note(name, "converted", f"the date is read as {', '.join(parts).replace('days', 'days since 1970-01-01')}")
    found = _feature(name, cells, "datetime", "datetime", cells.array, note)
    return replace(found, features=_date_features(name, parts))


def calendar_parts(cells: Cells) -> tuple[str, ...]:
    """The parts of the date worth having: they vary, and the table spans their whole cycle at least once, for else they
    would be running time by another name.
    """
    stamps = cells.array[~cells.missing]
    span_days = (stamps.max() - stamps.min()) / np.timedelta64(1, "D")
    long_enough = [part for part, cycle in CALENDAR.items() if span_days >= cycle]
    return tuple(part for part in long_enough if np.ptp(datetime_part(stamps, part)) > 0)


def _date_features(name: str, parts: Sequence[str]) -> tuple[Feature, ...]:
    return tuple(Feature(f"{name}.{part}", name, "datetime_part", part=part) for part in parts)


def _word_feature(name: str, cells: Cells, distinct: int, *, keep: bool) -> Found:
    assert cells.levels is not None
    words = cells.words()
    if not cells.declared:
        pair = _yes_no(cells.levels)
        if pair is not None:
            note = Note(name, "converted", f"{pair[1]!r} is read as 1 and {pair[0]!r} as 0")
            return _feature(name, cells, "boolean", "text", words, note)
        mixed = _mostly_numbers(name, cells)
        if mixed is not None:
            return mixed
    present = int((cells.array >= 0).sum())
    nearly_unique = distinct > ID_LEAST_DISTINCT and distinct > ID_SHARE * present
    if (nearly_unique or distinct > MOST_LEVELS) and _words_per_value(cells.levels) >= TEXT_WORDS:
        return _text_feature(name, cells)
    if nearly_unique and not keep:
        reason = f"it names rows: {distinct:,} different values in {present:,} rows{_unless_kept(name)}"
        return dropped(name, cells, "id", reason)
    return _categorical_feature(name, cells, distinct)


def _yes_no(levels: NDArray[np.object_]) -> tuple[str, str] | None:
    folded = {word.casefold() for word in levels}
    return next((pair for pair in YES_NO if folded <= set(pair)), None)


def _mostly_numbers(name: str, cells: Cells) -> Found | None:
    """Numbers with a few words between them ("<5", "unknown"): the words count as missing."""
    assert cells.levels is not None
    table = np.full(len(cells.levels) + 1, np.nan)
    odd = []
    for code, word in enumerate(cells.levels):
        number = find_number(word)
        if number is not None:
            table[code] = number
        elif word.casefold() not in MISSING_WORDS:
            odd.append(code)
            if len(odd) > MIXED_WORDS:
                return None
    numbers: Floats = table[cells.array]
    lost = np.isin(cells.array, odd)
    if (~np.isnan(numbers)).sum() < MIXED_NUMBERS * ((~np.isnan(numbers)).sum() + lost.sum()):
        return None
    as_numbers = Cells("number", numbers, remarks=cells.remarks)
    words = tuple(str(cells.levels[code]) for code in odd)
    note = Note(
        name,
        "converted",
        f"mixed types: {int(lost.sum()):,} of {len(cells):,} values are no numbers and count as missing "
        f"({', '.join(map(repr, words[:5]))}{', ...' if len(words) > 5 else ''})",
    )
    found = _feature(name, as_numbers, "numeric", "number", numbers, note)
    return replace(found, column=replace(found.column, missing_words=words))


def _words_per_value(levels: NDArray[np.object_]) -> float:
    sample = levels[:: max(1, len(levels) // 1000)]
    return float(np.mean([len(word.split()) for word in sample]))


def _text_feature(name: str, cells: Cells) -> Found:
    note = Note(name, "converted", f"free text is read as {N_BUCKETS} counts of hashed words and their number")
    found = _feature(name, cells, "text", "text", cells.words(), note)
    buckets = [Feature(f"{name}#{i}", name, "text_hash", part=str(i)) for i in range(N_BUCKETS)]
    return replace(found, features=(*buckets, Feature(f"{name}#words", name, "text_hash", part="words")))


def _categorical_feature(name: str, cells: Cells, distinct: int) -> Found:
    assert cells.levels is not None
    held: Held = "category" if cells.declared else "text"
    if distinct <= MOST_LEVELS:
        words = [str(word) for word in cells.levels]
        levels = tuple(words if cells.declared else sorted(words))
        return _feature(name, cells, "categorical", held, cells.words(), levels=levels)
    counts = np.bincount(cells.array[cells.array >= 0], minlength=len(cells.levels))
    kept = np.sort(np.argsort(-counts, kind="stable")[: MOST_LEVELS - 1])
    rare = "(rare)"
    while rare in cells.levels[kept]:
        rare += "*"
    words = sorted(str(word) for word in cells.levels[kept])
    note = Note(
        name,
        "converted",
        f"of {distinct:,} levels the {len(kept):,} most frequent are kept, the others are one level, {rare!r}",
    )
    # As text, whether declared or not: a category of the kept levels would lose the others from the frame.
    return _feature(name, cells, "categorical", "text", cells.words(), note, levels=(*words, rare), rare=rare)


# --- summaries and duplicates ---


def without_duplicates(
    cells: Mapping[str, Cells], found: Mapping[str, Found], *, keep: Collection[str] = ()
) -> dict[str, Found]:
    """The same, with features that repeat an earlier one value for value dropped, but for those to be kept."""
    first: dict[str, str] = {}
    out = dict(found)
    for name, role in found.items():
        if role.column.role == "feature":
            content = content_digest(cells[name])
            if content in first and name not in keep:
                out[name] = dropped(name, cells[name], "duplicate", f"it repeats {first[content]!r} value for value")
            first.setdefault(content, name)
    return out


def summary(name: str, cells: Cells, role: Role, kind: Kind, *, reason: str = "") -> Column:
    """What the column holds, for the report."""
    held: Held = "category" if cells.declared else cells.kind
    missing = float(cells.missing.mean()) if len(cells) else 0.0
    low, middle, high = _range(cells)
    return Column(name, role, kind, held, missing, n_distinct(cells), low, high, _top(cells), reason, middle=middle)


def n_distinct(cells: Cells) -> int:
    """Different values, missing ones not counted."""
    if cells.levels is not None:
        return len(cells.levels)
    return len(pd.unique(cells.array[~cells.missing]))


def _range(cells: Cells) -> tuple[float | str | None, float | str | None, float | str | None]:
    """The least value, the lower median and the greatest; None where there is no order."""
    if cells.kind not in {"number", "datetime"}:
        return None, None, None
    present = cells.array[~cells.missing]
    low, high = present.min(), present.max()
    half = (len(present) - 1) // 2
    if cells.kind == "datetime":
        return str(low), str(np.partition(present.view(np.int64), half)[half].astype("datetime64[us]")), str(high)
    if not np.isfinite([low, high]).all():
        return None, None, None
    return float(low), float(np.partition(present, half)[half]), float(high)


def _top(cells: Cells) -> tuple[tuple[str, int], ...]:
    if cells.kind == "boolean":
        present = cells.array[~cells.missing]
        counted = {"true": int((present == 1).sum()), "false": int((present == 0).sum())}
        return tuple(sorted(counted.items(), key=lambda pair: -pair[1]))
    if cells.levels is None:
        return ()
    counts = np.bincount(cells.array[cells.array >= 0], minlength=len(cells.levels))
    order = np.argsort(-counts, kind="stable")[:TOP]
    return tuple((str(cells.levels[i])[:80], int(counts[i])) for i in order)


def _shown(cells: Cells) -> str:
    if cells.levels is not None:
        return repr(str(cells.levels[0]))
    return str(bool(cells.array[0])).lower() if cells.kind == "boolean" else str(cells.array[0])


def _kind(cells: Cells) -> Kind:
    kinds: dict[str, Kind] = {"number": "numeric", "text": "categorical"}
    return kinds.get(cells.kind, cells.kind)  # type: ignore[arg-type]
