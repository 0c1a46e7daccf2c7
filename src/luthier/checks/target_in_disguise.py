"""Leakage: a column that is the target in disguise."""

from __future__ import annotations

import shlex

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_enough_data
from luthier.checks.flattery import measure, score
from luthier.checks.one_column import FOLDS, column_skill
from luthier.checks.sample import Sample, fit_seconds, some_rows

CODE = "leak.target"
LEAST_ROWS = 50
SUSPECT = 0.9
"""Skill alone from which a column is looked at; our judgement: honest columns that reach it are rare, and their
neighbours then reach it too."""
CERTAIN = 0.97
SHARE_LEFT = 0.25
"""Most of the error that all other columns together leave which a column in disguise may leave."""
PERMUTATIONS = 20


def look(context: Context) -> Answer:
    """A column that alone predicts the target nearly without error, where all others together do not.

    Every column is asked alone, on rows it was not learned from. One that reaches a skill of 0.9 (ROC AUC 0.95) is set
    beside a model of all columns that do not: where it leaves less than a quarter of their error, it is the target
    under another name, was made from it, or was written down afterwards. A skill of 0.97 is an error, less a warning.
    In easy tables, where the other columns do nearly as well, nothing is said. Evidence: the score of the column alone,
    of the model with and without it, and the best score that the column reached on shuffled targets.
    """
    data = context.dataset
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows: a column may fit so few by chance; {LEAST_ROWS} would do")
    features = data.schema.features
    suspects = sorted({f.source for f, alone in zip(features, context.skills, strict=True) if alone >= SUSPECT})
    if not suspects:
        return ()
    rng = context.rng(CODE)
    whole = context.sample(some_rows(data.n_rows, rng), always=tuple(suspects))
    rest = whole.without(suspects)
    fold = whole.shuffled_folds(rng)
    without = max(0.0, rest.skill(rest.predict_out_of_fold(fold, context.seed))) if rest.facts.n_features else 0.0
    guilty = [name for name in suspects if 1.0 - context.skill_of(name) <= SHARE_LEFT * (1.0 - without)]
    if not guilty:
        return ()
    with_it = whole.skill(whole.predict_out_of_fold(fold, context.seed))
    task = data.schema.task
    return tuple(
        Finding(
            CODE,
            f"{name!r} alone predicts {data.schema.target!r} nearly without error; all other columns together do not",
            "error" if context.skill_of(name) >= CERTAIN else "warning",
            (name,),
            {
                "measure": measure(task),
                "score_alone": score(context.skill_of(name), task),
                "score_with": score(with_it, task),
                "score_without": score(without, task),
                "optimism": round(score(with_it, task) - score(without, task), 4),
                "best_on_shuffled_targets": score(_by_chance(whole, name, rng), task),
                "permutations": PERMUTATIONS,
            },
            f"leave it out unless it is known when the model is asked: --drop {shlex.quote(name)}",
        )
        for name in guilty
    )


def _by_chance(sample: Sample, name: str, rng: np.random.Generator) -> float:
    """The best skill of the column on so many shuffled targets."""
    j = sample.sources.index(name)
    fold = rng.permutation(len(sample.rows)) % FOLDS
    categorical = j in sample.facts.categorical
    return max(
        column_skill(sample.X[:, j], rng.permutation(sample.y), fold, sample.facts.task, categorical=categorical)
        for _ in range(PERMUTATIONS)
    )


CHECK = Check(
    CODE, "Is a column the target in disguise?", look, lambda context: fit_seconds(context.dataset, 2 * FOLDS)
)
