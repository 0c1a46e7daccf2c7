"""A verdict in words for a reader who does not know the trade."""

from __future__ import annotations

import math

from luthier.scoring import Estimate

SHARES = {
    "accuracy": "to be right in about {value} of 100 cases",
    "roc_auc": "to put a yes row above a no row in about {value} of 100 pairs",
    "recall": "to find about {value} of 100 yes rows",
    "precision": "to be right in about {value} of 100 rows it calls a yes",
}
"""Metrics that are shares of something everybody can picture."""

AMOUNTS = {
    "rmse": "to be off by about {value} (big misses count extra)",
    "mae": "to be off by about {value} on average",
}


def expectation(metric: str, score: Estimate, *, forward: bool) -> str:
    """What to expect on rows to come: 'On new rows like these, expect the model ...'."""
    where = "In the stretch of time that follows" if forward else "On new rows like these"
    if not math.isfinite(score.value):
        return f"{where}, nothing can be said yet about {metric.replace('_', ' ')}"
    low, value, high = score.low, score.value, score.high
    if metric in SHARES:
        low, value, high = 100 * low, 100 * value, 100 * high
    what = SHARES.get(metric) or AMOUNTS.get(metric) or f"to reach a {metric.replace('_', ' ')} of about {{value}}"
    digits = decimals(high - low) if math.isfinite(high - low) and high > low else decimals(abs(value))
    said = what.format(value=f"{value:.{digits}f}")
    if not math.isfinite(high - low):
        return f"{where}, expect the model {said} (how sure that is cannot be said)"
    return f"{where}, expect the model {said} ({score.level:.0%} sure: {low:.{digits}f} to {high:.{digits}f})"


def against_default(
    metric: str,
    gain: Estimate | None,
    *,
    kept: bool,
    is_winner: bool,
    n_configs: int,
    n_members: int = 1,
    select: str = "best",
) -> str:
    """What choosing brought, as the second half of the sentence."""
    if n_configs == 1:
        return "only one configuration was finished, so there was nothing to choose from"
    worst, _, column = select.partition(":")
    if column and is_winner:
        return f"no configuration of {n_configs} serves its worst group by {column} better beyond luck"
    if column and gain is not None and not kept:
        digits = decimals(max(abs(gain.value), (gain.high - gain.low) / 2))
        over_all = f"over all rows it differs from the default by {gain.value:+.{digits}f}"
        return f"of {n_configs} configurations it serves its {worst} group by {column} best; {over_all}"
    if is_winner and select == "simplest":
        return f"none of {n_configs} configurations is both as simple as the default and better beyond luck"
    if is_winner:
        return f"no configuration of {n_configs} beat the default"
    it = "it" if n_members == 1 else f"as a blend of {n_members} models it"
    if gain is None and n_members > 1:
        return f"it is a blend of {n_members} of {n_configs} configurations, with no default to compare it with"
    if gain is None:
        return f"it is the best of {n_configs} configurations, and there is no default to compare it with"
    if kept:
        return f"the default is kept, because it may well be as good as the best of {n_configs} configurations"
    if gain.value <= 0:
        return f"{it} is about as good as the default: no gain over it can be shown"
    factor, unit = (100, " of 100") if metric in SHARES else (1, "")
    digits = decimals(factor * abs(gain.value))
    much = f"{factor * gain.value:.{digits}f}{unit}"
    sure = "" if gain.low > 0 else ", though not beyond doubt"
    return f"{it} is better than the default by about {much}{sure}"


def with_interval(amount: Estimate) -> str:
    """A difference and its interval, to two digits of the larger of both: '0.012 [-0.003, 0.027]'."""
    half = (amount.high - amount.low) / 2
    if not math.isfinite(half):
        return f"{amount.value:.3g} [how sure that is cannot be said]"
    digits = decimals(max(abs(amount.value), half))
    return f"{amount.value:.{digits}f} [{amount.low:.{digits}f}, {amount.high:.{digits}f}]"


def decimals(size: float) -> int:
    """Decimals that show two significant digits of a number of this size."""
    if not (math.isfinite(size) and size > 0):
        return 3
    return min(6, max(0, 1 - math.floor(math.log10(size))))
