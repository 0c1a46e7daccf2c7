"""When one of Optuna's trials should stop, where trainings tell early how they will end."""

from __future__ import annotations

from optuna.pruners import SuccessiveHalvingPruner


class LuthierPruner(SuccessiveHalvingPruner):
    """Asynchronous successive halving that lets nobody pass a rung before there is somebody to compare with.

    Rungs lie at 4, 16, 64, ... reported steps. At each, the first four trials stop, and from then on the best quarter
    of those that reached it goes on. So a study begins with short trainings instead of one or two long ones of
    configurations that nobody has compared, which is where most of a small budget goes otherwise.

    Parameters
    ----------
    first_rung
        Steps (epochs, rounds) that every trial gets, at least 1. A twelfth of a full training did well.

    References
    ----------
    Li et al. (2020), "A System for Massively Parallel Hyperparameter Tuning", MLSys.

    Examples
    --------
    >>> import optuna
    >>> from luthier.optuna import LuthierPruner, LuthierSampler
    >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
    >>> study = optuna.create_study(sampler=LuthierSampler(seed=0), pruner=LuthierPruner())
    """

    def __init__(self, first_rung: int = 4) -> None:
        super().__init__(min_resource=first_rung, reduction_factor=4, bootstrap_count=4)
