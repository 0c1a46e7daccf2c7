"""Are wrong labels found, and is their number known? Usage:

    pip install cleanlab && OMP_NUM_THREADS=1 python studies/label_errors/run.py

scikit-learn's breast cancer, wine and digits; 0, 5 and 20 % of the labels flipped, to any other class alike or each
class to the next one only, the first class three times as often as the last ("class-dependent"); 20 draws of each.
Out-of-fold probabilities, five folds, of the forest of `luthier check` and of a logistic regression. cleanlab ranks by
the same probabilities (its default score, and the normalised margin). Writes results/flips.csv, prints the summary.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.count import num_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from luthier.evaluation.labels import review_labels

HERE = Path(__file__).parent
SETS = {"breast cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}
DRAWS = 20


def model_of(name: str, seed: int):
    if name == "forest":
        return RandomForestClassifier(60, random_state=seed)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


def flipped(y: np.ndarray, rate: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Labels of which, on average over rows, `rate` are wrong."""
    k = y.max() + 1
    if kind == "random":
        return np.where(rng.random(len(y)) < rate, (y + rng.integers(1, k, len(y))) % k, y)
    often = np.linspace(1.5, 0.5, k)
    often *= rate / (often[y].mean())
    return np.where(rng.random(len(y)) < often[y], (y + 1) % k, y)


def one(name: str, X: np.ndarray, y: np.ndarray, model: str, rate: float, kind: str, seed: int) -> dict:
    rng = np.random.default_rng([seed, round(1000 * rate), len(kind)])
    given = flipped(y, rate, kind, rng)
    wrong = given != y
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    p = cross_val_predict(model_of(model, seed), X, given, cv=folds, method="predict_proba")
    binary = p.shape[1] == 2
    review = review_labels(given, p[:, 1:] if binary else p, "binary" if binary else "multiclass")
    place = np.empty(len(y))
    place[review.ranked] = -np.arange(len(y))
    result = {
        "table": name, "model": model, "rate": rate, "kind": kind, "seed": seed, "wrong": int(wrong.sum()),
        "count": review.count.value, "low": review.count.low, "high": review.count.high,
        "flagged": len(review.likely) / len(y),
        # As `luthier check` decides whether to say anything at all.
        "told": review.count.low >= max(1.0, 0.01 * len(y)) and review.sure >= 0.5
        and np.diagonal(review.transition).min() >= 0.5,
        "cleanlab_count": num_label_issues(given, p),
    }  # fmt: skip
    if wrong.any():
        result["ours"] = average_precision_score(wrong, place)
        for score in ("self_confidence", "normalized_margin"):
            result[score] = average_precision_score(wrong, -get_label_quality_scores(given, p, method=score))
    return result


def main() -> None:
    rows = []
    for name, load in SETS.items():
        X, y = load(return_X_y=True)
        for model in ("forest", "logistic"):
            for rate in (0.0, 0.05, 0.2):
                for kind in ("random", "class-dependent")[: 2 if rate else 1]:
                    rows += [one(name, X, y, model, rate, kind, seed) for seed in range(DRAWS)]
                    print(name, model, rate, kind, flush=True)
    found = pd.DataFrame(rows)
    found.to_csv(HERE / "results" / "flips.csv", index=False, float_format="%.5g")
    dirty = found[found.rate > 0].assign(held=lambda f: (f.low <= f.wrong) & (f.wrong <= f.high))
    by = dirty.groupby(["table", "model", "rate", "kind"])
    print(by[["ours", "self_confidence", "normalized_margin", "wrong", "count", "cleanlab_count", "held", "told"]]
          .mean().round(3).to_string())  # fmt: skip
    print(f"intervals that held {dirty.held.mean():.3f} of {len(dirty)}; least cell {by.held.mean().min():.2f}")
    worst = (by.self_confidence.mean() - by.ours.mean()).max()
    print(f"average precision behind cleanlab's at most {worst:.3f} in any cell")
    clean = found[found.rate == 0]
    print(clean.groupby(["table", "model"])[["flagged", "count", "cleanlab_count", "told"]].mean().round(4).to_string())


if __name__ == "__main__":
    main()
