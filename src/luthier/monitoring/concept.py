"""Has the model become worse? An alarm on the stream of its losses that may be looked at after every one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_AT_ONCE = 64  # losses a step: products of more could leave the range of floats


@dataclass(frozen=True, slots=True, eq=False)
class ConceptDrift:
    """Evidence that losses have risen above their baseline at some time, whenever that was.

    For a rise to the mean q, a bet of the fraction lambda on every loss x in [0, 1] multiplies its stake by

        L(x) = 1 + lambda (x - mu),   lambda = (q - mu) / (mu (1 - mu))

    whose mean is at most 1 while losses are no worse than the baseline mu (for losses of 0 and 1 it is the likelihood
    ratio). A new stake of 1 is put up at every loss, so that whenever the rise began one stake has been betting since:

        M_n = L(x_n) (M_{n-1} + 1)

    The alarm is raised when the weighted sum of M over rises of least, twice least, four times least ... reaches the
    mean time between false alarms: M_n - n falls on average, hence at the alarm E[n] >= E[M_n] >= that time. Nothing is
    assumed of the losses but their mean: no distribution, no independence.

    Attributes
    ----------
    mean_time
        Losses between false alarms, on average, at least.
    baseline
        mu in (0, 1): the mean loss to be expected, such as the honest score; better its upper limit.
    least
        The least rise that matters, in the unit of the loss.
    n
        Losses so far.
    stakes
        (k,): M, one for every rise.
    since
        Number of the loss after which the rise most likely began.

    References
    ----------
    Shin, J., Ramdas, A. & Rinaldo, A. (2024). E-detectors: a nonparametric framework for sequential change detection.
    New England Journal of Statistics in Data Science 2. The recursion is that of Shiryaev (1963) and Roberts (1966).
    """

    mean_time: float
    baseline: float
    least: float
    n: int = 0
    stakes: Floats = field(default_factory=lambda: np.empty(0))
    _walk: Floats = field(default_factory=lambda: np.empty(0))  # (k,): log of one stake that bets from the beginning
    _lowest: Floats = field(default_factory=lambda: np.empty(0))  # (k,): least it has been, and after which loss
    _at: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def watching(cls, baseline: float, *, mean_time: float, least: float | None = None) -> Self:
        """Before the first loss; the least rise that matters is a quarter of the baseline when left out."""
        least = 0.25 * baseline if least is None else least
        if not (0.0 < baseline < 1.0 and mean_time > 1 and least > 0.0):
            raise ValueError(
                f"baseline in (0, 1), mean_time above 1 and least above 0, not {(baseline, mean_time, least)}"
            )
        k = len(_rises(baseline, least))
        return cls(mean_time, baseline, least, 0, np.zeros(k), np.zeros(k), np.zeros(k), np.zeros(k, np.int64))

    @property
    def evidence(self) -> float:
        """Where it stands on the way to the alarm, which is at 1."""
        return float(self._weights @ self.stakes) / self.mean_time

    @property
    def alarms(self) -> bool:
        """Whether the losses have risen."""
        return self.evidence >= 1.0

    @property
    def since(self) -> int:
        """Number of the loss after which the rise most likely began, of the rise with the most evidence."""
        return int(self._at[int(np.argmax(self._weights * self.stakes))])

    @property
    def _weights(self) -> Floats:
        halves = 0.5 ** np.arange(1, len(self.stakes) + 1)
        return np.asarray(halves / halves.sum())

    def after(self, losses: Any) -> ConceptDrift:
        """With further losses, each in [0, 1]; stops at the first alarm and looks at no later ones.

        Raises
        ------
        ValueError
            A loss is outside [0, 1]. Unbounded ones are cut at a bound and divided by it first, the baseline likewise.
        """
        losses = np.asarray(losses, np.float64).ravel()
        if not ((losses >= 0) & (losses <= 1)).all():
            raise ValueError("losses are between 0 and 1")
        state = self
        for start in range(0, len(losses), _AT_ONCE):
            if state.alarms:
                break
            state = state._step(losses[start : start + _AT_ONCE])
        return state

    def _step(self, x: Floats) -> ConceptDrift:
        mu = self.baseline
        bets = (_rises(mu, self.least) - mu) / (mu * (1 - mu))
        logs = np.log1p(bets * (x[:, None] - mu))
        walk = np.cumsum(logs, axis=0)
        P = np.exp(walk)
        # M_n = P_n (M_0 + sum over j < n of 1 / P_j), the recursion written out
        earlier = np.cumsum(np.vstack([np.ones(len(bets)), 1 / P[:-1]]), axis=0)
        M = P * (self.stakes + earlier)
        over = np.flatnonzero(M @ self._weights >= self.mean_time)
        seen = int(over[0]) + 1 if len(over) else len(x)
        path = self._walk + walk[:seen]
        lowest, at = path.min(axis=0), path.argmin(axis=0) + self.n + 1
        new = lowest <= self._lowest
        return ConceptDrift(
            self.mean_time, mu, self.least, self.n + seen, M[seen - 1], path[-1],
            np.where(new, lowest, self._lowest), np.where(new, at, self._at),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "mean_time": self.mean_time,
            "baseline": self.baseline,
            "least": self.least,
            "n": self.n,
            "stakes": self.stakes.tolist(),
            "walk": self._walk.tolist(),
            "lowest": self._lowest.tolist(),
            "at": self._at.tolist(),
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """The state that `to_json` wrote."""
        stakes, walk, lowest = (np.array(body[name], np.float64) for name in ("stakes", "walk", "lowest"))
        return cls(
            float(body["mean_time"]), float(body["baseline"]), float(body["least"]), int(body["n"]), stakes, walk,
            lowest, np.array(body["at"], np.int64),
        )  # fmt: skip


def _rises(mu: float, least: float) -> Floats:
    """Means risen by least, twice, four times ...; below 1, where a single loss would decide."""
    most = 0.95 * (1.0 - mu)
    k = max(1, min(6, 1 + math.floor(math.log2(max(most / least, 1.0)))))
    rises: Floats = mu + np.minimum(least * 2.0 ** np.arange(k), most)
    return rises
