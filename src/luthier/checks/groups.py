"""Leakage: rows of one person, machine or place on both sides of a split."""

from __future__ import annotations

import shlex

import numpy as np
from numpy.typing import NDArray

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable, not_enough_data
from luthier.checks.flattery import compare
from luthier.checks.one_column import FOLDS
from luthier.checks.sample import fit_seconds, some_units
from luthier.data.words import name_words, suggests_identity

CODE = "leak.groups"
LEAST_ROWS = 100
LEAST_GROUPS = 10
LEAST_PER_GROUP = 1.3
MOST_COLUMNS = 3
WHO = frozenset(
    """patient subject person customer client user member account household family student pupil employee worker
    driver device machine sensor engine unit session visitor player author speaker sample batch lot group""".split()  # noqa: SIM905 - words read best as words
)


def look(context: Context) -> Answer:
    """Rows that belong together (of one patient, customer, machine) and would fall on both sides of shuffled folds.

    Columns whose name is that of an identifier, and columns of words with so many different values that they name
    things, are tried: the same rows are judged by shuffled folds and by folds that keep every group whole. Where the
    first are clearly better, the model knows groups again instead of learning what they have in common, and new groups
    will be served worse. An error or a warning, by its size, where the name says identity; else good to know, for a
    country or an agency is mostly one that is known already, and shuffled folds are then right.
    """
    data = context.dataset
    if data.groups is not None:
        return not_applicable(f"folds keep the groups of {data.schema.group!r} whole")
    candidates = _candidates(context)
    if not candidates:
        return not_applicable("no column seems to say what rows belong together")
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows are too few to part by groups; {LEAST_ROWS} would do")
    found = []
    for name, groups in candidates.items():
        rng = context.rng(f"{CODE} {name}")
        rows = some_units(groups, rng)
        sample, units = context.sample(rows, always=(name,)), groups[rows]
        flattered = sample.predict_out_of_fold(sample.shuffled_folds(rng), context.seed)
        honest = sample.predict_out_of_fold(sample.grouped_folds(units, rng), context.seed)
        flattery = compare(sample, flattered, honest, units)
        if flattery.is_clear:
            found.append(
                Finding(
                    CODE,
                    f"rows of one {name!r} tell of each other: shuffled folds promise more than new groups will keep",
                    flattery.severity if _names_identity(name) else "info",
                    (name,),
                    {**flattery.evidence("shuffled", "grouped"), "groups": int(groups.max()) + 1},
                    f"if rows to come are of new groups, keep them whole: --group {shlex.quote(name)}",
                )
            )
    return tuple(found)


def _names_identity(name: str) -> bool:
    return suggests_identity(name) or not WHO.isdisjoint(name_words(name))


def _candidates(context: Context) -> dict[str, NDArray[np.int64]]:
    """Codes of columns that may say what rows belong together, names of identifiers first."""
    data = context.dataset
    set_apart = {data.schema.target, data.schema.time, data.schema.weight}
    out: list[tuple[bool, str, NDArray[np.int64]]] = []
    for name, cells in context.columns.items():
        if name in set_apart or cells.kind not in {"number", "text"}:
            continue
        named = _names_identity(name)
        if cells.kind == "number" and not named:
            continue
        codes = np.unique(cells.array, return_inverse=True)[1].astype(np.int64)
        n_groups = int(codes.max()) + 1
        least = LEAST_GROUPS if named else max(2 * LEAST_GROUPS, int(np.sqrt(data.n_rows)) // 2)
        if n_groups >= least and data.n_rows >= LEAST_PER_GROUP * n_groups:
            out.append((not named, name, codes))
    return {name: codes for _, name, codes in sorted(out, key=lambda one: one[0])[:MOST_COLUMNS]}


CHECK = Check(
    CODE,
    "Would rows that belong together fall on both sides of a fold?",
    look,
    lambda context: fit_seconds(context.dataset, 2 * FOLDS * len(_candidates(context))),
)
