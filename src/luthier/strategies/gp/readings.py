"""What a history says about the loss, as rows a regression can use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from luthier.space.config import Floats
from luthier.strategies.observation import Observation

_LEVELS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """n readings of losses.

    A trial stopped early is a reading at the share it reached. So that the model learns what such readings are worth,
    trainings that went on are also read, off their curves, at up to three of the shares where others stopped.

    Attributes
    ----------
    row
        (n,) positions in the history.
    loss
        (n,) finite. A failed trial counts as the worst loss read.
    sd
        (n,) standard deviation of the reading beyond what all have in common: 0, but for trials some of whose folds are
        missing.
    share
        (n,) of the full resource.
    """

    row: NDArray[np.intp]
    loss: Floats
    sd: Floats
    share: Floats

    @classmethod
    def of(cls, history: Sequence[Observation]) -> Self:
        """Read a history."""
        known = [(k, o) for k, o in enumerate(history) if o.state in ("partial", "complete") and math.isfinite(o.loss)]
        stops = sorted({o.fidelity for _, o in known if o.fidelity < 1})
        levels = [stops[round(q * (len(stops) - 1))] for q in np.linspace(0, 1, min(_LEVELS, len(stops)))]
        rows = [(k, o.loss, _own_sd(o), o.fidelity) for k, o in known]
        for k, o in known:
            for level in dict.fromkeys(levels):
                seen = [loss for share, loss in o.curve if share <= level + 1e-9 and math.isfinite(loss)]
                if seen and level < o.fidelity:
                    rows.append((k, seen[-1], 0.0, level))
        worst = max((loss for _, loss, _, _ in rows), default=0.0)
        rows += [(k, worst, 0.0, 1.0) for k, o in enumerate(history) if o.state == "failed" or _diverged(o)]
        rows.sort(key=lambda reading: (reading[0], reading[3]))
        row, loss, sd, share = zip(*rows, strict=True) if rows else ((), (), (), ())
        return cls(np.array(row, dtype=np.intp), np.array(loss), np.array(sd), np.array(share))

    def __len__(self) -> int:
        return len(self.row)

    def part(self, chosen: NDArray[np.intp]) -> Readings:
        """Return some of the readings."""
        return Readings(self.row[chosen], self.loss[chosen], self.sd[chosen], self.share[chosen])

    def fewer(self, most: int) -> Readings:
        """Return at most so many: half of them the best ones, half spread evenly over the others."""
        if len(self) <= most:
            return self
        order = np.argsort(self.loss, kind="stable")
        best, rest = order[: most // 2], np.sort(order[most // 2 :])
        spread = rest[np.linspace(0, len(rest) - 1, most - len(best)).round().astype(np.intp)]
        return self.part(np.sort(np.concatenate([best, spread])))


def _diverged(o: Observation) -> bool:
    return o.state in ("partial", "complete") and not math.isfinite(o.loss)


def _own_sd(o: Observation) -> float:
    partly = o.fidelity == 1 and o.folds_done < o.folds
    return o.loss_sd if partly and math.isfinite(o.loss_sd) else 0.0
