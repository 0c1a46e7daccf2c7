"""Why the model says what it says of a row: what each field adds to the answer for a typical row.

Shapley values with a baseline: over the orders in which the fields of the typical row may be replaced by those of the
row, the mean change of the answer when it is the field's turn. They add up to the difference of the two answers,
whatever the model. The orders are drawn, each with its reverse.

Source: Sundararajan & Najmi (2020), "The Many Shapley Values for Model Explanation", ICML (baseline Shapley); Mitchell,
Cooper, Frank & Holmes (2022), "Sampling Permutations for Shapley Value Estimation", JMLR 23 (antithetic orders).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.data.columns import Floats
from luthier.serving.served import ServedModel
from luthier.serving.typical import typical_row

N_ORDERS = 64
MOST_CELLS = 200_000
"""Fields times mixtures asked for one row; wide tables get fewer orders. Our judgement: about a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a field adds, with the standard error of its estimate; `typical` is the value it is compared with."""

    field: str
    value: Any
    typical: Any
    contribution: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer taken apart.

    Parameters
    ----------
    of
        What is explained: the probability of a class, or the value.
    answer, typical_answer
        For the row, and for the typical row.
    contributions
        The largest first; they add up to the difference of the two. Fields that are as in the typical row are left out.
    """

    of: str
    answer: float
    typical_answer: float
    contributions: tuple[Contribution, ...]


def shapley_values(
    ask: Callable[[NDArray[np.bool_]], Floats], n_fields: int, n_orders: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Baseline Shapley values by sampled orders.

    Parameters
    ----------
    ask
        (m, n_fields), which fields are the row's -> (m,) answers.
    n_fields
        At least 1.
    n_orders
        How many orders, even: every second one is the reverse of the one before.
    rng
        Draws the orders.

    Returns
    -------
    Values and standard errors, each (n_fields,), in the answer's unit. The values add up to ask(all) - ask(none).
    """
    drawn = [rng.permutation(n_fields) for _ in range(n_orders // 2)]
    orders = np.array([order for one in drawn for order in (one, one[::-1])])
    # Step k of an order: its first k fields are the row's.
    place = np.argsort(orders, axis=1)
    steps = np.arange(n_fields + 1)[None, :, None] > place[:, None, :]
    flat = steps.reshape(-1, n_fields)
    mixtures, which = np.unique(flat, axis=0, return_inverse=True)
    answers = ask(mixtures)[which.reshape(-1)].reshape(len(orders), n_fields + 1)
    gains = np.take_along_axis(np.diff(answers, axis=1), place, axis=1)
    pairs = gains.reshape(len(drawn), 2, n_fields).mean(axis=1)
    spread = pairs.std(axis=0, ddof=1) if len(pairs) > 1 else np.full(n_fields, np.nan)
    return pairs.mean(axis=0), spread / np.sqrt(len(pairs))


def explain_row(model: ServedModel, row: Mapping[str, Any], *, seed: int = 0) -> Explanation:
    """Take the model's answer for a row apart.

    Parameters
    ----------
    model
        Any served model.
    row
        One that the model reads without problems.
    seed
        Of the orders: the same seed gives the same explanation.
    """
    typical = typical_row(model.predictor.schema)
    both = [typical, {field: row[field] for field in typical}]
    p = _asked(model, both)
    code = int(p[1].argmax()) if model.task == "multiclass" else 0
    of = (
        "value"
        if model.task == "regression"
        else f"probability of {model.classes[1 if model.task == 'binary' else code]!r}"
    )
    fields = [field for field in typical if row[field] != typical[field]]
    contributions: list[Contribution] = []
    if fields:
        n_orders = max(4, min(N_ORDERS, MOST_CELLS // (len(fields) * len(typical) + 1))) // 2 * 2

        def ask(mixtures: NDArray[np.bool_]) -> Floats:
            rows = [
                {**typical, **{field: row[field] for field, own in zip(fields, mixture, strict=True) if own}}
                for mixture in mixtures
            ]
            return _asked(model, rows)[:, code]

        values, errors = shapley_values(ask, len(fields), n_orders, np.random.default_rng(seed))
        contributions = [
            Contribution(field, row[field], typical[field], float(value), float(error))
            for field, value, error in zip(fields, values, errors, strict=True)
        ]
    contributions.sort(key=lambda one: -abs(one.contribution))
    return Explanation(of, float(p[1, code]), float(p[0, code]), tuple(contributions))


def _asked(model: ServedModel, rows: Sequence[Mapping[str, Any]]) -> Floats:
    return model.ask(rows, model.read(rows))
