"""Labels that come late, out of order, twice, or corrected: which is in force, and how long they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.cells import level_text

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Predictions and the labels in force, row by row.

    Attributes
    ----------
    rows
        (n,): positions of the predictions, each id once, in the order of the log; a line that is there twice counts
        once.
    label
        (n,): position in the feedback of the label in force; -1 where none has come.
    first
        (n,): position of the label that came first, -1 where none has.
    strangers
        Lines of feedback for predictions that are not in the log.
    corrected
        Predictions whose label was changed at least once.
    """

    rows: Indices
    label: Indices
    first: Indices
    strangers: int
    corrected: int

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(n,): whether a label has come."""
        return np.asarray(self.label >= 0)

    @classmethod
    def of(cls, predictions: pd.DataFrame, feedback: pd.DataFrame) -> Self:
        """Join a prediction log and feedback; the order of the lines of either is nothing to the outcome.

        The label in force is the one received last. Between labels received at the same instant it is the one known
        last; between such, that which comes last by its text, so that no order of reading decides.

        Parameters
        ----------
        predictions
            `prediction_id`, one role only.
        feedback
            `prediction_id`, `label`, `known_at`, `received_at`.
        """
        n = len(predictions)
        ids = pd.concat([predictions["prediction_id"], feedback["prediction_id"]], ignore_index=True)
        codes = pd.factorize(ids)[0]
        asked, told = codes[:n], codes[n:]
        rows = np.flatnonzero(~pd.Series(asked).duplicated().to_numpy())
        # Codes are given in order of first appearance: those of predictions come before those of strangers.
        n_asked = len(rows)
        order = np.lexsort(
            (_text_order(feedback["label"]), ticks(feedback["known_at"]), ticks(feedback["received_at"]))
        )
        order = order[told[order] < n_asked]
        last, first = np.full(n_asked, -1), np.full(n_asked, -1)
        last[told[order]] = order  # of indices that occur repeatedly the last assignment stays
        first[told[order[::-1]]] = order[::-1]
        labels = pd.factorize(feedback["label"])[0]
        changed = np.zeros(n_asked, dtype=bool)
        changed[told[order[labels[order] != labels[last[told[order]]]]]] = True
        return cls(rows, last[asked[rows]], first[asked[rows]], len(feedback) - len(order), int(changed.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Delay:
    """How long labels take, those that have not come yet not forgotten.

    Attributes
    ----------
    after_s
        (k,) increasing: seconds after a prediction at which labels came.
    share
        (k,): share of predictions that have a label by then, were all of them watched for as long (Kaplan-Meier).
    """

    after_s: Floats
    share: Floats

    @classmethod
    def of(cls, waited_s: Floats, labelled: NDArray[np.bool_]) -> Self:
        """Estimate the delay.

        Parameters
        ----------
        waited_s
            (n,): seconds from every prediction to its first label, or to now where none has come.
        labelled
            (n,): whether one has.

        References
        ----------
        Kaplan, E. L. & Meier, P. (1958). Nonparametric estimation from incomplete observations. J. American Statistical
        Association 53.
        """
        waited_s = np.maximum(waited_s, 0.0)
        after_s, came = np.unique(waited_s[labelled], return_counts=True)
        waiting = len(waited_s) - np.searchsorted(np.sort(waited_s), after_s, side="left")
        return cls(after_s, np.asarray(1.0 - np.cumprod(1.0 - came / waiting)))

    @property
    def in_the_end(self) -> float:
        """Share of predictions that get a label within the longest time seen."""
        return float(self.share[-1]) if len(self.share) else 0.0

    def within(self, seconds: float) -> float:
        """Share of the labels to be expected at all that have come after so many seconds."""
        k = int(np.searchsorted(self.after_s, seconds, side="right"))
        return 0.0 if k == 0 else float(self.share[k - 1]) / self.in_the_end

    def quantile_s(self, q: float) -> float | None:
        """Seconds until a share q of the labels to be expected have come; None where none has."""
        if not len(self.share):
            return None
        return float(self.after_s[int(np.searchsorted(self.share, q * self.in_the_end - 1e-12))])

    def to_dict(self) -> dict[str, Any]:
        """As JSON values: the half, nine tenths, and the share that comes at all."""
        return {
            "median_s": self.quantile_s(0.5),
            "p90_s": self.quantile_s(0.9),
            "share_in_the_end": self.in_the_end,
        }


def ticks(moments: pd.Series) -> Indices:
    """Moments as microseconds since 1970 in UTC; missing ones come before all others."""
    stamps = pd.to_datetime(moments, utc=True)
    return np.asarray(stamps.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64))


def _text_order(labels: pd.Series) -> Indices:
    """A number a label that puts labels in the order of their texts."""
    codes, uniques = pd.factorize(labels)
    texts = np.array([level_text(value) for value in uniques], dtype=object)
    place = np.empty(len(texts) + 1, np.int64)
    place[np.argsort(texts, kind="stable")] = np.arange(len(texts))
    place[-1] = -1
    return place[codes]
