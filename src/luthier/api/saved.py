"""Models that were saved or released: load one in a process that trusts nothing, and predict with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from luthier.api.features import join_features
from luthier.api.resolving import resolve
from luthier.data import read_rows
from luthier.registry import unpack
from luthier.serving import Predictor
from luthier.store import read_model

if TYPE_CHECKING:
    import pandas as pd


def load(
    model: str | os.PathLike[str], *, trusted: Sequence[str] = (), store: str | os.PathLike[str] | None = None
) -> Predictor:
    """Load a model by its registered name or from its folder.

    Nothing in it is executed: every file is checked against the manifest's hashes (of a release, against its signature
    too), boosters are read from their own text, and scikit-learn parts by skops, which builds listed types only.

    Parameters
    ----------
    model
        "churn" (the champion), "churn@challenger", "churn@3", or the `model` folder a tuning run wrote.
    trusted
        Names of further types you trust (`package.module.Class`), needed for estimators of your own.
    store
        Where names are registered. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Raises
    ------
    UnknownModel
        No model of that name or version is registered, or it was retired.
    DamagedModel
        A file does not match its hash, is missing, or needs a type that is not trusted.
    BadSignature
        A release was not signed by a key that is trusted here.
    """
    return Predictor.of(unpack(read_model(resolve(model, store=store).folder)), trusted=tuple(trusted))


def predict_file(
    model: str | os.PathLike[str],
    file: Any,
    *,
    trusted: Sequence[str] = (),
    features: Sequence[str] = (),
    at: str | None = None,
) -> pd.DataFrame:
    """Predictions for every row of a file: column `prediction`, and for classes the probability of each.

    Parameters
    ----------
    model, trusted
        As for `load`.
    file
        Path or glob of the rows, or a frame.
    features, at
        Feature views to join first, as of the moments in the column `at`; None for now.
    """
    rows = join_features(file, features, at=at) if features else read_rows(file)
    return load(model, trusted=trusted).answers(rows)
