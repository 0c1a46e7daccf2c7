"""A stable split: who gets the challenger's answers is decided by a hash, so that nobody changes sides overnight."""

from __future__ import annotations

import hashlib


def place_of(unit: str, name: str) -> float:
    """Where a unit stands in [0, 1), the same in every process and forever; units stand evenly.

    Parameters
    ----------
    unit
        Who asks, or what is asked about: a customer's number, say.
    name
        Of the model, so that the same people do not get every model's challenger.

    Notes
    -----
    A share s takes those who stand below s: whoever is among them stays there when the share grows.

    >>> round(place_of("customer 17", "churn"), 3)
    0.516
    """
    digest = hashlib.sha256(f"{name}\0{unit}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
