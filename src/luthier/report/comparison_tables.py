"""The tables of a comparison's page, as rows of ready words."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.evaluation.contenders import Contender, Reach
from luthier.report.comparison_facts import ComparisonFacts
from luthier.report.comparison_words import STRATEGY_MEANINGS, comparison_style
from luthier.report.figures import UNKNOWN, clipped, duration, money, number, share


@dataclass(frozen=True, slots=True)
class ContenderRow:
    """One strategy in the main table, and what it is in plain words."""

    name: str
    meaning: str
    score: str
    behind: str
    beyond_luck: bool
    honest: str
    honest_interval: str
    trials: str
    seconds: str
    money: str
    leader: bool


@dataclass(frozen=True, slots=True)
class ExplorationRow:
    """How much of a strategy's search was exploring: overall and by quarter; `parts` in [0, 1] or None."""

    name: str
    overall: str
    parts: tuple[float | None, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReachRow:
    """When a strategy had what others had at the end."""

    name: str
    cells: tuple[str, ...]


def contender_rows(facts: ComparisonFacts) -> list[ContenderRow]:
    """The best first."""
    style = comparison_style(facts)

    def row(place: int, c: Contender) -> ContenderRow:
        return ContenderRow(
            name=clipped(c.name, 40),
            meaning=STRATEGY_MEANINGS.get(c.name, ""),
            score=style.score(c.score.value),
            behind="" if c.behind is None else style.score(c.behind.value),
            beyond_luck=c.surely_behind,
            honest=UNKNOWN if c.honest is None else style.score(c.honest.value),
            honest_interval="" if c.honest is None else style.interval(c.honest),
            trials=number(c.trials, 0 if c.trials >= 10 or c.trials == int(c.trials) else 1),
            seconds=duration(c.seconds),
            money=money(facts.money_of(c.seconds), clipped(facts.currency, 12)),
            leader=place == 0,
        )

    return [row(place, c) for place, c in enumerate(facts.comparison.contenders)]


def exploration_rows(facts: ComparisonFacts) -> list[ExplorationRow]:
    """In the order of the main table."""
    return [
        ExplorationRow(
            clipped(c.name, 40), share(c.explored_share), c.explored_quarters, tuple(map(share, c.explored_quarters))
        )
        for c in facts.comparison.contenders
    ]


def reach_table(facts: ComparisonFacts) -> tuple[tuple[str, ...], list[ReachRow]]:
    """Seconds to what the weakest strategy, and random search, had at the end: heads of the columns, and rows."""
    comparison, style = facts.comparison, comparison_style(facts)
    heads = tuple(
        f"{style.score(target.score)}, where {clipped(target.name, 24)} ended" for target in comparison.targets
    )
    rows = [
        ReachRow(clipped(c.name, 40), tuple(_reach(reach, comparison.repeats) for reach in c.reached))
        for c in comparison.contenders
    ]
    return heads, rows


def _reach(reach: Reach, repeats: int) -> str:
    if reach.seconds is None:
        return "not reached"
    some = "" if reach.repeats == repeats else f" ({reach.repeats} of {repeats} repeats)"
    return f"{duration(reach.seconds)}{some}"
