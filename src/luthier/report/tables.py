"""The tables of a report as rows of ready words, each with a limit and a note of what it leaves out.

A report of any run stays under a megabyte: names, levels and settings come from outside and may be of any length and
number, so every one of them passes through a limit here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from luthier.report.axes import Axis, typical_range
from luthier.report.facts import ColumnFacts, ReportFacts, TrialFacts, is_known
from luthier.report.figures import (
    UNKNOWN,
    ScoreStyle,
    clipped,
    duration,
    number,
    plain_value,
    setting,
    share,
)

NAME = 60
"""Characters of a name that are shown."""
MOST_TRIALS, MOST_COLUMNS, MOST_SETTINGS, MOST_NOTES, MOST_SOURCES = 100, 300, 60, 60, 40
MOST_FAMILIES = 30
MOST_MEMBERS = 20
FIRST_TRIALS, FIRST_COLUMNS = 15, 40
"""Rows in plain sight and in print; the others wait behind a click."""


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial; `folds` are the places of its fold scores on a common axis, in [0, 1]."""

    number: str
    family: str
    score: str
    folds: tuple[float, ...]
    seconds: str
    state: str
    settings: tuple[tuple[str, str], ...]
    more_settings: int
    mark: str
    """default, shipped, both, or empty."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One model of a blend; `weight` is its share of the answer."""

    weight: float
    weight_words: str
    trial: str
    family: str
    score: str
    settings: tuple[tuple[str, str], ...]
    more_settings: int


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One parameter in the default and in the shipped configuration."""

    name: str
    default: str
    chosen: str


@dataclass(frozen=True, slots=True)
class SettingTable:
    """Settings that differ, those left at the default, and those that only the default has."""

    differs: tuple[SettingRow, ...]
    same: tuple[SettingRow, ...]
    gone: tuple[SettingRow, ...]
    left_out: str


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column of the data; `bars` are the relative heights of a small histogram, `top` the commonest levels."""

    name: str
    role: str
    kind: str
    missing: float
    missing_words: str
    distinct: str
    range: str
    bars: tuple[float, ...]
    top: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """What one model family cost; `part` is its share of all worker seconds."""

    name: str
    trials: str
    best: str
    seconds: str
    part: float
    part_words: str


@dataclass(frozen=True, slots=True)
class Table(Generic[Row]):
    """Rows in plain sight, rows behind a click, and what was left out altogether."""

    first: tuple[Row, ...]
    rest: tuple[Row, ...] = ()
    left_out: str = ""

    def __bool__(self) -> bool:
        return bool(self.first)


def trial_table(facts: ReportFacts) -> Table[TrialRow]:
    """The best trials first; the shipped and the default one are always among the rows in plain sight."""
    style = ScoreStyle.of(facts)
    ranked = facts.ranked_trials()
    shown = ranked[:MOST_TRIALS]
    numbers = (*_shipped_trials(facts), facts.default_trial)
    held = [t for t in map(facts.trial, numbers) if t is not None]
    first = shown[:FIRST_TRIALS]
    first += list({t.number: t for t in held if t.number not in {f.number for f in first}}.values())
    in_sight = {t.number for t in first}
    rest = [t for t in shown if t.number not in in_sight]
    left_out = len(ranked) - len(first) - len(rest)
    folds = [s for t in (*first, *rest) for s in t.fold_scores if is_known(s)]
    axis = typical_range(folds, greater_is_better=facts.metric.greater_is_better)
    rows = [_trial_row(facts, t, style, axis) for t in (*first, *rest)]
    note = f"{number(left_out)} trials with lower places are left out here; the record of the study holds them all."
    return Table(tuple(rows[: len(first)]), tuple(rows[len(first) :]), note if left_out else "")


def member_table(facts: ReportFacts) -> tuple[MemberRow, ...]:
    """The models of a blend, the heaviest first; empty where one model is shipped."""
    if facts.final is None or not facts.final.is_blend:
        return ()
    style = ScoreStyle.of(facts)
    rows = []
    for member in facts.final.members[:MOST_MEMBERS]:
        trial = facts.trial(member.trial)
        own = [(k, v) for k, v in member.config.items() if k != "model"]
        rows.append(
            MemberRow(
                weight=member.weight,
                weight_words=share(member.weight),
                trial=number(member.trial),
                family=clipped(member.family, 24),
                score=style.score(None if trial is None else trial.score),
                settings=tuple((parameter_name(k, member.family), setting(v, limit=24)) for k, v in own[:12]),
                more_settings=max(len(own) - 12, 0),
            )
        )
    return tuple(rows)


def _trial_row(facts: ReportFacts, trial: TrialFacts, style: ScoreStyle, axis: Axis) -> TrialRow:
    default = facts.default_config
    own = [(k, v) for k, v in trial.config.items() if k != "model" and (k not in default or default[k] != v)]
    marks = ["default"] * (trial.number == facts.default_trial) + ["shipped"] * (trial.number in _shipped_trials(facts))
    return TrialRow(
        number=number(trial.number),
        family=clipped(trial.family, 24),
        score=style.score(trial.score),
        folds=tuple(round(axis.share(s), 3) for s in trial.fold_scores[:25] if is_known(s)),
        seconds=duration(trial.seconds),
        state=clipped(trial.state, 16).lower(),
        settings=tuple((parameter_name(k, trial.family), setting(v, limit=24)) for k, v in own[:8]),
        more_settings=max(len(own) - 8, 0),
        mark=", ".join(marks),
    )


def _shipped_trials(facts: ReportFacts) -> tuple[int, ...]:
    """The trials that are shipped: one, or the members of a blend."""
    if facts.final is not None and facts.final.is_blend:
        return tuple(member.trial for member in facts.final.members[:MOST_MEMBERS])
    return () if facts.shipped_trial is None else (facts.shipped_trial,)


def parameter_name(name: str, family: str) -> str:
    """A parameter without its family's prefix, which the row says already."""
    return clipped(name.removeprefix(f"{family}."), 40)


def setting_table(facts: ReportFacts) -> SettingTable:
    """Default against shipped: what differs, what is the same, and what only the default's family has."""
    default, chosen = facts.default_config, facts.best_config
    names = [*chosen, *(name for name in default if name not in chosen)]
    differs: list[SettingRow] = []
    same: list[SettingRow] = []
    gone: list[SettingRow] = []
    for name in names[:MOST_SETTINGS]:
        row = SettingRow(
            clipped(name, NAME),
            setting(default[name]) if name in default else UNKNOWN,
            setting(chosen[name]) if name in chosen else UNKNOWN,
        )
        if name not in chosen:
            gone.append(row)
        elif name in default and _same(default[name], chosen[name]):
            same.append(row)
        else:
            differs.append(row)
    left_out = max(len(names) - MOST_SETTINGS, 0)
    note = f"{number(left_out)} more settings are left out." if left_out else ""
    return SettingTable(tuple(differs), tuple(same), tuple(gone), note)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def column_table(facts: ReportFacts) -> Table[ColumnRow]:
    """The target first, then the columns in the order of the table."""
    columns = sorted(facts.data.columns, key=lambda c: c.role != "target")
    rows = [_column_row(c) for c in columns[:MOST_COLUMNS]]
    left_out = len(columns) - len(rows)
    return Table(
        tuple(rows[:FIRST_COLUMNS]),
        tuple(rows[FIRST_COLUMNS:]),
        f"{number(left_out)} more columns are left out." if left_out else "",
    )


def _column_row(column: ColumnFacts) -> ColumnRow:
    bars = [max(h, 0.0) if is_known(h) else 0.0 for h in column.histogram[:24]]
    tallest = max(bars, default=0.0)
    missing = column.missing_share
    known_range = column.low is not None or column.high is not None
    return ColumnRow(
        name=clipped(column.name, NAME),
        role=clipped(column.role, 16),
        kind=clipped(column.kind.replace("_", " "), 20),
        missing=min(max(missing, 0.0), 1.0) if is_known(missing) else 0.0,
        missing_words=share(missing) if missing != 0 else "",
        distinct=number(column.n_distinct),
        range=f"{plain_value(column.low)} to {plain_value(column.high)}" if known_range else "",
        bars=tuple(round(h / tallest, 2) for h in bars) if tallest > 0 else (),
        top=tuple((clipped(level, 22), share(part), part) for level, part in column.top[:3] if is_known(part)),
    )


def family_table(facts: ReportFacts) -> Table[FamilyRow]:
    """Model families, the costliest first."""
    style, seconds = ScoreStyle.of(facts), facts.run.seconds_by_family
    ranked = facts.ranked_trials()
    total = sum(s for s in seconds.values() if is_known(s)) or 1.0
    names = sorted({*seconds, *(t.family for t in ranked)}, key=lambda f: (-_seconds(seconds, f), f))
    rows = []
    for name in names[:MOST_FAMILIES]:
        of_family = [t for t in ranked if t.family == name]
        part = _seconds(seconds, name) / total
        rows.append(
            FamilyRow(
                clipped(name, NAME),
                number(len(of_family)),
                style.score(of_family[0].score) if of_family else UNKNOWN,
                duration(seconds.get(name)),
                part,
                share(part) if name in seconds else UNKNOWN,
            )
        )
    left_out = len(names) - len(rows)
    return Table(tuple(rows), left_out=f"{number(left_out)} more families are left out." if left_out else "")


def _seconds(seconds: Mapping[str, float], family: str) -> float:
    spent = seconds.get(family)
    return spent if is_known(spent) else 0.0


def one_line(config: Mapping[str, Any], *, most: int = 8) -> str:
    """A configuration in one line: `lightgbm: num_leaves=63, learning_rate=0.0432`."""
    family = str(config.get("model", ""))
    own = [(k, v) for k, v in config.items() if k != "model"]
    said = ", ".join(f"{parameter_name(k, family)}={setting(v, limit=24)}" for k, v in own[:most])
    more = f" and {len(own) - most} more" if len(own) > most else ""
    body = said + more or "no settings to tune"
    return f"{clipped(family, NAME)}: {body}" if family else body
