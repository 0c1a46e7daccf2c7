"""Labels: those that contradict everything else the table says."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable, not_enough_data
from luthier.data import Dataset
from luthier.evaluation.labels import FEWEST_ROWS, LabelReview, review_labels
from luthier.models import FAMILIES, Facts
from luthier.scoring.partition import shuffled, stratified

CODE = "labels.errors"
MOST_ROWS = 4000
FOLDS = 5
TREES = 60
MOST_SHOWN = 50
LEAST_SHARE = 0.01
LEAST_SURE = 0.5
"""Of the rows of every class, those the model must be nearly sure of, for labels against it to be called errors, not
chance."""


def look(context: Context) -> Answer:
    """Rows whose label a model contradicts that had not seen them, where it is hardly ever wrong.

    A random forest predicts every row (at most 4,000) out of fold; a noise model tells wrong labels from rows that are
    hard (see `luthier.evaluation.labels`). Something is said only when the interval for the number of errors (90 %)
    lies above zero, at least half of the rows of every class are easy, and no class is written down as others more
    often than as itself, because chance in the outcome looks like wrong labels otherwise. Classes: at least 1 % of the
    rows, at the low end. Evidence: the number with its interval, and the rows to look at first with what they probably
    should be. For a regression, gross errors only: residuals beyond the tail of all others.
    """
    data = context.dataset
    if data.n_rows < FEWEST_ROWS:
        return not_enough_data(f"{data.n_rows} rows; {FEWEST_ROWS} would do")
    if data.schema.time is not None and data.schema.task == "regression":
        return not_applicable("in a series, an odd value may be an odd day: nothing beside it says which")
    rng = context.rng(CODE)
    rows = np.arange(data.n_rows) if data.n_rows <= MOST_ROWS else np.sort(rng.permutation(data.n_rows)[:MOST_ROWS])
    review = reviewed(data, rows, rng)
    if review is None:
        return not_enough_data("a class has fewer rows than there are folds")
    blurred = review.transition is not None and np.diagonal(review.transition).min() < LEAST_SURE
    least = 1.0 if review.transition is None else max(1.0, LEAST_SHARE * len(rows))
    if review.count.low < least or review.sure < LEAST_SURE or blurred:
        return ()
    share = review.count.value / len(rows)
    shown = review.first(min(MOST_SHOWN, max(1, round(review.count.high))))
    sampled = "" if len(rows) == data.n_rows else f" of {len(rows):,} rows drawn"
    return (
        Finding(
            CODE,
            f"about {review.count.value:.0f} labels{sampled} look wrong ({review.count.low:.0f} to "
            f"{review.count.high:.0f}, 90 %); among the {len(shown)} listed about "
            f"{review.expected_in(len(shown)):.0f} are",
            "warning" if share >= LEAST_SHARE else "info",
            (data.schema.target,),
            {
                "count": review.count.to_json(),
                "rows_looked_at": len(rows),
                "list": [
                    {
                        "row": int(rows[i]),
                        "given": _label(data, review.given[i]),
                        "suggested": _label(data, review.suggested[i]),
                        "p_wrong": round(float(review.p_wrong[i]), 3),
                    }
                    for i in shown
                ],
            },
            "look at the rows listed, from the top, for as long as you find errors; correct them and check again",
        ),
    )


def reviewed(data: Dataset, rows: np.ndarray, rng: np.random.Generator) -> LabelReview | None:
    """The labels of these rows, judged by forests that had not seen them; None where a class is too small for folds."""
    facts, X, y = Facts.of(data), data.X[rows], data.y[rows]
    if facts.task != "regression" and min(np.unique(y, return_counts=True)[1]) < FOLDS:
        return None
    forest = FAMILIES["forest"]()
    config = {**forest.default(facts), "n_estimators": TREES}
    p = np.empty((len(rows), facts.n_outputs))
    for learned, judged in (shuffled if facts.task == "regression" else stratified)(y, FOLDS, rng):
        fitted = forest.fit(config, facts, X[learned], y[learned], seed=int(rng.integers(2**31)))
        p[judged] = fitted.predict(X[judged])
    return review_labels(y, p, facts.task)


def _label(data: Dataset, value: np.generic) -> str | float:
    return float(value) if data.schema.task == "regression" else str(data.schema.classes[int(value)])


def _seconds(context: Context) -> float:
    """By far the most is growing trees."""
    facts = Facts.of(context.dataset)
    n = min(context.dataset.n_rows, MOST_ROWS)
    tree = 1e-3 + 2e-8 * n * np.log2(max(n, 2)) * max(
        1.0, facts.n_features ** (0.5 if facts.task != "regression" else 1)
    )
    return float(1.0 + FOLDS * TREES * tree)


CHECK = Check(CODE, "Are labels wrong?", look, _seconds)
