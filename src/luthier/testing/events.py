"""Payments made up so that the truth about them is known: late ones, corrected ones, and what they lead to."""

from __future__ import annotations

import numpy as np
import pandas as pd

START = pd.Timestamp("2026-01-01")


def made_payments(
    n: int = 3000, *, n_customers: int = 100, days: int = 100, late: float = 0.2, corrected: float = 0.1, seed: int = 0
) -> pd.DataFrame:
    """Return payments as a ledger holds them: every version of each, with when it happened and when it was booked.

    Parameters
    ----------
    n, n_customers, days
        How many payments, of how many customers, over how many days.
    late
        Share that is booked up to ten days after it happened; the others are booked at once.
    corrected
        Share that is booked once more, up to twenty days later, with another amount.
    seed
        Of all randomness.

    Returns
    -------
    DataFrame
        (n (1 + corrected), 5): `customer`, `payment`, `paid_at`, `booked_at`, `amount`, in the order of booking.
    """
    rng = np.random.default_rng(seed)
    paid_at = START + pd.to_timedelta(rng.integers(0, days * 86_400, n), unit="s")
    delay = np.where(rng.random(n) < late, rng.integers(1, 10 * 86_400, n), 0)
    first = pd.DataFrame(
        {
            "customer": rng.integers(0, n_customers, n),
            "payment": np.arange(n),
            "paid_at": paid_at,
            "booked_at": paid_at + pd.to_timedelta(delay, unit="s"),
            "amount": np.round(rng.gamma(2.0, 20.0, n), 2),
        }
    )
    again = first.sample(frac=corrected, random_state=seed)
    later = pd.to_timedelta(rng.integers(1, 20 * 86_400, len(again)), unit="s")
    again = again.assign(booked_at=again.booked_at + later, amount=np.round(rng.gamma(2.0, 20.0, len(again)), 2))
    return pd.concat([first, again]).sort_values("booked_at", kind="stable", ignore_index=True)


def made_questions(n: int = 1000, *, n_customers: int = 100, days: int = 100, seed: int = 1) -> pd.DataFrame:
    """Return (n, 2) rows that ask about a `customer` `asked_at` a moment; some are of customers who never paid."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer": rng.integers(0, n_customers + max(1, n_customers // 10), n),
            "asked_at": START + pd.to_timedelta(rng.integers(0, days * 86_400, n), unit="s"),
        }
    )
