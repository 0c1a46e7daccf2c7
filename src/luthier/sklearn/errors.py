"""Our errors as users of scikit-learn expect them: every one is a ValueError as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from luthier.errors import LuthierError, NoModel


class FitsFailed(NoModel):
    """Every fit failed; the message holds what the estimator said."""


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Raise what is raised inside as the same error that is also a ValueError.

    >>> from luthier.errors import BadBudget
    >>> try:
    ...     with as_value_errors():
    ...         raise BadBudget("a budget of nothing", fix="give one")
    ... except ValueError as error:
    ...     print(isinstance(error, BadBudget), error.fix)
    True give one
    """
    try:
        yield
    except LuthierError as error:
        if isinstance(error, ValueError):
            raise
        raise _rebuilt(type(error), error.what, error.fix) from error


_KINDS: dict[type[LuthierError], type[LuthierError]] = {}


def _also_value_error(kind: type[LuthierError]) -> type[LuthierError]:
    if kind in _KINDS:
        return _KINDS[kind]

    def reduced(self: LuthierError) -> Any:
        # The class is made on the fly, so another process finds it through its base.
        return _rebuilt, (kind, self.what, self.fix)

    body = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__reduce__": reduced}
    return _KINDS.setdefault(kind, type(kind.__name__, (kind, ValueError), body))


def _rebuilt(kind: type[LuthierError], what: str, fix: str) -> LuthierError:
    return _also_value_error(kind)(what, fix=fix)
