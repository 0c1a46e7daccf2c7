"""Our feature views as a Feast repository.

A view's timelines are written as Parquet: a row holds from `since` on until the entity's next one. That is what Feast
joins by itself, so that its values are ours. One thing Feast cannot say: of an entity without any row, a count is 0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from luthier.api.features import views_of
from luthier.data.features import FeatureView, TimelineRows, timeline_rows
from luthier.errors import UnwritableFolder
from luthier.store import write_text_atomic

_SETTINGS = """\
project: {project}
provider: local
registry: registry.db
offline_store:
  type: dask
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
"""
_TYPES = {"boolean": "Bool", "number": "Float64", "text": "String"}


def export_repository(
    views: Sequence[str | FeatureView], folder: str | os.PathLike[str], *, project: str = "luthier"
) -> Path:
    """Write views as a repository that `feast apply` and `feast materialize` take.

    Parameters
    ----------
    views
        Names of applied views, or views.
    folder
        Of the repository; made when there is none. Files of the same names are replaced.
    project
        Its name in Feast.

    Returns
    -------
    Path
        The folder: `feature_store.yaml`, `features.py` with a feature view a timeline and one service for each of
        ours, and `data/*.parquet`.

    Raises
    ------
    BadFeatureView, BadColumn, UnreadableData
        There is no such view, or it cannot be computed.
    UnwritableFolder
        The folder does not take files.
    """
    repository = Path(folder).absolute()
    try:
        (repository / "data").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFolder(f"{repository} cannot be made: {error}", fix="name another folder") from error
    found = views_of(views)
    entities = sorted({key for view in found for key in view.keys})
    lines = [
        "from datetime import timedelta",
        "",
        "from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType",
        "from feast.types import Bool, Float64, String",
        "",
        *(
            f"{_entity(key)} = Entity(name={key!r}, join_keys=[{key!r}], value_type=ValueType.STRING)"
            for key in entities
        ),
    ]
    for view in found:
        names = []
        for number, line in enumerate(timeline_rows(view)):
            name = f"{view.name}_{number}"
            path = repository / "data" / f"{name}.parquet"
            _write(line, view, path)
            schema = ", ".join(
                f"Field(name={column!r}, dtype={_TYPES[kind]})"
                for column, kind in zip(line.columns, line.kinds, strict=True)
            )
            keys = ", ".join(_entity(key) for key in view.keys)
            lines.append(
                f"{name} = FeatureView(name={name!r}, entities=[{keys}], ttl=timedelta(0), schema=[{schema}], "
                f"source=FileSource(path={str(path)!r}, timestamp_field='since'))"
            )
            names.append(name)
        lines.append(f"{view.name} = FeatureService(name={view.name!r}, features=[{', '.join(names)}])")
    write_text_atomic(repository / "feature_store.yaml", _SETTINGS.format(project=project))
    write_text_atomic(repository / "features.py", "\n".join(lines) + "\n")
    return repository


def _entity(key: str) -> str:
    return "entity_" + "".join(c if c.isalnum() else "_" for c in key)


def _write(line: TimelineRows, view: FeatureView, path: Path) -> None:
    import duckdb
    import pandas as pd

    rows = [row for chunk in line.chunks for row in chunk]
    table = pd.DataFrame(rows, columns=[*view.keys, "since", *line.columns])
    table["since"] = pd.to_datetime(table["since"], unit="us", utc=True)
    with duckdb.connect() as connection:
        connection.register("timeline", table)
        connection.execute("COPY timeline TO ? (FORMAT parquet)", [str(path)])
