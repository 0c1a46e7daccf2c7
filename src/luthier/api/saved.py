"""Models that were saved: load one in a process that trusts nothing, and predict with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.data import read_rows
from luthier.registry import unpack
from luthier.serving import Predictor
from luthier.store import read_model

if TYPE_CHECKING:
    import pandas as pd


def load(folder: str | os.PathLike[str], *, trusted: Sequence[str] = ()) -> Predictor:
    """Load a saved model.

    Nothing in it is executed: every file is checked against the manifest's hashes, boosters are read from their own
    text, and scikit-learn parts by skops, which builds listed types only.

    Parameters
    ----------
    folder
        The `model` folder a tuning run wrote.
    trusted
        Names of further types you trust (`package.module.Class`), needed for estimators of your own.

    Raises
    ------
    DamagedModel
        A file does not match its hash, is missing, or needs a type that is not trusted.
    """
    return Predictor.of(unpack(read_model(Path(folder))), trusted=tuple(trusted))


def predict_file(folder: str | os.PathLike[str], file: Any, *, trusted: Sequence[str] = ()) -> pd.DataFrame:
    """Predictions for every row of a file: column `prediction`, and for classes the probability of each."""
    import pandas as pd

    model = load(folder, trusted=trusted)
    rows = read_rows(file)
    columns: dict[str, Any] = {"prediction": model.predict(rows)}
    if model.classes_:
        p = model.predict_proba(rows)
        columns |= {f"p_{label}": p[:, code] for code, label in enumerate(model.classes_)}
    return pd.DataFrame(columns)
