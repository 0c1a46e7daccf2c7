"""Privacy: columns that seem to say who somebody is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding
from luthier.data.cells import Cells
from luthier.data.words import name_words

CODE = "privacy.personal"
LEAST_SHARE = 0.5
LEAST_VALUES = 5
MOST_LOOKED_AT = 1000
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
_PHONE = re.compile(
    r"(\+|00)\d[\d ()./-]{6,18}\d|\(?0\d{1,4}\)?[ /-][\d /-]{5,14}\d|\(\d{3}\) ?\d{3}-\d{4}|\d{3}[-.]\d{3}[-.]\d{4}"
)
_CARD = re.compile(r"\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?")
_PERSON = re.compile(r"[^\W\d_][\w'’.-]*,?( [^\W\d_][\w'’.-]*){0,3}")
_FIRST, _LAST = {"first", "given", "fore", "middle"}, {"last", "sur", "family"}
_NAMES = {
    "surname",
    "firstname",
    "lastname",
    "forename",
    "fullname",
    "middlename",
    "vorname",
    "nachname",
    "familienname",
}
_PEOPLE = {"customer", "client", "patient", "employee", "person", "user", "passenger", "contact", "full", "student"}


def look(context: Context) -> Answer:
    """E-mail addresses, phone, card and account numbers by their form, and names of people by the name of the column.

    Cards must pass the Luhn sum (ISO/IEC 7812) and accounts the check of ISO 13616, in most of their values; every
    tenth number passes Luhn by chance. Names are told by the column ("surname", "patient name") and only if the values
    look so. Columns that are left out as identifiers are looked at too, because they remain in files and logs. Values
    are not repeated in the evidence.
    """
    found = []
    for name, cells in context.columns.items():
        kind, share = personal(name, cells)
        if kind:
            found.append(
                Finding(
                    CODE,
                    f"{name!r} seems to hold {kind}",
                    "warning",
                    (name,),
                    {"kind": kind, "share_of_values": round(share, 4), "values": _n_values(cells)},
                    f"leave it out unless you may and must use it: --drop {name!r}, best before the file is made",
                )
            )
    return tuple(found)


def personal(name: str, cells: Cells) -> tuple[str, float]:
    """What personal data the column seems to hold ("" for none), and in which share of its different values."""
    values = _values(cells)
    if len(values) < LEAST_VALUES:
        return "", 0.0
    if cells.kind == "number":
        share = _share(values, is_card)
        return ("card numbers", share) if share > LEAST_SHARE else ("", 0.0)
    kinds: Mapping[str, Callable[[str], bool]] = {
        "e-mail addresses": lambda value: _EMAIL.fullmatch(value) is not None,
        "card numbers": is_card,
        "account numbers (IBAN)": is_iban,
        "phone numbers": lambda value: _PHONE.fullmatch(value) is not None,
    }
    if names_people(name):
        kinds = {**kinds, "names of people": lambda value: _PERSON.fullmatch(value) is not None}
    for kind, holds in kinds.items():
        share = _share(values, holds)
        if share > LEAST_SHARE:
            return kind, share
    return "", 0.0


def is_card(value: str) -> bool:
    """Whether it has the form of a card number and passes the Luhn sum.

    >>> is_card("4111 1111 1111 1111"), is_card("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(letter) for letter in value if letter.isdigit()]
    if _CARD.fullmatch(value) is None or len(set(digits)) == 1:
        return False
    doubled = [2 * d - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(value: str) -> bool:
    """Whether it has the form of an international account number and passes its check.

    >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    if _IBAN.fullmatch(value) is None:
        return False
    compact = value.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def names_people(column: str) -> bool:
    """Whether the column's name says that it holds names of people.

    >>> names_people("last_name"), names_people("PatientName"), names_people("product_name")
    (True, True, False)
    """
    words = set(name_words(column))
    return bool(words & _NAMES) or ("name" in words and bool(words & (_FIRST | _LAST | _PEOPLE)))


def _values(cells: Cells) -> list[str]:
    if cells.kind == "text" and cells.levels is not None:
        return [str(word) for word in cells.levels[:: max(1, len(cells.levels) // MOST_LOOKED_AT)]]
    if cells.kind == "number":
        present: NDArray[np.float64] = np.unique(cells.array[~cells.missing])
        if not (present == np.rint(present)).all() or (present < 1e12).all():
            return []
        return [str(int(value)) for value in present[:: max(1, len(present) // MOST_LOOKED_AT)]]
    return []


def _n_values(cells: Cells) -> int:
    return len(cells.levels) if cells.levels is not None else len(np.unique(cells.array[~cells.missing]))


def _share(values: list[str], holds: Callable[[str], bool]) -> float:
    return sum(holds(value) for value in values) / len(values)


CHECK = Check(CODE, "Does a column say who somebody is?", look)
