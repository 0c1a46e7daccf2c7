"""Maps from what a model says to what happens as often: one recalibrator a file; list a new one here.

The simplest comes first: where two do equally well, the earlier is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luthier.scoring.recalibration.beta import BetaCalibration
from luthier.scoring.recalibration.isotonic import IsotonicCalibration
from luthier.scoring.recalibration.one_against_rest import OneAgainstRest
from luthier.scoring.recalibration.platt import PlattScaling
from luthier.scoring.recalibration.recalibrator import Floats, Mapped, Recalibrator
from luthier.scoring.recalibration.temperature import TemperatureScaling

RECALIBRATORS: dict[str, type[Recalibrator]] = {
    kind.name: kind for kind in (TemperatureScaling, PlattScaling, BetaCalibration, IsotonicCalibration)
}


def fit_recalibrator(name: str, y: Any, p: Any, weights: Floats | None = None) -> Mapped:
    """Learn a recalibrator from predictions of rows that the model was not trained on.

    Parameters
    ----------
    name
        One of `RECALIBRATORS`.
    y
        (n,): coded classes.
    p
        (n, k): predictions in the shapes the house agrees on: one column for two classes, else one a class.
    weights
        (n,): row weights, or None for ones.
    """
    kind = RECALIBRATORS[name]
    if p.shape[1] == 1 or kind.joint:
        return kind.fit(y, p, weights)
    return OneAgainstRest.fit(kind, y, p, weights)


def read_recalibrator(body: Mapping[str, Any]) -> Mapped:
    """Back from a recalibrator's `to_json`.

    Raises
    ------
    ValueError
        It is of no kind known, or its numbers make no recalibrator.
    """
    try:
        if body["kind"] == OneAgainstRest.name:
            return OneAgainstRest(tuple(read_recalibrator(part) for part in body["parts"]))
        return RECALIBRATORS[body["kind"]].from_json(body)
    except (KeyError, TypeError) as error:
        raise ValueError(f"there is no such recalibrator: {error!r}") from error


__all__ = [
    "RECALIBRATORS",
    "BetaCalibration",
    "IsotonicCalibration",
    "Mapped",
    "OneAgainstRest",
    "PlattScaling",
    "Recalibrator",
    "TemperatureScaling",
    "fit_recalibrator",
    "read_recalibrator",
]
