"""What a monitor says to people: the state of a model in use, its alarms, and what it delivers beside its promise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from luthier.monitoring import Alarm, Look, Watched, WatchPolicy
from luthier.monitoring.without_labels import BLIND
from luthier.report.figures import NBSP, THIN, number, share
from luthier.scoring import Estimate
from luthier.scoring.spoken import spoken

Tone = Literal["good", "bad", "none"]


@dataclass(frozen=True, slots=True, eq=False)
class MonitorFacts:
    """Everything that is said of a model in use.

    Attributes
    ----------
    name, version
        The model; None for one that was never released.
    metric, greater_is_better, promised
        What was promised when it was made.
    policy
        How it is watched.
    watched
        What was found.
    n, labelled
        Answers, and those of which a label has come.
    cost
        Mean cost of a case as it was to be expected, and as it came; None where nobody said what errors cost.
    """

    name: str
    version: int | None
    metric: str
    greater_is_better: bool
    promised: Estimate
    policy: WatchPolicy
    watched: Watched
    n: int
    labelled: int
    cost: tuple[float, float] | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the promise holds; None where no label has come."""
        return self.watched.online.kept(self.promised)

    @property
    def tone(self) -> Tone:
        """Whether somebody should act."""
        if self.watched.alarms or self.kept is False:
            return "bad"
        return "good" if self.n else "none"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        latest = self.watched.latest
        return {
            "model": self.name,
            "version": self.version,
            "metric": self.metric,
            "rows": self.n,
            "labels": self.labelled,
            "promised": self.promised.to_json(),
            "delivered": self.watched.online.score.to_json(),
            "promise_kept": self.kept,
            "alarms_per_year": self.policy.alarms_per_year,
            "alarms": [alarm.to_dict() for alarm in self.watched.alarms],
            "expected": None if latest is None or latest.expected is None else latest.expected.to_dict(),
            "drift": None if latest is None or latest.drift is None else latest.drift.to_dict(),
            "online": self.watched.online.to_dict(),
            "concept": {"labels": self.watched.concept.n, "evidence": self.watched.concept.evidence},
            "label_sources": [source.to_dict() for source in self.watched.sources],
            "quarantined_labels": self.watched.quarantined,
            "cost": None if self.cost is None else {"expected": self.cost[0], "delivered": self.cost[1]},
            "looks": [look.to_json() for look in self.watched.looks],
        }


def monitor_headline(facts: MonitorFacts) -> str:
    """The state in a sentence."""
    alarms = facts.watched.alarms
    if any(alarm.detector == "losses" for alarm in alarms):
        return f"{facts.name} has become worse"
    if facts.kept is False:
        return f"{facts.name} delivers less than it promised"
    if alarms:
        return f"{facts.name}: {len(alarms)} alarm{'' if len(alarms) == 1 else 's'}"
    return f"{facts.name}: nothing alarming in {number(facts.n)} rows"


def promise_words(facts: MonitorFacts) -> str:
    """The promise beside what came of it."""
    online, metric = facts.watched.online, spoken(facts.metric)
    if facts.labelled == 0:
        return f"promised {metric} {facts.promised}; no label has come yet, so nobody knows what it delivers"
    verdict = {True: "the promise holds", False: "the promise is broken", None: "too few labels to judge"}[facts.kept]
    return f"{metric}: {online.words(facts.promised)}: {verdict}"


def expected_words(look: Look | None) -> str:
    """What can be said without labels; empty where nothing can."""
    if look is None or look.expected is None or not math.isfinite(look.expected.score.value):
        return ""
    found = look.expected
    said = f"by its chances alone {found.score} is to be expected of the latest {number(look.n)} rows"
    if found.broken:
        said += f", but do not trust that: {found.broken}"
    return f"{said}; {BLIND}"


def alarm_words(alarm: Alarm) -> str:
    """An alarm in a line: since when, what, for whom."""
    since = "" if alarm.since_us is None else f"since {moment(alarm.since_us)}: "
    lasting = f" (seen at {alarm.looks} looks)" if alarm.looks > 1 else ""
    where = f"; most for {'; '.join(alarm.slices)}" if alarm.slices else ""
    return f"{since}{alarm.words}{where}{lasting}"


def moment(us: int) -> str:
    """Microseconds since 1970 as people write a moment.

    >>> moment(1_767_225_600_000_000)
    '2026-01-01 00:00'
    """
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")


def cost_words(facts: MonitorFacts) -> str:
    """What it costs; empty where nobody said what errors cost."""
    if facts.cost is None:
        return ""
    expected, came = facts.cost
    return f"mean cost of a case: {came:.4g} by the labels so far, {expected:.4g} was to be expected"


def budget_words(facts: MonitorFacts) -> str:
    """How often this may be wrong."""
    n = facts.policy.alarms_per_year
    often = "one false alarm a year" if n == 1 else f"{n:g} false alarms a year"
    return f"at most {often} over all detectors, on average; each look at each has a level of {facts.policy.level:.2g}"


def monitor_lines(facts: MonitorFacts) -> list[str]:
    """The state in plain lines."""
    latest = facts.watched.latest
    lines = [monitor_headline(facts), f"  {promise_words(facts)}"]
    lines += [f"  {line}" for line in (expected_words(latest), cost_words(facts)) if line]
    delay = facts.watched.online.delay.quantile_s(0.5)
    if delay and delay > 60:
        lines.append(f"  half of the labels come within {duration_words(delay)}")
    if facts.watched.alarms:
        lines.append("alarms:")
        lines += [f"  {alarm.detector}: {alarm_words(alarm)}" for alarm in facts.watched.alarms]
    if facts.watched.quarantined:
        lines.append(f"  {number(facts.watched.quarantined)} labels are in quarantine and count for nothing here")
    if latest is not None:
        most = sorted(latest.effects.items(), key=lambda item: -item[1])[:3]
        moved = ", ".join(f"{name} {share(effect)}" for name, effect in most if effect > 0)
        when = "" if latest.end_us is None else f" until {moment(latest.end_us)}"
        looks = "1 look" if len(facts.watched.looks) == 1 else f"{len(facts.watched.looks)} looks"
        lines.append(f"  {looks}; the latest at {number(latest.n)} rows{when}")
        if moved:
            lines.append(f"  columns that moved most: {moved} of the rows")
    lines.append(f"  {budget_words(facts)}")
    return [line.replace(NBSP, " ").replace(THIN, " ") for line in lines]


def duration_words(seconds: float) -> str:
    """A long time in its largest unit.

    >>> duration_words(7200), duration_words(200_000)
    ('2 hours', '2 days')
    """
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            n = round(seconds / size)
            return f"{n} {unit}{'' if n == 1 else 's'}"
    return f"{round(seconds)} seconds"
