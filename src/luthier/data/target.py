"""The target: which task it sets, which classes it has, which of them is the positive one, and which rows lack it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from luthier.data.cells import Cells, undeclared
from luthier.data.columns import Label, Note, Task
from luthier.data.schema import label_keys
from luthier.data.suggest import closest, listing
from luthier.data.words import MISSING_LABELS, POSITIVE_WORDS, TRUTH, find_number
from luthier.errors import BadTarget, BadValues

# Our judgement, for whole numbers when the task is not named: so few values are classes if each has so many rows.
MOST_NUMBERED_CLASSES = 20
LEAST_ROWS_A_CLASS = 5
LEAST_ROWS_PER_CLASS_ON_AVERAGE = 10


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A target that can be learned.

    Parameters
    ----------
    task, classes
        As in `Schema`.
    y
        (n,) codes of classes int64, or values float64.
    notes
        What was assumed.
    """

    task: Task
    classes: tuple[Label, ...]
    y: NDArray[Any]
    notes: tuple[Note, ...]


def known_rows(name: str, cells: Cells) -> tuple[NDArray[np.int64], tuple[Note, ...]]:
    """The rows that have a target.

    Raises
    ------
    BadTarget
        None has.
    """
    missing = cells.missing
    gaps: list[str] = []
    if cells.kind == "text" and cells.levels is not None:
        lost = np.array([word.casefold() in MISSING_LABELS for word in cells.levels], dtype=bool)
        gaps = [repr(word) for word in cells.levels[lost]]
        missing |= np.append(lost, True)[cells.array]
    n = int(missing.sum())
    if n == len(cells):
        raise BadTarget(
            f"the target {name!r} is empty in all {n:,} rows",
            fix="name another column as target, or give rows with labels",
        )
    spelled = f" ({', '.join(gaps)} count as missing)" if gaps else ""
    note = Note(name, "dropped", f"{n:,} of {len(cells):,} rows have no target and are left out{spelled}")
    return np.flatnonzero(~missing), (note,) if n else ()


def make_target(
    name: str, cells: Cells, *, task: Task | None, positive: Label | None, rows: NDArray[np.int64]
) -> Target:
    """What is to be learned.

    Parameters
    ----------
    cells
        The target of the rows that have one.
    task
        As named by the user, or None: found from the values.
    positive
        As named by the user, or None: recognised by its word, else the rarer class.
    rows
        Where these rows stand in the table, for messages.

    Raises
    ------
    BadTarget
        It is constant, has a class of one row, or does not fit the task or the positive class named.
    BadValues
        It holds infinite values.
    """
    if task is not None and task not in get_args(Task):
        meant = closest(task, get_args(Task))
        raise BadTarget(
            f"there is no task {task!r}",
            fix=f"choose one of {listing(get_args(Task))}" + (f": {meant}?" if meant else ""),
        )
    if cells.kind in {"nested", "datetime"}:
        held = "dates" if cells.kind == "datetime" else "lists, mappings or bytes"
        raise BadTarget(f"the target {name!r} holds {held}", fix="give a target of numbers or of classes")
    check_finite(name, cells, rows)
    given = _given(name, cells, rows)
    labels, codes = given.labels, given.codes
    if len(labels) == 1:
        raise BadTarget(
            f"the target {name!r} is {labels[0]!r} in all {len(codes):,} rows, so there is nothing to learn",
            fix="name another column as target, or give rows of at least two classes",
        )
    notes: tuple[Note, ...] = ()
    if task is None:
        task, why = _find_task(name, cells, given)
        notes = (Note(name, "assumed", f"task {task}: {why}; to change it say task='...'"),)
    target = _regression(given, cells, positive) if task == "regression" else _classification(given, task, positive)
    return replace(target, notes=(*notes, *target.notes))


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """A target column: its different values, sorted and in types of Python's own, and which row has which."""

    name: str
    labels: Sequence[Label]
    codes: NDArray[np.int64]
    rows: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=len(self.labels))

    def row_of(self, code: int) -> int:
        """Where the label first stands, counted from 1."""
        return int(self.rows[np.argmax(self.codes == code)]) + 1


def check_finite(name: str, cells: Cells, rows: NDArray[np.int64]) -> None:
    """Refuse infinite numbers.

    Raises
    ------
    BadValues
        Naming the column, the count and the first row.
    """
    if cells.kind != "number" or cells.array.dtype.kind != "f":
        return
    infinite = np.isinf(cells.array)
    if infinite.any():
        first = int(np.argmax(infinite))
        raise BadValues(
            f"column {name!r} holds {int(infinite.sum()):,} infinite values, the first in row {int(rows[first]) + 1:,}",
            fix=f"correct them, leave them empty, or leave the column out: drop=[{name!r}]",
        )


def _given(name: str, cells: Cells, rows: NDArray[np.int64]) -> _Given:
    if cells.levels is not None:
        words, codes = np.unique(cells.levels[cells.array].astype(str), return_inverse=True)
        return _Given(name, [str(word) for word in words], codes, rows)
    values, codes = np.unique(cells.array, return_inverse=True)
    if cells.kind == "boolean":
        return _Given(name, [bool(value) for value in values], codes, rows)
    whole = _are_whole(values)
    return _Given(name, [int(value) if whole else float(value) for value in values], codes, rows)


def _are_whole(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "i" or bool((values == np.rint(values)).all() and (np.abs(values) < 2**53).all())


def _find_task(name: str, cells: Cells, given: _Given) -> tuple[Task, str]:
    k, n = len(given.labels), len(given.codes)
    if cells.kind in {"text", "boolean"}:
        return ("binary" if k == 2 else "multiclass"), f"{name!r} has {k:,} classes"
    whole = isinstance(given.labels[0], int)
    if k == 2 and whole:
        return "binary", f"{name!r} holds two values, {given.labels[0]} and {given.labels[1]}"
    fewest = int(given.counts.min())
    if not whole:
        return "regression", f"{name!r} holds numbers with decimals"
    if k > MOST_NUMBERED_CLASSES:
        return "regression", f"{name!r} holds {k:,} different numbers"
    if n >= LEAST_ROWS_PER_CLASS_ON_AVERAGE * k and fewest >= LEAST_ROWS_A_CLASS:
        return "multiclass", f"{name!r} holds {k} whole numbers, each in at least {fewest:,} rows"
    return "regression", f"{name!r} holds {k} different numbers, too many for {n:,} rows to be classes"


def _regression(given: _Given, cells: Cells, positive: Label | None) -> Target:
    name, cells = given.name, undeclared(cells)
    if cells.kind == "text":
        assert cells.levels is not None
        odd = next(code for code, word in enumerate(cells.levels) if find_number(word) is None)
        row = int(given.rows[np.argmax(cells.array == odd)]) + 1
        raise BadTarget(
            f"regression needs numbers, but row {row:,} of the target {name!r} holds {cells.levels[odd]!r}",
            fix="correct or leave out such rows; or say task='multiclass' to predict classes",
        )
    if positive is not None:
        raise BadTarget(
            f"a positive class ({positive!r}) is named, but {name!r} is to be predicted as a number",
            fix="say task='binary', or leave positive out",
        )
    return Target("regression", (), cells.array.astype(np.float64), ())


def _classification(given: _Given, task: Task, positive: Label | None) -> Target:
    name, labels, counts = given.name, given.labels, given.counts
    if task == "binary" and len(labels) > 2:
        raise BadTarget(
            f"a binary task has two classes, but {name!r} has {len(labels):,}: {listing(map(str, labels), most=6)}",
            fix="say task='multiclass', or keep the rows of two classes",
        )
    if isinstance(labels[0], float) and len(labels) > MOST_NUMBERED_CLASSES:
        raise BadTarget(
            f"{name!r} holds {len(labels):,} different numbers with decimals, which are no classes",
            fix="say task='regression'",
        )
    if counts.min() == 1:
        raise _single_row(given)
    if len(labels) > 2:
        if positive is not None:
            raise BadTarget(
                f"a positive class ({positive!r}) is named, but {name!r} has {len(labels):,} classes",
                fix="leave positive out, or make the target binary",
            )
        return Target("multiclass", tuple(labels), given.codes.astype(np.int64), ())
    notes: list[Note] = []
    if task == "multiclass":
        notes.append(Note(name, "assumed", "task binary: a multiclass task of two classes is one"))
    if positive is None:
        at, why = _find_positive(labels, counts)
        other = f"to change it say positive={labels[1 - at]!r}"
        notes.append(Note(name, "assumed", f"positive class {labels[at]!r}: {why}; {other}"))
    else:
        at = _named_positive(name, labels, positive)
    classes = (labels[1 - at], labels[at])
    return Target("binary", classes, (given.codes == at).astype(np.int64), tuple(notes))


def _single_row(given: _Given) -> BadTarget:
    single = np.flatnonzero(given.counts == 1)
    label, row = given.labels[single[0]], given.row_of(int(single[0]))
    or_regression = "" if isinstance(label, str) else ", or say task='regression'"
    if len(single) > len(given.labels) / 2:
        return BadTarget(
            f"{len(single):,} of the {len(given.labels):,} classes of {given.name!r} have a single row "
            f"({label!r}: row {row:,}), so it names rows rather than classes",
            fix=f"name another column as target{or_regression}",
        )
    others = f", and so have {len(single) - 1:,} other classes" if len(single) > 1 else ""
    return BadTarget(
        f"class {label!r} of {given.name!r} has a single row (row {row:,}){others}; to learn a class and to check it "
        "takes at least two",
        fix=f"leave out such rows, or put rare classes together under one name{or_regression}",
    )


def _find_positive(labels: Sequence[Label], counts: NDArray[np.int64]) -> tuple[int, str]:
    if isinstance(labels[0], bool):
        return 1, "it is true"
    if isinstance(labels[0], int) and tuple(labels) in {(0, 1), (-1, 1)}:
        return 1, f"the other is {labels[0]}"
    if isinstance(labels[0], str):
        known = [str(label).casefold() in POSITIVE_WORDS for label in labels]
        if known[0] != known[1]:
            return int(known[1]), "the word says so"
    at = int(counts[1] <= counts[0])
    return at, f"it is the rarer one ({int(counts[at]):,} of {int(counts.sum()):,} rows)"


def _named_positive(name: str, labels: Sequence[Label], positive: Label) -> int:
    by_spelling: Mapping[str, int] = {key: at for at, label in enumerate(labels) for key in label_keys(label)}
    for key in label_keys(positive):
        if key in by_spelling:
            return by_spelling[key]
    folded = {key.casefold(): at for key, at in by_spelling.items()}
    word = str(positive).strip().casefold()
    if word in folded:
        return folded[word]
    # "Yes" for a target of 0 and 1, or of true and false, and the other way round.
    meant = _truth(word)
    truths = [_truth(str(label).casefold()) for label in labels]
    if meant is not None and set(truths) == {0.0, 1.0}:
        return truths.index(meant)
    raise BadTarget(
        f"{positive!r} is not a class of {name!r}; its classes are {listing(map(str, labels))}",
        fix=f"say positive={labels[1]!r} or positive={labels[0]!r}",
    )


def _truth(word: str) -> float | None:
    return TRUTH.get(word, {"1": 1.0, "0": 0.0}.get(word))
