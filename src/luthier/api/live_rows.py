"""What a model was asked and answered, and what came true: from the server's log, or from files of rows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from luthier.api.project import store_folder
from luthier.api.resolving import Resolved
from luthier.data import read_rows
from luthier.data.schema import label_keys
from luthier.errors import NoBaseline, UnfitRows
from luthier.monitoring import Joined, Live
from luthier.monitoring.feedback import ticks
from luthier.serving import Predictor, class_name
from luthier.store.traffic import as_columns, read_feedback, read_predictions

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_Answers: TypeAlias = "Callable[[Predictor, pd.DataFrame, pd.DataFrame], Floats]"


def logged(name: str, found: Resolved, predictor: Predictor) -> Live:
    """The answers of one version from the server's log, with the labels in force."""
    folder = store_folder() / "traffic" / name
    log = read_predictions(folder, role="champion")
    if found.version is not None:
        log = log[log["version"] == str(found.version)].reset_index(drop=True)
    return _of_log(log, read_feedback(folder, corrected=False), predictor, _logged_answers)


def logged_by_others(name: str, found: Resolved, predictor: Predictor) -> list[Live]:
    """Rows of the server's log that other versions answered, a version each, with what this one says of them.

    Another version may have read other columns, in other types, and known other classes: rows that this one cannot read
    teach its successors nothing, and are left out with all of their version.
    """
    folder = store_folder() / "traffic" / name
    log = read_predictions(folder, role="champion")
    feedback = read_feedback(folder, corrected=False)
    found_rows = []
    for _, theirs in log[log["version"] != str(found.version)].groupby("version"):
        with contextlib.suppress(UnfitRows):
            found_rows.append(_of_log(theirs.reset_index(drop=True), feedback, predictor, _asked_again))
    return found_rows


def _of_log(log: pd.DataFrame, feedback: pd.DataFrame, predictor: Predictor, answers: _Answers) -> Live:
    """Rows and labels as the server writes them; the answers as they are in the log, or to these rows anew."""
    schema = predictor.schema
    joined = Joined.of(log, feedback)
    at_us = ticks(log["at"])[joined.rows]
    order = np.argsort(at_us, kind="stable")
    rows, labels, first = joined.rows[order], joined.label[order], joined.first[order]
    log = log.iloc[rows].reset_index(drop=True)
    frame = log.rename(columns={f"input.{c.name}": c.name for c in schema.columns if f"input.{c.name}" in log})
    frame = frame[[c.name for c in schema.columns if c.name in frame.columns and c.name != schema.target]]
    told = np.where(first >= 0, ticks(feedback["received_at"])[first], 0) if len(feedback) else np.zeros(len(rows))
    y, labelled = _coded([None if at < 0 else feedback["label"].iloc[at] for at in labels], predictor)
    sources = np.array([None if at < 0 else feedback["source"].iloc[at] for at in labels], dtype=object)
    return Live(frame, answers(predictor, log, frame), at_us[order], y, labelled, told.astype(np.int64), sources)


def _asked_again(predictor: Predictor, log: pd.DataFrame, frame: pd.DataFrame) -> Floats:  # noqa: ARG001
    return _answers(predictor, frame)


def _logged_answers(predictor: Predictor, log: pd.DataFrame, frame: pd.DataFrame) -> Floats:  # noqa: ARG001
    if predictor.schema.task == "regression":
        return log["prediction"].to_numpy(np.float64)[:, None]
    names = [f"p_{class_name(label)}" for label in predictor.classes_]
    p = np.column_stack([log[name].to_numpy(np.float64) for name in names]) if len(log) else np.empty((0, len(names)))
    return p[:, 1:] if predictor.schema.task == "binary" else p


def from_files(on: Any, predictor: Predictor) -> Live:
    """Rows of files or a frame; the model answers them now, unless they are a log with its answers."""
    import pandas as pd

    rows = read_rows(on)
    if len(rows) == 0:
        raise NoBaseline("there are no rows to look at", fix="name files with rows")
    schema = predictor.schema
    is_log = {"prediction_id", "at", "prediction"} <= set(rows.columns)
    if is_log:
        log = rows[rows["role"] == "champion"].reset_index(drop=True) if "role" in rows else rows
        if "inputs" in log:
            log = _opened(log)
        log["at"] = pd.to_datetime(log["at"], utc=True)
        labels = log["label"] if "label" in log else pd.Series([None] * len(log), dtype=object)
        known = labels.notna().to_numpy()
        feedback = pd.DataFrame(
            {
                "prediction_id": log["prediction_id"][known],
                "label": labels[known],
                "known_at": log["at"][known],
                "received_at": log["at"][known],
                "source": None,
            }
        ).reset_index(drop=True)
        return _of_log(log, feedback, predictor, _logged_answers)
    moment = next((name for name in (schema.time, "at") if name is not None and name in rows), None)
    at_us = None
    if moment is not None:
        stamps = pd.to_datetime(rows[moment], utc=True, errors="coerce")
        if stamps.notna().all():
            at_us = ticks(stamps)
            order = np.argsort(at_us, kind="stable")
            rows, at_us = rows.iloc[order].reset_index(drop=True), at_us[order]
    targets = rows[schema.target].tolist() if schema.target in rows else [None] * len(rows)
    y, labelled = _coded([None if pd.isna(value) or value == "" else value for value in targets], predictor)
    p = _answers(predictor, rows)
    told = np.where(labelled, 0 if at_us is None else at_us, 0).astype(np.int64)
    sources = np.full(len(rows), None, dtype=object)
    return Live(rows.drop(columns=schema.target, errors="ignore"), p, at_us, y, labelled, told, sources)


def _opened(log: pd.DataFrame) -> pd.DataFrame:
    """A raw line of the log with its JSON fields as columns."""
    import pandas as pd

    return pd.concat([as_columns(log["inputs"]), log.drop(columns=["inputs"])], axis=1)


def _answers(predictor: Predictor, rows: pd.DataFrame) -> Floats:
    """What the model says of rows; columns that are gone are missing values, which monitoring is there to notice."""
    gone = {feature.source for feature in predictor.schema.features} - set(rows.columns)
    rows = rows.assign(**dict.fromkeys(sorted(gone), np.nan))
    try:
        return predictor.ask_frame(rows)
    except UnfitRows as error:
        raise UnfitRows(f"the model cannot read these rows: {error.what}", fix=error.fix) from error


def _coded(labels: Iterable[Any], predictor: Predictor) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Labels as codes, and which of them there are; labels of no class known count as not there."""
    schema = predictor.schema
    labels = list(labels)
    if schema.task == "regression":
        values = np.array([np.nan if label is None else float(label) for label in labels], dtype=np.float64)
        return np.nan_to_num(values), np.isfinite(values)
    codes = {key: code for code, label in reversed(list(enumerate(schema.classes))) for key in label_keys(label)}
    found = [
        -1 if label is None else next((codes[key] for key in label_keys(label) if key in codes), -1) for label in labels
    ]
    y = np.array(found, dtype=np.int64)
    return np.maximum(y, 0), y >= 0
