"""The sentences of a comparison's page, made from its facts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from luthier.evaluation.contenders import Contender
from luthier.report.comparison_facts import ComparisonFacts
from luthier.report.facts import is_known
from luthier.report.figures import THIN, ScoreStyle, clipped, duration, money, number, share

STRATEGY_MEANINGS = {
    "grid": "Tries every combination of some values of each setting, in a shuffled order. Learns nothing on the way.",
    "random": "Draws settings by chance. Learns nothing on the way; the plain rival that others have to beat.",
    "sobol": "Like chance, but spread more evenly over all settings.",
    "gp": "Learns a smooth picture of how settings and score hang together, and tries what looks most promising.",
    "tpe": "Learns what good tries have in common, and tries more like them.",
    "auto": "Starts with the usual settings of every kind of model, then decides by itself how to search on.",
    "cmaes": "Lets a cloud of tries wander towards better settings.",
    "flow2": "Takes small steps from the best settings so far, cheap ones first.",
    "evolution": "Breeds new settings from the best so far.",
}

GLOSSARY = {
    "Strategy": "A way to decide which settings to try next.",
    "Best so far": "The best average over the folds among all tries until then. Being the best of many it promises a "
    "little too much, but it does so for every strategy alike.",
    "Honest score": "What the winner of a strategy should reach on new rows: the score corrected for its having been "
    "picked as the best of many.",
    "Repeat": "The whole search done again with other chance numbers, to tell skill from luck.",
    "Mean rank": "1 is always ahead. Taken at a tenth, a quarter, a half, three quarters and all of the budget, each "
    "repeat against each repeat of the others.",
    "Own clock": "Each search has a clock of its own, which counts the seconds of its fits and of its own thinking, as "
    "if it had run alone with one worker. A fit that another search had done before costs what it took then.",
    "Exploring": "Trying what is unlike anything tried, rather than building on what did well.",
    "Fold": "One split of the rows: a model learns from one part and is tested on the other. All strategies use the "
    "same folds.",
}


_SCORES_FLATTER = (
    "The scores here are those of the best try so far. The best of many tries promises a little too much; it does so "
    "for every strategy alike, so they can be compared, but do not expect them on new rows."
)
_HONEST_IS_BELOW = "What to expect on new rows is the honest score in the table below."
_HONEST_IS_ELSEWHERE = "For a score to expect on new rows, tune with the strategy you choose."


def comparison_style(facts: ComparisonFacts, *, group: str = THIN) -> ScoreStyle:
    """Decimals that show two digits of what parts the first from the last; three digits of the score when nothing."""
    scores = [c.score.value for c in facts.comparison.contenders]
    spread = max(scores) - min(scores)
    size, significant = (spread, 2) if spread > 1e-9 else (abs(scores[0]) or 1.0, 3)
    fewest = 3 if abs(scores[0]) < 10 else 0
    return ScoreStyle(min(max(significant - 1 - math.floor(math.log10(size)), fewest), 5), group)


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """The first page in words."""

    headline: str
    lead: str
    tone: str
    """good: one strategy is better beyond luck; fair: luck may explain it."""
    how_sure: tuple[str, ...]
    what_it_cost: tuple[str, ...]
    how_to_read: tuple[str, ...]
    next_steps: tuple[str, ...]


def comparison_page(facts: ComparisonFacts) -> ComparisonPage:
    """The first page, in words."""
    comparison, style = facts.comparison, comparison_style(facts)
    leader, others = comparison.contenders[0], comparison.contenders[1:]
    lost = [c for c in others if c.surely_behind]
    if not any(c.better_than_default for c in comparison.contenders):
        tone, headline = "fair", "Nothing beat the default settings"
    elif others and len(lost) == len(others):
        tone, headline = "good", f"Take {clipped(leader.name, 40)}"
    elif lost:
        tone, headline = "good", f"{clipped(leader.name, 40)} or its equals; leave {_names(lost)}"
    else:
        tone, headline = "fair", "No difference worth a choice"
    sentence = comparison.advice
    return ComparisonPage(
        headline=headline[0].upper() + headline[1:],
        lead=sentence[0].upper() + clipped(sentence[1:], 600) + ".",
        tone=tone,
        how_sure=_how_sure(facts, style),
        what_it_cost=_what_it_cost(facts),
        how_to_read=(_SCORES_FLATTER, _HONEST_IS_BELOW if leader.honest is not None else _HONEST_IS_ELSEWHERE),
        next_steps=_next_steps(facts, lost),
    )


def _how_sure(facts: ComparisonFacts, style: ScoreStyle) -> tuple[str, ...]:
    comparison = facts.comparison
    if comparison.repeats == 1:
        return ("Each strategy ran once, so luck cannot be told from skill.",)
    said = [f"Each strategy ran {number(comparison.repeats)} times on the same folds, with other chance numbers."]
    for c in comparison.contenders[1:]:
        if c.behind is None or not is_known(c.behind.low):
            continue
        gap, low, high = (style.score(v) for v in (c.behind.value, c.behind.low, c.behind.high))
        verdict = "beyond luck" if c.surely_behind else "luck may explain it"
        said.append(f"{clipped(c.name, 40)} ends {gap} behind (likely {low} to {high}): {verdict}.")
    return tuple(said[:7])


def _what_it_cost(facts: ComparisonFacts) -> tuple[str, ...]:
    said = [f"Each search had {facts.budget} of its own clock."]
    if facts.saved_fits:
        apart = facts.fits + facts.saved_fits
        said.append(
            f"Run apart, all of them would have fitted {number(apart)} models. {number(facts.saved_fits)} of these "
            f"({share(facts.saved_fits / apart)}, {duration(facts.saved_s)}) were fitted once for several."
        )
    else:
        said.append("No two searches asked for the same fit, so sharing saved nothing.")
    spent = f"The whole comparison took {duration(facts.elapsed_s)} of real time"
    cost = facts.money_of(facts.elapsed_s)
    if cost is not None:
        spent += f" ({money(cost, clipped(facts.currency, 12))})"
    said.append(f"{spent}, with {number(facts.n_jobs)} worker{'' if facts.n_jobs == 1 else 's'}.")
    return tuple(said)


def _next_steps(facts: ComparisonFacts, lost: list[Contender]) -> tuple[str, ...]:
    comparison = facts.comparison
    leader = comparison.contenders[0]
    steps = [f"Tune with the strategy {clipped(leader.name, 40)} and a budget of {facts.budget}."]
    if comparison.repeats < 3:
        steps.append("Repeat each strategy at least 3 times, to tell skill from luck.")
    elif not lost and len(comparison.contenders) > 1:
        steps.append("If the choice matters to you, give each strategy more time; else take the one you like.")
    at = leader.at
    if at[2] is not None and at[4] is not None and at[2] == at[4]:
        steps.append("Half of the budget would have done: the leader found nothing better after that.")
    return tuple(steps)


def _names(contenders: list[Contender]) -> str:
    names = [clipped(c.name, 40) for c in contenders]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
