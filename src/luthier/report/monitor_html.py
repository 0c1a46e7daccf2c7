"""The state of a model in use as one page that needs nothing else, in the looks of the tuning report."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from luthier.monitoring import Look
from luthier.report.drift_html import render_drift_table
from luthier.report.figures import UNKNOWN, number, share
from luthier.report.html import environment, looks, writable
from luthier.report.monitor_words import (
    MonitorFacts,
    alarm_words,
    budget_words,
    cost_words,
    duration_words,
    expected_words,
    moment,
    monitor_headline,
    promise_words,
)
from luthier.version import __version__


@dataclass(frozen=True, slots=True)
class LookRow:
    """A look as it stands in the table of the time series; `drift` in [0, 1] is drawn as a bar."""

    when: str
    rows: str
    drift: float
    said: str
    column: str
    outputs: str
    expected: str
    alarms: int


def render_monitor(facts: MonitorFacts) -> str:
    """The page as one HTML document without scripts; the same facts give the same text."""
    watched, latest = facts.watched, facts.watched.latest
    delay = watched.online.delay
    # Markup: rendered by a template of ours, which has escaped what came from outside.
    drift = None if latest is None or latest.drift is None else Markup(render_drift_table(latest.drift))  # noqa: S704
    html = (
        environment()
        .get_template("monitor.html.j2")
        .render(
            facts=facts,
            online=watched.online,
            headline=monitor_headline(facts),
            promise=promise_words(facts),
            expected=expected_words(latest),
            cost=cost_words(facts),
            budget=budget_words(facts),
            alarms=[(alarm.detector, alarm_words(alarm)) for alarm in watched.alarms],
            looks_had=[_row(look) for look in reversed(watched.looks)],
            periods=[period for period in reversed(watched.online.periods) if period.predictions][:40],
            moment=moment,
            delay=None if delay.quantile_s(0.5) is None else duration_words(delay.quantile_s(0.5) or 0.0),
            drift=drift,
            version=__version__,
            **looks(),
        )
    )
    return writable(html)


def _row(look: Look) -> LookRow:
    name, effect = max(look.effects.items(), key=lambda item: item[1], default=("", 0.0))
    return LookRow(
        when="all rows" if look.start_us is None else moment(look.start_us),
        rows=number(look.n),
        drift=min(effect, 1.0),
        said=share(effect),
        column=name,
        outputs=share(look.output_effect),
        expected=UNKNOWN if look.expected is None else str(look.expected.score).split(" (n=")[0],
        alarms=len(look.alarms),
    )
