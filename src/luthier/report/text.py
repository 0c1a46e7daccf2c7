"""The end of a run in a few plain lines, for the terminal: the same figures in the same words as the page."""

from __future__ import annotations

from luthier.report.facts import ReportFacts, is_known
from luthier.report.figures import NBSP, THIN, ScoreStyle, clipped, share
from luthier.report.tables import one_line
from luthier.report.words import (
    confidence_word,
    cost_words,
    explored,
    front_page,
    metric_name,
    shown_optimism,
    spent,
)


def summary(facts: ReportFacts) -> list[str]:
    """What the run found, as lines of plain text without control characters.

    The headline and the verdict come first; then the scores, the configuration and the paths, each line led by its
    name. A line whose fact is missing is left out.
    """
    style, page, verdict = ScoreStyle.of(facts, group=""), front_page(facts), facts.verdict
    lines = [f"{page.headline}. {page.lead}"]

    def say(name: str, what: str) -> None:
        if what:
            lines.append(f"  {name:<9}{what}")

    honest = verdict.honest
    direction = "higher is better" if facts.metric.greater_is_better else "lower is better"
    if honest is not None and is_known(honest.value):
        interval = f", {confidence_word(honest.level)} interval" if style.interval(honest) else ""
        say("score", f"{style.estimate(honest)}  {metric_name(facts)} on new rows, {direction}{interval}")
    if is_known(facts.naive):
        aside = ""
        if optimism := shown_optimism(facts, style):
            way = "good" if optimism > 0 else "modest"
            aside = f"  what most tools report: {style.score(abs(optimism))} too {way}"
        say("naive", f"{style.score(facts.naive)}{aside}")
    if not verdict.default_kept and verdict.default is not None and is_known(verdict.default.value):
        p = verdict.p_default_as_good
        aside = f"  chance that it is as good: {share(p, draws=verdict.n_replays)}" if is_known(p) else ""
        say("default", f"{style.estimate(verdict.default)}{aside}")
    say("settings", _settings(facts))
    say("chances", _chances(facts))
    say("decides", _decision(facts))
    say("using it", cost_words(facts))
    say("spent", spent(facts))
    say("search", explored(facts))
    for finding in facts.findings:
        if finding.severity != "info":
            say(finding.severity, clipped(f"{finding.title} ({finding.code})", 200))
    say("model", clipped(facts.usage.model_path or "", 400))
    say("report", clipped(facts.usage.report_path or "", 400))
    # Narrow and no-break spaces are for the page; a terminal may not have them.
    return [line.replace(NBSP, " ").replace(THIN, "").replace("\u2212", "-") for line in lines]


def _chances(facts: ReportFacts) -> str:
    kind = None if facts.final is None else facts.final.recalibrator
    return "" if kind is None else f"recalibrated ({kind}), which lowers the log loss on rows it has not seen"


def _decision(facts: ReportFacts) -> str:
    final = facts.final
    if final is None or not final.rule:
        return ""
    return f"for {clipped(facts.data.positive or 'positive', 40)} above a chance of {final.threshold:.3g}: {final.rule}"


def _settings(facts: ReportFacts) -> str:
    final = facts.final
    if final is not None and final.is_blend:
        shares = ", ".join(f"{clipped(member.family, 24)} {share(member.weight)}" for member in final.members)
        return f"a blend of {len(final.members)} models: {shares}"
    return one_line(facts.best_config) if facts.best_config else ""
