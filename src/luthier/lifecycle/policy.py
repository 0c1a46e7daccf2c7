"""What may change by itself, within which bounds: written down before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from luthier.errors import BadSettings

RESPONSES = ("recalibrate", "refit", "warm re-tune", "full re-tune")
"""What can be done, the cheapest first."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The envelope of a model's life, as `[lifecycle]` in `luthier.toml` says.

    Attributes
    ----------
    responses
        What may be tried, of `RESPONSES`.
    promote
        "auto": a challenger that is proven better is promoted by itself; "ask": it waits for `luthier promote`.
    proof
        What a response is proven on. "shadow": requests that come after it was made, which it answers beside the
        champion. "labels": the newest labels, which it was judged on and had no part in; where they leave no doubt it
        is in use at once, on probation, and else it is proven in the shadow.
    roll_back
        Whether a champion that does harm on probation is taken back by itself.
    budget
        Of one re-tune; a warm one has three tenths of it.
    retunes_per_month
        Responses of any kind that may be started in thirty days.
    least_labels
        Labels below which nothing is tried.
    alpha
        Chance of ever promoting a challenger that is no better, each by itself, and of ever rolling back a champion
        that does no harm.
    probation_labels
        Labels for which a new champion is watched against the one before it.
    every_days
        Days after which a model is looked after although nothing is alarming; None for never.
    """

    responses: tuple[str, ...] = RESPONSES
    promote: str = "auto"
    proof: str = "shadow"
    roll_back: bool = True
    budget: str = "5m"
    retunes_per_month: int = 4
    least_labels: int = 300
    alpha: float = 0.05
    probation_labels: int = 5_000
    every_days: float | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Read the section.

        Raises
        ------
        BadSettings
            It says something that has no meaning.
        """
        BadSettings.check_names("lifecycle", said, cls.__dataclass_fields__)
        if "responses" in said:
            said = {**said, "responses": tuple(said["responses"])}
        _check(said)
        return cls(**said)


def _check(said: Mapping[str, Any]) -> None:
    """Refuse what has no meaning, before it becomes a policy."""
    wrong = [name for name in said.get("responses", ()) if name not in RESPONSES]
    if wrong:
        raise BadSettings(f"[lifecycle] responses names {wrong[0]!r}", fix=f"choose from: {', '.join(RESPONSES)}")
    if said.get("promote", "auto") not in {"auto", "ask"}:
        raise BadSettings(f"[lifecycle] promote is {said['promote']!r}", fix='write promote = "auto" or "ask"')
    if said.get("proof", "shadow") not in {"shadow", "labels"}:
        raise BadSettings(f"[lifecycle] proof is {said['proof']!r}", fix='write proof = "shadow" or "labels"')
    for name in ("retunes_per_month", "least_labels", "probation_labels"):
        count = said.get(name, 0)
        if not (isinstance(count, int) and count >= 0):
            raise BadSettings(f"[lifecycle] {name} is a whole number from 0, not {count!r}", fix=f"write {name} = 4")
    alpha = said.get("alpha", 0.05)
    if not (isinstance(alpha, float) and 0 < alpha < 0.5):
        raise BadSettings(f"[lifecycle] alpha is a chance, not {alpha!r}", fix="write alpha = 0.05")
