"""How every number in a report is written, so that one quantity reads the same wherever it stands.

Scores of one report share one number of decimals, taken from the width of the honest interval: digits that the interval
does not support are noise. Thousands are set apart by a narrow space (ISO 80000-1), because a comma already parts the
ends of an interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from luthier.report.facts import ReportFacts, is_known
from luthier.scoring.estimate import Estimate

UNKNOWN = "–"
THIN = "\u202f"  # narrow no-break space
NBSP = "\u00a0"


def number(value: float | None, decimals: int = 0, *, group: str = THIN) -> str:
    """`value` with so many decimals; a dash where it is not known.

    >>> number(0.8417, 3), number(-0.0001, 3), number(48213.4, group=" "), number(None)
    ('0.842', '0.000', '48 213', '–')
    """
    if not is_known(value):
        return UNKNOWN
    if abs(value) >= 1e15 or (decimals > 9 and 0 < abs(value) < 1e-9):
        return f"{value:.3g}"
    text = f"{value:,.{decimals}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]  # minus nothing is nothing
    whole, dot, part = text.replace("-", "\u2212").partition(".")
    # four digits read well without a gap
    return whole.replace(",", "" if len(whole.lstrip("\u2212")) <= 5 else group) + dot + part


@dataclass(frozen=True, slots=True)
class ScoreStyle:
    """The one way the scores of a report are written: their decimals, and what parts the thousands."""

    decimals: int
    group: str = THIN

    @classmethod
    def of(cls, facts: ReportFacts, *, group: str = THIN) -> ScoreStyle:
        """Two significant digits of the honest interval's half width; three digits of the score without an interval.

        One digit more where the gain over the default needs it: the scores are better known apart than together, and
        their difference as it is written must be the gain that is spoken of.
        """
        verdict = facts.verdict
        for estimate in (verdict.honest, verdict.default):
            if estimate is None or not (is_known(estimate.low) and is_known(estimate.high)):
                continue
            half = (estimate.high - estimate.low) / 2
            if half > 0:
                decimals = _decimals(half, significant=2)
                more = is_known(facts.gain) and facts.gain != 0 and _decimals(abs(facts.gain), significant=2) > decimals
                return cls(decimals + more, group)
        scores = [s for s in (verdict.naive, *(t.score for t in facts.trials)) if is_known(s) and s]
        return cls(_decimals(abs(scores[0]), significant=3) if scores else 3, group)

    def score(self, value: float | None) -> str:
        """A score, or a difference of scores as `rounded` ones give it."""
        return number(value, self.decimals, group=self.group)

    def estimate(self, estimate: Estimate | None) -> str:
        """A score with its interval: `0.842 [0.825, 0.858]`; without an interval the score alone."""
        if estimate is None:
            return UNKNOWN
        interval = self.interval(estimate)
        return f"{self.score(estimate.value)} {interval}" if interval else self.score(estimate.value)

    def interval(self, estimate: Estimate | None) -> str:
        """The interval alone: `[0.825, 0.858]`; empty where there is none."""
        if estimate is None or not (is_known(estimate.low) and is_known(estimate.high)):
            return ""
        return f"[{self.score(estimate.low)}, {self.score(estimate.high)}]"

    def rounded(self, value: float) -> float:
        """The value as it is written."""
        return round(value, self.decimals)


def _decimals(size: float, *, significant: int) -> int:
    """Decimals that show so many significant digits of a number of this size; from 0 to 6."""
    return min(max(significant - 1 - math.floor(math.log10(size)), 0), 6)


def share(value: float | None, decimals: int = 0, *, draws: int = 0) -> str:
    """A share in [0, 1] as a percentage that never rounds to a false 0 or 100.

    Of a share of so many `draws`, none and all say no more than that it is below one draw from the end.

    >>> share(0.0, draws=79).replace(NBSP, " "), share(1.0, draws=1000).replace(NBSP, " ")
    ('< 2 %', '> 99 %')
    >>> [share(p).replace(NBSP, " ") for p in (0.031, 0.0004, 0.9996, 0.0, None)]
    ['3 %', '< 1 %', '> 99 %', '0 %', '–']
    """
    if not is_known(value):
        return UNKNOWN
    step = 10.0**-decimals
    percent = 100 * value
    if draws and value in (0.0, 1.0):
        below = math.ceil(100 / draws / step) * step
        return f"<{NBSP}{below:.{decimals}f}{NBSP}%" if value == 0 else f">{NBSP}{100 - below:.{decimals}f}{NBSP}%"
    if 0 < percent <= step / 2:  # exactly half is rounded to even: to nothing
        return f"<{NBSP}{step:.{decimals}f}{NBSP}%"
    if 100 - step / 2 <= percent < 100:
        return f">{NBSP}{100 - step:.{decimals}f}{NBSP}%"
    return f"{percent:.{decimals}f}{NBSP}%"


def duration(seconds: float | None) -> str:
    """A duration in the unit a person would use.

    >>> [duration(s).replace(NBSP, " ") for s in (0.0123, 0.84, 12.34, 59.97, 185, 7260, None)]
    ['12 ms', '0.84 s', '12.3 s', '1 min 0 s', '3 min 5 s', '2 h 1 min', '–']
    """
    if not is_known(seconds):
        return UNKNOWN
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f}{NBSP}ms"
    if seconds < 0.995:
        return f"{seconds:.2f}{NBSP}s"
    if seconds < 59.95:
        return f"{seconds:.1f}{NBSP}s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}{NBSP}min{NBSP}{rest}{NBSP}s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{number(hours)}{NBSP}h{NBSP}{minutes}{NBSP}min"


def money(amount: float | None, currency: str = "") -> str:
    """An amount in the user's own unit, with enough digits that small change is not written as nothing.

    >>> money(0.0131), money(12.5, "EUR").replace(NBSP, " "), money(0.0)
    ('0.013', '12.50 EUR', '0.00')
    """
    if not is_known(amount):
        return UNKNOWN
    text = number(amount, max(2, _decimals(abs(amount), significant=2)) if 0 < abs(amount) < 1 else 2)
    return f"{text}{NBSP}{currency}" if currency else text


def setting(value: Any, *, limit: int = 60) -> str:
    """The value of a parameter: floats in four significant digits, everything else as it is, cut at `limit`.

    >>> setting(0.043218765), setting(3), setting(True), setting(None), setting(1e-07), setting(250000.0)
    ('0.04322', '3', 'true', 'none', '1e-07', '250000')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return UNKNOWN
        return f"{value:.0f}" if value == round(value) and 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
    return clipped(str(value), limit)


def plain_value(value: float | str | None) -> str:
    """An end of a column's range, which may be a number of any size or a date in words."""
    if isinstance(value, str):
        return clipped(value, 32)
    if not is_known(value):
        return UNKNOWN
    if value == round(value) and abs(value) < 1e9:
        return number(value)
    if 1e-3 <= abs(value) < 1e6:
        return number(value, max(0, 3 - math.floor(math.log10(abs(value)))))
    return f"{value:.3g}"


def clipped(text: str, limit: int) -> str:
    r"""Text from outside, made safe to show: one line, no control or direction marks, at most `limit` characters.

    Direction overrides (U+202A to U+202E, U+2066 to U+2069) could make a column's name rewrite the sentence around it,
    lone surrogates cannot be written as UTF-8, and escape characters would steer a terminal. None of them is printable;
    the two joiners are kept, because words are spelled with them.

    >>> clipped("a\x1b[31mb\u202ec" + "d" * 50, 12)
    'a [31mb cdd…'
    """
    head = text[: 4 * limit]  # nothing beyond can survive the cut below; spare the work on monstrous names
    clean = " ".join("".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in head).split())
    return clean if len(clean) <= limit and len(head) == len(text) else clean[: limit - 1] + "…"
