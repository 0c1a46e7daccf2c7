"""Three runs as a report sees them: a gain, a default that stays, and one single fit."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from luthier.report import (
    BaselineFacts,
    ColumnFacts,
    DataFacts,
    FailureFacts,
    MetricFacts,
    NoteFacts,
    ProgressPoint,
    ReportFacts,
    RunFacts,
    SourceFacts,
    SplitFacts,
    TrialFacts,
    UsageFacts,
    VerdictFacts,
)
from luthier.scoring.estimate import Estimate

VERSIONS = {
    "luthier": "0.1.0", "python": "3.11.7", "numpy": "2.4.1", "pandas": "3.1.0", "scikit-learn": "1.9.0",
    "lightgbm": "4.7.0",
}  # fmt: skip
NOT_MEASURED = (
    "Whether the rows you will see in use look like the rows it learned from.",
    "Whether some groups of rows fare worse than others.",
    "Whether a column gives the answer away.",
)
LIGHTGBM = {
    "model": "lightgbm", "lightgbm.num_leaves": 31, "lightgbm.learning_rate": 0.1, "lightgbm.n_estimators": 100,
    "lightgbm.min_child_samples": 20, "lightgbm.subsample": 1.0, "lightgbm.colsample_bytree": 1.0,
    "lightgbm.reg_lambda": 0.0,
}  # fmt: skip


def usage(folder: str) -> UsageFacts:
    return UsageFacts(
        model_path=f"{folder}/model",
        report_path=f"{folder}/report.html",
        commands=(("Predict new rows from a file", f"luthier predict {folder}/model new_rows.csv"),),
        code=f'import luthier\n\nmodel = luthier.load("{folder}/model")\npredictions = model.predict(new_rows)',
    )


def configuration(rng: random.Random, family: str) -> dict[str, object]:
    if family == "lightgbm":
        return LIGHTGBM | {
            "lightgbm.num_leaves": rng.randrange(8, 128),
            "lightgbm.learning_rate": 10 ** rng.uniform(-2, -0.5),
            "lightgbm.n_estimators": rng.choice([100, 200, 400]),
            "lightgbm.subsample": round(rng.uniform(0.5, 1), 2),
        }
    if family == "linear":
        return {"model": "linear", "linear.C": 10 ** rng.uniform(-4, 2), "linear.penalty": rng.choice(["l1", "l2"])}
    return {"model": family, f"{family}.max_features": round(rng.uniform(0.1, 1), 3), f"{family}.min_samples_leaf": 3}


def binary_with_gain() -> ReportFacts:
    """Attrition by ROC AUC: the winner is clearly better than the default, and naively far too good."""
    rng = random.Random(7)
    middle = {"lightgbm": 0.806, "linear": 0.836, "forest": 0.79, "extra_trees": 0.797}
    trials, progress, clock, best = [], [], 0.8, 0.0
    for number in range(128):
        family = "lightgbm" if number == 0 else rng.choice(list(middle))
        at = 0.801 if number == 0 else middle[family] + rng.gauss(0.002, 0.010) - (0.2 if rng.random() < 0.04 else 0)
        folds = tuple(round(at + rng.gauss(0, 0.017), 4) for _ in range(5))
        score = sum(folds) / 5
        seconds = rng.uniform(0.6, 1.1) * (0.25 if family == "linear" else 1)
        config = dict(LIGHTGBM) if number == 0 else configuration(rng, family)
        state = "failed" if number in (17, 60) else "complete"
        clock += seconds * 0.55
        if state == "failed":
            trials.append(TrialFacts(number, family, state, None, (), seconds, config))
            continue
        trials.append(TrialFacts(number, family, state, score, folds, seconds, config))
        if score > best:
            best = score
            progress.append(ProgressPoint(clock, score, clock * 0.40 / 3600))
    winner = max((t for t in trials if t.score is not None), key=lambda t: t.score or 0.0)
    by_family: dict[str, float] = {}
    for trial in trials:
        by_family[trial.family] = by_family.get(trial.family, 0.0) + (trial.seconds or 0.0)
    return ReportFacts(
        data=DataFacts(
            name="attrition",
            n_rows=1470,
            n_columns=30,
            target="Attrition",
            task="binary",
            classes=("No", "Yes"),
            positive="Yes",
            columns=(
                ColumnFacts("Age", kind="numeric", missing_share=0.0, n_distinct=43, low=18, high=60,
                            histogram=(40, 88, 160, 248, 290, 210, 160, 110, 84, 56, 24)),
                ColumnFacts("Attrition", "target", "boolean", 0.0, 2, top=(("No", 0.839), ("Yes", 0.161))),
                ColumnFacts("BusinessTravel", kind="categorical", missing_share=0.0, n_distinct=3,
                            top=(("Travel_Rarely", 0.71), ("Travel_Frequently", 0.188), ("Non-Travel", 0.102))),
                ColumnFacts("DailyRate", kind="numeric", missing_share=0.0, n_distinct=886, low=102, high=1499,
                            histogram=(100, 110, 104, 118, 96, 102, 99, 121, 107, 103, 90)),
                ColumnFacts("Department", kind="categorical", missing_share=0.012, n_distinct=3,
                            top=(("Research_Development", 0.654), ("Sales", 0.303), ("Human_Resources", 0.043))),
                ColumnFacts("DistanceFromHome", kind="numeric", missing_share=0.0004, n_distinct=29, low=1, high=29,
                            histogram=(419, 198, 175, 140, 70, 60, 55, 62, 80, 90, 75)),
                ColumnFacts("MonthlyIncome", kind="numeric", missing_share=0.231, n_distinct=1349, low=1009, high=19999,
                            histogram=(150, 380, 310, 190, 90, 70, 60, 40, 50, 60, 45)),
                ColumnFacts("OverTime", kind="boolean", missing_share=0.0, n_distinct=2,
                            top=(("No", 0.717), ("Yes", 0.283))),
                ColumnFacts("EmployeeNumber", "dropped", "numeric", 0.0, 1470, 1, 2068),
            ),
            notes=(
                NoteFacts("EmployeeNumber", "dropped", "every value occurs once, so it can only be learned by heart"),
                NoteFacts("OverTime", "converted", "the words No and Yes were read as false and true"),
                NoteFacts(None, "assumed", "rows are independent of each other; no time or group column was named"),
            ),
            sources=(SourceFacts("attrition.parquet", "9f2c" * 16, 1470, 49298),),
            fingerprint="3b7e" * 16,
        ),
        metric=MetricFacts("roc_auc", greater_is_better=True),
        run=RunFacts(
            strategy="sobol", budget="60 s", elapsed_s=58.4, money=0.0065, price_per_hour=0.40, currency="EUR",
            n_trials=128, n_fold_fits=634, seconds_by_family=by_family, n_jobs=2, seed=0,
            machine="Linux x86_64, 2 cores, 8 GB", versions=VERSIONS, study="attrition-7f3a",
            finished_at_utc="2026-03-14T09:26:53Z",
        ),
        verdict=VerdictFacts(
            honest=Estimate(0.8416, 0.8247, 0.8584, n=1470, method="replay, 1,000 draws"),
            naive=winner.score,
            default=Estimate(0.8014, 0.7796, 0.8221, n=1470, method="replay, 1,000 draws"),
            p_default_as_good=0.012,
            corrected_t=2.84,
            corrected_p=0.0231,
            baseline=BaselineFacts("give everyone the average chance", 0.5),
        ),
        splits=SplitFacts("stratified", "5 folds with the same share of Yes in each, because rows are independent and "
                          "there are enough of them.", n_folds=5),
        best_config=winner.config,
        default_config=LIGHTGBM,
        shipped_trial=winner.number,
        default_trial=0,
        progress=tuple(progress),
        trials=tuple(trials),
        failures=(FailureFacts("TIMEOUT", 4, "no answer after 6.0 s"),
                  FailureFacts("OOM", 2, "the worker passed its limit of 2.0 GB")),
        not_measured=NOT_MEASURED,
        usage=usage("attrition-run"),
    )  # fmt: skip


def regression_default_kept() -> ReportFacts:
    """House values by RMSE: the best try is naively better, but not surely, and the default stays."""
    rng = random.Random(3)
    trials, progress, clock, best = [], [], 4.0, float("inf")
    windows = 5
    for number in range(34):
        family = "lightgbm" if number == 0 else rng.choice(["lightgbm", "lightgbm", "forest", "mlp"])
        at = 47610.0 if number == 0 else {"lightgbm": 48400.0, "forest": 50900.0, "mlp": 71000.0}[family]
        at += rng.gauss(0, 500)
        folds = tuple(round(at + rng.gauss(0, 900), 1) for _ in range(windows))
        score = sum(folds) / windows
        clock += (seconds := rng.uniform(4, 16)) / 2
        trials.append(TrialFacts(number, family, "complete", score, folds, seconds,
                                 dict(LIGHTGBM) if number == 0 else configuration(rng, family)))  # fmt: skip
        if score < best:
            best = score
            progress.append(ProgressPoint(clock, score))
    return ReportFacts(
        data=DataFacts(
            name="california", n_rows=20640, n_columns=9, target="median_house_value", task="regression",
            columns=(
                ColumnFacts("longitude", kind="numeric", missing_share=0.0, n_distinct=844, low=-124.35, high=-114.31),
                ColumnFacts("total_bedrooms", kind="numeric", missing_share=0.01, n_distinct=1923, low=1, high=6445),
                ColumnFacts("median_house_value", "target", "numeric", 0.0, 3842, 14999.0, 500001.0),
                ColumnFacts("ocean_proximity", kind="categorical", missing_share=0.0, n_distinct=5,
                            top=(("<1H OCEAN", 0.443), ("INLAND", 0.317), ("NEAR OCEAN", 0.129))),
            ),
            sources=(SourceFacts("california.parquet", "77ab" * 16, 20640, 358888),),
        ),
        metric=MetricFacts("rmse", greater_is_better=False),
        run=RunFacts(strategy="random", budget="3 min", elapsed_s=179.2, n_trials=34, n_fold_fits=170, n_jobs=2, seed=4,
                     seconds_by_family={"lightgbm": 205.0, "forest": 96.5, "mlp": 41.0}, versions=VERSIONS,
                     machine="Linux x86_64, 2 cores", study="california-01"),
        verdict=VerdictFacts(
            honest=Estimate(47832.0, 46610.0, 49010.0, n=20640, method="replay, 1,000 draws"),
            naive=best,
            default=Estimate(47832.0, 46610.0, 49010.0, n=20640, method="replay, 1,000 draws"),
            default_kept=True,
            p_default_as_good=0.58,
            corrected_t=0.31,
            corrected_p=0.387,
            baseline=BaselineFacts("predict the average", 115392.8),
        ),
        splits=SplitFacts("shuffled", "5 folds of rows drawn by chance.", n_folds=5),
        best_config=LIGHTGBM,
        default_config=LIGHTGBM,
        shipped_trial=0,
        default_trial=0,
        progress=tuple(progress),
        trials=tuple(trials),
        not_measured=NOT_MEASURED[:2],
        usage=usage("california-run"),
    )  # fmt: skip


def one_fit_only() -> ReportFacts:
    """A budget that admitted the default on one window of time-ordered rows, and nothing else."""
    return ReportFacts(
        data=DataFacts("hotel_rates", 15402, 27, "avg_price_per_room", "regression"),
        metric=MetricFacts("mae", greater_is_better=False),
        run=RunFacts("sobol", "2 s", 1.9, n_trials=1, n_fold_fits=1, seed=0, seconds_by_family={"lightgbm": 0.7}),
        verdict=VerdictFacts(
            honest=Estimate(21.34, float("nan"), float("nan"), n=3080, method="one window"),
            naive=21.34,
            default_kept=True,
        ),
        splits=SplitFacts("forward", "arrival_date orders the rows, so each window is tested on later rows than it was "
                          "trained on.", n_folds=5, forward=True),
        best_config=LIGHTGBM,
        default_config=LIGHTGBM,
        shipped_trial=0,
        default_trial=0,
        progress=(ProgressPoint(0.9, 21.34),),
        trials=(TrialFacts(0, "lightgbm", "partial", 21.34, (21.34,), 0.7, LIGHTGBM),),
        not_measured=("How much the score changes from one stretch of time to the next.",),
        usage=UsageFacts(model_path="run/model"),
    )  # fmt: skip


SAMPLES: dict[str, Callable[[], ReportFacts]] = {
    "binary_with_gain": binary_with_gain,
    "regression_default_kept": regression_default_kept,
    "one_fit_only": one_fit_only,
}


@pytest.fixture(scope="session")
def samples() -> dict[str, ReportFacts]:
    return {name: build() for name, build in SAMPLES.items()}


@pytest.fixture(params=list(SAMPLES))
def sample(request: pytest.FixtureRequest, samples: dict[str, ReportFacts]) -> ReportFacts:
    return samples[request.param]
