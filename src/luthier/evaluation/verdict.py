"""What a study found, how sure that is, and what was not looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from luthier.canonical import finite
from luthier.evaluation.blend import Blend
from luthier.scoring import Estimate
from luthier.scoring.corrected_t import CorrectedT
from luthier.scoring.pool import Pool

VERSION = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a study in one value. Scores are in the metric's own unit and sign.

    Attributes
    ----------
    metric, greater_is_better
        What was measured, and which way is better.
    n_configs
        Complete configurations among which the winner was chosen.
    winner, shipped
        Trial with the best score, and trial to use: the default where it may well be as good.
    default
        Trial of the default configuration; None where it is not in the table.
    estimate, naive
        Honest score of the winner, and its score on the rows it was chosen on.
    default_estimate
        Score of the default, which was not chosen for its score.
    p_default_as_good
        Probability, by the replay, that the default is as good as the winner; NaN without a default.
    keep_default_above
        The default is kept at or above this probability.
    gain
        Honest difference between winner and default; positive means the winner is better, for losses too.
    corrected_t
        The same difference over folds, tested by Nadeau & Bengio (2003).
    overfitting
        Share of the winner's lead over the median configuration that is luck.
    n_replays
        Draws behind the numbers.
    enough_data, reason
        Whether the numbers can carry a decision, and why (not).
    sentence
        The verdict for a reader who does not know the trade.
    not_measured
        What the numbers say nothing about.
    blend
        The blend that is shipped instead of one configuration; the estimate, naive score, gain and probability are then
        the blend's.
    p_single_as_good
        Probability, by the replay, that the best single configuration is as good as the best blend; NaN without one.
    select
        "best"; "simplest": the winner is the simplest configuration within a standard error of the best; or
        "worst:COLUMN": it is the one whose worst group by that column does best.
    """

    metric: str
    greater_is_better: bool
    n_configs: int
    winner: int
    shipped: int
    default: int | None
    estimate: Estimate
    naive: float
    default_estimate: Estimate | None
    p_default_as_good: float
    keep_default_above: float
    gain: Estimate | None
    corrected_t: CorrectedT | None
    overfitting: float
    n_replays: int
    enough_data: bool
    reason: str
    sentence: str
    not_measured: tuple[str, ...]
    blend: Blend | None = None
    p_single_as_good: float = math.nan
    select: str = "best"

    @property
    def default_kept(self) -> bool:
        """Whether the default configuration is what should be used."""
        return self.blend is None and self.shipped == self.default

    @property
    def shipped_trials(self) -> tuple[int, ...]:
        """The trials whose models should be used: one, or the members of a blend."""
        return (self.shipped,) if self.blend is None else self.blend.members

    @property
    def shipped_weights(self) -> tuple[float, ...]:
        """What each of them counts; they add up to one."""
        return (1.0,) if self.blend is None else self.blend.weights

    @property
    def pool(self) -> Pool:
        """The scale on which they are averaged."""
        return "linear" if self.blend is None else self.blend.pool

    @property
    def score(self) -> Estimate:
        """What to expect of the configuration that is shipped."""
        if self.default_estimate is not None and self.default_kept and self.winner != self.default:
            return self.default_estimate
        return self.estimate

    @property
    def optimism(self) -> float:
        """By how much the naive score flatters the winner; positive when it does, for losses too."""
        flattery = self.naive - self.estimate.value
        return flattery if self.greater_is_better else -flattery

    def to_json(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite become None. `score`, `optimism`, `default_kept` are for readers."""
        return {
            "version": VERSION,
            "metric": self.metric,
            "greater_is_better": self.greater_is_better,
            "n_configs": self.n_configs,
            "winner": self.winner,
            "shipped": self.shipped,
            "default": self.default,
            "default_kept": self.default_kept,
            "score": self.score.to_json(),
            "estimate": self.estimate.to_json(),
            "naive": finite(self.naive),
            "optimism": finite(self.optimism),
            "default_estimate": None if self.default_estimate is None else self.default_estimate.to_json(),
            "p_default_as_good": finite(self.p_default_as_good),
            "keep_default_above": self.keep_default_above,
            "gain": None if self.gain is None else self.gain.to_json(),
            "corrected_t": None if self.corrected_t is None else self.corrected_t.to_json(),
            "overfitting": finite(self.overfitting),
            "n_replays": self.n_replays,
            "enough_data": self.enough_data,
            "reason": self.reason,
            "sentence": self.sentence,
            "not_measured": list(self.not_measured),
            "blend": None if self.blend is None else self.blend.to_json(),
            "p_single_as_good": finite(self.p_single_as_good),
            "select": self.select,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Verdict:
        """The verdict that `to_json` wrote.

        Raises
        ------
        ValueError
            For a version this code does not know.
        """
        if body["version"] != VERSION:
            raise ValueError(f"a verdict of version {body['version']!r} cannot be read by code that knows {VERSION}")
        return cls(
            metric=str(body["metric"]),
            greater_is_better=bool(body["greater_is_better"]),
            n_configs=int(body["n_configs"]),
            winner=int(body["winner"]),
            shipped=int(body["shipped"]),
            default=None if body["default"] is None else int(body["default"]),
            estimate=Estimate.from_json(body["estimate"]),
            naive=_read(body["naive"]),
            default_estimate=None if body["default_estimate"] is None else Estimate.from_json(body["default_estimate"]),
            p_default_as_good=_read(body["p_default_as_good"]),
            keep_default_above=float(body["keep_default_above"]),
            gain=None if body["gain"] is None else Estimate.from_json(body["gain"]),
            corrected_t=None if body["corrected_t"] is None else CorrectedT.from_json(body["corrected_t"]),
            overfitting=_read(body["overfitting"]),
            n_replays=int(body["n_replays"]),
            enough_data=bool(body["enough_data"]),
            reason=str(body["reason"]),
            sentence=str(body["sentence"]),
            not_measured=tuple(body["not_measured"]),
            blend=None if body.get("blend") is None else Blend.from_json(body["blend"]),
            p_single_as_good=_read(body.get("p_single_as_good")),
            select=body.get("select", "best"),
        )


def _read(number: float | None) -> float:
    return math.nan if number is None else float(number)
