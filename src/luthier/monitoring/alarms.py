"""Alarms: how many of them may be false in a year, and how one cause is told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Self

YEAR_S = 365.25 * 86_400.0
MOST_LEVEL = 0.05
"""Chance of a false alarm of one look at one detector, however rarely it looks."""


@dataclass(frozen=True, slots=True)
class AlarmBudget:
    """How many false alarms a model may raise in a year, over all its detectors: the one number to set.

    Every look at every detector is given an equal part of it as its level. Expected numbers add up whether or not looks
    depend on each other, and they do: all of them are held against the same reference. So in a year without any change
    the expected number of alarms is at most this.

    Attributes
    ----------
    per_year
        False alarms a year.
    detectors
        Detectors that share it.

    Examples
    --------
    >>> round(AlarmBudget(per_year=1.0, detectors=5).level(every_s=86_400), 6)
    0.000548
    """

    per_year: float = 1.0
    detectors: int = 1

    def __post_init__(self) -> None:
        if not self.per_year > 0 or self.detectors < 1:
            raise ValueError(f"a budget is above zero and shared by at least one detector, unlike {self!r}")

    def level(self, *, every_s: float) -> float:
        """Level of one look at one detector that looks every so many seconds."""
        return min(MOST_LEVEL, self.per_year * every_s / YEAR_S / self.detectors)

    def mean_time_s(self) -> float:
        """Mean time between false alarms of a detector that looks at every row."""
        return self.detectors * YEAR_S / self.per_year


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that has changed and matters.

    Attributes
    ----------
    detector
        What noticed it.
    subject
        What it concerns: columns, a source of labels, a metric.
    words
        What happened, in a sentence.
    since_us, until_us
        First and last look at which it was seen, in microseconds since 1970, UTC; None where rows have no time.
    looks
        At how many looks it was seen.
    effect
        How large it is at the last look, in the detector's own unit.
    slices
        For whom, in words, where that is known.
    cost
        What it costs, in the user's own currency per prediction, where that is known.
    """

    detector: str
    subject: tuple[str, ...]
    words: str
    since_us: int | None = None
    until_us: int | None = None
    looks: int = 1
    effect: float = 0.0
    slices: tuple[str, ...] = ()
    cost: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "detector": self.detector,
            "subject": list(self.subject),
            "words": self.words,
            "since_us": self.since_us,
            "until_us": self.until_us,
            "looks": self.looks,
            "effect": self.effect,
            "slices": list(self.slices),
            "cost": self.cost,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The alarm that `to_dict` wrote."""
        return cls(**{**body, "subject": tuple(body["subject"]), "slices": tuple(body["slices"])})


def deduplicate(looks: Sequence[Iterable[Alarm]], *, rearm_after: int = 10) -> list[Alarm]:
    """Alarms of one look after the other, each cause once: as long as it lasts, and not again when it flickers.

    Parameters
    ----------
    looks
        What every look saw, oldest first.
    rearm_after
        Looks without it after which the same cause counts as a new alarm.

    Returns
    -------
    list of Alarm
        In the order in which they began; words, effect and cost as last seen.
    """
    told: list[Alarm] = []
    open_at: dict[tuple[str, tuple[str, ...]], tuple[int, int]] = {}  # cause -> (its place in told, last look)
    for k, seen in enumerate(looks):
        for alarm in seen:
            cause = (alarm.detector, alarm.subject)
            place, last = open_at.get(cause, (-1, -rearm_after - 2))
            if k - last > rearm_after:
                open_at[cause] = (len(told), k)
                told.append(alarm)
                continue
            before = told[place]
            told[place] = replace(alarm, since_us=before.since_us, looks=before.looks + (k > last))
            open_at[cause] = (place, k)
    return told


def gathered(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Alarms of one detector that began at the same look as one: ten columns of one broken feed are one message."""
    told = []
    for _, group in groupby(alarms, key=lambda alarm: (alarm.detector, alarm.since_us)):
        members = sorted(group, key=lambda alarm: -alarm.effect)
        first = members[0]
        subject = tuple(dict.fromkeys(name for alarm in members for name in alarm.subject))
        words = [alarm.words for alarm in members[:3]]
        more = f"; and {len(members) - 3} more" if len(members) > 3 else ""
        told.append(
            replace(
                first,
                subject=subject,
                words="; ".join(words) + more,
                until_us=max((alarm.until_us for alarm in members if alarm.until_us is not None), default=None),
                looks=max(alarm.looks for alarm in members),
            )
        )
    return told
