"""The sentences of a report, made from its facts.

The first page is for the person who owns the question, not for the one who ran the tuning: short sentences, no term
that is not explained, nothing claimed that the figures do not carry. Each sentence is made in one place, from the same
facts and by the same number formats as the tables, so that page and terminal cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from luthier.checks import Finding
from luthier.report.facts import MetricFacts, ReportFacts, is_known
from luthier.report.figures import NBSP, ScoreStyle, clipped, duration, money, number, share
from luthier.report.reading_words import advice, chances, for_whom, more_time
from luthier.report.readings import Readings
from luthier.scoring.spoken import spoken

_PER_CLASS = {
    "precision": "When the model names a class, how often it is right",
    "recall": "Of the rows of a class, the share that the model finds",
    "f1": "One number for how many rows of a class it finds and how often it is right",
}
_AVERAGES = {
    "macro": "averaged over the classes",
    "micro": "counted over all rows",
    "weighted": "averaged over the classes by their size",
}
METRIC_MEANINGS = {
    "accuracy": "The share of rows the model gets right. 1 is perfect.",
    "balanced_accuracy": "The share of rows it gets right, worked out class by class and then averaged. 1 is perfect.",
    "precision": "When the model says yes, how often it is right. 1 is perfect.",
    "recall": "Of all the rows that are a yes, the share the model finds. 1 is perfect.",
    "specificity": "Of all the rows that are a no, the share the model leaves alone. 1 is perfect.",
    "f1": "One number for how many of the real cases it finds and how often its yes is right. 1 is perfect.",
    "matthews_corrcoef": "How well the guesses match the truth. 0 is blind guessing, 1 is perfect.",
    "roc_auc": "Take one yes row and one no row: how often the model ranks the yes row higher. 0.5 is a coin flip, "
    "1 is perfect.",
    "roc_auc_ovr": "Take a row of a class and a row of another: how often the model ranks the first higher for that "
    "class. 0.5 is a coin flip, 1 is perfect.",
    "roc_auc_ovr_weighted": "Take a row of a class and a row of another: how often the model ranks the first higher "
    "for that class, with large classes counting more. 0.5 is a coin flip, 1 is perfect.",
    "average_precision": "How pure the top of the model's ranking is. 1 is perfect.",
    "log_loss": "How far the model's stated chances are from what happened. 0 is perfect, lower is better.",
    "brier": "How far the model's stated chances are from what happened, squared. 0 is perfect, lower is better.",
    "rmse": "The typical error, in the unit of the target; big misses count extra. Lower is better.",
    "mse": "The average of the squared errors. Lower is better.",
    "mae": "The average error, in the unit of the target. Lower is better.",
    "r2": "The share of the ups and downs in the target that the model explains. 1 is perfect, 0 is no use.",
    "pinball": "The average miss of a predicted quantile. Lower is better.",
    "mape": "The average error as a share of the true value. Lower is better.",
} | {
    f"{base}_{average}": f"{meaning}, {how}. 1 is perfect."
    for base, meaning in _PER_CLASS.items()
    for average, how in _AVERAGES.items()
}
"""Plain words for the metrics we ship; a metric that brings its own words (`MetricFacts.meaning`) is believed first."""

GLOSSARY = {
    "Honest score": "What the model that is shipped should reach on new rows. It allows for the fact that it was "
    "picked as the best of many.",
    "Interval": "The range in square brackets. Were the whole run done again on fresh data 100 times, about 95 of the "
    "ranges would hold the true value (for a 95 % interval).",
    "Naive score": "The best average seen during the search. It belongs to the luckiest of all tries, so it tends to "
    "promise too much.",
    "Default": "The settings the library comes with, before any tuning.",
    "Trial": "One set of settings that was tried.",
    "Fold": "One split of the rows: a model learns from one part and is tested on the other. A window is a fold whose "
    "test rows are later than those it learned from.",
    "Replay": "Picking the best again and again on rows drawn by chance, and scoring each pick on the rows not drawn.",
}


MOST_WARNINGS = 2
"""Warnings of the checks of the data that stand on the first page; the full part has them all."""

_LONG = re.compile(r"(?<![\d.])\d{5,}(?![\d.]*\d)")
"""A whole number that needs its thousands set apart."""


class Measured(Protocol):
    """Facts that say by what metric they were measured."""

    @property
    def metric(self) -> MetricFacts:
        """The metric."""
        ...


@dataclass(frozen=True, slots=True)
class FrontPage:
    """The first page in words: one headline, one lead, and a few short sentences under each question."""

    headline: str
    lead: str
    tone: str
    """good, fair or poor: how glad the reader may be. Never shown by colour alone."""
    how_sure: tuple[str, ...]
    for_whom: tuple[str, ...]
    against_default: tuple[str, ...]
    not_measured: tuple[str, ...]
    next_steps: tuple[str, ...]


def front_page(facts: ReportFacts, readings: Readings | None = None) -> FrontPage:
    """The first page, in words; `readings` say more of how far to trust the model, and for whom it fails."""
    style = ScoreStyle.of(facts)
    tone, headline = _headline(facts)
    if tone == "good" and _flattering(facts):
        tone, headline = "fair", f"{headline}, yet the score may be too good"
    return FrontPage(
        headline=headline,
        lead=lead(facts, style),
        tone=tone,
        how_sure=(*_how_sure(facts, style), *chances(readings), *_warnings(facts)),
        for_whom=for_whom(readings),
        against_default=_against_default(facts, style),
        not_measured=facts.not_measured or ("This run did not record what it left out.",),
        next_steps=facts.usage.next_steps or (*_next_steps(facts, readings), *advice(readings)),
    )


def shown_optimism(facts: ReportFacts, style: ScoreStyle) -> float | None:
    """How much the naive score flatters, as a reader finds it who subtracts the scores as they are written.

    Rounding a difference apart from its terms gives pages on which 0.842 - 0.801 is 0.040.
    """
    honest, naive = facts.verdict.honest, facts.naive
    return _shown_gap(facts, style, naive, None if honest is None else honest.value)


def shown_gain(facts: ReportFacts, style: ScoreStyle) -> float | None:
    """How much better the shipped model is than the default, likewise; None where the default is kept."""
    honest, default = facts.verdict.honest, facts.verdict.default
    if honest is None or default is None or facts.verdict.default_kept:
        return None
    return _shown_gap(facts, style, honest.value, default.value)


def _shown_gap(facts: ReportFacts, style: ScoreStyle, score: float | None, other: float | None) -> float | None:
    if not (is_known(score) and is_known(other)):
        return None
    gap = facts.better_by(style.rounded(score), style.rounded(other))
    return None if gap is None else style.rounded(gap)


def beats_baseline(facts: ReportFacts) -> bool | None:
    """Whether the whole honest interval is better than a guess without a model; None where that is not known."""
    honest, baseline = facts.verdict.honest, facts.verdict.baseline
    if honest is None or baseline is None:
        return None
    worst_end = honest.low if facts.metric.greater_is_better else honest.high
    margin = facts.better_by(worst_end, baseline.score)
    return None if margin is None else margin > 0


def _headline(facts: ReportFacts) -> tuple[str, str]:
    verdict = facts.verdict
    p = verdict.p_default_as_good
    if not facts.trials and verdict.honest is None:
        return "poor", "No model came out of this run"
    if beats_baseline(facts) is False:
        return "poor", "This model is not surely better than a plain guess"
    if facts.n_tries == 1:
        return "fair", "A first model is ready, with no time left to tune it"
    if verdict.default_kept:
        return "fair", "Tuning found nothing surely better, so the default stays"
    if p is None:
        return "fair", "The tuned model is ready"
    if p <= 0.05:
        return "good", "The tuned model beats the default"
    if p <= 0.25:
        return "good", "The tuned model is likely better than the default"
    return "fair", "The tuned model may be a little better than the default"


def lead(facts: ReportFacts, style: ScoreStyle) -> str:
    """The verdict in one or two sentences: the given one, else one made of the figures."""
    verdict = facts.verdict
    if verdict.sentence:
        sentence = clipped(verdict.sentence, 600)
        return _LONG.sub(lambda digits: number(float(digits.group()), group=style.group), sentence)
    honest = verdict.honest
    if honest is None or not is_known(honest.value):
        if is_known(verdict.naive):
            return f"Its score in the search was {style.score(verdict.naive)}; how it will do on new rows is not known."
        return "How well it will do on new rows is not known."
    which = "The default model" if verdict.default_kept else "The model"
    text = f"{which} should score about {style.score(honest.value)} on new rows like these"
    if is_known(honest.low) and is_known(honest.high):
        text += f", most likely between {style.score(honest.low)} and {style.score(honest.high)}"
    if is_known(facts.gain) and verdict.default is not None:
        text += f". The default would score about {style.score(verdict.default.value)}"
    return text + "."


def metric_meaning(facts: Measured) -> str:
    """The metric in plain words: its own, else ours, else at least which way it points."""
    metric = facts.metric
    direction = "Higher is better." if metric.greater_is_better else "Lower is better."
    return clipped(metric.meaning, 300) or METRIC_MEANINGS.get(metric.name, direction)


def metric_name(facts: Measured) -> str:
    """The metric's name as it is written in running text."""
    return name_of_metric(facts.metric.name)


def name_of_metric(name: str) -> str:
    """The same, of any metric."""
    return clipped(spoken(name), 40)


def _how_sure(facts: ReportFacts, style: ScoreStyle) -> tuple[str, ...]:
    honest = facts.verdict.honest
    said = []
    if honest is None or not (is_known(honest.low) and is_known(honest.high)):
        said.append("There was too little to work out a range, so take the score as a rough hint only.")
    else:
        said.append(
            f"The range for new rows is {style.score(honest.low)} to {style.score(honest.high)}. "
            f"In {_times_in_100(honest.level)} of 100 runs like this one, the range would hold the true score."
        )
        source = f"It rests on {number(honest.n)} rows" if honest.n == facts.data.n_rows else ""
        tries = facts.n_tries
        if tries > 1 and source:
            said.append(f"{source} and allows for the luck of picking the best of {number(tries)} tries.")
        elif tries > 1:
            said.append(f"It allows for the luck of picking the best of {number(tries)} tries.")
        elif source:
            said.append(f"{source}.")
    optimism = shown_optimism(facts, style)
    if is_known(optimism):
        told = f"Most tools would have told you {style.score(facts.naive)}"
        if optimism == 0:
            said.append(f"{told} too; here luck played no big part.")
        else:
            said.append(f"{told}. That is {style.score(abs(optimism))} too {'good' if optimism > 0 else 'modest'}.")
    if facts.splits is not None and facts.splits.forward:
        which = "Each test" if facts.run.n_fold_fits > 1 else "The test"
        said.append(f"{which} used later rows than the model had seen, as it will be in use.")
    return tuple(said)


def _grave(facts: ReportFacts) -> list[Finding]:
    return [finding for finding in facts.findings if finding.severity != "info"]


def _flattering(facts: ReportFacts) -> bool:
    """Whether a check of the data found what makes every score on this table too good, however well it is judged."""
    return any(finding.code.startswith("leak.") for finding in _grave(facts))


def _warnings(facts: ReportFacts) -> tuple[str, ...]:
    """What the checks of the data warn of, the most severe first."""
    grave = _grave(facts)
    said = [f"The check of the data warns: {clipped(finding.title, 200)}." for finding in grave[:MOST_WARNINGS]]
    if len(grave) > MOST_WARNINGS:
        said.append(f"The full part lists {number(len(grave) - MOST_WARNINGS)} more.")
    return tuple(said)


def _times_in_100(level: float) -> str:
    return number(100 * level, 0 if abs(100 * level - round(100 * level)) < 1e-9 else 1)


def _against_default(facts: ReportFacts, style: ScoreStyle) -> tuple[str, ...]:
    verdict, default, gain = facts.verdict, facts.verdict.default, shown_gain(facts, style)
    p = verdict.p_default_as_good
    as_good = share(p, draws=verdict.n_replays)
    said = []
    if verdict.default_kept:
        tries = facts.n_tries
        if tries <= 1:
            said.append("Only the default settings were tried, so there is nothing to compare them with.")
        else:
            said.append(f"None of the {number(tries - 1)} other tries was surely better than the default settings.")
            if is_known(p):
                said.append(f"The chance that the default does at least as well as the best of them is {as_good}.")
            said.append("So the default is kept, as the simpler choice.")
    elif default is None or not is_known(default.value):
        said.append("The default settings were not scored, so it is not known what tuning gained.")
    else:
        text = f"The default is the model as it comes, before any tuning. It scores {style.estimate(default)}."
        if is_known(gain):
            if gain == 0:
                text += " That is the same, to the digits we can vouch for."
            else:
                text += f" The tuned model is {style.score(abs(gain))} {'better' if gain > 0 else 'worse'}."
        said.append(text)
        if is_known(p):
            said.append(f"The chance that the default does just as well is {as_good}.")
    baseline = verdict.baseline
    if baseline is not None and is_known(baseline.score):
        said.append(f"A plain guess ({clipped(baseline.label, 80)}) scores {style.score(baseline.score)}.")
    return tuple(said)


def _next_steps(facts: ReportFacts, readings: Readings | None) -> tuple[str, ...]:
    """Advice that the figures support, most useful first."""
    run, verdict = facts.run, facts.verdict
    steps = []
    if beats_baseline(facts) is False:
        steps.append("Do not rely on this model yet. Look for columns that say more, or for more rows.")
    elif verdict.honest is not None or facts.trials:
        if _flattering(facts):
            steps.append("First look into what the check of the data warns of; the full part says how to mend it.")
        steps.append("Use the model on new rows; the commands are below.")
    failed, fits = sum(f.count for f in facts.failures), run.n_fold_fits
    if failed and failed >= 0.1 * max(fits, 1):
        steps.append(f"Find out why {number(failed)} fits failed; the first errors are listed below.")
    if facts.n_tries <= 1 and run.budget:
        steps.append("Give it more time: one try is not a search.")
    elif (longer := more_time(readings)) is not None:
        steps.append(longer)
    elif (late := _last_gain_at(facts)) is not None and late > 0.7:
        steps.append("Give it more time: the best score was still getting better late in the run.")
    elif late is not None and late < 0.3 and len(facts.trials) >= 20:
        steps.append("A longer run will likely bring little: the best score came early.")
    known = verdict.honest is not None and is_known(verdict.honest.low)
    check = "check that the score falls in the range" if known else "score the model on them"
    steps.append(f"Once you know the true answers for new rows, {check}.")
    return tuple(steps)


def _last_gain_at(facts: ReportFacts) -> float | None:
    """When the naive score last rose, as a share of the run; None where the run is too short to say."""
    elapsed, points = facts.run.elapsed_s, facts.progress
    if not is_known(elapsed) or elapsed <= 0 or len(points) < 2:
        return None
    last = points[0]
    for point in points[1:]:
        if (facts.better_by(point.score, last.score) or 0.0) > 0:
            last = point
    return last.seconds / elapsed


_COUNTS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def shipped_words(facts: ReportFacts) -> tuple[str, ...]:
    """What is shipped if it is more than one model, and what it costs to use, each a sentence."""
    final = facts.final
    if final is None:
        return ()
    said = []
    if final.is_blend:
        n = len(final.members)
        how = (
            "the values they predict are averaged"
            if facts.data.task == "regression"
            else "the chances they give are averaged, as logarithms of the odds,"
            if final.pool == "logarithmic"
            else "the chances they give are averaged"
        )
        said.append(
            f"The model is a blend: {_COUNTS[n] if n < len(_COUNTS) else n} models answer together. Each has learned "
            f"from all rows, and {how} by the weights below. Its score is that of the blend, the choice of its members "
            "counted as part of the search."
        )
    if cost := cost_words(facts):
        said.append(f"It {cost}.")
    return tuple(said)


def cost_words(facts: ReportFacts) -> str:
    """What the shipped model costs to use: "answers 1,000 rows in 21 ms and takes 3.1 MB"; empty if not known."""
    final = facts.final
    if final is None:
        return ""
    parts = []
    if is_known(final.seconds_per_1000):
        parts.append(f"answers 1,000 rows in {duration(final.seconds_per_1000)}")
    if is_known(final.size_mb):
        size = number(final.size_mb, 1) if final.size_mb < 99.95 else number(final.size_mb)
        parts.append(f"takes {'less than 0.1' if final.size_mb < 0.05 else size}{NBSP}MB on disk")
    return " and ".join(parts)


def spent(facts: ReportFacts) -> str:
    """What the run cost, as one line."""
    run = facts.run
    parts = [f"{number(run.n_trials)} trial{'' if run.n_trials == 1 else 's'}"]
    if run.n_fold_fits:
        parts.append(f"{number(run.n_fold_fits)} fit{'' if run.n_fold_fits == 1 else 's'}")
    if is_known(run.elapsed_s):
        parts.append(duration(run.elapsed_s))
    if is_known(run.money):
        parts.append(money(run.money, clipped(run.currency, 12)))
    return ", ".join(parts)


def explored(facts: ReportFacts) -> str:
    """How the search weighed looking around against building on what did well; of a grid, how far it got."""
    if facts.run.grid:
        return clipped(facts.run.grid, 300)
    own = [t.mode for t in facts.trials if t.mode in ("explore", "exploit")]
    if not own:
        return ""
    part, quarter = _explored(own), len(own) // 4
    text = f"{share(part)} of {number(len(own))} suggestion{'' if len(own) == 1 else 's'} looked around"
    if 0 < part < 1:
        text += ", the others built on good trials"
        if quarter >= 2:
            first, last = share(_explored(own[:quarter])), share(_explored(own[-quarter:]))
            text += f" ({first} in the first quarter, {last} in the last)"
    return text


def _explored(modes: Sequence[str]) -> float:
    return sum(mode != "exploit" for mode in modes) / len(modes)


def confidence_word(level: float) -> str:
    """A level as a percentage: `95 %`."""
    return f"{_times_in_100(level)}{NBSP}%"
