"""How the names of metrics are written in sentences."""

from __future__ import annotations

_SPOKEN = {
    "roc_auc": "ROC AUC", "roc_auc_ovr": "ROC AUC, one against the rest",
    "roc_auc_ovr_weighted": "ROC AUC, one against the rest, weighted", "brier": "Brier score", "f1": "F1",
    "matthews_corrcoef": "Matthews correlation", "rmse": "RMSE", "mse": "MSE", "mae": "MAE", "r2": "R²", "mape": "MAPE",
    "pinball": "pinball loss",
}  # fmt: skip


def spoken(name: str) -> str:
    """A metric's name as people write it; of a metric of the user's own, its words.

    >>> spoken("roc_auc"), spoken("log_loss")
    ('ROC AUC', 'log loss')
    """
    return _SPOKEN.get(name, name.replace("_", " "))
