"""What a check is: a stable code, the question it answers, and one function that looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from luthier.checks.context import Context
from luthier.checks.finding import Answer


@dataclass(frozen=True, slots=True)
class Check:
    """One rule.

    Parameters
    ----------
    code
        `family.subject`, as its findings carry it and as `--ignore` takes it.
    question
        What it answers, for people: "does one column give the target away?"
    look
        The rule. Its docstring is its page of the docs.
    seconds
        Rough CPU seconds it takes on this table, by which the allowance is kept; 0 for what takes no time to speak of.
    """

    code: str
    question: str
    look: Callable[[Context], Answer]
    seconds: Callable[[Context], float] = lambda _: 0.0
