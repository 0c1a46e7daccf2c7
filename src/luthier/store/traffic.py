"""What was answered and what turned out to be true: the prediction log and the feedback store, read as frames.

    <traffic folder>/predictions/...    a line an answer, the shadow's beside the champion's
    <traffic folder>/feedback/...       a line a label; a later one for the same prediction corrects an earlier one

How the lines are written and packed is the business of `journal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.store.journal import days_of, select_all

if TYPE_CHECKING:
    import pandas as pd

# ruff: noqa: S608 - queries hold nothing of a user's but file names, which `journal` quotes

PREDICTION_COLUMNS: Mapping[str, str] = {
    "prediction_id": "VARCHAR",
    "at": "TIMESTAMP",
    "name": "VARCHAR",
    "version": "VARCHAR",
    "role": "VARCHAR",
    "inputs": "JSON",
    "prediction": "JSON",
    "p": "JSON",
    "outside": "BOOLEAN",
    "latency_ms": "DOUBLE",
}
"""Fields of a line of the prediction log, with the types they have in Parquet. `inputs`, `prediction` and `p` (class ->
probability) are JSON: what was sent, in its own types, whatever version of the model it was sent to."""

FEEDBACK_COLUMNS: Mapping[str, str] = {
    "prediction_id": "VARCHAR",
    "label": "JSON",
    "known_at": "TIMESTAMP",
    "received_at": "TIMESTAMP",
    "source": "VARCHAR",
}
"""Fields of a line of the feedback store."""

_ATTEMPTS = 3


def read_predictions(
    folder: Path, *, since: datetime | None = None, until: datetime | None = None, role: str | None = None
) -> pd.DataFrame:
    """The prediction log as a frame, oldest first.

    Parameters
    ----------
    folder
        The model's traffic folder.
    since, until
        Answers from `since` (inclusive) to `until` (exclusive), with a time zone; None for no limit.
    role
        "champion", "challenger" (which a split lets answer a share of the requests) or "shadow" (the one of the two
        that was not heard); None for all.

    Returns
    -------
    Columns `prediction_id`, `at` (UTC), `name`, `version`, `role`, one for every input, `prediction`, `p_<class>` for
    classes, `outside`, `latency_ms`. An input that is called like one of these has `input.` before its name.
    """
    where = {'"at" >= ?': _utc(since), '"at" < ?': _utc(until), "role = ?": role}
    frame = _read(folder / "predictions", PREDICTION_COLUMNS, where, order='"at", prediction_id, role')
    inputs, chances = as_columns(frame["inputs"]), as_columns(frame["p"]).add_prefix("p_")
    own = {*frame.columns, *chances.columns}
    inputs.columns = [f"input.{name}" if name in own else name for name in inputs.columns]
    import pandas as pd

    frame["prediction"] = _parsed(frame["prediction"])
    parts = [
        frame[["prediction_id", "at", "name", "version", "role"]],
        inputs,
        frame[["prediction"]],
        chances,
        frame[["outside", "latency_ms"]],
    ]
    return pd.concat(parts, axis=1)


def read_feedback(folder: Path, *, corrected: bool = True) -> pd.DataFrame:
    """The labels that came later, in the order in which they were received.

    Parameters
    ----------
    folder
        The model's traffic folder.
    corrected
        Only the label in force of every prediction: the one received last. False gives all of them.

    Returns
    -------
    Columns `prediction_id`, `label`, `known_at`, `received_at` (UTC), `source`.
    """
    frame = _read(folder / "feedback", FEEDBACK_COLUMNS, {}, order="received_at")
    frame["label"] = _parsed(frame["label"])
    if corrected:
        frame = frame.drop_duplicates("prediction_id", keep="last").reset_index(drop=True)
    return frame


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def _read(folder: Path, columns: Mapping[str, str], where: Mapping[str, Any], *, order: str) -> pd.DataFrame:
    import duckdb
    import pandas as pd

    conditions = {condition: value for condition, value in where.items() if value is not None}
    for attempt in range(_ATTEMPTS):
        lines = select_all(columns, days_of(folder))
        if lines is None:
            break
        filtered = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        try:
            with duckdb.connect() as connection:
                found = connection.execute(
                    f"SELECT * FROM ({lines}){filtered} ORDER BY {order}", list(conditions.values())
                )
                frame: pd.DataFrame = found.df()
        except duckdb.IOException:  # a file was packed between our looking and our reading
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        for name, kind in columns.items():
            if kind == "TIMESTAMP":
                frame[name] = frame[name].dt.tz_localize("UTC")
        return frame
    empty = {
        name: pd.Series([], dtype="datetime64[us, UTC]" if kind == "TIMESTAMP" else "object")
        for name, kind in columns.items()
    }
    return pd.DataFrame(empty)


def _parsed(texts: pd.Series) -> pd.Series:
    """JSON texts as the values they spell."""
    import json

    import pandas as pd

    values = [None if text is None or text != text else json.loads(text) for text in texts]  # noqa: PLR0124  # NaN
    return pd.Series(values, index=texts.index, dtype=object).infer_objects()


def as_columns(texts: pd.Series) -> pd.DataFrame:
    """JSON objects as columns."""
    import pandas as pd

    rows = [value if isinstance(value, dict) else {} for value in _parsed(texts)]
    return pd.DataFrame(rows, index=texts.index)
