"""Promote or drop a challenger, keep or take back a new champion: by evidence that may be looked at at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from luthier.lifecycle.policy import Policy
from luthier.monitoring import PairedComparison

Act = Literal["promote", "drop", "wait", "ask", "roll back", "confirm"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now, and why, with the evidence for the record."""

    act: Act
    words: str
    evidence: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"act": self.act, "words": self.words, "evidence": self.evidence}

    @classmethod
    def from_dict(cls, body: dict[str, Any]) -> Self:
        """The decision that `to_dict` wrote."""
        return cls(**body)


def on_response(champion: NDArray[np.float64], response: NDArray[np.float64], policy: Policy) -> Decision:
    """Whether a response may go into use as soon as it is made, on probation.

    Parameters
    ----------
    champion, response
        (n,): losses on labels that the response had no part in. They are looked at once, so that Student's bound on the
        mean of the paired differences suffices; as the response is the best of those that the policy lets be tried on
        them, each has its share of the chance to be wrong.
    """
    gains = champion - response
    n, alpha = len(gains), policy.alpha / len(policy.responses)
    mean = float(gains.mean())
    reach = float(student.ppf(1 - alpha, n - 1) * gains.std(ddof=1) / np.sqrt(n))
    evidence = {"labels": n, "gain": mean, "low": mean - reach, "high": mean + reach, "alpha": alpha}
    said = f"{n:,} labels it had no part in: gain {mean:.4f} [{mean - reach:.4f}, {mean + reach:.4f}]"
    if policy.proof == "labels" and mean - reach > 0:
        act: Act = "promote" if policy.promote == "auto" else "ask"
        return Decision(act, f"the challenger would have lost less; {said}", evidence)
    return Decision("wait", f"the challenger has to prove itself in the shadow of the champion; {said}", evidence)


def on_challenger(found: PairedComparison, policy: Policy, *, most_labels: int) -> Decision:
    """What is to become of a challenger.

    Parameters
    ----------
    found
        Champion against challenger on the same requests, all of them after the challenger was made.
    most_labels
        Labels after which a challenger that is still neither better nor worse is dropped: futility.
    """
    said = f"{found.n:,} labels on the same requests: gain {found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]"
    evidence = _evidence(found)
    if found.verdict == "better":
        act: Act = "promote" if policy.promote == "auto" else "ask"
        return Decision(act, f"the challenger loses less; {said}", evidence)
    if found.verdict == "worse":
        return Decision("drop", f"the challenger loses more; {said}", evidence)
    if found.n >= most_labels:
        return Decision("drop", f"no gain in sight; {said}", evidence)
    return Decision("wait", f"nothing is certain yet; {said}", evidence)


def on_probation(found: PairedComparison, policy: Policy) -> Decision:
    """What is to become of a champion that was promoted.

    Parameters
    ----------
    found
        The champion before it (as the champion of the comparison) against it (as the challenger), on the same requests,
        all of them after the promotion.
    """
    said = f"{found.n:,} labels since: gain {found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]"
    evidence = _evidence(found)
    if found.verdict == "worse":
        act: Act = "roll back" if policy.roll_back else "ask"
        return Decision(act, f"it loses more than the champion before it; {said}", evidence)
    if found.n >= policy.probation_labels:
        return Decision("confirm", f"it has passed probation; {said}", evidence)
    return Decision("wait", f"on probation; {said}", evidence)


def _evidence(found: PairedComparison) -> dict[str, Any]:
    known = found.n >= 1
    return {
        "labels": found.n,
        "gain": found.mean if known else None,
        "low": found.low if abs(found.low) < float("inf") else None,
        "high": found.high if abs(found.high) < float("inf") else None,
        "alpha": found.alpha,
    }
