"""What a check has to say: a finding, or why it cannot say anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

Severity = Literal["info", "warning", "error"]
"""`error`: the score is flattered or the model will fail; `warning`: it may be, look; `info`: good to know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a check found in the data.

    Parameters
    ----------
    code
        Of the check, as `family.subject`; it never changes, and names the part of the docs page.
    title
        What was found, in a plain sentence with its numbers.
    severity
        How much it matters; `error` fails the gate of `luthier check`.
    columns
        Columns of the table that it concerns.
    evidence
        What the sentence rests on, as JSON values: numbers, row numbers (counted from 0), scores with and without.
    fix
        What to do, as something to type where it can be.
    """

    code: str
    title: str
    severity: Severity
    columns: tuple[str, ...]
    evidence: Mapping[str, Any]
    fix: str

    def __post_init__(self) -> None:
        if self.severity not in get_args(Severity):
            raise ValueError(f"a severity is one of {get_args(Severity)}, not {self.severity!r}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "columns": list(self.columns), "evidence": dict(self.evidence)}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**body, "columns": tuple(body["columns"])})


@dataclass(frozen=True, slots=True)
class Silent:
    """A check that cannot speak, which is not the same as a check that found nothing.

    Parameters
    ----------
    kind
        The question does not arise for this table; or it does, and the rows (or the seconds) are too few to answer it.
    why
        In a plain sentence.
    """

    kind: Literal["not applicable", "not enough data", "out of time"]
    why: str


Answer = tuple[Finding, ...] | Silent
"""What a check returns: its findings (none: all is well), or why it cannot say."""


def not_applicable(why: str) -> Silent:
    """The question does not arise."""
    return Silent("not applicable", why)


def not_enough_data(why: str) -> Silent:
    """The question arises, but the rows cannot answer it."""
    return Silent("not enough data", why)
