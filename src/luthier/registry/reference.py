"""How people name a registered model: "churn", "churn@challenger", "churn@3"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self, get_args

from luthier.errors import UnknownModel

Alias = Literal["champion", "challenger", "previous"]
ALIASES: tuple[Alias, ...] = get_args(Alias)

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A model's name, and which of its versions is meant: a number or an alias.

    Examples
    --------
    >>> str(Reference.parse("churn")), Reference.parse("churn@3").version
    ('churn@champion', 3)
    """

    name: str
    version: int | None = None
    alias: Alias = "champion"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "name", "name@alias" or "name@version".

        Raises
        ------
        UnknownModel
            The text is none of these.
        """
        name, at, which = text.partition("@")
        check_name(name)
        if not at:
            return cls(name)
        for alias in ALIASES:
            if which == alias:
                return cls(name, alias=alias)
        number = which.removeprefix("v")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise UnknownModel(
                f"{text!r} names no version: after the @ comes a number, or {', '.join(ALIASES[:-1])} or {ALIASES[-1]}",
                fix=f"write {name}@champion, or {name}@1 for version 1",
            )
        return cls(name, int(number))

    def __str__(self) -> str:
        return f"{self.name}@{self.alias if self.version is None else self.version}"


def is_name(text: str) -> bool:
    """Whether a model may be called so."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str) -> None:
    """Raise UnknownModel unless a model may be called so."""
    if not is_name(name):
        raise UnknownModel(
            f"{name!r} is no name for a model: names have 1 to 64 lower-case letters, digits, '.', '_' and '-', and "
            "begin and end with a letter or digit",
            fix="choose a name such as churn or credit-risk.eu",
        )
