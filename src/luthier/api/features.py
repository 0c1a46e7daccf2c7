"""Feature views in a project: put them in force, know who uses them, join them, and serve them."""

from __future__ import annotations

import glob
import hashlib
import os
import runpy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.data import read_rows
from luthier.data.features import FeatureView, Tested, point_in_time_join, run_tests
from luthier.errors import BadFeatureView, UnknownStudy, UnreadableData
from luthier.store import Store
from luthier.store.feature_store import FeatureStore, Materialized

if TYPE_CHECKING:
    import pandas as pd

_Place = str | os.PathLike[str] | None


def apply_views(
    definitions: str | os.PathLike[str] | Sequence[FeatureView], *, force: bool = False, store: _Place = None
) -> list[dict[str, Any]]:
    """Put feature views in force: they can then be named in `tune`, joined and materialized.

    Parameters
    ----------
    definitions
        A Python file that makes `FeatureView` values, which is run, or the views themselves. Paths of sources in a file
        are relative to its folder.
    force
        Also where a change would break those who use a view.
    store
        The project's store. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Returns
    -------
    list of dict
        Of every view its `name`, `change` ("new", "same", "changed"), `breaks` (columns that are lost or get another
        meaning) and the `consumers` that use these columns.

    Raises
    ------
    BadFeatureView
        The file makes no views, two of one name, or changes that would break a study or a model (unless `force`).
    UnreadableData
        The file cannot be read.
    """
    views = _defined(Path(definitions)) if isinstance(definitions, (str, os.PathLike)) else list(definitions)
    with Store.open(_path(store)) as opened, FeatureStore(opened.folder) as features:
        known = features.views()
        changes = [_change(view, known.get(view.name), opened) for view in views]
        broken = [change for change in changes if change["consumers"]]
        if broken and not force:
            told = "; ".join(
                f"{change['name']}: {', '.join(change['breaks'])} (used by {_names(change['consumers'])})"
                for change in broken
            )
            raise BadFeatureView(
                f"the change would break what is in use: {told}",
                fix="give the changed features names of their own, or apply all the same with --force",
            )
        features.apply(views)
    return changes


def list_views(*, store: _Place = None) -> list[dict[str, Any]]:
    """Every applied view: definition, columns, since when it is materialized, and who uses it."""
    try:
        opened = Store.open(_path(store), create=False)
    except UnknownStudy:
        return []
    with opened, FeatureStore(opened.folder) as features:
        ready = features.materialized()
        return [
            {
                **view.to_json(),
                "columns": list(view.columns),
                "digest": view.digest,
                "materialized_as_of": ready.get(name),
                "consumers": _consumers(view, opened),
            }
            for name, view in features.views().items()
        ]


def consumers_of(view: str, *, store: _Place = None) -> list[dict[str, Any]]:
    """Who uses a view: studies that were tuned with it, and the registered models that came from them.

    Returns
    -------
    list of dict
        `kind` ("study" or "model"), `name`, and the `columns` they were given.

    Raises
    ------
    BadFeatureView
        There is no such view.
    """
    with Store.open(_path(store)) as opened, FeatureStore(opened.folder) as features:
        (found,) = features.views_named([view])
        return _consumers(found, opened)


def join_features(
    rows: Any, views: Sequence[str | FeatureView], *, at: str | None = None, store: _Place = None
) -> pd.DataFrame:
    """Return rows with the features of their entities as they were known at each row's moment.

    Parameters
    ----------
    rows
        Path, glob or frame with the keys of every view.
    views
        Names of applied views, or views.
    at
        Column of the rows' moments; None for now.
    store
        The project's store.

    Returns
    -------
    DataFrame
        As many rows as there were, in their order, with the columns `<view>__<feature>`.

    Raises
    ------
    BadColumn, BadFeatureView, UnreadableData
        The rows lack a column, there is no such view, or it cannot be computed.
    """
    return point_in_time_join(read_rows(rows), views_of(views, store=store), at=at)


def views_of(views: Sequence[str | FeatureView | Mapping[str, Any]], *, store: _Place = None) -> list[FeatureView]:
    """The views that are meant by their names, by themselves, or by their JSON form."""
    names = [view for view in views if isinstance(view, str)]
    named: dict[str, FeatureView] = {}
    if names:
        with Store.open(_path(store)) as opened, FeatureStore(opened.folder) as features:
            named = {view.name: view for view in features.views_named(names)}
    found = [
        named[view] if isinstance(view, str) else view if isinstance(view, FeatureView) else FeatureView.from_json(view)
        for view in views
    ]
    twice = sorted({view.name for view in found if sum(other.name == view.name for other in found) > 1})
    if twice:
        raise BadFeatureView(f"the view {twice[0]!r} is named twice", fix="name every view once")
    return found


def materialize_views(
    views: Sequence[str] = (), *, as_of: datetime | None = None, store: _Place = None
) -> list[Materialized]:
    """Compute what is served of views: their entities' features from a moment on. An interrupted run is gone on with.

    Parameters
    ----------
    views
        Names; none for every applied view.
    as_of
        The moment; None for now.
    store
        The project's store.

    Raises
    ------
    BadFeatureView, BadColumn, UnreadableData
        There is no such view, or it cannot be computed from its source.
    StudyBusy
        Another process is materializing it.
    """
    with Store.open(_path(store)) as opened, FeatureStore(opened.folder) as features:
        chosen = features.views_named(list(views) or list(features.views()))
        if not chosen:
            raise BadFeatureView("no feature view was applied yet", fix="luthier features apply FILE")
        return [features.materialize(view, as_of=as_of, source_state=_state_of(view.source)) for view in chosen]


def check_views(views: Sequence[str] = (), *, store: _Place = None) -> list[Tested]:
    """Run the tests of views on their sources.

    Parameters
    ----------
    views
        Names; none for every applied view.
    store
        The project's store.

    Returns
    -------
    list of Tested
        One for every test, in the order of the views.

    Raises
    ------
    BadFeatureView, BadColumn, UnreadableData
        There is no such view, or a test cannot be run on its source.
    """
    with Store.open(_path(store)) as opened, FeatureStore(opened.folder) as features:
        chosen = features.views_named(list(views) or list(features.views()))
    return [tested for view in chosen for tested in run_tests(view)]


def get_features(
    entity: Mapping[str, Any], views: Sequence[str] = (), *, at: datetime | None = None, store: _Place = None
) -> dict[str, Any]:
    """The materialized features of one entity.

    Parameters
    ----------
    entity
        Its keys, as {"customer": 7}.
    views
        Names; none for every applied view that these keys name an entity of.
    at
        Moment; None for now.
    store
        The project's store.

    Raises
    ------
    BadFeatureView
        There is no such view, it is not materialized, or a key was not given.
    """
    with Store.open(_path(store)) as opened, FeatureStore(opened.folder) as features:
        fitting = [name for name, view in features.views().items() if set(view.keys) <= set(entity)]
        chosen = features.views_named(list(views) or fitting)
        if not chosen:
            raise BadFeatureView(
                f"no applied view is of {', '.join(map(str, entity)) or 'nothing'}", fix="list them: luthier features"
            )
        found: dict[str, Any] = {}
        for view in chosen:
            found |= features.get(view, entity, at=at)
        return found


def _path(store: _Place) -> Path | None:
    return None if store is None else Path(store)


def _defined(file: Path) -> list[FeatureView]:
    """The views that a Python file makes."""
    if not file.is_file():
        raise UnreadableData(f"there is no file {file}", fix="name the Python file that defines the views")
    made = runpy.run_path(str(file), run_name=file.stem)
    views = {id(view): view for value in made.values() for view in _views_in(value)}.values()
    names = [view.name for view in views]
    if not names or len(set(names)) < len(names):
        raise BadFeatureView(
            f"{file} makes {'two views of one name' if names else 'no feature views'}",
            fix='write: from luthier.features import Feature, FeatureView; spend = FeatureView("spend", ...)',
        )
    return [replace(view, source=_beside(file, view.source)) for view in views]


def _views_in(value: Any) -> list[FeatureView]:
    if isinstance(value, (list, tuple)):
        return [view for view in value if isinstance(view, FeatureView)]
    return [value] if isinstance(value, FeatureView) else []


def _beside(file: Path, source: str) -> str:
    return source if "://" in source else str((file.parent / source).absolute())


def _change(view: FeatureView, old: FeatureView | None, store: Store) -> dict[str, Any]:
    change = "new" if old is None else "same" if old.digest == view.digest else "changed"
    uses = _consumers(view, store) if change == "changed" else []
    broken = set() if old is None else set(old.broken_by(view))
    hit = [use for use in uses if broken & set(use["columns"])]
    return {"name": view.name, "change": change, "breaks": sorted(broken), "consumers": hit}


def _consumers(view: FeatureView, store: Store) -> list[dict[str, Any]]:
    """Read off the record: the plans of the studies, and the studies of the registered versions."""
    columns: dict[str, list[str]] = {}
    for row in store.list_studies():
        order = store.plan_of(row.id).get("facts", {}).get("order") or {}
        for body in order.get("features") or ():
            if body["name"] == view.name:
                columns[row.id] = list(FeatureView.from_json(body).columns)
    models = [
        {"kind": "model", "name": f"{name}@{version.version}", "columns": columns[version.study]}
        for name in store.models.names()
        for version in store.models.history(name).versions
        if version.study in columns and version.retired_at_utc is None
    ]
    return models + [{"kind": "study", "name": study, "columns": given} for study, given in columns.items()]


def _names(consumers: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{use['kind']} {use['name']}" for use in consumers)


def _state_of(source: str) -> str:
    """What changes when the files do; empty where that cannot be told."""
    files = sorted(glob.glob(source, recursive=True))  # noqa: PTH207  (the pattern may be absolute)
    told = [(file, Path(file).stat().st_size, Path(file).stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(told).encode()).hexdigest() if told else ""
