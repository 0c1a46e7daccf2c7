"""What `luthier.compare` hands back: ranks, curves, costs and the advice."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.evaluation import FRACTIONS, Comparison
from luthier.report import ComparisonFacts, comparison_summary, render_comparison
from luthier.store import write_text_atomic

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ComparedStrategies:
    """The outcome of a comparison.

    Attributes
    ----------
    facts
        Everything the page says, as plain values.
    """

    facts: ComparisonFacts

    @property
    def comparison(self) -> Comparison:
        """The contenders, the best first."""
        return self.facts.comparison

    @property
    def advice(self) -> str:
        """Which strategy to take, in one sentence."""
        return self.comparison.advice

    @property
    def best(self) -> str:
        """Name of the strategy that was ahead at the end, whether or not beyond luck."""
        return self.comparison.contenders[0].name

    @property
    def saving(self) -> dict[str, float]:
        """Fits and seconds that were not spent because another strategy had fitted the same fold before."""
        return {"fits": self.facts.saved_fits, "seconds": self.facts.saved_s}

    @cached_property
    def strategies(self) -> pd.DataFrame:
        """One row per strategy, the best first: score, rank and its interval, exploring, tries, scores on the way."""
        import pandas as pd

        rows = [
            {
                "strategy": c.name,
                "score": c.score.value,
                "behind": 0.0 if c.behind is None else c.behind.value,
                "beyond_luck": c.surely_behind,
                "rank": c.rank.value,
                "rank_low": c.rank.low,
                "rank_high": c.rank.high,
                "explored_share": c.explored_share,
                "trials": c.trials,
                "seconds": c.seconds,
                **{f"score_at_{share:.0%}": value for share, value in zip(FRACTIONS, c.at, strict=True)},
            }
            for c in self.comparison.contenders
        ]
        return pd.DataFrame(rows)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Best score so far of every strategy over its own seconds: mean, worst and best repeat."""
        import pandas as pd

        return pd.DataFrame(
            {
                "strategy": c.name,
                "seconds": p.seconds,
                "money": self.facts.money_of(p.seconds),
                "value": p.value,
                "low": p.low,
                "high": p.high,
            }
            for c in self.comparison.contenders
            for p in c.curve
        )

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return self.facts.to_json()

    def summary(self) -> list[str]:
        """The outcome in a few lines for people."""
        return comparison_summary(self.facts)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, which needs no network and no script, and return where it is."""
        place = Path(path)
        write_text_atomic(place, render_comparison(self.facts))
        return place
