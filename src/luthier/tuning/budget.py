"""What a study may spend: seconds, trials or money, whichever runs out first."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from luthier.errors import BadBudget

_UNIT_S = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(sec|s|min|m|h|d)\s*", re.IGNORECASE)
_TRIALS = re.compile(r"(\d+)\s*(?:trials?|t)", re.IGNORECASE)
_SYMBOL = re.compile(r"([$€£¥])\s*(\d+(?:\.\d+)?)")
_CURRENCY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Z]{3}|[$€£¥])")
_PRICE = re.compile(r"([$€£¥])?\s*(\d+(?:\.\d+)?)\s*([A-Z]{3}|[$€£¥])?\s*(?:/\s*h(?:our)?)?")
_FORMS = 'such as "30s", "5m", "1h30m", "200 trials", "$2.50" or "10m, 200 trials"'


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour of the machine costs, in `currency`."""

    per_hour: float
    currency: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.per_hour) and self.per_hour > 0):
            raise BadBudget(f"a price per hour is a positive number, not {self.per_hour!r}", fix='write it as "0.40/h"')

    def of(self, seconds: float) -> float:
        """Cost of so many seconds."""
        return seconds / 3600.0 * self.per_hour

    @classmethod
    def parse(cls, text: str | float | Price | None) -> Price | None:
        """Read a price: a number, or text like "0.40/h", "$0.40/h", "0.40 EUR/h".

        Raises
        ------
        BadBudget
            When it is not a positive price per hour.
        """
        if text is None or isinstance(text, Price):
            return text
        if isinstance(text, (int, float)):
            return cls(float(text))
        match = _PRICE.fullmatch(text.strip())
        if not match:
            raise BadBudget(f"{text!r} is not a price per hour", fix='write it as "0.40/h" or "$0.40/h"')
        return cls(float(match[2]), match[1] or match[3] or "")


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be spent. None means "no limit of that kind"; at least one limit is set.

    Attributes
    ----------
    seconds
        Wall-clock seconds, from the call to the answer.
    trials
        Configurations evaluated, the default included.
    money
        In the price's currency; needs a price.
    """

    seconds: float | None = None
    trials: int | None = None
    money: float | None = None
    price: Price | None = None

    def __post_init__(self) -> None:
        limits = (self.seconds, self.trials, self.money)
        if all(limit is None for limit in limits):
            raise BadBudget("a budget needs a limit", fix=f"give one {_FORMS}")
        for limit in limits:
            if limit is not None and not (math.isfinite(limit) and limit > 0):
                raise BadBudget(f"a budget is a positive amount, not {limit!r}", fix=f"give one {_FORMS}")
        if self.money is not None and self.price is None:
            raise BadBudget(
                f"a budget of money ({self.money:g}) needs to know what an hour costs",
                fix='add the price of an hour of this machine, as --price 0.40/h or price="0.40/h"',
            )

    @property
    def limit_s(self) -> float | None:
        """Seconds after which the study must have answered, whether time or money sets them."""
        limits = []
        if self.seconds is not None:
            limits.append(self.seconds)
        if self.money is not None and self.price is not None:
            limits.append(self.money / self.price.per_hour * 3600.0)
        return min(limits, default=None)

    @classmethod
    def parse(cls, budget: str | float | Budget, price: str | float | Price | None = None) -> Budget:
        """Read a budget: a number of seconds, or text.

        Parameters
        ----------
        budget
            Seconds as a number, or text such as "30s", "5m", "1h30m", "200 trials", "$2.50", or several of them
            separated by commas: the first to run out ends the study.
        price
            Price of an hour, needed for a budget of money.

        Raises
        ------
        BadBudget
            When the text cannot be read, an amount is not positive, or money comes without a price.

        Examples
        --------
        >>> Budget.parse("1h30m").seconds
        5400.0
        >>> Budget.parse("10m, 200 trials").trials
        200
        >>> Budget.parse("$2", price="0.50/h").limit_s
        14400.0
        """
        if isinstance(budget, Budget):
            return budget
        parsed_price = Price.parse(price)
        if isinstance(budget, (int, float)) and not isinstance(budget, bool):
            return cls(seconds=float(budget), price=parsed_price)
        if not isinstance(budget, str):
            raise BadBudget(f"{budget!r} is not a budget", fix=f"give one {_FORMS}")
        limits: dict[str, float] = {}
        for part in filter(None, (piece.strip() for piece in budget.split(","))):
            name, amount = _read(part, budget)
            if name in limits:
                raise BadBudget(f"the budget {budget!r} limits {name} twice", fix="give each limit once")
            limits[name] = amount
        trials = limits.get("trials")
        return cls(limits.get("seconds"), None if trials is None else int(trials), limits.get("money"), parsed_price)

    def to_json(self) -> dict[str, Any]:
        """The budget as JSON values."""
        return {
            "seconds": self.seconds,
            "trials": self.trials,
            "money": self.money,
            "price_per_hour": self.price.per_hour if self.price else None,
            "currency": self.price.currency if self.price else None,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Budget:
        """Inverse of `to_json`."""
        price = None if body["price_per_hour"] is None else Price(body["price_per_hour"], body["currency"] or "")
        return cls(body["seconds"], body["trials"], body["money"], price)

    def __str__(self) -> str:
        parts = []
        if self.seconds is not None:
            parts.append(say_seconds(self.seconds))
        if self.trials is not None:
            parts.append(f"{self.trials} trials")
        if self.money is not None and self.price is not None:
            parts.append(f"{self.money:g} {self.price.currency or 'money'} at {self.price.per_hour:g}/h")
        return ", ".join(parts)


def _read(part: str, whole: str) -> tuple[str, float]:
    if match := _TRIALS.fullmatch(part):
        return "trials", float(match[1])
    if match := _SYMBOL.fullmatch(part):
        return "money", float(match[2])
    if match := _CURRENCY.fullmatch(part):
        return "money", float(match[1])
    pieces = _TIME.findall(part)
    if pieces and _TIME.sub("", part) == "":
        return "seconds", sum(float(amount) * _UNIT_S[unit.lower()] for amount, unit in pieces)
    raise BadBudget(f"{part!r} in the budget {whole!r} is not an amount we can read", fix=f"write it {_FORMS}")


def say_seconds(seconds: float) -> str:
    """A duration as people write it: 0.4s, 12s, 5m, 1h30m.

    >>> say_seconds(90), say_seconds(0.42), say_seconds(5400)
    ('1m30s', '0.42s', '1h30m')
    """
    if seconds < 10:
        return f"{seconds:.2g}s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (left, "s")]
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"
